/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happened when, in constant memory: rows of equal width from the run's begin on. At first a
 * row is TIMELINE_FIRST_NS wide; when there would be more than TIMELINE_ROWS, two neighbours become
 * one. One thread adds; others read what was merged.
 *
 * An outcome belongs to the row in which the request ended. Latencies are kept by coarse bands, a
 * few to each power of two, for the percentiles of a row (some percent exact).
 */
#ifndef LOAD_TIMELINE_H
#define LOAD_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "load/outcome.h"
#include "json/value.h"

#define TIMELINE_FIRST_NS INT64_C(10000000) /* 10 ms: as exact as an absence is told */
#define TIMELINE_ROWS 4096
#define TIMELINE_BANDS 64

struct timeline_row {
	uint32_t outcomes[LOAD_OUTCOME_COUNT];
	uint32_t admitted, dropped;     /* in that time */
	uint32_t bands[TIMELINE_BANDS]; /* of what was OK; by latency from the actual send */
};

struct timeline {
	int64_t width_ns;
	size_t count;              /* rows that have begun */
	struct timeline_row *rows; /* TIMELINE_ROWS; NULL before init */
};

/* Returns 0 or -ENOMEM. */
int timeline_init(struct timeline *timeline);
void timeline_fini(struct timeline *timeline);
void timeline_reset(struct timeline *timeline);

/* at_ns: since the run's begin, not negative, in any order. */
void timeline_admit(struct timeline *timeline, int64_t at_ns);
void timeline_drop(struct timeline *timeline, int64_t at_ns);
void timeline_end(
	struct timeline *timeline, int64_t at_ns, enum load_outcome outcome, int64_t latency_ns);

/* Adds what another one has; the coarser width of both stays. */
void timeline_merge(struct timeline *into, const struct timeline *from);

/* Sums rows [first, end) into *sum. */
void timeline_sum(
	const struct timeline *timeline, size_t first, size_t end, struct timeline_row *sum);

/* The latency that this part of the row's OK ones, 0 to 100 percent, does not exceed; 0: none. */
int64_t timeline_row_percentile(const struct timeline_row *row, double percent);

/*
 * A time in which something failed and nothing succeeded: from the end of the last row with a
 * success to the begin of the next row with one. Several failures with no success between them are
 * one absence.
 */
struct timeline_absence {
	int64_t begin_ns, end_ns;              /* end INT64_MAX: it did not come back */
	uint64_t outcomes[LOAD_OUTCOME_COUNT]; /* of what ended in that time */
};

/* Goes through them; *at is 0 at first. False after the last. */
bool timeline_absence_next(
	const struct timeline *timeline, size_t *at, struct timeline_absence *absence);

/* As JSON, and back, as histogram_write and histogram_read do it (sparse: zeros are left out). */
void timeline_write(struct buffer *out, const struct timeline *timeline);
int timeline_read(struct timeline *timeline, const char *text, const struct json_value *value,
	struct buffer *refusal);

#endif
