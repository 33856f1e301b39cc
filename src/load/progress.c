/* SPDX-License-Identifier: Apache-2.0 */
#include "load/progress.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "load/account.h"
#include "load/figure.h"

#define DRAW_MS 250
#define BEAT_NS NS_PER_S
#define PENDING_MOST (64 * 1024) /* bytes of lines that nobody reads */
#define COLUMNS_PRESET 80
#define ROWS_PRESET 24

static bool terminal_can_draw(int fd)
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

int progress_init(
	struct progress *progress, struct writer *writer, int fd, const struct load_config *config)
{
	const char *no_colour = getenv("NO_COLOR");

	*progress = (struct progress){.writer = writer, .fd = fd};
	progress->is_live = config->live == LOAD_LIVE_ALWAYS ||
		(config->live == LOAD_LIVE_AUTO && terminal_can_draw(fd));
	progress->is_json = config->service.log_format != 0;
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
	buffer_appendf(out, "%s: %s, %s in flight", figure_time(result->ran_ns).text,
		figure_rate(beat->rate).text, figure_count(result->tally.in_flight).text);
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

static void append_json(
	struct buffer *out, const struct result *result, const struct pulse_beat *beat)
{
	buffer_appendf(out,
		"{\"cmd\":\"load\",\"event\":\"progress\",\"elapsed_ms\":%lld,"
		"\"rate\":%.3f,\"in_flight\":%llu,",
		(long long)(result->ran_ns / NS_PER_MS), beat->rate,
		(unsigned long long)result->tally.in_flight);
	buffer_appendf(out, "\"p50_us\":%lld,\"p99_us\":%lld,\"failed\":%llu,\"dropped\":%llu}",
		(long long)beat->p50_us, (long long)beat->p99_us, (unsigned long long)beat->failed,
		(unsigned long long)beat->dropped);
}

static void show_line(struct progress *progress, const struct result *result)
{
	struct buffer out = {0};
	struct pulse_beat beat;

	pulse_take(&progress->pulse, result, &beat);
	if (progress->writer->pending.length > PENDING_MOST) {
		return;
	}
	if (progress->is_json) {
		append_json(&out, result, &beat);
	} else {
		progress_line(&out, result, &beat);
	}
	buffer_append_char(&out, '\n');
	if (!out.failed) {
		(void)writer_write(progress->writer, out.data, out.length);
	}
	buffer_fini(&out);
}

static void draw(struct progress *progress, const struct result *result)
{
	struct winsize size = {0};
	struct buffer out = {0};

	if (progress->writer->pending.length) {
		return;
	}
	if (ioctl(progress->fd, TIOCGWINSZ, &size) < 0 || !size.ws_col || !size.ws_row) {
		size = (struct winsize){.ws_col = COLUMNS_PRESET, .ws_row = ROWS_PRESET};
	}
	live_draw(&progress->live, &out, result, size.ws_col, size.ws_row);
	if (!out.failed) {
		(void)writer_write(progress->writer, out.data, out.length);
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
		(void)writer_write(progress->writer, out.data, out.length);
	}
	buffer_fini(&out);
}
