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

static void assert_draws(size_t columns, const char *text)
{
	buffer_fini(&out);
	live.lines = 0;
	live_draw(&live, &out, &result, columns, 24);
	assert_string_equal(buffer_text(&out), text);
}

#define EOL "\033[K\r\n"

static void tells_how_it_is_now_and_in_all(void **state)
{
	(void)state;
	live.unicode = false;
	live_beat(&live, &(struct pulse_beat){.rate = 500, .p50_us = 1200, .p99_us = 3400});
	live_beat(&live, &(struct pulse_beat){.rate = 900, .p50_us = 1230, .p99_us = 4560});
	result.ran_ns = 12 * NS_PER_S;
	assert_draws(100,
		"\rnow         900.0/s   in flight 3   p50 1.23 ms   p99 4.56 ms" EOL
		"all         2 347/s   p50 1.23 ms   p90 1.71 ms   p99 4.26 ms   p99.9 276 ms   "
		"max 302 ms" EOL
		"failed        1 739   5.8 %: unavailable 220, refused 1 492, reset_sent 8, "
		"timed_out 19" EOL "dropped         100   lag p99 80.0 us" EOL
		"################........................  12.0 s of 30.0 s, 18.0 s left" EOL
		"rate    =#  up to 900.0/s" EOL "\033[J");
}

/* Of the ramp's step: which one, and how long it goes on; a run that has no end tells none. */
static void tells_the_step_of_a_ramp(void **state)
{
	(void)state;
	live.unicode = false;
	beat(0);
	result.ran_ns = 26 * NS_PER_S;
	result.planned_ns = INT64_MAX;
	result.step = (struct result_step){3, 300, 20 * NS_PER_S, 30 * NS_PER_S};
	live_draw(&live, &out, &result, 79, 24);
	assert_non_null(strstr(buffer_text(&out),
		"\rnow          0.00/s   in flight 3" EOL
		"step        300.0/s   number 3, 4.00 s of 10.0 s left" EOL "all "));
	assert_non_null(strstr(buffer_text(&out), "\nrunning for 26.0 s" EOL "\033[J"));
	buffer_fini(&out);
	result.ran_ns = 30 * NS_PER_S;
	live_draw(&live, &out, &result, 79, 24);
	assert_non_null(strstr(buffer_text(&out), "300.0/s   number 3" EOL));
}

/* In the grace, of a closed loop: there is no time left, no schedule, and what is bad is red. */
static void tells_a_closed_loop_in_colour(void **state)
{
	(void)state;
	live = (struct live){.colour = true};
	beat(0);
	result.is_open = false;
	result.ran_ns = result.planned_ns;
	live_draw(&live, &out, &result, 79, 24);
	assert_non_null(strstr(buffer_text(&out), "   p50 1.17 ms   p90 1.65 ms   p99 3.63 ms"));
	assert_non_null(strstr(buffer_text(&out), "\033[31mfailed        1 739"));
	assert_non_null(strstr(buffer_text(&out), "########  30.0 s of 30.0 s" EOL "\033[J"));
	assert_null(strstr(buffer_text(&out), "lag"));
	for (int i = 1; i < LOAD_OUTCOME_COUNT; i++) {
		result.tally.outcomes[i] = 0;
	}
	buffer_fini(&out);
	live_draw(&live, &out, &result, 79, 24);
	assert_non_null(strstr(buffer_text(&out), "\nfailed            0   0 %" EOL));
}

/* By characters, not by bytes: a line of blocks is as wide as one of letters. */
static void lines_are_cut_between_characters(void **state)
{
	(void)state;
	beat(0);
	result.ran_ns = result.planned_ns;
	live_draw(&live, &out, &result, 30, 24);
	assert_non_null(strstr(buffer_text(&out),
		"\n\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588"
		"  30.0 s of 30.0 s" EOL));
}

static void the_sparkline_has_the_last_minute(void **state)
{
	(void)state;
	for (int i = 0; i < 2 * LIVE_SECONDS; i++) {
		beat(i);
	}
	assert_int_equal(live.rate_count, LIVE_SECONDS);
	for (int i = 0; i < LIVE_SECONDS; i++) {
		assert_true(live.rates[i] == LIVE_SECONDS + i);
	}
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
	buffer_fini(&out);
	tally_end(&result.tally, &(struct tally_end){.outcome = LOAD_TLS});
	pulse_take(&pulse, &result, &between);
	assert_true(between.rate == 0); /* no time has passed */
	result.is_open = false;
	result.step = (struct result_step){3, 1300, 0, 0};
	progress_line(&out, &result, &between);
	assert_string_equal(buffer_text(&out),
		"30.0 s: step 3 (1 300/s), 0.00/s, 1 in flight, 1 failed (tls 1)");
	pulse_fini(&pulse);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			is_drawn_in_place_within_the_terminal, setup, teardown),
		cmocka_unit_test_setup_teardown(tells_how_it_is_now_and_in_all, setup, teardown),
		cmocka_unit_test_setup_teardown(tells_the_step_of_a_ramp, setup, teardown),
		cmocka_unit_test_setup_teardown(tells_a_closed_loop_in_colour, setup, teardown),
		cmocka_unit_test_setup_teardown(lines_are_cut_between_characters, setup, teardown),
		cmocka_unit_test_setup_teardown(the_sparkline_has_the_last_minute, setup, teardown),
		cmocka_unit_test_setup_teardown(
			plain_lines_tell_what_came_since_the_last, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
