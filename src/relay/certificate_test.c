/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/certificate.h"

#include "net/certificate_script.h"

#define HOUR INT64_C(3600)
#define NINETY_DAYS (90 * DAY)

static struct identity authority, ours, expired, elsewhere;
static struct certificate certificate;
static struct buffer refusal;

static int set_up(void **state)
{
	(void)state;
	folder_make();
	authority = identity_make("authority", NULL, NULL, 30);
	ours = identity_make("relay.example.org", "DNS:relay.example.org", &authority, 60);
	expired = identity_make("relay.example.org", "DNS:relay.example.org", &authority, -1);
	elsewhere = identity_make("relay.example.org", "DNS:other.example.org", &authority, 60);
	certificate_write("cert", &ours, &authority);
	key_write("key", &ours);
	certificate_write("expired-cert", &expired, &authority);
	key_write("expired-key", &expired);
	certificate_write("elsewhere-cert", &elsewhere, &authority);
	key_write("elsewhere-key", &elsewhere);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	identity_free(&authority);
	identity_free(&ours);
	identity_free(&expired);
	identity_free(&elsewhere);
	folder_remove();
	return 0;
}

static int look(const char *cert, const char *key)
{
	buffer_fini(&refusal);
	return certificate_read(
		&certificate, in_folder(cert), in_folder(key), "relay.example.org", &refusal);
}

static void assert_refused(const char *cert, const char *key, const char *reason)
{
	const struct certificate before = certificate;

	assert_int_equal(look(cert, key), -1);
	if (!strstr(buffer_text(&refusal), reason)) {
		fail_msg("%s, not %s", buffer_text(&refusal), reason);
	}
	assert_memory_equal(&certificate, &before, sizeof(before));
	buffer_fini(&refusal);
}

static void reads_one_that_can_be_served(void **state)
{
	(void)state;
	assert_int_equal(look("cert", "key"), 0);
	assert_int_equal(refusal.length, 0);
	assert_string_equal(certificate.serial, "02");
	assert_in_range(certificate.not_after, time(NULL) + 59 * DAY, time(NULL) + 60 * DAY);
	assert_in_range(certificate.not_before, time(NULL) - 31 * DAY, time(NULL) - 29 * DAY);
}

static void refuses_what_cannot_be_served(void **state)
{
	(void)state;
	assert_refused("absent", "key", "no such file");
	assert_refused("cert", "absent", "no such file");
	assert_refused("cert", "expired-key", "the key is not that of the certificate");
	assert_refused("expired-cert", "expired-key", "has expired (2");
	assert_refused("elsewhere-cert", "elsewhere-key", "not one for relay.example.org");
	file_write("broken", "-----BEGIN CERTIFICATE-----\nx\n", 30);
	assert_refused("broken", "key", "broken");
}

static void is_due_when_a_third_is_left(void **state)
{
	const struct certificate long_lived = {.not_before = 1000, .not_after = 1000 + NINETY_DAYS};
	const struct certificate short_lived = {.not_before = 1000, .not_after = 1030};

	(void)state;
	assert_int_equal(certificate_due_ms(&long_lived, 1000), 60 * DAY * 1000);
	assert_int_equal(certificate_due_ms(&long_lived, 1000 + 60 * DAY - 1), 1000);
	assert_int_equal(certificate_due_ms(&long_lived, 1000 + 60 * DAY), 0);
	assert_int_equal(certificate_due_ms(&long_lived, 1000 + 100 * DAY), 0);
	assert_int_equal(certificate_due_ms(&short_lived, 1000), 20000);
	assert_int_equal(certificate_due_ms(&short_lived, 1020), 0);
}

/* uacme lets be what is valid for longer than so many whole days. */
static void days_renew_what_is_due_and_nothing_else(void **state)
{
	const struct certificate long_lived = {.not_before = 0, .not_after = NINETY_DAYS};
	const struct certificate short_lived = {.not_before = 0, .not_after = 30};

	(void)state;
	assert_int_equal(certificate_days(&long_lived, 0), 1);
	assert_int_equal(certificate_days(&long_lived, 60 * DAY - 1), 1);
	assert_int_equal(certificate_days(&long_lived, 60 * DAY), 31);
	assert_int_equal(certificate_days(&long_lived, 75 * DAY + HOUR), 15);
	assert_int_equal(certificate_days(&long_lived, 91 * DAY), 1);
	assert_int_equal(certificate_days(&short_lived, 0), 1);
	assert_int_equal(certificate_days(&short_lived, 25), 1);
}

static void strange_dates_do_no_harm(void **state)
{
	const struct certificate reversed = {.not_before = 100, .not_after = 50};
	const struct certificate endless = {.not_before = 0, .not_after = INT64_C(253402300799)};

	(void)state;
	assert_int_equal(certificate_due_ms(&reversed, 0), 50000);
	assert_int_equal(certificate_due_ms(&reversed, 60), 0);
	assert_int_equal(certificate_days(&reversed, 60), 1);
	assert_true(certificate_due_ms(&endless, 0) > 0);
	assert_int_equal(certificate_days(&endless, 200000000000), 36500);
}

static void times_are_written_as_text(void **state)
{
	char text[CERTIFICATE_TIME];

	(void)state;
	assert_string_equal(certificate_time_text(1795292495, text), "2026-11-21T20:21:35Z");
	assert_string_equal(certificate_time_text(0, text), "1970-01-01T00:00:00Z");
	assert_non_null(certificate_time_text((time_t)INT64_MAX, text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_one_that_can_be_served),
		cmocka_unit_test(refuses_what_cannot_be_served),
		cmocka_unit_test(is_due_when_a_third_is_left),
		cmocka_unit_test(days_renew_what_is_due_and_nothing_else),
		cmocka_unit_test(strange_dates_do_no_harm),
		cmocka_unit_test(times_are_written_as_text),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
