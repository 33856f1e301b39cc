/* SPDX-License-Identifier: Apache-2.0 */
#include "load/plot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "load/figure.h"

#define MS NS_PER_MS
#define ROW TIMELINE_FIRST_NS

static struct result result;
static struct buffer out;

static int setup(void **state)
{
	(void)state;
	return result_init(&result, 1);
}

static int teardown(void **state)
{
	(void)state;
	result_fini(&result);
	buffer_fini(&out);
	return 0;
}

/* So many that end in a row of the timeline. */
static void end_in(int64_t row, int count, enum load_outcome outcome, int64_t took_ns)
{
	for (int i = 0; i < count; i++) {
		const struct tally_end end = {
			.outcome = outcome, .sent_ns = row * ROW - took_ns, .ended_ns = row * ROW};

		tally_admit(&result.tally, 0, row * ROW);
		tally_end(&result.tally, &end);
	}
}

static int occurrences(const char *word)
{
	int count = 0;

	for (const char *at = buffer_text(&out); (at = strstr(at, word)); at++) {
		count++;
	}
	return count;
}

static void assert_has(const char *part)
{
	if (!strstr(buffer_text(&out), part)) {
		fail_msg("no %s in:\n%s", part, buffer_text(&out));
	}
}

/*
 * Four columns, 227.5 wide. The first has 1000 a second, which are the 200 units up from 214 to 14;
 * of 16 or 64 ms, the end of a band each.
 */
static void the_timeline_has_what_ended_when(void **state)
{
	(void)state;
	end_in(0, 8, LOAD_OK, 15 * MS);
	end_in(0, 2, LOAD_REFUSED, MS);
	end_in(1, 4, LOAD_OK, 60 * MS);
	for (int i = 0; i < 4; i++) {
		tally_drop(&result.tally, ROW);
	}
	end_in(2, 5, LOAD_REFUSED, MS);
	end_in(3, 5, LOAD_OK, 15 * MS);
	result.ran_ns = result.ended_ns = 4 * ROW;
	plot_timeline(&out, &result);
	assert_has("<path class=\"k-ok\" d=\"M76.0 214.0V54.0H303.5V214.0z"
		   "M303.5 214.0V134.0H531.0V214.0zM758.5 214.0V114.0H986.0V214.0z\"/>");
	assert_has("<path class=\"k-refused\" d=\"M76.0 54.0V14.0H303.5V54.0z"
		   "M531.0 214.0V114.0H758.5V214.0z\"/>");
	assert_has("<path class=\"k-dropped\" d=\"M303.5 134.0V54.0H531.0V134.0z\"/>");
	assert_has(">1 000/s</text>");
	assert_has("<title>10.0 ms to 20.0 ms\nok: 400.0/s\ndropped: 400.0/s\np50 ");
	assert_null(strstr(buffer_text(&out), "class=\"absence\""));
	buffer_fini(&out);
	result.expects_restart = true;
	plot_timeline(&out, &result);
	assert_has("<rect class=\"absence\" x=\"531.0\" y=\"14\" width=\"227.5\" height=\"372\"/>");
	buffer_fini(&out);
	plot_timeline_legend(&out, &result);
	assert_has("</svg>ok</li>");
	assert_has("</svg>refused</li>");
	assert_has("</svg>dropped</li>");
	assert_has("the target was away");
	assert_null(strstr(buffer_text(&out), "timed_out"));
}

/* From 1 ms at 386 up to 200 ms at 246; where nothing was OK there is a gap. */
static void the_timeline_has_latencies(void **state)
{
	const struct timeline_row *rows = result.tally.timeline.rows;
	char title[100];

	(void)state;
	for (int64_t row = 0; row < 4; row++) {
		end_in(row, 60, row == 2 ? LOAD_TLS : LOAD_OK, MS);
		end_in(row, 40, row == 2 ? LOAD_TLS : LOAD_OK, 100 * MS);
	}
	result.ended_ns = 4 * ROW;
	plot_timeline(&out, &result);
	assert_has("<path class=\"curve p99\" d=\"M76.0 264.3H303.5L303.5 264.3H531.0"
		   "M758.5 264.3H986.0\"/>");
	assert_has("<path class=\"curve p50\" d=\"M76.0 385.3H303.5L303.5 385.3H531.0"
		   "M758.5 385.3H986.0\"/>");
	(void)snprintf(title, sizeof(title), "\np50 %s, p99 %s</title>",
		figure_time(load_timeline_row_percentile(rows, 50)).text,
		figure_time(load_timeline_row_percentile(rows, 99)).text);
	assert_int_equal(occurrences(title), 3);
}

/* Two rows in each column; the last one has only one of them. */
static void as_many_columns_as_can_be_told_apart(void **state)
{
	(void)state;
	for (int64_t row = 0; row < 460; row++) {
		if (row == 459) {
			result.ended_ns = row * ROW - ROW / 2;
			plot_timeline(&out, &result);
			assert_int_equal(occurrences("ok: 100.0/s"), 230);
			buffer_fini(&out);
		}
		end_in(row, 1, LOAD_OK, 0);
	}
	result.ended_ns = 460 * ROW;
	plot_timeline(&out, &result);
	assert_int_equal(occurrences("<rect class=\"hit\""), 230);
	assert_has("<title>4.58 s to 4.60 s\nok: 100.0/s");
}

static void long_times_are_those_of_a_clock(void **state)
{
	(void)state;
	end_in(0, 1, LOAD_OK, 0);
	end_in(730000, 1, LOAD_OK, 0);
	result.ended_ns = 7300 * NS_PER_S;
	plot_timeline(&out, &result);
	assert_has(">0:00</text>");
	assert_has(">45:00</text>");
	assert_has(">1:15:00</text>");
	assert_has(">2:00:00</text>");
	buffer_fini(&out);
}

/* 90 of 100 took 1 ms, the others more: the curve leaves the first at 90 %, in its middle. */
static void the_latency_curve_has_each_decade_of_percents(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		histogram_record(&result.tally.actual, i < 90 ? MS : 10 * MS);
		histogram_record(&result.tally.intended, i < 90 ? MS : 100 * MS);
	}
	plot_latency(&out, &result);
	assert_has("<path class=\"curve actual\" d=\"M76 300.0L78 300.0");
	assert_has("L530 300.0L532 14.0");
	assert_int_equal(occurrences("class=\"curve"), 1);
	assert_int_equal(occurrences("class=\"dot"), 3); /* of two decades */
	assert_has("cx=\"531.0\" cy=\"300.0\" r=\"5\"><title>p90 from when sent: 1.00 ms</title>");
	assert_has("cx=\"986.0\" cy=\"14.0\" r=\"5\"><title>p99 from when sent: 10.0 ms</title>");
	buffer_fini(&out);
	plot_latency_legend(&out, &result);
	assert_null(strstr(buffer_text(&out), "from when it was due"));
	buffer_fini(&out);
	result.is_open = true;
	plot_latency(&out, &result);
	assert_int_equal(occurrences("class=\"curve"), 2);
	assert_int_equal(occurrences("L530 300.0L532 157.0"), 1);
	assert_int_equal(occurrences("L530 300.0L532 14.0"), 1);
	assert_has("cy=\"14.0\" r=\"5\"><title>p99 from when due: 100 ms</title>");
	buffer_fini(&out);
	plot_latency_legend(&out, &result);
	assert_has("from when it was due");
	assert_has("from when it was sent");
}

static void the_latency_curve_ends_at_six_nines(void **state)
{
	(void)state;
	for (int i = 0; i < 2000000; i++) {
		histogram_record(&result.tally.actual, MS);
	}
	plot_latency(&out, &result);
	assert_has("x=\"986.0\" y=\"322\" text-anchor=\"end\">99.9999 %</text>");
	assert_has("x=\"531.0\" y=\"322\" text-anchor=\"middle\">99.9 %</text>");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_timeline_has_what_ended_when),
		TEST(the_timeline_has_latencies),
		TEST(as_many_columns_as_can_be_told_apart),
		TEST(long_times_are_those_of_a_clock),
		TEST(the_latency_curve_has_each_decade_of_percents),
		TEST(the_latency_curve_ends_at_six_nines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
