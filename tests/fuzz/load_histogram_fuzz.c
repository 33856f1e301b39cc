/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Results of a run that are read for a merge. What is taken is a histogram: it is told in order,
 * its counts make the total, and what is written of it is read as the same. What is refused has
 * changed nothing, and is refused in one sentence.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "load/histogram.h"
#include "json/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_empty(const struct histogram *histogram)
{
	int64_t most_us;
	uint64_t count;
	size_t at = 0;

	return !histogram->total && !histogram->above && !histogram->sum_us &&
		!histogram->least_us && !histogram->most_us &&
		!histogram_next(histogram, &at, &most_us, &count);
}

static void check_told(const struct histogram *histogram)
{
	static const double percents[] = {0, 50, 90, 99, 99.9, 100};
	int64_t last = 0, most_us;
	uint64_t count, sum = 0;
	size_t at = 0;

	for (; histogram_next(histogram, &at, &most_us, &count); last = most_us) {
		assert(count > 0 && most_us > last && most_us <= HISTOGRAM_MOST_US);
		sum += count;
		assert(histogram_count_until(histogram, most_us) + histogram->above >= sum);
	}
	assert(sum == histogram->total);
	last = 0;
	for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
		int64_t told = histogram_percentile(histogram, percents[i]);

		assert(told >= last && told <= histogram->most_us);
		assert(told >= histogram->least_us || told == HISTOGRAM_MOST_US);
		last = told;
	}
}

/* Read again, into one that is empty and into one that has as much. */
static void check_again(const struct histogram *histogram)
{
	struct buffer text = {0}, twice = {0}, refusal = {0};
	struct histogram again;
	struct json_reader reader = {0};

	histogram_write(&text, histogram);
	assert(!histogram_init(&again));
	assert(!json_read(&reader, text.data, text.length));
	assert(!histogram_read(&again, text.data, &reader.root, &refusal));
	histogram_write(&twice, &again);
	assert(!strcmp(buffer_text(&text), buffer_text(&twice)));
	if (!histogram_read(&again, text.data, &reader.root, &refusal)) {
		assert(again.total == 2 * histogram->total);
		check_told(&again);
	}
	histogram_fini(&again);
	buffer_fini(&text);
	buffer_fini(&twice);
	buffer_fini(&refusal);
}

/* In memory of the exact size, so that a step too far is found. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct histogram histogram; /* kept, since most inputs are refused */
	struct json_reader reader = {0};
	struct buffer refusal = {0};
	char *text = malloc(size ? size : 1);

	assert(text && (histogram.counts || !histogram_init(&histogram)));
	memcpy(text, data, size);
	if (!json_read(&reader, text, size)) {
		if (histogram_read(&histogram, text, &reader.root, &refusal)) {
			assert(refusal.length > 0 && !strchr(buffer_text(&refusal), '\n'));
			assert(is_empty(&histogram));
		} else {
			assert(!refusal.length);
			check_told(&histogram);
			check_again(&histogram);
			histogram_reset(&histogram);
		}
	}
	buffer_fini(&refusal);
	free(text);
	return 0;
}
