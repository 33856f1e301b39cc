/* SPDX-License-Identifier: Apache-2.0 */
#include "load/html.h"

#include <string.h>
#include <time.h>

#include "load/account.h"
#include "load/figure.h"
#include "load/html_tables.h"
#include "load/markup.h"
#include "load/plot.h"

/* The head of the page. */

static void write_target(struct buffer *out, const struct result *result)
{
	markup_append(out, result->target ? result->target : "-");
}

static void write_began(struct buffer *out, const struct result *result)
{
	time_t seconds = (time_t)(result->began_ms / 1000);
	char text[40] = "";
	struct tm tm;

	if (gmtime_r(&seconds, &tm)) {
		(void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm);
	}
	buffer_append_text(out, text);
}

static void write_mood(struct buffer *out, const struct result *result)
{
	static const char *const words[] = {[ACCOUNT_WELL] = "well",
		[ACCOUNT_DOUBTFUL] = "doubtful",
		[ACCOUNT_BROKEN] = "broken"};

	buffer_append_text(out, words[account_mood(result)]);
}

static void write_ending(struct buffer *out, const struct result *result)
{
	account_append_ending(out, result);
	buffer_appendf(out, " <small>exit code %d</small>", result->exit_code);
}

static void write_plan(struct buffer *out, const struct result *result)
{
	markup_append(out, result->plan);
	buffer_append_text(out, result->is_open ? "; open loop" : "; closed loop");
	if (result->is_open) {
		buffer_appendf(out, ", at most %s in flight",
			figure_count((uint64_t)result->connections).text);
	}
	buffer_appendf(out, "; %d thread%s, seed %llu", result->threads,
		result->threads == 1 ? "" : "s", (unsigned long long)result->seed);
}

static void write_labels(struct buffer *out, const struct result *result)
{
	if (result->run_id) {
		buffer_append_text(out, "<li>run ");
		markup_append(out, result->run_id);
		buffer_append_text(out, "</li>\n");
	}
	for (size_t i = 0; result->labels && i < result->labels->count; i++) {
		buffer_append_text(out, "<li>");
		markup_append(out, result->labels->word[i]);
		buffer_append_text(out, "</li>\n");
	}
}

static void write_notes(struct buffer *out, const struct result *result)
{
	for (size_t i = 0; i < result->note_count; i++) {
		buffer_append_text(out, "<li>");
		markup_append(out, result->notes[i]);
		buffer_append_text(out, "</li>\n");
	}
}

/* The headline numbers. */

static void headline(struct buffer *out, const char *class, struct figure figure, const char *what)
{
	buffer_appendf(out, "<div class=\"%s\"><b>", class);
	markup_append(out, figure.text);
	buffer_appendf(out, "</b><span class=\"faint\">%s</span></div>\n", what);
}

static void write_headlines(struct buffer *out, const struct result *result)
{
	const struct histogram *latency = result_latency(result);
	const struct tally *tally = &result->tally;
	uint64_t failed = tally_failed(tally);
	struct account_absences absences;
	size_t listed;

	headline(out, "", figure_rate(result_rate(result)), "succeeded a second");
	headline(out, "", figure_count(tally_succeeded(tally)), "succeeded");
	headline(out, failed ? "bad" : "", figure_share(failed, tally->admitted), "failed");
	headline(out, "", figure_micros(histogram_percentile(latency, 50)), "p50");
	headline(out, "", figure_micros(histogram_percentile(latency, 99)), "p99");
	headline(out, "", figure_micros(latency->most_us), "the slowest");
	if (tally->dropped) {
		headline(out, "warn", figure_count(tally->dropped), "dropped: no place in flight");
	}
	if (result->expects_restart) {
		absences = account_absences(result, NULL, 0, &listed);
		headline(out, absences.count ? "bad" : "", figure_time(absences.away_ns),
			"the target was away");
	}
}

/* The template. */

static const struct {
	const char *name;
	void (*write)(struct buffer *out, const struct result *result);
} parts[] = {
	{"absences", html_absences},
	{"accounting", html_accounting},
	{"began", write_began},
	{"ending", write_ending},
	{"headlines", write_headlines},
	{"labels", write_labels},
	{"latencies", html_latencies},
	{"latency-legend", plot_latency_legend},
	{"latency-plot", plot_latency},
	{"means", html_means},
	{"mood", write_mood},
	{"notes", write_notes},
	{"outcomes", html_outcomes},
	{"plan", write_plan},
	{"scenarios", html_scenarios},
	{"sections", html_sections},
	{"statuses", html_statuses},
	{"target", write_target},
	{"timeline-legend", plot_timeline_legend},
	{"timeline-plot", plot_timeline},
	{"verdicts", html_verdicts},
};

static void write_part(
	struct buffer *out, const struct result *result, const char *name, size_t length)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (strlen(parts[i].name) == length && !memcmp(parts[i].name, name, length)) {
			parts[i].write(out, result);
			return;
		}
	}
}

void html_write(struct buffer *out, const struct result *result)
{
	static const char open[] = "<!--{", close[] = "}-->";
	const char *at = report_page;
	const char *mark;

	while ((mark = strstr(at, open))) {
		const char *name = mark + strlen(open);
		const char *end = strstr(name, close);

		buffer_append(out, at, (size_t)(mark - at));
		write_part(out, result, name, (size_t)(end - name));
		at = end + strlen(close);
	}
	buffer_append_text(out, at);
}
