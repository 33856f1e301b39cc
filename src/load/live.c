/* SPDX-License-Identifier: Apache-2.0 */
#include "load/live.h"

#include <string.h>

#include "load/account.h"
#include "load/figure.h"

#define COLUMNS_LEAST 20

/* The lines are composed in full, then cut to the width. */
struct frame {
	struct live *live;
	struct buffer *out;
	struct buffer line;
	const struct result *result;
	size_t columns, rows;
};

void live_beat(struct live *live, const struct pulse_beat *beat)
{
	if (live->rate_count == LIVE_SECONDS) {
		memmove(&live->rates[0], &live->rates[1],
			(LIVE_SECONDS - 1) * sizeof(live->rates[0]));
		live->rate_count--;
	}
	live->rates[live->rate_count++] = beat->rate;
	live->beat = *beat;
}

/* Returns how many bytes of a text take so many columns at most, one for each character. */
static size_t cut(const char *text, size_t length, size_t columns, size_t *width)
{
	size_t at = 0;

	*width = 0;
	while (at < length && *width < columns) {
		do {
			at++;
		} while (at < length && ((unsigned char)text[at] & 0xc0) == 0x80);
		++*width;
	}
	return at;
}

/* Ends a line; tone: of ANSI's, NULL: none. The last column stays free: nothing wraps. */
static void end_line(struct frame *frame, const char *tone)
{
	struct live *live = frame->live;
	size_t width, length;

	if (live->lines + 1 < frame->rows) {
		length = cut(frame->line.data, frame->line.length, frame->columns - 1, &width);
		if (tone && live->colour) {
			buffer_appendf(frame->out, "\033[%sm", tone);
		}
		buffer_append(frame->out, frame->line.data, length);
		buffer_append_text(frame->out, tone && live->colour ? "\033[0m" : "");
		buffer_append_text(frame->out, "\033[K\r\n");
		live->lines++;
		live->widest = width > live->widest ? width : live->widest;
	}
	buffer_consume(&frame->line, frame->line.length);
}

static void draw_bar(struct frame *frame)
{
	const struct result *result = frame->result;
	size_t most = frame->columns > 70 ? 40 : frame->columns / 3;
	double part = (double)result->ran_ns / (double)result->planned_ns;
	size_t full = (size_t)(part * (double)most);

	if (result->planned_ns == INT64_MAX) {
		buffer_appendf(&frame->line, "running for %s", figure_time(result->ran_ns).text);
		end_line(frame, NULL);
		return;
	}
	for (size_t i = 0; i < most; i++) {
		buffer_append_text(&frame->line,
			frame->live->unicode ? (i < full ? "\u2588" : "\u2591")
					     : (i < full ? "#" : "."));
	}
	buffer_appendf(&frame->line, "  %s of %s", figure_time(result->ran_ns).text,
		figure_time(result->planned_ns).text);
	if (result->planned_ns > result->ran_ns) {
		buffer_appendf(&frame->line, ", %s left",
			figure_time(result->planned_ns - result->ran_ns).text);
	}
	end_line(frame, NULL);
}

static void draw_now(struct frame *frame)
{
	const struct pulse_beat *beat = &frame->live->beat;

	buffer_appendf(&frame->line, "now     %11s   in flight %s", figure_rate(beat->rate).text,
		figure_count(frame->result->tally.in_flight).text);
	if (beat->p99_us) {
		buffer_appendf(&frame->line, "   p50 %s   p99 %s", figure_micros(beat->p50_us).text,
			figure_micros(beat->p99_us).text);
	}
	end_line(frame, "1");
}

static void draw_step(struct frame *frame)
{
	const struct result *result = frame->result;
	const struct result_step *step = &result->step;

	if (!step->number) {
		return;
	}
	buffer_appendf(&frame->line, "step    %11s   number %u", figure_rate(step->rate).text,
		step->number);
	if (step->end_ns > result->ran_ns) {
		buffer_appendf(&frame->line, ", %s of %s left",
			figure_time(step->end_ns - result->ran_ns).text,
			figure_time(step->end_ns - step->begin_ns).text);
	}
	end_line(frame, NULL);
}

static void draw_run(struct frame *frame)
{
	static const struct {
		const char *text;
		double percent;
	} rows[] = {{"p50", 50}, {"p90", 90}, {"p99", 99}, {"p99.9", 99.9}, {"max", 100}};
	const struct histogram *latency = result_latency(frame->result);

	buffer_appendf(&frame->line, "all     %11s", figure_rate(result_rate(frame->result)).text);
	for (size_t i = 0; latency->total && i < sizeof(rows) / sizeof(rows[0]); i++) {
		buffer_appendf(&frame->line, "   %s %s", rows[i].text,
			figure_micros(histogram_percentile(latency, rows[i].percent)).text);
	}
	end_line(frame, NULL);
}

static void draw_failures(struct frame *frame)
{
	const struct tally *tally = &frame->result->tally;
	uint64_t failed = tally_failed(tally);

	buffer_appendf(&frame->line, "failed  %11s   %s", figure_count(failed).text,
		figure_share(failed, tally->admitted).text);
	(void)account_append_lost(&frame->line, ": ", tally->outcomes);
	end_line(frame, failed ? "31" : NULL);
	if (frame->result->is_open) {
		buffer_appendf(&frame->line, "dropped %11s   lag p99 %s",
			figure_count(tally->dropped).text,
			figure_micros(histogram_percentile(&tally->lag, 99)).text);
		end_line(frame, tally->dropped ? "33" : NULL);
	}
}

static void draw_sparkline(struct frame *frame)
{
	static const char *const blocks[] = {
		"\u2581", "\u2582", "\u2583", "\u2584", "\u2585", "\u2586", "\u2587", "\u2588"};
	static const char *const dots[] = {"_", ".", ":", "-", "=", "+", "*", "#"};
	const struct live *live = frame->live;
	double most = 0;

	for (size_t i = 0; i < live->rate_count; i++) {
		most = live->rates[i] > most ? live->rates[i] : most;
	}
	if (!live->rate_count || frame->columns < COLUMNS_LEAST + LIVE_SECONDS) {
		return;
	}
	buffer_append_text(&frame->line, "rate    ");
	for (size_t i = 0; i < live->rate_count; i++) {
		int step = most > 0 ? (int)(live->rates[i] / most * 7 + 0.5) : 0;

		buffer_append_text(&frame->line, live->unicode ? blocks[step] : dots[step]);
	}
	buffer_appendf(&frame->line, "  up to %s", figure_rate(most).text);
	end_line(frame, "36");
}

/* Where the terminal has become narrower the old lines have broken: they are left as they are. */
static void go_back(struct live *live, struct buffer *out, size_t columns)
{
	buffer_append_char(out, '\r');
	if (live->lines && live->widest < columns) {
		buffer_appendf(out, "\033[%zuA", live->lines);
	}
	live->lines = live->widest = 0;
}

void live_draw(struct live *live, struct buffer *out, const struct result *result, size_t columns,
	size_t rows)
{
	struct frame frame = {live, out, {0}, result, columns, rows};

	frame.columns = columns < COLUMNS_LEAST ? COLUMNS_LEAST : columns;
	go_back(live, out, frame.columns);
	draw_now(&frame);
	draw_step(&frame);
	draw_run(&frame);
	draw_failures(&frame);
	draw_bar(&frame);
	draw_sparkline(&frame);
	buffer_append_text(out, "\033[J");
	out->failed = out->failed || frame.line.failed;
	buffer_fini(&frame.line);
}

void live_erase(struct live *live, struct buffer *out)
{
	if (live->lines) {
		go_back(live, out, SIZE_MAX);
		buffer_append_text(out, "\033[J");
	}
}
