/* SPDX-License-Identifier: Apache-2.0 */
#include "load/timeline.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * The band of a latency is its leading one and how far that is up, and the two bits below it: four
 * bands to a power of two, so that one is a fifth of its value wide, or less.
 */
#define SUB_BITS 2
#define SUBS (1U << SUB_BITS)
#define LEAST_BIT 14 /* 16.4 us: what is shorter is in the first band */
#define MOST_BIT (LEAST_BIT + TIMELINE_BANDS / SUBS)

static_assert(TIMELINE_BANDS % SUBS == 0, "the last power of two is whole");

int load_timeline_init(struct load_timeline *timeline)
{
	*timeline = (struct load_timeline){
		.width_ns = TIMELINE_FIRST_NS,
		.first = TIMELINE_ROWS,
		.rows = calloc(TIMELINE_ROWS, sizeof(*timeline->rows)),
	};
	return timeline->rows ? 0 : -ENOMEM;
}

void load_timeline_fini(struct load_timeline *timeline)
{
	free(timeline->rows);
	*timeline = (struct load_timeline){0};
}

void load_timeline_reset(struct load_timeline *timeline)
{
	struct timeline_row *rows = timeline->rows;

	if (timeline->first < timeline->count) {
		memset(&rows[timeline->first], 0,
			(timeline->count - timeline->first) * sizeof(*rows));
	}
	*timeline = (struct load_timeline){
		.width_ns = TIMELINE_FIRST_NS, .first = TIMELINE_ROWS, .rows = rows};
}

/* A sum that would be too large stays at the most: a row never tells less than it told before. */
static void add_counts(uint32_t *into, const uint32_t *from, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t sum = into[i] + from[i];

		into[i] = sum | -(uint32_t)(sum < from[i]);
	}
}

static void add_row(struct timeline_row *into, const struct timeline_row *from)
{
	add_counts(into->outcomes, from->outcomes, LOAD_OUTCOME_COUNT);
	add_counts(&into->admitted, &from->admitted, 1);
	add_counts(&into->dropped, &from->dropped, 1);
	add_counts(into->bands, from->bands, TIMELINE_BANDS);
}

/* Two neighbours become one. */
static void coarsen(struct load_timeline *timeline)
{
	struct timeline_row *rows = timeline->rows;

	for (size_t i = timeline->first; i < timeline->count; i++) {
		struct timeline_row row = rows[i];

		memset(&rows[i], 0, sizeof(rows[i]));
		add_row(&rows[i / 2], &row);
	}
	timeline->first = timeline->first < timeline->count ? timeline->first / 2 : TIMELINE_ROWS;
	timeline->count = (timeline->count + 1) / 2;
	timeline->width_ns *= 2;
	timeline->doublings++;
}

static __attribute__((noinline, cold)) size_t make_room(
	struct load_timeline *timeline, uint64_t first_widths)
{
	while (first_widths >> timeline->doublings >= TIMELINE_ROWS) {
		coarsen(timeline);
	}
	return first_widths >> timeline->doublings;
}

/* The row of a moment; it has begun now, and so have those before it. */
static struct timeline_row *row_at(struct load_timeline *timeline, int64_t at_ns)
{
	uint64_t first_widths = (uint64_t)at_ns / TIMELINE_FIRST_NS;
	size_t index = first_widths >> timeline->doublings;

	assert((uint64_t)at_ns <= TIMELINE_MOST_NS);
	if (__builtin_expect(index >= TIMELINE_ROWS, 0)) {
		index = make_room(timeline, first_widths);
	}
	timeline->first = index < timeline->first ? index : timeline->first;
	timeline->count = index < timeline->count ? timeline->count : index + 1;
	return &timeline->rows[index];
}

static size_t band_of(int64_t latency_ns)
{
	uint64_t most = (UINT64_C(1) << MOST_BIT) - 1;
	uint64_t ns = (uint64_t)latency_ns < most ? (uint64_t)latency_ns : most;
	unsigned shift;

	ns = ns > UINT64_C(1) << LEAST_BIT ? ns : UINT64_C(1) << LEAST_BIT;
	shift = 63U - (unsigned)__builtin_clzll(ns) - SUB_BITS;
	return (shift - (LEAST_BIT - SUB_BITS)) * SUBS + (size_t)(ns >> shift) - SUBS;
}

int64_t load_timeline_band_end(size_t band)
{
	return (int64_t)(SUBS + band % SUBS + 1) << (LEAST_BIT - SUB_BITS + band / SUBS);
}

void load_timeline_admit(struct load_timeline *timeline, int64_t at_ns)
{
	row_at(timeline, at_ns)->admitted++;
}

void load_timeline_drop(struct load_timeline *timeline, int64_t at_ns)
{
	row_at(timeline, at_ns)->dropped++;
}

void load_timeline_end(struct load_timeline *timeline, int64_t at_ns, enum load_outcome outcome,
	int64_t latency_ns)
{
	struct timeline_row *row = row_at(timeline, at_ns);

	row->outcomes[outcome]++;
	row->bands[band_of(latency_ns)] += outcome == LOAD_OK;
}

void load_timeline_merge(
	struct load_timeline *into, const struct load_timeline *from, int64_t offset_ns)
{
	while (into->doublings < from->doublings) {
		coarsen(into);
	}
	for (size_t i = from->first; i < from->count; i++) {
		add_row(row_at(into, (int64_t)i * from->width_ns + offset_ns), &from->rows[i]);
	}
}

void load_timeline_sum(
	const struct load_timeline *timeline, size_t first, size_t end, struct timeline_row *sum)
{
	*sum = (struct timeline_row){0};
	end = end < timeline->count ? end : timeline->count;
	for (size_t i = first; i < end; i++) {
		add_row(sum, &timeline->rows[i]);
	}
}

int64_t load_timeline_row_percentile(const struct timeline_row *row, double percent)
{
	uint64_t total = 0, passed = 0;
	double rank, begin, end;
	size_t i = 0;

	for (size_t band = 0; band < TIMELINE_BANDS; band++) {
		total += row->bands[band];
	}
	if (!total) {
		return 0;
	}
	rank = percent / 100 * (double)total;
	rank = rank > 1 ? rank : 1;
	rank = rank < (double)total ? rank : (double)total;
	while ((double)(passed + row->bands[i]) < rank) {
		passed += row->bands[i++];
	}
	/* Those of a band are taken to lie evenly in it. */
	begin = i ? (double)load_timeline_band_end(i - 1) : 0;
	end = (double)load_timeline_band_end(i);
	return (int64_t)(begin + (end - begin) * (rank - (double)passed) / row->bands[i]);
}

/* Adds what failed in a row; returns whether anything did. */
static bool add_failures(struct timeline_absence *absence, const struct timeline_row *row)
{
	uint64_t failed = 0;

	for (size_t i = 0; i < LOAD_OUTCOME_COUNT; i++) {
		absence->outcomes[i] += row->outcomes[i];
		failed += row->outcomes[i];
	}
	return failed > 0;
}

bool load_timeline_absence_next(
	const struct load_timeline *timeline, size_t *at, struct timeline_absence *absence)
{
	bool failed = false;

	*absence = (struct timeline_absence){
		.begin_ns = (int64_t)*at * timeline->width_ns, .end_ns = INT64_MAX};
	for (size_t i = *at; i < timeline->count; i++) {
		const struct timeline_row *row = &timeline->rows[i];

		if (!row->outcomes[LOAD_OK]) {
			failed = add_failures(absence, row) || failed;
			continue;
		}
		if (failed) {
			absence->end_ns = (int64_t)i * timeline->width_ns;
			*at = i + 1;
			return true;
		}
		absence->begin_ns = (int64_t)(i + 1) * timeline->width_ns;
	}
	*at = timeline->count;
	return failed;
}
