/* SPDX-License-Identifier: Apache-2.0 */
/* Where values stand in a plot, and which of them are written beside it. */
#ifndef LOAD_AXIS_H
#define LOAD_AXIS_H

#include <stdbool.h>
#include <stddef.h>

#define AXIS_TICKS_MOST 16

/* From the least value at `begin` to the most at `end`, which are places in the drawing. */
struct axis {
	double least, most;
	double begin, end;
	bool is_log;
	double ticks[AXIS_TICKS_MOST];
	size_t tick_count;
};

/* Up from 0, in steps of 1, 2 or 5, to the first one that is not less. */
struct axis axis_linear(double most, double begin, double end);

/* Between steps of 1, 2 or 5 of any power of ten; both are above 0. */
struct axis axis_log(double least, double most, double begin, double end);

/* Up from 0 to exactly there, in steps that a clock has; seconds. */
struct axis axis_seconds(double most, double begin, double end);

/* Values beyond the axis are at its ends. */
double axis_place(const struct axis *axis, double value);

#endif
