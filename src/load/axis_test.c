/* SPDX-License-Identifier: Apache-2.0 */
#include "load/axis.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_near(double found, double wanted)
{
	if (fabs(found - wanted) > 1e-9 * fmax(1, fabs(wanted))) {
		fail_msg("%.12g instead of %.12g", found, wanted);
	}
}

static void assert_ticks(const struct axis *axis, const double *ticks, size_t count)
{
	assert_int_equal(axis->tick_count, count);
	for (size_t i = 0; i < count; i++) {
		assert_near(axis->ticks[i], ticks[i]);
	}
}

#define TICKS(...)                                                                                 \
	(const double[]){__VA_ARGS__}, sizeof((const double[]){__VA_ARGS__}) / sizeof(double)

static void goes_up_in_round_steps(void **state)
{
	struct axis axis;

	(void)state;
	axis = axis_linear(1061, 200, 0);
	assert_near(axis.most, 1200);
	assert_ticks(&axis, TICKS(0, 200, 400, 600, 800, 1000, 1200));
	axis = axis_linear(120, 0, 1);
	assert_near(axis.most, 120);
	assert_ticks(&axis, TICKS(0, 20, 40, 60, 80, 100, 120));
	axis = axis_linear(121, 0, 1);
	assert_near(axis.most, 150);
	assert_ticks(&axis, TICKS(0, 50, 100, 150));
	axis = axis_linear(0, 0, 1);
	assert_near(axis.most, 1);
	assert_ticks(&axis, TICKS(0, 0.2, 0.4, 0.6, 0.8, 1));
}

static void has_the_steps_of_a_clock(void **state)
{
	struct axis axis;

	(void)state;
	axis = axis_seconds(30, 0, 1);
	assert_near(axis.most, 30);
	assert_ticks(&axis, TICKS(0, 5, 10, 15, 20, 25, 30));
	axis = axis_seconds(200, 0, 1);
	assert_ticks(&axis, TICKS(0, 30, 60, 90, 120, 150, 180));
	axis = axis_seconds(0.5, 0, 1);
	assert_near(axis.most, 0.5);
	assert_ticks(&axis, TICKS(0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5));
	axis = axis_seconds(0, 0, 1);
	assert_ticks(&axis, TICKS(0));
	axis = axis_seconds(86400.0 * 100, 0, 1); /* longer than any clock's step */
	assert_near(axis.ticks[1], 1e6);
	assert_int_equal(axis.tick_count, 9);
	axis = axis_seconds(12 * 86400.0, 0, 1);
	assert_near(axis.ticks[1], 86400);
}

static void a_logarithmic_one_has_decades_or_all_steps(void **state)
{
	struct axis axis;

	(void)state;
	axis = axis_log(420, 3600, 0, 1);
	assert_near(axis.least, 200);
	assert_near(axis.most, 5000);
	assert_ticks(&axis, TICKS(200, 500, 1000, 2000, 5000));
	axis = axis_log(420, 302000, 0, 1);
	assert_near(axis.most, 500000);
	assert_ticks(&axis, TICKS(1000, 10000, 100000));
	axis = axis_log(1, 1, 0, 1);
	assert_near(axis.least, 1);
	assert_near(axis.most, 2);
	assert_ticks(&axis, TICKS(1, 2));
	axis = axis_log(1, 3.6e9, 0, 1);
	assert_near(axis.ticks[0], 1);
	assert_int_equal(axis.tick_count, 10);
}

static void places_values(void **state)
{
	struct axis axis = axis_linear(100, 300, 100);

	(void)state;
	assert_near(axis_place(&axis, 0), 300);
	assert_near(axis_place(&axis, 50), 200);
	assert_near(axis_place(&axis, 100), 100);
	assert_near(axis_place(&axis, 1000), 100);
	assert_near(axis_place(&axis, -1), 300);
	axis = axis_log(100, 10000, 0, 10);
	assert_near(axis_place(&axis, 100), 0);
	assert_near(axis_place(&axis, 1000), 5);
	assert_near(axis_place(&axis, 10000), 10);
	assert_near(axis_place(&axis, 1e9), 10);
	assert_near(axis_place(&axis, 0), 0);
	axis = axis_seconds(0, 3, 4);
	assert_near(axis_place(&axis, 7), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_up_in_round_steps),
		cmocka_unit_test(has_the_steps_of_a_clock),
		cmocka_unit_test(a_logarithmic_one_has_decades_or_all_steps),
		cmocka_unit_test(places_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
