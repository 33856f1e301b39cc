/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happened when, in constant memory: rows of equal width from the run's begin on. At first a
 * row is TIMELINE_FIRST_NS wide; when there would be more than TIMELINE_ROWS, two neighbours become
 * one. One thread adds; others read what was merged.
 *
 * An outcome belongs to the row in which the request ended. Latencies are kept by coarse bands, a
 * few to each power of two, for the percentiles of a row (some percent exact). A row's number that
 * would be more than its type holds stays at the most.
 *
 * What takes long (reset, merge, sum) takes it for the rows in use only: those from the first that
 * has something to the last.
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
#define TIMELINE_MOST_NS (INT64_C(1) << 62) /* no moment is later */
#define TIMELINE_DOUBLINGS_MOST 27
#define TIMELINE_ROWS 4096
#define TIMELINE_BANDS 96 /* four to each power of two, from 16 us to four minutes and a half */

struct timeline_row {
	uint32_t outcomes[LOAD_OUTCOME_COUNT];
	uint32_t admitted, dropped;     /* in that time */
	uint32_t bands[TIMELINE_BANDS]; /* of what was OK; by latency from the actual send */
};

struct load_timeline {
	int64_t width_ns;
	size_t count;              /* rows that have begun */
	size_t first;              /* those before it are empty; TIMELINE_ROWS: all are */
	struct timeline_row *rows; /* TIMELINE_ROWS; NULL before init */
	unsigned doublings;        /* width_ns is TIMELINE_FIRST_NS << doublings */
};

/* Returns 0 or -ENOMEM. */
int load_timeline_init(struct load_timeline *timeline);
void load_timeline_fini(struct load_timeline *timeline);
void load_timeline_reset(struct load_timeline *timeline);

/* at_ns: since the run's begin, 0 to TIMELINE_MOST_NS, in any order. */
void load_timeline_admit(struct load_timeline *timeline, int64_t at_ns);
void load_timeline_drop(struct load_timeline *timeline, int64_t at_ns);
void load_timeline_end(struct load_timeline *timeline, int64_t at_ns, enum load_outcome outcome,
	int64_t latency_ns);

/*
 * Adds what another one has, whose begin is so much later; the coarser width of both stays. A row
 * goes whole to where it begins.
 */
void load_timeline_merge(
	struct load_timeline *into, const struct load_timeline *from, int64_t offset_ns);

/* Sums rows [first, end) into *sum. */
void load_timeline_sum(
	const struct load_timeline *timeline, size_t first, size_t end, struct timeline_row *sum);

/* The latency that this part of the row's OK ones, 0 to 100 percent, does not exceed; 0: none. */
int64_t load_timeline_row_percentile(const struct timeline_row *row, double percent);

/* Latencies of a band are below this, and not below the end of the one before, if there is one. */
int64_t load_timeline_band_end(size_t band);

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
bool load_timeline_absence_next(
	const struct load_timeline *timeline, size_t *at, struct timeline_absence *absence);

/*
 * As JSON: {"width_ns":10000000,"rows":[{"row":0,"admitted":2,"dropped":0,"outcomes":{"ok":2},
 * "bands":[[end_ns,count],...]},...]}; empty rows, outcomes and bands are left out. And back, into
 * an empty one: 0; -EINVAL with one sentence, and then something may have been read.
 */
void load_timeline_write(struct buffer *out, const struct load_timeline *timeline);
int load_timeline_read(struct load_timeline *timeline, const char *text,
	const struct json_value *value, struct buffer *refusal);

#endif
