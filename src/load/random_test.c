/* SPDX-License-Identifier: Apache-2.0 */
#include "load/random.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/allocation.h"

#define DRAWS 1000000

static void seeds_by_splitmix(void **state)
{
	static const uint64_t expected[] = {6457827717110365317, 3203168211198807973,
		9817491932198370423U, 4593380528125082431};
	struct random random;

	(void)state;
	random_init(&random, 1234567, 0);
	assert_memory_equal(random.state, expected, sizeof(expected));
}

static void draws_as_xoshiro(void **state)
{
	static const uint64_t expected[] = {11520, 0, 1509978240, 1215971899390074240,
		1216172134540287360, 607988272756665600, 16172922978634559625U, 8476171486693032832,
		10595114339597558777U, 2904607092377533576};
	struct random random = {.state = {1, 2, 3, 4}};

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		assert_true(random_bits(&random) == expected[i]);
	}
}

static void tells_streams_apart(void **state)
{
	struct random a, b, c, again;
	int same = 0;

	(void)state;
	random_init(&a, 1, 0);
	random_init(&b, 1, 1);
	random_init(&c, 2, 1);
	random_init(&again, 1, 1);
	for (int i = 0; i < 1000; i++) {
		uint64_t bits = random_bits(&b);

		same += random_bits(&a) == bits;
		same += random_bits(&c) == bits;
		assert_true(random_bits(&again) == bits);
	}
	assert_int_equal(same, 0);
	random_init(&a, 5, 7);
	random_init(&b, 7, 5);
	assert_true(random_bits(&a) != random_bits(&b));
}

/*
 * Pearson's statistic of what was drawn; for k classes it has the mean k - 1 and the variance twice
 * that. Five deviations are out of the question; the seeds are fixed, so that it is never luck.
 */
static void assert_likely(
	const uint64_t *drawn, const double *likelihood, size_t classes, uint64_t draws)
{
	double sum = 0, freedom = -1;

	for (size_t i = 0; i < classes; i++) {
		double expected = likelihood[i] * (double)draws;

		if (likelihood[i] == 0) {
			assert_int_equal(drawn[i], 0);
			continue;
		}
		assert_true(expected >= 5);
		sum += ((double)drawn[i] - expected) * ((double)drawn[i] - expected) / expected;
		freedom++;
	}
	if (fabs(sum - freedom) > 5 * sqrt(2 * freedom)) {
		fail_msg("chi-square is %f with %f degrees of freedom", sum, freedom);
	}
}

static void draws_below(void **state)
{
	static const uint64_t bounds[] = {2, 3, 10, 1000};
	static double likelihood[1000];
	struct random random;

	(void)state;
	random_init(&random, 5, 0);
	assert_int_equal(random_below(&random, 1), 0);
	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		uint64_t drawn[1000] = {0};

		for (size_t j = 0; j < bounds[i]; j++) {
			likelihood[j] = 1.0 / (double)bounds[i];
		}
		for (int j = 0; j < DRAWS; j++) {
			drawn[random_below(&random, bounds[i])]++;
		}
		assert_likely(drawn, likelihood, bounds[i], DRAWS);
	}
}

/* Without a rejection every third of these would be drawn twice as often. */
static void draws_below_without_bias(void **state)
{
	static const double likelihood[] = {1.0 / 3, 1.0 / 3, 1.0 / 3};
	uint64_t below = 3 * (UINT64_C(1) << 62), drawn[3] = {0};
	struct random random;

	(void)state;
	random_init(&random, 6, 0);
	for (int i = 0; i < DRAWS; i++) {
		drawn[random_below(&random, below) % 3]++;
	}
	assert_likely(drawn, likelihood, 3, DRAWS);
}

static void draws_units_and_exponentials(void **state)
{
	static double likelihood[20];
	uint64_t units[20] = {0}, quantiles[20] = {0};
	struct random random;
	double sum = 0;

	(void)state;
	random_init(&random, 7, 0);
	for (size_t i = 0; i < 20; i++) {
		likelihood[i] = 0.05;
	}
	for (int i = 0; i < DRAWS; i++) {
		double unit = random_unit(&random);
		double time = random_exponential(&random, 3);

		assert_true(unit >= 0 && unit < 1 && time >= 0 && isfinite(time));
		units[(size_t)(unit * 20)]++;
		quantiles[(size_t)(-expm1(-time / 3) * 20)]++;
		sum += time;
	}
	assert_likely(units, likelihood, 20, DRAWS);
	assert_likely(quantiles, likelihood, 20, DRAWS);
	assert_true(fabs(sum / DRAWS - 3) < 0.015);
}

static void assert_choice(const double *weights, size_t count)
{
	uint64_t *drawn = calloc(count, sizeof(*drawn));
	double *likelihood = calloc(count, sizeof(*likelihood));
	struct random_choice choice;
	struct random random;
	double sum = 0;

	assert_true(drawn && likelihood);
	for (size_t i = 0; i < count; i++) {
		sum += weights[i] / 4; /* a sum of the largest would be infinite */
	}
	for (size_t i = 0; i < count; i++) {
		likelihood[i] = weights[i] / sum / 4;
	}
	random_init(&random, 8, 0);
	assert_int_equal(random_choice_init(&choice, weights, count), 0);
	for (int i = 0; i < DRAWS; i++) {
		drawn[random_choose(&random, &choice)]++;
	}
	assert_likely(drawn, likelihood, count, DRAWS);
	random_choice_fini(&choice);
	free(drawn);
	free(likelihood);
}

static void chooses_by_weight(void **state)
{
	static const double one[] = {0.1}, pair[] = {3, 1},
			    some[] = {0, 1, 2, 0, 3.5, 100, 0.25, 0};
	static const double large[] = {1e308, 1e308, 0, 1e308}, small[] = {1e-300, 3e-300};
	static double many[1000];

	(void)state;
	for (size_t i = 0; i < 1000; i++) {
		many[i] = (double)(i % 10) / 7;
	}
	assert_choice(one, 1);
	assert_choice(pair, 2);
	assert_choice(some, 8);
	assert_choice(large, 4);
	assert_choice(small, 2);
	assert_choice(many, 1000);
}

/* Of any weights: what has none is never kept, however the sums are rounded. */
static void never_chooses_what_has_no_weight(void **state)
{
	struct random random;

	(void)state;
	random_init(&random, 9, 0);
	for (int round = 0; round < 10000; round++) {
		struct random_choice choice;
		double weights[7];

		for (size_t i = 0; i < 7; i++) {
			weights[i] = random_below(&random, 2) ? random_exponential(&random, 1) : 0;
		}
		weights[random_below(&random, 7)] = 0.1;
		assert_int_equal(random_choice_init(&choice, weights, 7), 0);
		for (size_t i = 0; i < 7; i++) {
			assert_true(weights[i] > 0 || choice.keep[i] == 0);
			assert_true(weights[i] > 0 || weights[choice.alias[i]] > 0);
		}
		random_choice_fini(&choice);
	}
}

static void refuses_what_are_no_weights(void **state)
{
	static const double wrong[][2] = {{0, 0}, {1, -1}, {1, NAN}, {NAN, 1}, {1, INFINITY}};
	static const double right[2] = {1, 2};
	struct random_choice choice;
	bool failed = true;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(random_choice_init(&choice, wrong[i], 2), -EINVAL);
	}
	assert_int_equal(random_choice_init(&choice, right, 0), -EINVAL);
	for (int n = 1; failed; n++) {
		int status;

		allocation_fail(n);
		status = random_choice_init(&choice, right, 2);
		failed = allocation_failed();
		assert_int_equal(status, failed ? -ENOMEM : 0);
		random_choice_fini(&choice);
	}
}

/* Keys from 100 on are one class, so that each has enough to be judged. */
static void assert_zipf(uint64_t count, double s)
{
	size_t classes = count < 100 ? (size_t)count : 100;
	uint64_t drawn[100] = {0};
	double likelihood[100] = {0}, sum = 0;
	struct random_zipf zipf;
	struct random random;

	for (uint64_t i = count; i > 0; i--) {
		sum += pow((double)i, -s);
	}
	for (uint64_t i = count; i > 0; i--) {
		likelihood[i > classes ? classes - 1 : i - 1] += pow((double)i, -s) / sum;
	}
	random_init(&random, 10, 0);
	random_zipf_init(&zipf, count, s);
	for (int i = 0; i < DRAWS; i++) {
		uint64_t key = random_zipf_draw(&random, &zipf);

		assert_true(key < count);
		drawn[key < classes ? key : classes - 1]++;
	}
	assert_likely(drawn, likelihood, classes, DRAWS);
}

static void draws_zipf(void **state)
{
	(void)state;
	assert_zipf(1, 1);
	assert_zipf(2, 1);
	assert_zipf(10, 0.1);
	assert_zipf(10, 3);
	assert_zipf(100, 1 - 1e-12);
	assert_zipf(1000, 0.5);
	assert_zipf(1000, 0.99);
	assert_zipf(1000, 1);
	assert_zipf(1000, 1 + 1e-9);
	assert_zipf(100000, 1.5);
}

static void draws_zipf_of_any_count(void **state)
{
	static const double exponents[] = {0.01, 0.99, 1, 1.2, 30};
	static const uint64_t counts[] = {1, UINT64_C(1) << 53, UINT64_MAX};
	struct random random;

	(void)state;
	random_init(&random, 11, 0);
	for (size_t i = 0; i < 15; i++) {
		struct random_zipf zipf;

		random_zipf_init(&zipf, counts[i / 5], exponents[i % 5]);
		for (int j = 0; j < 10000; j++) {
			assert_true(random_zipf_draw(&random, &zipf) < counts[i / 5]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seeds_by_splitmix),
		cmocka_unit_test(draws_as_xoshiro),
		cmocka_unit_test(tells_streams_apart),
		cmocka_unit_test(draws_below),
		cmocka_unit_test(draws_below_without_bias),
		cmocka_unit_test(draws_units_and_exponentials),
		cmocka_unit_test(chooses_by_weight),
		cmocka_unit_test(never_chooses_what_has_no_weight),
		cmocka_unit_test(refuses_what_are_no_weights),
		cmocka_unit_test(draws_zipf),
		cmocka_unit_test(draws_zipf_of_any_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
