/* SPDX-License-Identifier: Apache-2.0 */
#include "load/histogram.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "load/random.h"
#include "tests/allocation.h"
#include "json/reader.h"

#define SAMPLES 20000

static void init(struct histogram *histogram)
{
	assert_int_equal(histogram_init(histogram), 0);
}

static void record_us(struct histogram *histogram, int64_t us)
{
	histogram_record(histogram, us * 1000);
}

static int compare(const void *a, const void *b)
{
	int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;

	return (first > second) - (first < second);
}

/* From 1 us to an hour, as many short ones as long ones of each length. */
static int64_t some_us(struct random *random)
{
	return (int64_t)exp(random_unit(random) * log((double)HISTOGRAM_MOST_US));
}

static void assert_told(int64_t told, int64_t was)
{
	if (told < was || (double)told > (double)was * 1.001) {
		fail_msg("%lld us is told as %lld", (long long)was, (long long)told);
	}
}

static void tells_percentiles(void **state)
{
	static const double percents[] = {
		0, 1, 10, 25, 50, 75, 90, 95, 99, 99.9, 99.99, 99.999, 100};
	static int64_t samples[SAMPLES];
	struct histogram histogram;
	struct random random;

	(void)state;
	random_init(&random, 1, 0);
	init(&histogram);
	for (size_t count = 1; count <= SAMPLES; count++) {
		samples[count - 1] = some_us(&random);
		record_us(&histogram, samples[count - 1]);
		if (count > 10 && count != 1000 && count != SAMPLES) {
			continue;
		}
		qsort(samples, count, sizeof(samples[0]), compare);
		for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
			/* In thousandths of a percent all of these are whole. */
			uint64_t rank =
				((uint64_t)lround(percents[i] * 1000) * count + 99999) / 100000;

			assert_told(histogram_percentile(&histogram, percents[i]),
				samples[rank ? rank - 1 : 0]);
		}
		assert_int_equal(histogram.least_us, samples[0]);
		assert_int_equal(histogram.most_us, samples[count - 1]);
		assert_int_equal(histogram_percentile(&histogram, 100), samples[count - 1]);
	}
	histogram_fini(&histogram);
}

/* 99.9 is a bit more than 99.9 in binary: of 1000 it is still the 999th. */
static void finds_the_rank(void **state)
{
	struct histogram histogram;

	(void)state;
	init(&histogram);
	for (int64_t us = 1; us <= 1000; us++) {
		record_us(&histogram, us);
	}
	for (int tenth = 1; tenth <= 1000; tenth++) {
		assert_int_equal(histogram_percentile(&histogram, tenth / 10.0), tenth);
	}
	assert_int_equal(histogram_percentile(&histogram, 0), 1);
	assert_int_equal(histogram_percentile(&histogram, -1), 1);
	assert_int_equal(histogram_percentile(&histogram, 50.01), 501);
	assert_int_equal(histogram_percentile(&histogram, 101), 1000);
	assert_true(histogram_mean_us(&histogram) == 500.5);
	histogram_fini(&histogram);
}

/* Each value, and each edge of a power of two, alone: the bucket's error, not the maximum's. */
static void keeps_three_digits(void **state)
{
	struct histogram histogram;

	(void)state;
	init(&histogram);
	for (int64_t us = 1; us <= HISTOGRAM_MOST_US; us = us < 5000 ? us + 1 : us + us / 1023) {
		int64_t told;
		uint64_t count;
		size_t at = 0;

		record_us(&histogram, us);
		assert_true(histogram_next(&histogram, &at, &told, &count));
		assert_told(told, us);
		assert_true(us >= 2048 || told == us);
		assert_int_equal(count, 1);
		assert_false(histogram_next(&histogram, &at, &told, &count));
		histogram_reset(&histogram);
		assert_int_equal(histogram.total, 0);
	}
	histogram_fini(&histogram);
}

static void counts_the_extremes(void **state)
{
	struct histogram histogram;

	(void)state;
	init(&histogram);
	assert_int_equal(histogram_percentile(&histogram, 50), 0);
	assert_true(histogram_mean_us(&histogram) == 0);
	record_us(&histogram, 2100);
	assert_int_equal(histogram_percentile(&histogram, 50), 2100);
	histogram_reset(&histogram);
	histogram_record(&histogram, 0);
	assert_int_equal(histogram.least_us, 1);
	assert_int_equal(histogram_percentile(&histogram, 50), 1);
	assert_true(histogram_mean_us(&histogram) == 1);
	histogram_record(&histogram, 1);
	histogram_record(&histogram, 1000);
	assert_int_equal(histogram_percentile(&histogram, 100), 1);
	histogram_record(&histogram, 1001);
	assert_int_equal(histogram_percentile(&histogram, 100), 2);
	record_us(&histogram, HISTOGRAM_MOST_US);
	assert_int_equal(histogram.above, 0);
	record_us(&histogram, HISTOGRAM_MOST_US + 1);
	histogram_record(&histogram, INT64_MAX);
	assert_int_equal(histogram.above, 2);
	assert_int_equal(histogram.total, 7);
	assert_int_equal(histogram.least_us, 1);
	assert_int_equal(histogram_percentile(&histogram, 99), HISTOGRAM_MOST_US);
	assert_int_equal(histogram_percentile(&histogram, 100), INT64_MAX / 1000 + 1);
	assert_int_equal(histogram_count_until(&histogram, HISTOGRAM_MOST_US - 1), 4);
	assert_int_equal(histogram_count_until(&histogram, HISTOGRAM_MOST_US), 5);
	assert_int_equal(histogram_count_until(&histogram, INT64_MAX), 7);
	histogram_fini(&histogram);
}

/* A percentile is at most a value just when its rank is at most the count until it. */
static void counts_until_agrees_with_percentiles(void **state)
{
	struct histogram histogram;
	struct random random;

	(void)state;
	random_init(&random, 2, 0);
	init(&histogram);
	assert_int_equal(histogram_count_until(&histogram, 0), 0);
	for (int i = 0; i < 1000; i++) {
		record_us(&histogram, some_us(&random));
	}
	for (int i = 0; i < 300; i++) {
		int64_t us = some_us(&random);
		uint64_t until = histogram_count_until(&histogram, us);

		assert_true(!until || histogram_percentile(&histogram, (double)until / 10) <= us);
		assert_true(until == 1000 ||
			histogram_percentile(&histogram, (double)(until + 1) / 10) > us);
	}
	histogram_fini(&histogram);
}

static void assert_equal(const struct histogram *a, const struct histogram *b)
{
	struct buffer first = {0}, second = {0};

	histogram_write(&first, a);
	histogram_write(&second, b);
	assert_string_equal(buffer_text(&first), buffer_text(&second));
	buffer_fini(&first);
	buffer_fini(&second);
}

static void merges(void **state)
{
	struct histogram parts[2], both, merged;
	struct random random;

	(void)state;
	random_init(&random, 3, 0);
	init(&parts[0]);
	init(&parts[1]);
	init(&both);
	init(&merged);
	for (int i = 0; i < 1000; i++) {
		int64_t us = i % 100 ? some_us(&random) : HISTOGRAM_MOST_US + i;

		record_us(&parts[i % 3 == 0], us);
		record_us(&both, us);
	}
	histogram_merge(&merged, &merged);
	for (int i = 0; i < 2; i++) {
		histogram_merge(&merged, &parts[i]);
	}
	assert_equal(&merged, &both);
	histogram_reset(&parts[0]);
	histogram_merge(&merged, &parts[0]);
	assert_equal(&merged, &both);
	for (int i = 0; i < 2; i++) {
		histogram_fini(&parts[i]);
	}
	histogram_fini(&both);
	histogram_fini(&merged);
}

static int read_text(struct histogram *histogram, const char *text, struct buffer *refusal)
{
	struct json_reader reader = {0};

	if (json_read(&reader, text, strlen(text))) {
		fail_msg("%s: %s", text, json_error_text(reader.error));
	}
	return histogram_read(histogram, text, &reader.root, refusal);
}

static void reads_what_it_wrote(void **state)
{
	struct histogram written, read;
	struct buffer text = {0}, refusal = {0};
	struct random random;

	(void)state;
	random_init(&random, 4, 0);
	init(&written);
	init(&read);
	for (int i = 0; i < 2000; i++) {
		buffer_fini(&text);
		buffer_append_text(&text, " \n");
		histogram_write(&text, &written);
		histogram_reset(&read);
		if (read_text(&read, buffer_text(&text), &refusal)) {
			fail_msg("%s: %s", buffer_text(&text), buffer_text(&refusal));
		}
		assert_equal(&written, &read);
		record_us(&written, i == 1000 ? 2 * HISTOGRAM_MOST_US : some_us(&random));
		i += i > 10 && i < 1990 ? 50 : 0;
	}
	assert_int_equal(refusal.length, 0);
	buffer_fini(&text);
	histogram_fini(&written);
	histogram_fini(&read);
}

#define WITH(sums, buckets) "{\"digits\":3," sums ",\"buckets\":" buckets "}"
#define TWO "\"total\":2,\"above\":0,\"sum_us\":12,\"least_us\":5,\"most_us\":7"
#define NONE "\"total\":0,\"above\":0,\"sum_us\":0,\"least_us\":0,\"most_us\":0"

/* The buckets of 2100 are told as 2101, those of an hour as an hour. */
static const char *const right[] = {
	WITH(TWO, "[[5,1],[7,1]]"),
	WITH(NONE, "[]"),
	WITH("\"total\":1,\"above\":0,\"sum_us\":2100,\"least_us\":2100,\"most_us\":2100",
		"[[2101,1]]"),
	WITH("\"total\":1,\"above\":1,\"sum_us\":3600000001,\"least_us\":3600000001"
	     ",\"most_us\":3600000001",
		"[[3600000000,1]]"),
	WITH("\"total\":3,\"above\":0,\"sum_us\":7108,\"least_us\":5,\"most_us\":5003",
		"[[5,1],[2101,1],[5003,1]]"),
	WITH(TWO ",\"more\":[1]", " [ [5 , 1] , [7,1] ] "),
};

static const char *const wrong[] = {
	"null",
	"[]",
	"{}",
	"\"total\"",
	"{\"digits\":3," TWO "}",
	"{\"digits\":4," TWO ",\"buckets\":[[5,1],[7,1]]}",
	"{" TWO ",\"buckets\":[[5,1],[7,1]]}",
	WITH(TWO ",\"total\":2", "[[5,1],[7,1]]"),
	WITH(TWO, "[[5,1],[7,1]],\"buckets\":[[5,1],[7,1]]"),
	WITH(TWO, "{}"),
	WITH(TWO, "[5,7]"),
	WITH(TWO, "[[5,1],[7,1],[9,0]]"),
	WITH(TWO, "[[5,1],[7,1],[9,-1]]"),
	WITH(TWO, "[[5],[7,1]]"),
	WITH(TWO, "[[5,1,1],[7,1]]"),
	WITH(TWO, "[[7,1],[5,1]]"),
	WITH(TWO, "[[5,1],[5,1],[7,1]]"),
	WITH(TWO, "[[5,1.0],[7,1]]"),
	WITH(TWO, "[[5,\"1\"],[7,1]]"),
	WITH(TWO, "[[5,1],[7,2]]"),
	WITH(TWO, "[[5,9223372036854775807],[7,1]]"),
	WITH(TWO, "[[5,99999999999999999999],[7,1]]"),
	WITH(TWO, "[[4,1],[7,1]]"),
	WITH(TWO, "[[5,1],[8,1]]"),
	WITH(TWO, "[[-5,1],[7,1]]"),
	WITH(TWO, "[[0,1],[7,1]]"),
	WITH(TWO, "[]"),
	WITH(NONE, "[[5,1]]"),
	WITH("\"total\":3,\"above\":0,\"sum_us\":12,\"least_us\":5,\"most_us\":7", "[[5,1],[7,1]]"),
	WITH("\"total\":4,\"above\":0,\"sum_us\":25,\"least_us\":5,\"most_us\":7",
		"[[5,1],[7,1],[6,1],[7,1]]"),
	WITH("\"total\":3,\"above\":0,\"sum_us\":7108,\"least_us\":5,\"most_us\":5003",
		"[[5,1],[2100,1],[5003,1]]"),
	WITH("\"total\":0,\"above\":1,\"sum_us\":0,\"least_us\":0,\"most_us\":0", "[]"),
	WITH("\"total\":0,\"above\":0,\"sum_us\":1,\"least_us\":0,\"most_us\":0", "[]"),
	WITH("\"total\":2,\"above\":0,\"sum_us\":9,\"least_us\":5,\"most_us\":7", "[[5,1],[7,1]]"),
	WITH("\"total\":2,\"above\":0,\"sum_us\":15,\"least_us\":5,\"most_us\":7", "[[5,1],[7,1]]"),
	WITH("\"total\":2,\"above\":0,\"sum_us\":12,\"least_us\":0,\"most_us\":7", "[[5,1],[7,1]]"),
	WITH("\"total\":2,\"above\":0,\"sum_us\":12,\"least_us\":-5,\"most_us\":7",
		"[[5,1],[7,1]]"),
	WITH("\"total\":2,\"above\":1,\"sum_us\":12,\"least_us\":5,\"most_us\":7", "[[5,1],[7,1]]"),
	WITH("\"total\":2,\"above\":0,\"sum_us\":12,\"least_us\":5,\"most_us\":6", "[[5,1],[7,1]]"),
	WITH("\"total\":1,\"above\":0,\"sum_us\":2100,\"least_us\":2100,\"most_us\":2100",
		"[[2100,1]]"),
	WITH("\"total\":1,\"above\":0,\"sum_us\":3600000001,\"least_us\":3600000001"
	     ",\"most_us\":3600000001",
		"[[3600000000,1]]"),
	WITH("\"total\":1,\"above\":2,\"sum_us\":3600000001,\"least_us\":3600000001"
	     ",\"most_us\":3600000001",
		"[[3600000000,1]]"),
	WITH("\"total\":1,\"above\":0,\"sum_us\":3600000001,\"least_us\":3600000001"
	     ",\"most_us\":3600000001",
		"[[3600000001,1]]"),
};

static void refuses_what_is_none(void **state)
{
	struct histogram histogram;
	struct buffer refusal = {0}, before = {0}, after = {0};

	(void)state;
	init(&histogram);
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		if (read_text(&histogram, right[i], &refusal)) {
			fail_msg("%s: %s", right[i], buffer_text(&refusal));
		}
	}
	histogram_write(&before, &histogram);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (read_text(&histogram, wrong[i], &refusal) != -EINVAL) {
			fail_msg("%s is taken", wrong[i]);
		}
		assert_true(refusal.length > 20);
		buffer_fini(&refusal);
	}
	histogram_write(&after, &histogram);
	assert_string_equal(buffer_text(&before), buffer_text(&after));
	buffer_fini(&before);
	buffer_fini(&after);
	histogram_fini(&histogram);
}

/* Sums that could not be read again are not made. */
static void refuses_too_many(void **state)
{
	static const char most[] = WITH("\"total\":9223372036854775807,\"above\":0,\"sum_us\":"
					"9223372036854775807,\"least_us\":1,\"most_us\":1",
		"[[1,9223372036854775807]]");
	struct histogram histogram;
	struct buffer refusal = {0};

	(void)state;
	init(&histogram);
	assert_int_equal(read_text(&histogram, most, &refusal), 0);
	assert_int_equal(read_text(&histogram, right[0], &refusal), -EINVAL);
	assert_true(histogram.total == INT64_MAX && histogram.counts[5] == 0);
	buffer_fini(&refusal);
	histogram_fini(&histogram);
}

static void tells_of_missing_memory(void **state)
{
	struct histogram histogram;

	(void)state;
	allocation_fail(1);
	assert_int_equal(histogram_init(&histogram), -ENOMEM);
	assert_true(allocation_failed());
	histogram_fini(&histogram);
}

static void what_came_since_is_what_is_left(void **state)
{
	struct histogram before, now;

	(void)state;
	assert_int_equal(histogram_init(&before), 0);
	assert_int_equal(histogram_init(&now), 0);
	histogram_record(&now, 5000);
	histogram_record(&now, 9000000);
	histogram_merge(&before, &now);
	histogram_record(&now, 7000);
	histogram_record(&now, 3000000);
	histogram_subtract(&now, &before);
	assert_int_equal(now.total, 2);
	assert_int_equal(now.sum_us, 3007);
	assert_int_equal(now.least_us, 7);
	assert_int_equal(histogram_percentile(&now, 50), 7);
	assert_in_range(now.most_us, 3000, 3003);
	histogram_subtract(&now, &now);
	assert_int_equal(now.total, 0);
	assert_int_equal(now.least_us, 0);
	assert_int_equal(now.most_us, 0);
	histogram_fini(&before);
	histogram_fini(&now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_percentiles),
		cmocka_unit_test(finds_the_rank),
		cmocka_unit_test(keeps_three_digits),
		cmocka_unit_test(counts_the_extremes),
		cmocka_unit_test(counts_until_agrees_with_percentiles),
		cmocka_unit_test(merges),
		cmocka_unit_test(reads_what_it_wrote),
		cmocka_unit_test(refuses_what_is_none),
		cmocka_unit_test(refuses_too_many),
		cmocka_unit_test(tells_of_missing_memory),
		cmocka_unit_test(what_came_since_is_what_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
