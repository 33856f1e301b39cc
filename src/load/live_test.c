/* SPDX-License-Identifier: Apache-2.0 */
#include "load/live.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "load/canned_run.h"
#include "load/progress.h"

static struct result_section section;
static struct result result;
static struct live live;
static struct buffer out;

static int setup(void **state)
{
	(void)state;
	canned_run(&result, &section);
	live = (struct live){.unicode = true};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	canned_free(&result, &section);
	buffer_fini(&out);
	return 0;
}

static void beat(double rate)
{
	live_beat(&live, &(struct pulse_beat){.rate = rate});
}

/* How many columns its widest line has, and how many lines there are. */
static size_t widest(size_t *lines)
{
	size_t width = 0, most = 0;

	*lines = 0;
	for (const char *at = buffer_text(&out); *at; at++) {
		if (*at == '\n' || *at == '\r' || !strncmp(at, "\033[", 2)) {
			at += *at == '\033' ? strcspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZm") : 0;
			*lines += *at == '\n';
			width = 0;
		} else {
			width += ((unsigned char)*at & 0xc0) != 0x80;
			most = width > most ? width : most;
		}
	}
	return most;
}

static void is_drawn_in_place_within_the_terminal(void **state)
{
	size_t lines;

	(void)state;
	beat(500);
	beat(1000);
	live_draw(&live, &out, &result, 100, 24);
	assert_int_equal(widest(&lines) < 100, true);
	assert_int_equal(lines, 6);
	assert_non_null(strstr(buffer_text(&out), "\u2585\u2588  up to 1 000/s"));
	assert_null(strstr(buffer_text(&out), "A")); /* nothing was there to go back to */
	buffer_fini(&out);
	live_draw(&live, &out, &result, 100, 24);
	assert_memory_equal(buffer_text(&out), "\r\033[6A", 5);
	buffer_fini(&out);
	live_draw(&live, &out, &result, 40, 4);
	assert_null(strstr(buffer_text(&out), "\033[6A")); /* the lines have broken */
	assert_true(widest(&lines) < 40);
	assert_int_equal(lines, 3);
	buffer_fini(&out);
	live_erase(&live, &out);
	assert_string_equal(buffer_text(&out), "\r\033[3A\033[J");
	buffer_fini(&out);
	live_erase(&live, &out);
	assert_string_equal(buffer_text(&out), "");
}

static void the_sparkline_has_the_last_minute(void **state)
{
	(void)state;
	for (int i = 0; i < 2 * LIVE_SECONDS; i++) {
		beat(i);
	}
	assert_int_equal(live.rate_count, LIVE_SECONDS);
	assert_true(live.rates[0] == LIVE_SECONDS);
}

static void plain_lines_tell_what_came_since_the_last(void **state)
{
	struct pulse_beat between;
	struct pulse pulse;

	(void)state;
	assert_int_equal(pulse_init(&pulse), 0);
	pulse_take(&pulse, &result, &between);
	progress_line(&out, &result, &between);
	assert_string_equal(buffer_text(&out),
		"30.0 s: 938.2/s, 3 in flight, p50 1.23 ms, p99 4.26 ms, 1 739 failed "
		"(unavailable 220, refused 1 492, reset_sent 8, timed_out 19), 100 dropped");
	buffer_fini(&out);
	result.ended_ns += 10 * NS_PER_S;
	tally_end(&result.tally,
		&(struct tally_end){.status = 200, .sent_ns = 0, .ended_ns = 7 * NS_PER_MS});
	pulse_take(&pulse, &result, &between);
	progress_line(&out, &result, &between);
	assert_string_equal(buffer_text(&out),
		"30.0 s: 0.10/s, 2 in flight, p50 7.00 ms, p99 7.00 ms, 0 failed, 0 dropped");
	pulse_fini(&pulse);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			is_drawn_in_place_within_the_terminal, setup, teardown),
		cmocka_unit_test_setup_teardown(the_sparkline_has_the_last_minute, setup, teardown),
		cmocka_unit_test_setup_teardown(
			plain_lines_tell_what_came_since_the_last, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
