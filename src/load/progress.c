/* SPDX-License-Identifier: Apache-2.0 */
#include "load/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "load/account.h"
#include "load/event.h"
#include "load/figure.h"

#define DRAW_MS 250
#define BEAT_NS NS_PER_S
#define PENDING_MOST (64 * 1024) /* bytes of lines that nobody reads */
#define COLUMNS_PRESET 80
#define ROWS_PRESET 24
#define EVENT_FIELDS 10

static const struct journal_event events[] = {LOAD_EVENTS(JOURNAL_EVENT)};

bool progress_terminal_can_draw(int fd)
{
	const char *term = getenv("TERM");

	return isatty(fd) && term && *term && strcmp(term, "dumb") != 0;
}

static bool locale_is_utf8(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = getenv(names[i]);

		if (value && *value) {
			return strstr(value, "UTF-8") || strstr(value, "utf8") ||
				strstr(value, "UTF8") || strstr(value, "utf-8");
		}
	}
	return false;
}

int progress_init(struct progress *progress, struct journal *journal, int fd,
	const struct load_config *config)
{
	const char *no_colour = getenv("NO_COLOR");

	*progress = (struct progress){.journal = journal, .fd = fd};
	progress->is_live = config->live == LOAD_LIVE_ALWAYS ||
		(config->live == LOAD_LIVE_AUTO && progress_terminal_can_draw(fd));
	progress->is_silent = !progress->is_live &&
		(config->stats_interval_ms <= 0 || config->stats_interval_ms == CURFEW_NEVER);
	progress->interval_ns = progress->is_silent || progress->is_live
		? 0
		: config->stats_interval_ms * NS_PER_MS;
	progress->live.colour = !no_colour || !*no_colour;
	progress->live.unicode = locale_is_utf8();
	return pulse_init(&progress->pulse);
}

void progress_fini(struct progress *progress)
{
	pulse_fini(&progress->pulse);
}

int64_t progress_period_ms(const struct progress *progress)
{
	if (progress->is_silent) {
		return CURFEW_NEVER;
	}
	return progress->is_live ? DRAW_MS : progress->interval_ns / NS_PER_MS;
}

/* Text and JSON have the same numbers; a failure is named where there is one. */

void progress_line(struct buffer *out, const struct result *result, const struct pulse_beat *beat)
{
	buffer_appendf(out, "%s: ", figure_time(result->ran_ns).text);
	if (result->step.number) {
		buffer_appendf(out, "step %u (%s), ", result->step.number,
			figure_rate(result->step.rate).text);
	}
	buffer_appendf(out, "%s, %s in flight", figure_rate(beat->rate).text,
		figure_count(result->tally.in_flight).text);
	if (beat->p99_us) {
		buffer_appendf(out, ", p50 %s, p99 %s", figure_micros(beat->p50_us).text,
			figure_micros(beat->p99_us).text);
	}
	buffer_appendf(out, ", %s failed", figure_count(beat->failed).text);
	if (account_append_lost(out, " (", beat->outcomes)) {
		buffer_append_char(out, ')');
	}
	if (result->is_open) {
		buffer_appendf(out, ", %s dropped", figure_count(beat->dropped).text);
	}
}

/* What it does not take of a slow reader the journal counts. */
static void log_event(
	struct progress *progress, const struct result *result, const struct pulse_beat *beat)
{
	const struct result_step *step = &result->step;
	struct journal_value nothing = {0};
	struct buffer failures = {0};
	char rate[32], step_rate[32];

	(void)snprintf(rate, sizeof(rate), "%.3f", beat->rate);
	(void)snprintf(step_rate, sizeof(step_rate), "%.9g", step->rate);
	(void)account_append_lost(&failures, "", beat->outcomes);
	journal_put(progress->journal, &events[LOAD_EVENT_PROGRESS],
		(const struct journal_value[]){journal_number(result->ran_ns / NS_PER_MS),
			step->number ? journal_number(step->number) : nothing,
			step->number ? journal_decimal(step_rate) : nothing, journal_decimal(rate),
			journal_number((int64_t)result->tally.in_flight),
			beat->p99_us ? journal_number(beat->p50_us) : nothing,
			beat->p99_us ? journal_number(beat->p99_us) : nothing,
			journal_number((int64_t)beat->failed),
			failures.length ? journal_bytes(failures.data, failures.length) : nothing,
			result->is_open ? journal_number((int64_t)beat->dropped) : nothing},
		EVENT_FIELDS);
	buffer_fini(&failures);
}

static void write_line(
	struct progress *progress, const struct result *result, const struct pulse_beat *beat)
{
	struct writer *writer = &progress->journal->writer;
	struct buffer out = {0};

	if (writer->pending.length > PENDING_MOST) {
		return;
	}
	progress_line(&out, result, beat);
	buffer_append_char(&out, '\n');
	if (!out.failed) {
		(void)writer_write(writer, out.data, out.length);
	}
	buffer_fini(&out);
}

static void show_line(struct progress *progress, const struct result *result)
{
	struct pulse_beat beat;

	pulse_take(&progress->pulse, result, &beat);
	if (progress->journal->format == JOURNAL_JSON) {
		log_event(progress, result, &beat);
	} else {
		write_line(progress, result, &beat);
	}
}

static void draw(struct progress *progress, const struct result *result)
{
	struct writer *writer = &progress->journal->writer;
	struct winsize size = {0};
	struct buffer out = {0};

	if (writer->pending.length) {
		return;
	}
	if (ioctl(progress->fd, TIOCGWINSZ, &size) < 0 || !size.ws_col || !size.ws_row) {
		size = (struct winsize){.ws_col = COLUMNS_PRESET, .ws_row = ROWS_PRESET};
	}
	live_draw(&progress->live, &out, result, size.ws_col, size.ws_row);
	if (!out.failed) {
		(void)writer_write(writer, out.data, out.length);
	}
	buffer_fini(&out);
}

void progress_show(struct progress *progress, const struct result *result)
{
	struct pulse_beat beat;

	if (progress->is_silent) {
		return;
	}
	if (!progress->is_live) {
		show_line(progress, result);
		return;
	}
	if (result->ended_ns - progress->pulse.at_ns >= BEAT_NS) {
		pulse_take(&progress->pulse, result, &beat);
		live_beat(&progress->live, &beat);
	}
	draw(progress, result);
}

void progress_clear(struct progress *progress)
{
	struct buffer out = {0};

	if (!progress->is_live) {
		return;
	}
	live_erase(&progress->live, &out);
	if (out.length && !out.failed) {
		(void)writer_write(&progress->journal->writer, out.data, out.length);
	}
	buffer_fini(&out);
}
