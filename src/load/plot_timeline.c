/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of the timeline are put together to columns, as many as can be told apart in the
 * drawing.
 */
#include <math.h>
#include <stdlib.h>

#include "load/account.h"
#include "load/axis.h"
#include "load/figure.h"
#include "load/plot.h"

#define WIDTH 1000
#define LEFT 76
#define RIGHT (WIDTH - 14)
#define RATE_TOP 14
#define RATE_BOTTOM 214
#define LATENCY_TOP 246
#define LATENCY_BOTTOM 386
#define HEIGHT 424
#define COLUMNS_MOST 230
#define LINEAR_WHOLE 6 /* a second: below, parts of one are written */
#define ABSENCES_MOST 200
#define KINDS (LOAD_OUTCOME_COUNT + 1) /* and what was dropped */

struct column {
	uint64_t kinds[KINDS];
	int64_t p50_us, p99_us; /* 0: nothing was OK */
	double begin_s, end_s;
};

struct drawing {
	const struct result *result;
	struct buffer *out;
	struct column columns[COLUMNS_MOST];
	size_t count;
	double width_s; /* of a column */
	struct axis time, rate, latency;
};

static const char *kind_word(int kind)
{
	return kind < LOAD_OUTCOME_COUNT ? load_outcome_word((enum load_outcome)kind) : "dropped";
}

/* The last column is cut where the run ended. */
static double rate_of(const struct drawing *drawing, const struct column *column, uint64_t count)
{
	double seconds = column->end_s - column->begin_s;

	return (double)count / fmax(seconds, drawing->width_s / 4);
}

static double sum_of(const struct drawing *drawing, const struct column *column)
{
	uint64_t sum = 0;

	for (int i = 0; i < KINDS; i++) {
		sum += column->kinds[i];
	}
	return rate_of(drawing, column, sum);
}

static void fill_column(struct column *column, const struct timeline_row *row)
{
	for (int i = 0; i < LOAD_OUTCOME_COUNT; i++) {
		column->kinds[i] = row->outcomes[i];
	}
	column->kinds[LOAD_OUTCOME_COUNT] = row->dropped;
	column->p50_us = load_timeline_row_percentile(row, 50) / 1000;
	column->p99_us = load_timeline_row_percentile(row, 99) / 1000;
}

static void fill_columns(struct drawing *drawing)
{
	const struct load_timeline *timeline = &drawing->result->tally.timeline;
	size_t each = (timeline->count + COLUMNS_MOST - 1) / COLUMNS_MOST;
	double row_s = (double)timeline->width_ns / 1e9;
	double ended_s = (double)drawing->result->ended_ns / 1e9;

	drawing->width_s = row_s * (double)each;
	for (size_t first = 0; first < timeline->count; first += each) {
		struct column *column = &drawing->columns[drawing->count++];
		size_t end = first + each < timeline->count ? first + each : timeline->count;
		struct timeline_row row;

		load_timeline_sum(timeline, first, end, &row);
		fill_column(column, &row);
		column->begin_s = row_s * (double)first;
		column->end_s = fmin(
			column->begin_s + drawing->width_s, fmax(ended_s, column->begin_s + row_s));
	}
}

static void find_axes(struct drawing *drawing)
{
	double most = 0, p50 = 0, p99 = 0, end = drawing->columns[drawing->count - 1].end_s;

	for (size_t i = 0; i < drawing->count; i++) {
		const struct column *column = &drawing->columns[i];

		most = fmax(most, sum_of(drawing, column));
		if (column->p99_us) {
			p50 = p50 > 0 ? fmin(p50, (double)column->p50_us) : (double)column->p50_us;
			p99 = fmax(p99, (double)column->p99_us);
		}
	}
	drawing->time = axis_seconds(end, LEFT, RIGHT);
	drawing->rate = axis_linear(most, RATE_BOTTOM, RATE_TOP);
	drawing->latency = axis_log(fmax(p50, 1), fmax(p99, 2), LATENCY_BOTTOM, LATENCY_TOP);
}

/* Axes. */

/* "0.5 s", "45 s", "1:30", "2:00:00" */
static void append_clock(struct buffer *out, double seconds, bool is_long)
{
	int whole = (int)(seconds + 0.0005);

	if (!is_long) {
		buffer_appendf(out, "%.3g s", seconds);
	} else if (whole < 3600) {
		buffer_appendf(out, "%d:%02d", whole / 60, whole % 60);
	} else {
		buffer_appendf(out, "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60);
	}
}

static void draw_time_axis(const struct drawing *drawing)
{
	const struct axis *axis = &drawing->time;

	for (size_t i = 0; i < axis->tick_count; i++) {
		double x = axis_place(axis, axis->ticks[i]);

		buffer_appendf(drawing->out,
			"<path class=\"grid\" d=\"M%.1f %dV%dM%.1f %dV%d\"/>"
			"<text x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">",
			x, RATE_TOP, RATE_BOTTOM, x, LATENCY_TOP, LATENCY_BOTTOM, x,
			LATENCY_BOTTOM + 22, x > RIGHT - 20 ? "end" : "middle");
		append_clock(drawing->out, axis->ticks[i], axis->most > 120);
		buffer_append_text(drawing->out, "</text>\n");
	}
}

static void draw_value_axis(const struct drawing *drawing, const struct axis *axis, bool is_rate)
{
	for (size_t i = 0; i < axis->tick_count; i++) {
		double y = axis_place(axis, axis->ticks[i]);
		double value = axis->ticks[i];

		buffer_appendf(drawing->out,
			"<path class=\"grid\" d=\"M%d %.1fH%d\"/>"
			"<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">",
			LEFT, y, RIGHT, LEFT - 8, y + 4.5);
		if (!is_rate) {
			buffer_append_text(
				drawing->out, figure_micros((int64_t)(value + 0.5)).text);
		} else if (axis->most < LINEAR_WHOLE) {
			buffer_appendf(drawing->out, "%.2g/s", value);
		} else {
			buffer_appendf(
				drawing->out, "%s/s", figure_count((uint64_t)(value + 0.5)).text);
		}
		buffer_append_text(drawing->out, "</text>\n");
	}
}

/* What there was. */

static void draw_absences(const struct drawing *drawing)
{
	struct timeline_absence *longest;
	size_t listed;

	if (!drawing->result->expects_restart) {
		return;
	}
	longest = calloc(ABSENCES_MOST, sizeof(*longest));
	if (!longest) {
		drawing->out->failed = true;
		return;
	}
	(void)account_absences(drawing->result, longest, ABSENCES_MOST, &listed);
	for (size_t i = 0; i < listed; i++) {
		int64_t end_ns = account_absence_end(drawing->result, &longest[i]);
		double begin = axis_place(&drawing->time, (double)longest[i].begin_ns / 1e9);
		double end = axis_place(&drawing->time, (double)end_ns / 1e9);

		buffer_appendf(drawing->out,
			"<rect class=\"absence\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" "
			"height=\"%d\"/>\n",
			begin, RATE_TOP, fmax(end - begin, 1), LATENCY_BOTTOM - RATE_TOP);
	}
	free(longest);
}

/* One shape for each kind: its part of every column, on top of the kinds before it. */
static void draw_kind(const struct drawing *drawing, int kind, double *below)
{
	buffer_appendf(drawing->out, "<path class=\"k-%s\" d=\"", kind_word(kind));
	for (size_t i = 0; i < drawing->count; i++) {
		const struct column *column = &drawing->columns[i];
		double from = axis_place(&drawing->rate, below[i]);
		double to, x = axis_place(&drawing->time, column->begin_s);

		if (!column->kinds[kind]) {
			continue;
		}
		below[i] += rate_of(drawing, column, column->kinds[kind]);
		to = axis_place(&drawing->rate, below[i]);
		buffer_appendf(drawing->out, "M%.1f %.1fV%.1fH%.1fV%.1fz", x, from, to,
			axis_place(&drawing->time, column->end_s), from);
	}
	buffer_append_text(drawing->out, "\"/>\n");
}

static bool has_kind(const struct tally *tally, int kind)
{
	return kind < LOAD_OUTCOME_COUNT ? tally->outcomes[kind] > 0 : tally->dropped > 0;
}

static void draw_kinds(const struct drawing *drawing)
{
	double below[COLUMNS_MOST] = {0};

	for (int kind = 0; kind < KINDS; kind++) {
		if (has_kind(&drawing->result->tally, kind)) {
			draw_kind(drawing, kind, below);
		}
	}
}

/* A line with a gap where nothing was OK; what stands alone is a short dash. */
static void draw_latency(const struct drawing *drawing, bool is_p99)
{
	bool is_open = false;

	buffer_appendf(drawing->out, "<path class=\"curve %s\" d=\"", is_p99 ? "p99" : "p50");
	for (size_t i = 0; i < drawing->count; i++) {
		const struct column *column = &drawing->columns[i];
		int64_t us = is_p99 ? column->p99_us : column->p50_us;
		double y = axis_place(&drawing->latency, (double)us);

		if (us) {
			buffer_appendf(drawing->out, "%c%.1f %.1fH%.1f", is_open ? 'L' : 'M',
				axis_place(&drawing->time, column->begin_s), y,
				axis_place(&drawing->time, column->end_s));
		}
		is_open = us != 0;
	}
	buffer_append_text(drawing->out, "\"/>\n");
}

/* Tells the numbers of the column that the pointer is in. */
static void draw_hit(const struct drawing *drawing, const struct column *column)
{
	double x = axis_place(&drawing->time, column->begin_s);
	double end = axis_place(&drawing->time, column->end_s);
	struct buffer *out = drawing->out;

	buffer_appendf(out,
		"<rect class=\"hit\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\"><title>", x,
		RATE_TOP, end - x, LATENCY_BOTTOM - RATE_TOP);
	buffer_appendf(out, "%s to %s", figure_time((int64_t)(column->begin_s * 1e9)).text,
		figure_time((int64_t)(column->end_s * 1e9)).text);
	for (int kind = 0; kind < KINDS; kind++) {
		if (column->kinds[kind]) {
			buffer_appendf(out, "\n%s: %s", kind_word(kind),
				figure_rate(rate_of(drawing, column, column->kinds[kind])).text);
		}
	}
	if (column->p99_us) {
		buffer_appendf(out, "\np50 %s, p99 %s", figure_micros(column->p50_us).text,
			figure_micros(column->p99_us).text);
	}
	buffer_append_text(out, "</title></rect>\n");
}

static void draw(struct drawing *drawing)
{
	fill_columns(drawing);
	find_axes(drawing);
	buffer_appendf(drawing->out,
		"<svg id=\"timeline-plot\" viewBox=\"0 0 %d %d\" role=\"img\" "
		"aria-label=\"what ended when, and how fast it was\">\n"
		"<defs><pattern id=\"hatch\" width=\"6\" height=\"6\" "
		"patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">"
		"<path class=\"hatch\" d=\"M0 0V6\"/></pattern></defs>\n",
		WIDTH, HEIGHT);
	draw_absences(drawing);
	draw_time_axis(drawing);
	draw_value_axis(drawing, &drawing->rate, true);
	draw_value_axis(drawing, &drawing->latency, false);
	draw_kinds(drawing);
	draw_latency(drawing, true);
	draw_latency(drawing, false);
	for (size_t i = 0; i < drawing->count; i++) {
		draw_hit(drawing, &drawing->columns[i]);
	}
	buffer_append_text(drawing->out, "</svg>\n");
}

void plot_timeline(struct buffer *out, const struct result *result)
{
	struct drawing *drawing;

	if (!result->tally.timeline.count) {
		buffer_append_text(out, "<p class=\"faint\">Nothing has happened.</p>\n");
		return;
	}
	drawing = calloc(1, sizeof(*drawing));
	if (!drawing) {
		out->failed = true;
		return;
	}
	drawing->result = result;
	drawing->out = out;
	draw(drawing);
	free(drawing);
}

void plot_timeline_legend(struct buffer *out, const struct result *result)
{
	for (int kind = 0; kind < KINDS; kind++) {
		if (has_kind(&result->tally, kind)) {
			buffer_appendf(out,
				"<li><svg viewBox=\"0 0 12 12\"><rect class=\"k-%s\" width=\"12\" "
				"height=\"12\" rx=\"2\"/></svg>%s</li>\n",
				kind_word(kind), kind_word(kind));
		}
	}
	if (result->expects_restart) {
		buffer_append_text(out,
			"<li><svg viewBox=\"0 0 12 12\"><rect class=\"absence\" width=\"12\" "
			"height=\"12\"/></svg>the target was away</li>\n");
	}
}
