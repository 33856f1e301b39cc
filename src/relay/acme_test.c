/* SPDX-License-Identifier: Apache-2.0 */
/* The waits between failures; the rest is tested against a CA, as a black box. */
#include "relay/acme.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void waits_grow_up_to_the_most(void **state)
{
	static const int64_t expected[] = {60, 60, 180, 540, 1620, 4860, 10800, 10800};

	(void)state;
	for (unsigned failures = 0; failures < 8; failures++) {
		assert_int_equal(acme_wait_ms(failures, 60, 10800, 0), expected[failures]);
	}
	assert_int_equal(acme_wait_ms(UINT32_MAX, 60, 10800, 0), 10800);
}

static void chance_shortens_by_a_third_at_most(void **state)
{
	(void)state;
	assert_int_equal(acme_wait_ms(2, 30000, 1000000, 0), 90000);
	assert_int_equal(acme_wait_ms(2, 30000, 1000000, UINT32_MAX), 60000);
	assert_in_range(acme_wait_ms(2, 30000, 1000000, UINT32_MAX / 2), 74999, 75001);
	assert_int_equal(acme_wait_ms(9, 30000, 90000, UINT32_MAX), 60000);
}

static void extreme_waits_do_not_overflow(void **state)
{
	(void)state;
	assert_true(acme_wait_ms(1000, 1, INT64_MAX, 0) == INT64_MAX);
	assert_true(acme_wait_ms(1000, 1, INT64_MAX, UINT32_MAX) > 0);
	assert_true(acme_wait_ms(1000, INT64_MAX, INT64_MAX, UINT32_MAX) > 0);
	assert_int_equal(acme_wait_ms(5, 100, 50, 0), 50);
}

static void five_tries_in_the_first_hour(void **state)
{
	struct acme_config config;
	int64_t passed = 0;
	unsigned tries = 1;

	(void)state;
	acme_config_default(&config);
	while (passed < INT64_C(3600000)) {
		passed += acme_wait_ms(
			tries, config.retry_least_ms, config.retry_most_ms, UINT32_MAX);
		tries += passed < INT64_C(3600000);
	}
	assert_int_equal(tries, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_grow_up_to_the_most),
		cmocka_unit_test(chance_shortens_by_a_third_at_most),
		cmocka_unit_test(extreme_waits_do_not_overflow),
		cmocka_unit_test(five_tries_in_the_first_hour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
