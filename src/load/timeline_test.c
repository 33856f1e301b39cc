/* SPDX-License-Identifier: Apache-2.0 */
#include "load/timeline.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/allocation.h"

#define MS INT64_C(1000000)
#define ROW TIMELINE_FIRST_NS

static void init(struct load_timeline *timeline)
{
	assert_int_equal(load_timeline_init(timeline), 0);
}

static void ok(struct load_timeline *timeline, int64_t at_ns)
{
	load_timeline_end(timeline, at_ns, LOAD_OK, MS);
}

static void fail_at(struct load_timeline *timeline, int64_t at_ns, enum load_outcome outcome)
{
	load_timeline_end(timeline, at_ns, outcome, MS);
}

static void assert_sums(const struct load_timeline *timeline, uint32_t count)
{
	struct timeline_row sum;
	uint64_t bands = 0;

	load_timeline_sum(timeline, 0, SIZE_MAX, &sum);
	for (size_t i = 0; i < TIMELINE_BANDS; i++) {
		bands += sum.bands[i];
	}
	assert_int_equal(sum.admitted, count);
	assert_int_equal(sum.dropped, count);
	assert_int_equal(sum.outcomes[LOAD_OK] + sum.outcomes[LOAD_REFUSED], count);
	assert_int_equal(bands, sum.outcomes[LOAD_OK]);
}

static void puts_each_in_its_row(void **state)
{
	struct load_timeline timeline;

	(void)state;
	init(&timeline);
	load_timeline_admit(&timeline, 5 * ROW);
	assert_int_equal(timeline.first, 5);
	assert_int_equal(timeline.count, 6);
	load_timeline_admit(&timeline, 6 * ROW - 1);
	load_timeline_drop(&timeline, 0);
	ok(&timeline, TIMELINE_ROWS * ROW - 1);
	assert_int_equal(timeline.count, TIMELINE_ROWS);
	assert_int_equal(timeline.width_ns, ROW);
	assert_int_equal(timeline.rows[5].admitted, 2);
	assert_int_equal(timeline.rows[0].dropped, 1);
	assert_int_equal(timeline.rows[TIMELINE_ROWS - 1].outcomes[LOAD_OK], 1);
	load_timeline_fini(&timeline);
}

/* At each moment, and each time that it becomes coarser, nothing is lost and all is in its row. */
static void becomes_coarser(void **state)
{
	struct load_timeline timeline;
	uint32_t count = 0;

	(void)state;
	init(&timeline);
	for (int64_t at = 0; at < ROW * TIMELINE_ROWS * 20; at += ROW / 2 + ROW * (count % 7)) {
		load_timeline_admit(&timeline, at);
		load_timeline_drop(&timeline, at);
		load_timeline_end(&timeline, at, at % 3 ? LOAD_OK : LOAD_REFUSED, at);
		count++;
		if (timeline.count == TIMELINE_ROWS || timeline.count == TIMELINE_ROWS / 2 + 1) {
			assert_sums(&timeline, count);
		}
	}
	assert_sums(&timeline, count);
	assert_int_equal(timeline.width_ns, ROW * 32);
	assert_int_equal(timeline.doublings, 5);
	load_timeline_end(&timeline, ROW * TIMELINE_ROWS * 20, LOAD_TLS, 0);
	assert_int_equal(timeline.rows[TIMELINE_ROWS * 20 / 32].outcomes[LOAD_TLS], 1);
	load_timeline_reset(&timeline);
	assert_sums(&timeline, 0);
	assert_int_equal(timeline.width_ns, ROW);
	load_timeline_fini(&timeline);
}

/* A century later: one step, whatever the distance. */
static void takes_any_moment(void **state)
{
	struct load_timeline timeline;

	(void)state;
	init(&timeline);
	ok(&timeline, 0);
	ok(&timeline, TIMELINE_MOST_NS);
	assert_true(timeline.count > TIMELINE_ROWS / 2 && timeline.count <= TIMELINE_ROWS);
	assert_int_equal(timeline.rows[0].outcomes[LOAD_OK], 1);
	assert_int_equal(timeline.rows[timeline.count - 1].outcomes[LOAD_OK], 1);
	load_timeline_fini(&timeline);
}

/* Laid over another, as if one had counted all; whichever is the coarser one. */
static void merges(void **state)
{
	static const int64_t ends[][2] = {{100, 100}, {100, 9000}, {9000, 100}, {70000, 9000}};
	struct load_timeline all, parts[2];

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		init(&all);
		for (int part = 0; part < 2; part++) {
			init(&parts[part]);
			for (int64_t row = 10 + part; row < ends[i][part]; row += 3) {
				ok(&all, row * ROW);
				ok(&parts[part], row * ROW);
			}
		}
		load_timeline_merge(&parts[0], &parts[1], 0);
		assert_int_equal(parts[0].width_ns, all.width_ns);
		assert_int_equal(parts[0].first, all.first);
		assert_int_equal(parts[0].count, all.count);
		assert_memory_equal(parts[0].rows, all.rows, TIMELINE_ROWS * sizeof(all.rows[0]));
		load_timeline_fini(&all);
		load_timeline_fini(&parts[0]);
		load_timeline_fini(&parts[1]);
	}
}

/* Also where the coarser one has nothing of late. */
static void keeps_the_coarser_width(void **state)
{
	struct load_timeline fine, coarse;

	(void)state;
	init(&fine);
	init(&coarse);
	ok(&fine, 3 * ROW);
	ok(&coarse, ROW);
	coarse.doublings = 2;
	coarse.width_ns = 4 * ROW;
	load_timeline_merge(&fine, &coarse, 0);
	assert_int_equal(fine.width_ns, 4 * ROW);
	assert_int_equal(fine.rows[0].outcomes[LOAD_OK], 1);
	assert_int_equal(fine.rows[1].outcomes[LOAD_OK], 1);
	load_timeline_fini(&fine);
	load_timeline_fini(&coarse);
}

static void assert_absence(
	const struct load_timeline *timeline, size_t *at, int64_t begin_row, int64_t end_row)
{
	struct timeline_absence absence;

	assert_true(load_timeline_absence_next(timeline, at, &absence));
	assert_int_equal(absence.begin_ns, begin_row * ROW);
	assert_int_equal(absence.end_ns, end_row < 0 ? INT64_MAX : end_row * ROW);
}

static void assert_no_more(const struct load_timeline *timeline, size_t at)
{
	struct timeline_absence absence;

	assert_false(load_timeline_absence_next(timeline, &at, &absence));
	assert_false(load_timeline_absence_next(timeline, &at, &absence));
}

static void tells_absences(void **state)
{
	struct load_timeline timeline;
	struct timeline_absence absence;
	size_t at = 0;

	(void)state;
	init(&timeline);
	assert_no_more(&timeline, 0);
	for (int64_t row = 0; row < 40; row += row == 9 ? 11 : 1) {
		ok(&timeline, row * ROW);
	}
	fail_at(&timeline, 5 * ROW, LOAD_REFUSED); /* among successes */
	fail_at(&timeline, 12 * ROW, LOAD_REFUSED);
	fail_at(&timeline, 12 * ROW, LOAD_RESET_SENT);
	fail_at(&timeline, 18 * ROW, LOAD_REFUSED);
	assert_true(load_timeline_absence_next(&timeline, &at, &absence));
	assert_int_equal(absence.begin_ns, 10 * ROW);
	assert_int_equal(absence.end_ns, 20 * ROW);
	assert_int_equal(absence.outcomes[LOAD_REFUSED], 2);
	assert_int_equal(absence.outcomes[LOAD_RESET_SENT], 1);
	assert_no_more(&timeline, at);
	ok(&timeline, 60 * ROW); /* nothing failed before it: it was only not asked */
	fail_at(&timeline, 61 * ROW, LOAD_TIMED_OUT);
	ok(&timeline, 62 * ROW);
	fail_at(&timeline, 70 * ROW, LOAD_TIMED_OUT);
	at = 0;
	assert_absence(&timeline, &at, 10, 20);
	assert_absence(&timeline, &at, 61, 62);
	assert_absence(&timeline, &at, 63, -1);
	assert_no_more(&timeline, at);
	load_timeline_fini(&timeline);
}

static void tells_absence_from_the_begin(void **state)
{
	struct load_timeline timeline;
	size_t at = 0;

	(void)state;
	init(&timeline);
	fail_at(&timeline, 3 * ROW, LOAD_REFUSED);
	assert_absence(&timeline, &at, 0, -1);
	assert_no_more(&timeline, at);
	ok(&timeline, 4 * ROW);
	at = 0;
	assert_absence(&timeline, &at, 0, 4);
	assert_no_more(&timeline, at);
	load_timeline_fini(&timeline);
}

/* Within a fifth of what was, at any latency that has a band of its own; by ranks, exact. */
static void tells_percentiles_of_a_row(void **state)
{
	static const int64_t latencies[] = {22000, 60000, 123456, MS, 7 * MS, 60000 * MS};
	struct load_timeline timeline;

	(void)state;
	for (size_t i = 0; i < sizeof(latencies) / sizeof(latencies[0]); i++) {
		init(&timeline);
		assert_int_equal(load_timeline_row_percentile(&timeline.rows[0], 50), 0);
		for (int n = 0; n < 90; n++) {
			load_timeline_end(&timeline, 0, LOAD_OK, latencies[i]);
			load_timeline_end(&timeline, 0, LOAD_TIMED_OUT, MS);
		}
		for (int n = 0; n < 10; n++) {
			load_timeline_end(&timeline, 0, LOAD_OK, 2 * latencies[i]);
		}
		for (int tenth = 0; tenth <= 10; tenth++) {
			double percent = 10.0 * tenth;
			double was = (double)latencies[i] * (percent > 90 ? 2 : 1);
			double told =
				(double)load_timeline_row_percentile(&timeline.rows[0], percent);

			assert_true(fabs(told - was) <= was / 4);
		}
		load_timeline_fini(&timeline);
	}
}

/* The fifth of ten in a band is at its half; so are the ranks of the others. */
static void shares_a_band_among_its_requests(void **state)
{
	int64_t end = load_timeline_band_end(8), width = end - load_timeline_band_end(7);
	struct load_timeline timeline;

	(void)state;
	init(&timeline);
	for (int i = 0; i < 10; i++) {
		load_timeline_end(&timeline, 0, LOAD_OK, end - 1);
	}
	assert_int_equal(load_timeline_row_percentile(&timeline.rows[0], 50), end - width / 2);
	assert_int_equal(load_timeline_row_percentile(&timeline.rows[0], 100), end);
	load_timeline_fini(&timeline);
}

/* What the last row had is still counted when an odd number of them becomes a half. */
static void keeps_the_last_of_an_odd_number(void **state)
{
	struct load_timeline fine, coarse;

	(void)state;
	init(&fine);
	init(&coarse);
	ok(&fine, 2 * ROW);
	coarse.doublings = 1;
	coarse.width_ns = 2 * ROW;
	load_timeline_merge(&fine, &coarse, 0);
	assert_int_equal(fine.count, 2);
	assert_int_equal(fine.rows[1].outcomes[LOAD_OK], 1);
	load_timeline_fini(&fine);
	load_timeline_fini(&coarse);
}

/* Each latency is below the end of its band, and of no band below it. */
static void has_bands_without_gaps(void **state)
{
	struct load_timeline timeline;

	(void)state;
	init(&timeline);
	for (size_t band = 0; band < TIMELINE_BANDS; band++) {
		int64_t end = load_timeline_band_end(band);

		assert_true(band == 0 || end > load_timeline_band_end(band - 1));
		load_timeline_end(&timeline, 0, LOAD_OK, end - 1);
		assert_int_equal(timeline.rows[0].bands[band], 1);
		load_timeline_end(&timeline, 0, LOAD_OK, end);
		load_timeline_reset(&timeline);
	}
	load_timeline_end(&timeline, 0, LOAD_OK, 0);
	assert_int_equal(timeline.rows[0].bands[0], 1);
	load_timeline_end(&timeline, 0, LOAD_OK, INT64_MAX);
	assert_int_equal(timeline.rows[0].bands[TIMELINE_BANDS - 1], 1);
	load_timeline_fini(&timeline);
}

/* What does not fit stays at the most, rather than to begin anew. */
static void counts_no_further(void **state)
{
	struct load_timeline timeline, more;
	struct timeline_row sum;

	(void)state;
	init(&timeline);
	init(&more);
	ok(&timeline, 0);
	timeline.rows[0].admitted = UINT32_MAX - 1;
	load_timeline_merge(&more, &timeline, 0);
	assert_int_equal(more.rows[0].admitted, UINT32_MAX - 1);
	load_timeline_merge(&more, &timeline, 0);
	assert_int_equal(more.rows[0].admitted, UINT32_MAX);
	assert_int_equal(more.rows[0].outcomes[LOAD_OK], 2);
	load_timeline_merge(&more, &timeline, ROW);
	load_timeline_sum(&more, 0, 2, &sum);
	assert_int_equal(sum.admitted, UINT32_MAX);
	assert_int_equal(sum.outcomes[LOAD_OK], 3);
	load_timeline_sum(&more, 0, 1, &sum);
	assert_int_equal(sum.outcomes[LOAD_OK], 2);
	load_timeline_sum(&more, 1, SIZE_MAX, &sum);
	assert_int_equal(sum.admitted, UINT32_MAX - 1);
	load_timeline_fini(&timeline);
	load_timeline_fini(&more);
}

static void tells_of_missing_memory(void **state)
{
	struct load_timeline timeline;

	(void)state;
	allocation_fail(1);
	assert_int_equal(load_timeline_init(&timeline), -ENOMEM);
	assert_true(allocation_failed());
	load_timeline_fini(&timeline);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(puts_each_in_its_row),
		cmocka_unit_test(becomes_coarser),
		cmocka_unit_test(takes_any_moment),
		cmocka_unit_test(merges),
		cmocka_unit_test(keeps_the_coarser_width),
		cmocka_unit_test(tells_absences),
		cmocka_unit_test(tells_absence_from_the_begin),
		cmocka_unit_test(tells_percentiles_of_a_row),
		cmocka_unit_test(shares_a_band_among_its_requests),
		cmocka_unit_test(keeps_the_last_of_an_odd_number),
		cmocka_unit_test(has_bands_without_gaps),
		cmocka_unit_test(counts_no_further),
		cmocka_unit_test(tells_of_missing_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
