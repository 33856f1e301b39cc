/* SPDX-License-Identifier: Apache-2.0 */
#include "load/histogram.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "json/reader.h"

/*
 * Values below 2048 have buckets of their own; above, each power of two has 1024 of equal width.
 * The bucket of a value is its eleven leading bits, and how far these were shifted.
 */
#define LEADING_BITS 10
#define HALF (1U << LEADING_BITS)
#define DIGITS 3

#define BUCKETS (21 * HALF + (HISTOGRAM_MOST_US >> 21) + 1)

static size_t bucket_of(int64_t us)
{
	unsigned shift = 63U - (unsigned)__builtin_clzll((uint64_t)us | HALF) - LEADING_BITS;

	return shift * HALF + (size_t)(us >> shift);
}

static int64_t counted_as(int64_t us)
{
	return us < HISTOGRAM_MOST_US ? us : HISTOGRAM_MOST_US;
}

static int64_t bucket_most(size_t bucket)
{
	unsigned shift = bucket < (size_t)2 * HALF ? 0 : (unsigned)(bucket / HALF) - 1;
	int64_t most = (int64_t)((bucket - (size_t)shift * HALF + 1) << shift) - 1;

	return counted_as(most);
}

int histogram_init(struct histogram *histogram)
{
	*histogram = (struct histogram){.counts = calloc(BUCKETS, sizeof(*histogram->counts))};
	return histogram->counts ? 0 : -ENOMEM;
}

void histogram_fini(struct histogram *histogram)
{
	free(histogram->counts);
	*histogram = (struct histogram){0};
}

/* The first of those buckets that can have a count, and where they end. */
static size_t used_begin(const struct histogram *histogram)
{
	return histogram->total ? bucket_of(counted_as(histogram->least_us)) : 0;
}

static size_t used_end(const struct histogram *histogram)
{
	return histogram->total ? bucket_of(counted_as(histogram->most_us)) + 1 : 0;
}

void histogram_reset(struct histogram *histogram)
{
	size_t begin = used_begin(histogram), end = used_end(histogram);
	uint64_t *counts = histogram->counts;

	memset(&counts[begin], 0, (end - begin) * sizeof(*counts));
	*histogram = (struct histogram){.counts = counts};
}

/* The smaller one; 0 stands for none. */
static int64_t least_of(int64_t a, int64_t b)
{
	return (uint64_t)a - 1 < (uint64_t)b - 1 ? a : b;
}

static int64_t most_of(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

void histogram_record(struct histogram *histogram, int64_t ns)
{
	int64_t us;

	assert(ns >= 0);
	us = ns / 1000 + (ns % 1000 != 0);
	us += us == 0;
	histogram->counts[bucket_of(counted_as(us))]++;
	histogram->total++;
	histogram->above += us > HISTOGRAM_MOST_US;
	histogram->sum_us += (uint64_t)us;
	histogram->least_us = least_of(histogram->least_us, us);
	histogram->most_us = most_of(histogram->most_us, us);
}

/* All but the buckets. */
static void merge_sums(struct histogram *into, const struct histogram *from)
{
	into->total += from->total;
	into->above += from->above;
	into->sum_us += from->sum_us;
	into->least_us = least_of(into->least_us, from->least_us);
	into->most_us = most_of(into->most_us, from->most_us);
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	size_t end = used_end(from);

	for (size_t i = used_begin(from); i < end; i++) {
		into->counts[i] += from->counts[i];
	}
	merge_sums(into, from);
}

bool histogram_fits(const struct histogram *histogram, const struct histogram *other)
{
	uint64_t total, sum_us;

	return !__builtin_add_overflow(histogram->total, other->total, &total) &&
		!__builtin_add_overflow(histogram->sum_us, other->sum_us, &sum_us) &&
		total <= INT64_MAX && sum_us <= INT64_MAX;
}

void histogram_subtract(struct histogram *histogram, const struct histogram *from)
{
	int64_t most_us = histogram->most_us, least_us = 0, last_us = 0;
	size_t begin = used_begin(histogram), end = used_end(histogram);

	for (size_t i = begin; i < end; i++) {
		assert(histogram->counts[i] >= from->counts[i]);
		histogram->counts[i] -= from->counts[i];
		if (histogram->counts[i]) {
			least_us = least_us ? least_us : bucket_most(i);
			last_us = bucket_most(i);
		}
	}
	histogram->total -= from->total;
	histogram->above -= from->above;
	histogram->sum_us -= from->sum_us;
	histogram->least_us = least_us;
	histogram->most_us = most_us > from->most_us || last_us > most_us ? most_us : last_us;
}

/*
 * A percentage such as 99.9 is not exact in binary: what lies above a whole rank by no more than
 * that error is that rank.
 */
static uint64_t rank_of(uint64_t total, double percent)
{
	double exact = percent / 100 * (double)total * (1 - 0x1p-50);
	uint64_t rank = (uint64_t)exact;

	rank += (double)rank < exact;
	return rank ? rank : 1;
}

int64_t histogram_percentile(const struct histogram *histogram, double percent)
{
	uint64_t rank, passed = 0;
	int64_t most;
	size_t i;

	if (!histogram->total || !(percent < 100)) {
		return histogram->most_us;
	}
	rank = rank_of(histogram->total, percent > 0 ? percent : 0);
	for (i = used_begin(histogram); i < BUCKETS - 1; i++) {
		passed += histogram->counts[i];
		if (passed >= rank) {
			break;
		}
	}
	most = bucket_most(i);
	return most < histogram->most_us ? most : histogram->most_us;
}

uint64_t histogram_count_until(const struct histogram *histogram, int64_t us)
{
	uint64_t count = 0;

	if (us >= histogram->most_us) {
		return histogram->total;
	}
	if (us >= HISTOGRAM_MOST_US) {
		return histogram->total - histogram->above;
	}
	for (size_t i = 0; i < BUCKETS && bucket_most(i) <= us; i++) {
		count += histogram->counts[i];
	}
	return count;
}

double histogram_mean_us(const struct histogram *histogram)
{
	return histogram->total ? (double)histogram->sum_us / (double)histogram->total : 0;
}

bool histogram_next(
	const struct histogram *histogram, size_t *at, int64_t *most_us, uint64_t *count)
{
	while (*at < BUCKETS && !histogram->counts[*at]) {
		++*at;
	}
	if (*at >= BUCKETS) {
		return false;
	}
	*most_us = bucket_most(*at);
	*count = histogram->counts[*at];
	++*at;
	return true;
}

void histogram_write(struct buffer *out, const struct histogram *histogram)
{
	const char *comma = "";
	int64_t most_us;
	uint64_t count;
	size_t at = 0;

	buffer_appendf(out, "{\"digits\":%d,\"total\":%" PRIu64 ",\"above\":%" PRIu64, DIGITS,
		histogram->total, histogram->above);
	buffer_appendf(out, ",\"sum_us\":%" PRIu64 ",\"least_us\":%" PRId64 ",\"most_us\":%" PRId64,
		histogram->sum_us, histogram->least_us, histogram->most_us);
	buffer_append_text(out, ",\"buckets\":[");
	while (histogram_next(histogram, &at, &most_us, &count)) {
		buffer_appendf(out, "%s[%" PRId64 ",%" PRIu64 "]", comma, most_us, count);
		comma = ",";
	}
	buffer_append_text(out, "]}");
}

/* The members of the JSON, as they are read. */
#define MEMBERS(X)                                                                                 \
	X(DIGITS, "digits")                                                                        \
	X(TOTAL, "total")                                                                          \
	X(ABOVE, "above")                                                                          \
	X(SUM, "sum_us")                                                                           \
	X(LEAST, "least_us")                                                                       \
	X(MOST, "most_us")                                                                         \
	X(BUCKETS, "buckets")

enum member {
#define MEMBER(name, text) MEMBER_##name,
	MEMBERS(MEMBER)
#undef MEMBER
		MEMBER_COUNT
};

static const struct json_path member_paths[] = {
#define MEMBER(name, text) {{text}},
	MEMBERS(MEMBER)
#undef MEMBER
};

struct reading {
	const char *text; /* of the histogram alone */
	struct json_value values[MEMBER_COUNT];
	int64_t numbers[MEMBER_BUCKETS];
	struct buffer *refusal;
};

static int refuse(struct buffer *refusal, const char *why)
{
	buffer_appendf(refusal, "a histogram %s", why);
	return -EINVAL;
}

/* Reads [value,count], a bucket behind the last one. Returns false if it is none. */
static bool read_bucket(
	const char *text, const struct json_value *pair, int64_t *most_us, int64_t *count)
{
	struct json_value element = {0};
	int64_t last = *most_us;

	return json_element_next(text, pair, &element) && json_integer(text, &element, most_us) &&
		json_element_next(text, pair, &element) && json_integer(text, &element, count) &&
		!json_element_next(text, pair, &element) && *most_us > last && *count > 0 &&
		*most_us <= HISTOGRAM_MOST_US && bucket_most(bucket_of(*most_us)) == *most_us;
}

static int read_members(struct reading *reading, size_t length)
{
	struct json_reader reader = {
		.paths = member_paths, .values = reading->values, .count = MEMBER_COUNT};

	if (json_read(&reader, reading->text, length) || reader.root.kind != JSON_OBJECT) {
		return refuse(reading->refusal, "is not an object");
	}
	for (size_t i = 0; i < MEMBER_BUCKETS; i++) {
		if (!json_integer(reading->text, &reading->values[i], &reading->numbers[i]) ||
			reading->numbers[i] < 0 || reading->values[i].repeated) {
			buffer_appendf(reading->refusal,
				"a histogram needs one whole number \"%s\"",
				member_paths[i].keys[0]);
			return -EINVAL;
		}
	}
	if (reading->numbers[MEMBER_DIGITS] != DIGITS) {
		return refuse(reading->refusal, "has another precision than 3 digits");
	}
	if (reading->values[MEMBER_BUCKETS].kind != JSON_ARRAY ||
		reading->values[MEMBER_BUCKETS].repeated) {
		return refuse(reading->refusal, "has no array of buckets");
	}
	return 0;
}

/* Whether the sums are such as these buckets can have; first and last are 0 if there are none. */
static bool sums_agree(
	const int64_t *numbers, int64_t total, int64_t first, int64_t last, int64_t count_of_last)
{
	int64_t above = numbers[MEMBER_ABOVE];
	int64_t least = numbers[MEMBER_LEAST], most = numbers[MEMBER_MOST];
	double mean = total ? (double)numbers[MEMBER_SUM] / (double)total : 0;

	if (total != numbers[MEMBER_TOTAL]) {
		return false;
	}
	if (!total) {
		return !above && !least && !most && !numbers[MEMBER_SUM];
	}
	if (above ? last != HISTOGRAM_MOST_US || above > count_of_last || most <= last
		  : most < 1 || most > last || bucket_most(bucket_of(most)) != last) {
		return false;
	}
	return least >= 1 && least <= most && bucket_most(bucket_of(counted_as(least))) == first &&
		mean >= (double)least * (1 - 0x1p-50) && mean <= (double)most * (1 + 0x1p-50);
}

static int check_buckets(const struct reading *reading)
{
	struct json_value pair = {0};
	int64_t most_us = 0, count = 0, first = 0, total = 0;

	while (json_element_next(reading->text, &reading->values[MEMBER_BUCKETS], &pair)) {
		if (!read_bucket(reading->text, &pair, &most_us, &count) ||
			__builtin_add_overflow(total, count, &total)) {
			return refuse(reading->refusal, "has a bucket that is none");
		}
		first = first ? first : most_us;
	}
	return sums_agree(reading->numbers, total, first, most_us, count)
		? 0
		: refuse(reading->refusal, "has sums that are not those of its buckets");
}

static struct histogram sums_of(const int64_t *numbers)
{
	return (struct histogram){
		.total = (uint64_t)numbers[MEMBER_TOTAL],
		.above = (uint64_t)numbers[MEMBER_ABOVE],
		.sum_us = (uint64_t)numbers[MEMBER_SUM],
		.least_us = numbers[MEMBER_LEAST],
		.most_us = numbers[MEMBER_MOST],
	};
}

static void add_reading(struct histogram *histogram, const struct reading *reading)
{
	const struct histogram sums = sums_of(reading->numbers);
	struct json_value pair = {0};
	int64_t most_us = 0, count = 0;

	while (json_element_next(reading->text, &reading->values[MEMBER_BUCKETS], &pair) &&
		read_bucket(reading->text, &pair, &most_us, &count)) {
		histogram->counts[bucket_of(most_us)] += (uint64_t)count;
	}
	merge_sums(histogram, &sums);
}

int histogram_read(struct histogram *histogram, const char *text, const struct json_value *value,
	struct buffer *refusal)
{
	struct reading reading = {.text = text + value->start, .refusal = refusal};
	struct histogram sums;
	int status;

	if (value->kind != JSON_OBJECT) {
		return refuse(refusal, "is not an object");
	}
	status = read_members(&reading, value->length);
	status = status ? status : check_buckets(&reading);
	if (status) {
		return status;
	}
	sums = sums_of(reading.numbers);
	if (!histogram_fits(histogram, &sums)) {
		return refuse(refusal, "has more than can be added");
	}
	add_reading(histogram, &reading);
	return 0;
}
