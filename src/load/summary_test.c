/* SPDX-License-Identifier: Apache-2.0 */
#include "load/summary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "load/canned_run.h"

static struct buffer out;

static void assert_says(const char *text)
{
	if (!strstr(buffer_text(&out), text)) {
		fail_msg("no \"%s\" in:\n%s", text, buffer_text(&out));
	}
}

static void tells_a_run_from_end_to_end(void **state)
{
	struct result_section section;
	struct result result;

	(void)state;
	canned_run(&result, &section);
	result.run_id = "a\x1b[2J";
	summary_write(&out, &result, false);
	assert_null(strchr(buffer_text(&out), '\033'));
	assert_says("1000/s for 30 s; open loop, at most 1 000 in flight, 2 threads, seed 42\n");
	assert_says("Ended after 30.0 s: its time was over. Exit code 1.\n");
	assert_says("30 000 = 100 dropped + 29 900 admitted\n");
	assert_says("29 900 = 28 158 succeeded + 1 739 failed + 3 in flight\n");
	assert_says(
		"  from when due         1.23 ms    1.71 ms    4.26 ms     276 ms     302 ms\n");
	assert_says("          8   0.03 %  the connection ended after");
	assert_says("\n  200: 28 158  503: 220\n");
	assert_says("\n  read                   21 130      1 307    1.17 ms");
	assert_says("  inclusion ");
	assert_says("  at 12.0 s for 1.50 s: 1 501 lost, 9 of them unsafe to repeat\n");
	assert_says("      refused 1 492, reset_sent 8, timed_out 1\n");
	assert_says("  p99>50ms          broken  p99 is 61.2 ms\n");
	assert_says("note: a note with ");
	assert_null(strstr(buffer_text(&out), "come back"));
	canned_free(&result, &section);
	buffer_fini(&out);
}

static void what_is_not_is_not_told(void **state)
{
	struct result result;

	(void)state;
	assert_int_equal(result_init(&result, 1), 0);
	result.expects_restart = true;
	summary_write(&out, &result, true);
	assert_says("after 0: it goes on.");
	assert_says("none: it was never away");
	assert_null(strstr(buffer_text(&out), "failures"));
	assert_null(strstr(buffer_text(&out), "statuses"));
	assert_null(strstr(buffer_text(&out), "thresholds"));
	result_fini(&result);
	buffer_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_a_run_from_end_to_end),
		cmocka_unit_test(what_is_not_is_not_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
