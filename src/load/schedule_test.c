/* SPDX-License-Identifier: Apache-2.0 */
#include "load/schedule.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S INT64_C(1000000000)

static void init(struct schedule *schedule, const struct schedule_stage *stages, size_t count)
{
	schedule_init(schedule, stages, count, SCHEDULE_CONSTANT, 0, 0, 1);
}

static int64_t next(struct schedule *schedule)
{
	int64_t due = schedule_due(schedule);

	assert_int_equal(schedule_due(schedule), due);
	schedule_take(schedule);
	return due;
}

static void is_due_at_the_rate(void **state)
{
	static const struct schedule_stage stage = {.rate = 3, .for_ns = INT64_MAX};
	struct schedule schedule;

	(void)state;
	init(&schedule, &stage, 1);
	assert_int_equal(next(&schedule), 0);
	assert_int_equal(next(&schedule), 333333333);
	assert_int_equal(next(&schedule), 666666667);
	assert_int_equal(next(&schedule), S);
}

/* Far in: where times of so many steps, added up, or a double would be off. */
static void does_not_drift(void **state)
{
	static const double rates[] = {1, 3, 7, 1000, 30000, 999999};
	struct schedule schedule;

	(void)state;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		struct schedule_stage stage = {.rate = rates[i], .for_ns = INT64_MAX};
		uint64_t rate = (uint64_t)rates[i];

		init(&schedule, &stage, 1);
		schedule.number = 1000000001;
		for (uint64_t n = schedule.number; n < 1000001000; n++) {
			uint64_t rest = n % rate * S;
			uint64_t due = n / rate * S + (2 * rest + rate) / (2 * rate);

			assert_int_equal(next(&schedule), due);
		}
	}
}

static void follows_stages(void **state)
{
	static const struct schedule_stage stages[] = {
		{.rate = 2, .for_ns = S},
		{.rate = 0, .for_ns = 3 * S},
		{.rate = 4, .for_ns = S / 2},
		{.rate = 1000, .for_ns = 0},
		{.rate = 0.25, .for_ns = 5 * S},
	};
	static const int64_t due[] = {
		0, S / 2, 4 * S, 4 * S + S / 4, 4 * S + S / 2, 8 * S + S / 2, INT64_MAX, INT64_MAX};
	struct schedule schedule;

	(void)state;
	init(&schedule, stages, 5);
	for (size_t i = 0; i < sizeof(due) / sizeof(due[0]); i++) {
		assert_int_equal(next(&schedule), due[i]);
	}
}

static void ends(void **state)
{
	static const struct schedule_stage pause = {.rate = 0, .for_ns = INT64_MAX};
	static const struct schedule_stage late[] = {
		{.rate = 0, .for_ns = INT64_MAX - 10}, {.rate = 1e9, .for_ns = INT64_MAX}};
	struct schedule schedule;

	(void)state;
	init(&schedule, NULL, 0);
	assert_int_equal(next(&schedule), INT64_MAX);
	assert_int_equal(schedule_total(&schedule, INT64_MAX), 0);
	init(&schedule, &pause, 1);
	assert_int_equal(next(&schedule), INT64_MAX);
	assert_int_equal(schedule_total(&schedule, INT64_MAX), 0);
	init(&schedule, late, 2);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(next(&schedule), INT64_MAX - 10 + i);
	}
	assert_int_equal(next(&schedule), INT64_MAX);
	assert_int_equal(next(&schedule), INT64_MAX);
	assert_int_equal(schedule_total(&schedule, INT64_MAX), 10);
}

static const struct schedule_stage mixed[] = {
	{.rate = 1000.5, .for_ns = S},
	{.rate = 0, .for_ns = S / 10},
	{.rate = 33, .for_ns = 2 * S + 1},
	{.rate = 10000, .for_ns = S / 3},
};

/* What the threads take in turn, each at its time, is what one alone takes. */
static uint64_t shared_by(uint32_t threads, enum schedule_arrival arrival)
{
	struct schedule parts[7], all;
	uint64_t count = 0;

	schedule_init(&all, mixed, 4, arrival, 5, 0, 1);
	for (uint32_t i = 0; i < threads; i++) {
		schedule_init(&parts[i], mixed, 4, arrival, 5, i, threads);
	}
	for (;;) {
		uint32_t first = 0;

		for (uint32_t i = 1; i < threads; i++) {
			first = schedule_due(&parts[i]) < schedule_due(&parts[first]) ? i : first;
		}
		assert_int_equal(next(&parts[first]), schedule_due(&all));
		if (next(&all) == INT64_MAX) {
			break;
		}
		assert_int_equal(first, count++ % threads);
	}
	return count;
}

static void shares_among_threads(void **state)
{
	struct schedule all;
	uint64_t drawn = shared_by(1, SCHEDULE_POISSON);

	(void)state;
	init(&all, mixed, 4);
	assert_int_equal(schedule_total(&all, INT64_MAX), 1001 + 67 + 3334);
	assert_in_range(drawn, 4000, 4800);
	for (uint32_t threads = 1; threads <= 7; threads++) {
		assert_int_equal(shared_by(threads, SCHEDULE_CONSTANT), 1001 + 67 + 3334);
		assert_int_equal(shared_by(threads, SCHEDULE_POISSON), drawn);
	}
}

static void counts_what_is_due(void **state)
{
	struct schedule schedule;
	uint64_t count = 0;
	int64_t due;

	(void)state;
	init(&schedule, mixed, 4);
	assert_int_equal(schedule_total(&schedule, -1), 0);
	while ((due = next(&schedule)) < INT64_MAX) {
		assert_int_equal(schedule_total(&schedule, due - 1), count);
		count++;
		assert_int_equal(schedule_total(&schedule, due), count);
	}
}

static void counts_without_end(void **state)
{
	static const struct schedule_stage fast = {.rate = 1e9, .for_ns = INT64_MAX};
	static const struct schedule_stage slow = {.rate = 1e-9, .for_ns = INT64_MAX};
	struct schedule schedule;

	(void)state;
	init(&schedule, &fast, 1);
	assert_int_equal(schedule_total(&schedule, 0), 1);
	assert_int_equal(schedule_total(&schedule, 1000), 1001);
	assert_true(schedule_total(&schedule, INT64_MAX) == INT64_MAX);
	init(&schedule, &slow, 1);
	assert_int_equal(schedule_total(&schedule, INT64_MAX - 1), 10);
}

static void arrives_as_poisson(void **state)
{
	static const struct schedule_stage stages[] = {{.rate = 10000, .for_ns = 100 * S},
		{.rate = 0, .for_ns = S}, {.rate = 10, .for_ns = S}};
	static uint32_t in_ms[100001];
	uint64_t count = 0;
	double variance = 0;
	int64_t due, last = 0;

	(void)state;
	for (uint32_t thread = 0; thread < 4; thread++) {
		struct schedule schedule;

		schedule_init(&schedule, stages, 2, SCHEDULE_POISSON, 42, thread, 4);
		for (last = 0; (due = next(&schedule)) < INT64_MAX; last = due) {
			assert_true(due >= last && due < 100 * S);
			in_ms[due / 1000000]++;
			count++;
		}
	}
	/* A million with a deviation of a thousand; in each ms 10, with a variance of 10. */
	assert_true(fabs((double)count - 1e6) < 5e3);
	for (size_t i = 0; i < 100000; i++) {
		variance += (in_ms[i] - 10.0) * (in_ms[i] - 10.0) / 1e5;
	}
	assert_true(fabs(variance - 10) < 0.25);
}

static void repeats_by_seed(void **state)
{
	static const struct schedule_stage stages[] = {
		{.rate = 100, .for_ns = S}, {.rate = 0, .for_ns = S}, {.rate = 1000, .for_ns = S}};
	struct schedule one, again, other;
	int64_t due;
	int same = 0, late = 0;

	(void)state;
	schedule_init(&one, stages, 3, SCHEDULE_POISSON, 1, 0, 1);
	schedule_init(&again, stages, 3, SCHEDULE_POISSON, 1, 0, 1);
	schedule_init(&other, stages, 3, SCHEDULE_POISSON, 2, 0, 1);
	while ((due = next(&one)) < INT64_MAX) {
		assert_int_equal(next(&again), due);
		same += next(&other) == due;
		assert_true(due < S || due >= 2 * S);
		late += due >= 2 * S;
	}
	assert_int_equal(next(&again), INT64_MAX);
	assert_int_equal(same, 0);
	assert_in_range(late, 850, 1150);
}

static void parses_stages(void **state)
{
	static const struct {
		const char *text;
		double rate;
		int64_t for_ns;
	} cases[] = {
		{"100/s:30s", 100, 30 * S},
		{"6/m:2m", 0.1, 120 * S},
		{"3600/h:1.5ms", 1, 2000000},
		{"0/s:1h", 0, 3600 * S},
		{"00/h:1ms", 0, 1000000},
		{"1000000000/s:inf", 1e9, INT64_MAX},
		{"1/s:9223372036854ms", 1, INT64_C(9223372036854000000)},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct schedule_stage stage = {0};

		assert_null(schedule_stage_parse(cases[i].text, &stage));
		assert_true(stage.rate == cases[i].rate);
		assert_int_equal(stage.for_ns, cases[i].for_ns);
	}
}

static void refuses_what_are_no_stages(void **state)
{
	static const struct {
		const char *text, *refusal;
	} cases[] = {
		{"", "is malformed"},
		{"100/s", "is malformed"},
		{":30s", "is empty"},
		{"100/s:", "is empty"},
		{"100:30s", "has no unit"},
		{"0:30s", "has no unit"},
		{"0/d:30s", "is malformed"},
		{"0/sm:30s", "is malformed"},
		{"/s:30s", "is malformed"},
		{"-1/s:30s", "is negative"},
		{"100/s:30", "has no unit"},
		{"100/s:-30s", "is negative"},
		{"100/s:30s:1s", "is malformed"},
		{"100/s:0s", "lasts no time"},
		{"1000000001/s:30s", "is too large"},
		{"99999999999999999999/s:30s", "is too large"},
		{"1/s:9223372036855ms", "is too large"},
		{"0000000000000000000000000000000000000000000100/s:30s", "is malformed"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct schedule_stage stage = {.rate = 5};
		const char *refusal = schedule_stage_parse(cases[i].text, &stage);

		if (!refusal || strcmp(refusal, cases[i].refusal) != 0) {
			fail_msg("%s %s", cases[i].text, refusal ? refusal : "is taken");
		}
		assert_true(stage.rate == 5);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_due_at_the_rate),
		cmocka_unit_test(does_not_drift),
		cmocka_unit_test(follows_stages),
		cmocka_unit_test(ends),
		cmocka_unit_test(shares_among_threads),
		cmocka_unit_test(counts_what_is_due),
		cmocka_unit_test(counts_without_end),
		cmocka_unit_test(arrives_as_poisson),
		cmocka_unit_test(repeats_by_seed),
		cmocka_unit_test(parses_stages),
		cmocka_unit_test(refuses_what_are_no_stages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
