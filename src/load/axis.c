/* SPDX-License-Identifier: Apache-2.0 */
#include "load/axis.h"

#include <math.h>

#define NEARLY 1e-9
#define LINEAR_TICKS 6
#define SECONDS_TICKS 12
#define ALL_STEPS_DECADES 2.05 /* of a logarithmic axis: on a longer one, only the decades */

static const double steps[] = {1, 2, 5};

/* Returns the next of 1, 2, 5, 10, ... times a power of ten that is not less. */
static double step_above(double value)
{
	double decade = pow(10, floor(log10(value)));

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (value <= decade * steps[i] * (1 + NEARLY)) {
			return decade * steps[i];
		}
	}
	return decade * 10;
}

static double step_below(double value)
{
	double decade = pow(10, floor(log10(value)));

	for (size_t i = sizeof(steps) / sizeof(steps[0]); i-- > 1;) {
		if (value >= decade * steps[i] * (1 - NEARLY)) {
			return decade * steps[i];
		}
	}
	return decade;
}

static void add_ticks(struct axis *axis, double step)
{
	for (int i = 0; i * step <= axis->most * (1 + NEARLY) && i < AXIS_TICKS_MOST; i++) {
		axis->ticks[axis->tick_count++] = i * step;
	}
}

struct axis axis_linear(double most, double begin, double end)
{
	double step = step_above((most > 0 ? most : 1) / LINEAR_TICKS);
	struct axis axis = {.begin = begin, .end = end};

	axis.most = ceil((most > 0 ? most : 1) / step * (1 - NEARLY)) * step;
	add_ticks(&axis, step);
	return axis;
}

struct axis axis_seconds(double most, double begin, double end)
{
	static const double clock_steps[] = {
		1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400};
	const size_t count = sizeof(clock_steps) / sizeof(clock_steps[0]);
	struct axis axis = {.most = most, .begin = begin, .end = end};
	double wanted = most / SECONDS_TICKS;
	size_t i = 0;

	if (wanted <= 0.5) {
		add_ticks(&axis, most > 0 ? step_above(wanted) : 1);
		return axis;
	}
	while (i < count - 1 && clock_steps[i] < wanted) {
		i++;
	}
	add_ticks(&axis, clock_steps[i] < wanted ? step_above(wanted) : clock_steps[i]);
	return axis;
}

struct axis axis_log(double least, double most, double begin, double end)
{
	struct axis axis = {.least = step_below(least), .begin = begin, .end = end, .is_log = true};
	double decades, value;

	axis.most = step_above(most);
	if (axis.most <= axis.least * (1 + NEARLY)) {
		axis.most = step_above(axis.least * 1.1);
	}
	decades = log10(axis.most / axis.least);
	value = decades > ALL_STEPS_DECADES ? pow(10, ceil(log10(axis.least) - NEARLY))
					    : axis.least;
	while (value <= axis.most * (1 + NEARLY) && axis.tick_count < AXIS_TICKS_MOST) {
		axis.ticks[axis.tick_count++] = value;
		value = decades > ALL_STEPS_DECADES ? value * 10 : step_above(value * 1.1);
	}
	return axis;
}

double axis_place(const struct axis *axis, double value)
{
	double part;

	if (axis->is_log) {
		part = value > axis->least
			? log(value / axis->least) / log(axis->most / axis->least)
			: 0;
	} else {
		part = axis->most > 0 ? value / axis->most : 0;
	}
	part = part < 0 ? 0 : part > 1 ? 1 : part;
	return axis->begin + part * (axis->end - axis->begin);
}
