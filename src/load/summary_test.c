/* SPDX-License-Identifier: Apache-2.0 */
#include "load/summary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "load/canned_run.h"
#include "load/threshold.h"

static struct buffer out;

static void assert_says(const char *text)
{
	if (!strstr(buffer_text(&out), text)) {
		fail_msg("no \"%s\" in:\n%s", text, buffer_text(&out));
	}
}

static const char whole[] =
	"curfew load: http://127.0.0.1:8080/?q=" CANNED_MARKUP "\n"
	"  1000/s for 30 s; open loop, at most 1 000 in flight, 2 threads, seed 42\n"
	"  run nightly-7, env=staging, commit=" CANNED_MARKUP "\n"
	"  Ended after 30.0 s: its time was over. Exit code 1.\n"
	"\n"
	"requests\n"
	"  scheduled         30 000 = 100 dropped + 29 900 admitted\n"
	"  admitted          29 900 = 28 158 succeeded + 1 739 failed + 3 in flight\n"
	"  rate              938.6/s succeeded, 996.6/s ended\n"
	"  bytes             4.81 MB in, 2.35 MB out\n"
	"  connections       61 made\n"
	"  processor         1.23 s, 41.3 us a request\n"
	"\n"
	"latency                     p50        p90        p99      p99.9        max\n"
	"  from when due         1.23 ms    1.71 ms    4.26 ms     276 ms     302 ms\n"
	"  from when sent        1.17 ms    1.65 ms    3.63 ms    14.2 ms    35.1 ms\n"
	"  failed                1.15 ms    1.65 ms     2.00 s     2.00 s     2.00 s\n"
	"  connecting             684 us    1.01 ms    1.09 ms    1.09 ms    1.09 ms\n"
	"  schedule lag          51.0 us    75.0 us    80.0 us     273 ms     300 ms\n"
	"\n"
	"failures\n"
	"  unavailable               220   0.74 %  answered 503 with Retry-After\n"
	"  refused                 1 492    5.0 %  the connection was refused\n"
	"  reset_sent                  8   0.03 %  the connection ended after some of it was sent, "
	"without an answer: unsafe\n"
	"  timed_out                  19   0.06 %  no whole answer within --timeout\n"
	"\n"
	"statuses\n"
	"  200: 28 158  503: 220\n"
	"\n"
	"scenarios             succeeded     failed        p50        p99        max\n"
	"  read                   21 130      1 307    1.17 ms    3.60 ms    35.1 ms\n"
	"  write " CANNED_MARKUP "       7 028        432    1.18 ms    3.78 ms    34.8 ms\n"
	"\n"
	"evm\n"
	"  blocks            15\n"
	"  gas_per_second    12.3 M\n"
	"  inclusion              2.02 s     2.81 s     2.98 s     3.00 s     3.00 s\n"
	"\n"
	"absences of the target\n"
	"  at 12.0 s for 1.50 s: 1 501 lost, 9 of them unsafe to repeat\n"
	"      refused 1 492, reset_sent 8, timed_out 1\n"
	"\n"
	"thresholds\n"
	"  errors>10%        kept    errors are 5.24 %\n"
	"  p99>50ms          broken  p99 is 61.2 ms\n"
	"\n"
	"note: a note with " CANNED_MARKUP "\n";

static void tells_a_run_from_end_to_end(void **state)
{
	struct result_section section;
	struct result result;

	(void)state;
	canned_run(&result, &section);
	summary_write(&out, &result, false);
	assert_string_equal(buffer_text(&out), whole);
	canned_free(&result, &section);
	buffer_fini(&out);
}

/* Those of a target, a profile, or another one's file. */
static void texts_from_outside_cannot_reach_the_terminal(void **state)
{
	static const struct words labels = {.word = {"a=\033[2J"}, .count = 1};
	static const char *const scenarios[] = {"\033[2J", "b"};
	struct result_section section;
	struct result result;

	(void)state;
	canned_run(&result, &section);
	result.target = result.run_id = "\033[2J";
	result.labels = &labels;
	result.scenarios = scenarios;
	result.verdicts[0].text = "\033[2J";
	(void)snprintf(result.verdicts[0].found, THRESHOLD_FOUND_BYTES, "\033[2J");
	(void)snprintf(result.plan, sizeof(result.plan), "\033[2J");
	(void)snprintf(section.name, sizeof(section.name), "\033[2J");
	(void)snprintf(section.rows[0].name, sizeof(section.rows[0].name), "\033[2J");
	(void)snprintf(section.rows[0].text, sizeof(section.rows[0].text), "\033[2J");
	section.latency_name = "\033[2J";
	result_note(&result, "\033[2J");
	summary_write(&out, &result, false);
	assert_null(strchr(buffer_text(&out), '\033'));
	canned_free(&result, &section);
	buffer_fini(&out);
}

/* A closed loop that goes badly: what it has not it does not tell, and what is wrong is red. */
static void tells_a_closed_loop(void **state)
{
	struct result_section section;
	struct result result;

	(void)state;
	canned_run(&result, &section);
	result.is_open = false;
	result.threads = 1;
	result.expects_restart = false;
	result.exit_code = 0;
	result.verdicts[1].broken = false;
	result.tally.scheduled++;
	summary_write(&out, &result, true);
	assert_says("; closed loop, 1 thread, seed 42\n");
	assert_says("\033[33mEnded after 30.0 s: its time was over. Exit code 0.\033[0m\n");
	assert_says("\033[31m  These sums are wrong: a fault of curfew's.\n");
	assert_says(
		"  succeeded             1.17 ms    1.65 ms    3.63 ms    14.2 ms    35.1 ms\n");
	assert_says("  p99>50ms          \033[32mkept  \033[0m  p99 is 61.2 ms\n");
	assert_null(strstr(buffer_text(&out), "schedule lag"));
	assert_null(strstr(buffer_text(&out), "from when"));
	assert_null(strstr(buffer_text(&out), "absences"));
	result.verdicts[1].broken = true;
	buffer_consume(&out, out.length);
	summary_write(&out, &result, true);
	assert_says("\033[31mEnded");
	assert_says("  p99>50ms          \033[31mbroken\033[0m  p99 is 61.2 ms\n");
	canned_free(&result, &section);
	buffer_fini(&out);
}

/* Each second of so many it is away for a row more than the second before; at last for good. */
static void lists_the_longest_absences(void **state)
{
	struct result result;

	(void)state;
	assert_int_equal(result_init(&result, 1), 0);
	result.expects_restart = true;
	result.ran_ns = 12 * NS_PER_S;
	result.ended_ns = 12 * NS_PER_S + NS_PER_S / 2;
	for (int64_t row = 0; row < 1200; row++) {
		struct tally_end end = {.outcome = LOAD_OK, .sent_ns = row * 10 * NS_PER_MS};

		if (row % 100 <= row / 100 || row > 1190) {
			end.outcome = row % 2 ? LOAD_REFUSED : LOAD_TIMED_OUT;
		}
		end.ended_ns = end.sent_ns;
		tally_admit(&result.tally, end.sent_ns, end.sent_ns);
		tally_end(&result.tally, &end);
	}
	summary_write(&out, &result, false);
	assert_null(strstr(buffer_text(&out), "  at 1.00 s for 20.0 ms"));
	assert_null(strstr(buffer_text(&out), "  at 2.00 s for 30.0 ms"));
	assert_says(
		"\nabsences of the target\n  at 3.00 s for 40.0 ms: 4 lost, 2 of them unsafe to "
		"repeat\n      refused 2, timed_out 2\n");
	assert_says("  at 11.9 s for 590 ms, and it did not come back: 9 lost, 4 of them");
	assert_says("  these are the 10 longest\n  13 in all, away for 1.37 s: 87 lost, 46 of them "
		    "unsafe to repeat\n");
	result_fini(&result);
	buffer_fini(&out);
}

/* Some in a line, so that none is broken by the terminal. */
static void statuses_are_listed_in_lines(void **state)
{
	struct result result;

	(void)state;
	assert_int_equal(result_init(&result, 1), 0);
	for (unsigned status = 200; status < 211; status++) {
		result.tally.statuses[status] = 1;
	}
	summary_write(&out, &result, false);
	assert_says("  208: 1  209: 1\n  210: 1\n");
	result_fini(&result);
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
		cmocka_unit_test(texts_from_outside_cannot_reach_the_terminal),
		cmocka_unit_test(tells_a_closed_loop),
		cmocka_unit_test(lists_the_longest_absences),
		cmocka_unit_test(statuses_are_listed_in_lines),
		cmocka_unit_test(what_is_not_is_not_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
