/* SPDX-License-Identifier: Apache-2.0 */
#include "load/plot.h"

#include <math.h>

#include "load/axis.h"
#include "load/figure.h"

#define WIDTH 1000
#define HEIGHT 340
#define LEFT 76
#define RIGHT (WIDTH - 14)
#define TOP 14
#define BOTTOM (HEIGHT - 40)
#define STEP 2 /* of the curve, in the drawing's units */
#define DECADES_LEAST 2
#define DECADES_MOST 6

/* The part of requests, 0 to 100 percent, that a place stands for: each decade is one nine more. */
static double percent_at(double x, double decades)
{
	return 100 * (1 - pow(10, -(x - LEFT) / (RIGHT - LEFT) * decades));
}

static double place_of(double percent, double decades)
{
	return LEFT + -log10(1 - percent / 100) / decades * (RIGHT - LEFT);
}

static double decades_of(const struct histogram *histogram)
{
	double decades = histogram->total ? ceil(log10((double)histogram->total)) : 0;

	return fmin(fmax(decades, DECADES_LEAST), DECADES_MOST);
}

static void append_curve(struct buffer *out, const struct histogram *histogram, const char *class,
	const struct axis *axis, double decades)
{
	char command = 'M';

	buffer_appendf(out, "<path class=\"curve %s\" d=\"", class);
	for (int x = LEFT; x <= RIGHT; x += STEP) {
		int64_t us = histogram_percentile(histogram, percent_at(x, decades));

		buffer_appendf(out, "%c%d %.1f", command, x, axis_place(axis, (double)us));
		command = 'L';
	}
	buffer_append_text(out, "\"/>\n");
}

static void append_dots(struct buffer *out, const struct histogram *histogram, const char *class,
	const char *what, const struct axis *axis, double decades)
{
	static const struct {
		const char *text;
		double percent;
	} dots[] = {{"50", 50}, {"90", 90}, {"99", 99}, {"99.9", 99.9}, {"99.99", 99.99},
		{"99.999", 99.999}};

	for (size_t i = 0; i < sizeof(dots) / sizeof(dots[0]); i++) {
		int64_t us = histogram_percentile(histogram, dots[i].percent);
		double x = place_of(dots[i].percent, decades);

		if (x <= RIGHT) {
			buffer_appendf(out,
				"<circle class=\"dot %s\" cx=\"%.1f\" cy=\"%.1f\" "
				"r=\"5\"><title>p%s %s: %s</title></circle>\n",
				class, x, axis_place(axis, (double)us), dots[i].text, what,
				figure_micros(us).text);
		}
	}
}

static void append_percent_ticks(struct buffer *out, double decades)
{
	static const struct {
		const char *text;
		double percent;
	} ticks[] = {{"0", 0}, {"50 %", 50}, {"90 %", 90}, {"99 %", 99}, {"99.9 %", 99.9},
		{"99.99 %", 99.99}, {"99.999 %", 99.999}, {"99.9999 %", 99.9999}};

	for (size_t i = 0; i < sizeof(ticks) / sizeof(ticks[0]); i++) {
		double x = place_of(ticks[i].percent, decades);

		if (x > RIGHT + 0.5) {
			break;
		}
		buffer_appendf(out,
			"<path class=\"grid\" d=\"M%.1f %dV%d\"/>"
			"<text x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">%s</text>\n",
			x, TOP, BOTTOM, x, BOTTOM + 22, x > RIGHT - 40 ? "end" : "middle",
			ticks[i].text);
	}
}

static void append_time_ticks(struct buffer *out, const struct axis *axis)
{
	for (size_t i = 0; i < axis->tick_count; i++) {
		double y = axis_place(axis, axis->ticks[i]);

		buffer_appendf(out,
			"<path class=\"grid\" d=\"M%d %.1fH%d\"/>"
			"<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
			LEFT, y, RIGHT, LEFT - 8, y + 4.5,
			figure_micros((int64_t)(axis->ticks[i] + 0.5)).text);
	}
}

void plot_latency(struct buffer *out, const struct result *result)
{
	const struct histogram *actual = &result->tally.actual;
	const struct histogram *intended = result->is_open ? &result->tally.intended : actual;
	double decades = decades_of(actual);
	struct axis axis;

	if (!actual->total) {
		buffer_append_text(out, "<p class=\"faint\">No request has succeeded.</p>\n");
		return;
	}
	axis = axis_log((double)actual->least_us, fmax((double)intended->most_us, 2), BOTTOM, TOP);
	buffer_appendf(out,
		"<svg id=\"latency-plot\" viewBox=\"0 0 %d %d\" role=\"img\" "
		"aria-label=\"latency by percentile\">\n",
		WIDTH, HEIGHT);
	append_percent_ticks(out, decades);
	append_time_ticks(out, &axis);
	append_curve(out, actual, "actual", &axis, decades);
	append_dots(out, actual, "actual", "from when sent", &axis, decades);
	if (result->is_open) {
		append_curve(out, intended, "intended", &axis, decades);
		append_dots(out, intended, "intended", "from when due", &axis, decades);
	}
	buffer_append_text(out, "</svg>\n");
}

void plot_latency_legend(struct buffer *out, const struct result *result)
{
	static const char key[] = "<li><svg viewBox=\"0 0 12 12\"><path class=\"key %s\" "
				  "d=\"M0 6H12\"/></svg>%s</li>\n";

	if (result->is_open) {
		buffer_appendf(out, key, "intended", "from when it was due");
	}
	buffer_appendf(out, key, "actual", "from when it was sent");
}
