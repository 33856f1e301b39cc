/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many durations there were of each length, with three significant digits, from 1 us to an
 * hour, in constant memory: buckets that are linear within each power of two (HDR histogram).
 *
 * A value falls into a bucket of at most 1/1024 of its size, and is told as the bucket's highest
 * value; so what is told is never less than what was, and at most 0.1 % more. What is longer than
 * an hour counts as an hour and is counted apart, so that nobody takes it for one; what is shorter
 * than 1 us counts as 1 us. A part of a microsecond counts as a whole one.
 *
 * One thread records; others read what was copied or merged.
 */
#ifndef LOAD_HISTOGRAM_H
#define LOAD_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "json/value.h"

#define HISTOGRAM_LEAST_US 1
#define HISTOGRAM_MOST_US INT64_C(3600000000)

struct histogram {
	uint64_t *counts; /* NULL before init */
	uint64_t total;
	uint64_t above;            /* of those, longer than an hour */
	uint64_t sum_us;           /* as they were, for the mean */
	int64_t least_us, most_us; /* as they were; 0 where there is none */
};

/* Returns 0 or -ENOMEM: some hundred kilobytes. */
int histogram_init(struct histogram *histogram);
void histogram_fini(struct histogram *histogram);
void histogram_reset(struct histogram *histogram);

/* Some nanoseconds, no branch that depends on the past. ns: a duration, not negative. */
void histogram_record(struct histogram *histogram, int64_t ns);

/* Adds what another one has. */
void histogram_merge(struct histogram *into, const struct histogram *from);

/* Whether the sums of both together can be written and read again. */
bool histogram_fits(const struct histogram *histogram, const struct histogram *other);

/*
 * Takes off what `from` has: an earlier state of the same one, so that what came since is left. Its
 * least and most are told as buckets are, but for a maximum that came since.
 */
void histogram_subtract(struct histogram *histogram, const struct histogram *from);

/*
 * Returns the smallest value that this part of all, 0 to 100 percent, does not exceed: the value at
 * rank ceil(percent / 100 * total), the 1st at least; never more than the maximum, and that as it
 * was for 100. 0 if there is none.
 */
int64_t histogram_percentile(const struct histogram *histogram, double percent);

/*
 * Returns how many are not longer than that, as far as the buckets tell: those that are told as no
 * more than it. So a percentile is at most `us` just when its rank is at most this.
 */
uint64_t histogram_count_until(const struct histogram *histogram, int64_t us);

double histogram_mean_us(const struct histogram *histogram);

/*
 * Goes through the buckets that have a count, upwards; *at is 0 at first. Returns false after the
 * last; else the highest value of the bucket and its count.
 */
bool histogram_next(
	const struct histogram *histogram, size_t *at, int64_t *most_us, uint64_t *count);

/* Appends it as JSON: {"digits":3,"total":..,"above":..,"sum_us":..,"least_us":..,"most_us":..,
 * "buckets":[[value,count],...]}; what histogram_read reads again, for a merge of results. */
void histogram_write(struct buffer *out, const struct histogram *histogram);

/*
 * Adds what such a value of a text (that json_read took) has. Returns 0; -EINVAL with one sentence
 * in *refusal: then nothing was added. It has to be what histogram_write can have written, of any
 * histogram: sums that are not those of the buckets are refused, too.
 */
int histogram_read(struct histogram *histogram, const char *text, const struct json_value *value,
	struct buffer *refusal);

#endif
