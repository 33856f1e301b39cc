/* SPDX-License-Identifier: Apache-2.0 */
#include "load/html_tables.h"

#include <stdio.h>
#include <stdlib.h>

#include "load/account.h"
#include "load/figure.h"
#include "load/markup.h"

#define ABSENCES_MOST 50

/* Parts of tables. */

/* columns: between commas; the first is to the left, the others are numbers. */
static void begin_table(struct buffer *out, const char *id, const char *title, const char *columns)
{
	bool is_first = true;

	buffer_appendf(out, "<section id=\"%s\"><h2>", id);
	markup_append(out, title);
	buffer_append_text(out, "</h2>\n<div class=\"scroll\"><table><thead><tr><th>");
	for (const char *at = columns; *at; at++) {
		if (*at == ',') {
			buffer_append_text(out, "</th><th class=\"number\">");
			is_first = false;
		} else {
			buffer_append_char(out, *at);
		}
	}
	buffer_append_text(out, is_first ? "</th><th>" : "</th>");
	buffer_append_text(out, "</tr></thead><tbody>\n");
}

static void end_table(struct buffer *out)
{
	buffer_append_text(out, "</tbody></table></div></section>\n");
}

static void cell(struct buffer *out, const char *class, const char *text)
{
	buffer_appendf(out, "<td class=\"%s\">", class);
	markup_append(out, text);
	buffer_append_text(out, "</td>");
}

static void number(struct buffer *out, struct figure figure)
{
	cell(out, "number", figure.text);
}

static void begin_row(struct buffer *out, const char *name)
{
	buffer_append_text(out, "<tr>");
	cell(out, "name", name);
}

static void end_row(struct buffer *out)
{
	buffer_append_text(out, "</tr>\n");
}

static void pair(struct buffer *out, const char *name, struct figure figure)
{
	begin_row(out, name);
	number(out, figure);
	end_row(out);
}

/* Latencies. */

static void latency(struct buffer *out, const char *name, const struct histogram *histogram)
{
	static const double percents[] = {50, 90, 99, 99.9, 99.99, 100};

	if (!histogram->total) {
		return;
	}
	begin_row(out, name);
	number(out, figure_count(histogram->total));
	number(out, figure_time((int64_t)(histogram_mean_us(histogram) * 1000)));
	for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
		number(out, figure_micros(histogram_percentile(histogram, percents[i])));
	}
	end_row(out);
}

#define LATENCY_COLUMNS ",count,mean,p50,p90,p99,p99.9,p99.99,max"

void html_latencies(struct buffer *out, const struct result *result)
{
	const struct tally *tally = &result->tally;

	begin_table(out, "latencies", "Percentiles", LATENCY_COLUMNS);
	if (result->is_open) {
		latency(out, "from when due", &tally->intended);
	}
	latency(out, result->is_open ? "from when sent" : "succeeded", &tally->actual);
	latency(out, "failed", &tally->failed);
	latency(out, "connecting", &tally->connect);
	if (result->is_open) {
		latency(out, "schedule lag", &tally->lag);
	}
	end_table(out);
}

/* Counts. */

void html_accounting(struct buffer *out, const struct result *result)
{
	const struct tally *tally = &result->tally;

	buffer_append_text(out, "<p id=\"scheduled\"><b>");
	markup_append(out, figure_count(tally->scheduled).text);
	buffer_appendf(out, "</b> scheduled = <b>%s</b> dropped + <b>%s</b> admitted</p>\n",
		figure_count(tally->dropped).text, figure_count(tally->admitted).text);
	buffer_appendf(out, "<p id=\"admitted\"><b>%s</b> admitted = <b>%s</b> succeeded + ",
		figure_count(tally->admitted).text, figure_count(tally_succeeded(tally)).text);
	buffer_appendf(out, "<b>%s</b> failed + <b>%s</b> in flight at the end</p>\n",
		figure_count(tally_failed(tally)).text, figure_count(tally->in_flight).text);
	if (!tally_conserved(tally)) {
		buffer_append_text(
			out, "<p class=\"bad\">These sums are wrong: a fault of curfew's.</p>\n");
	}
}

void html_means(struct buffer *out, const struct result *result)
{
	const struct tally *tally = &result->tally;
	uint64_t ended = tally_succeeded(tally) + tally_failed(tally);

	begin_table(out, "means", "What it took", ",");
	pair(out, "ended a second, failures too", figure_rate(result_ended_rate(result)));
	pair(out, "bytes received", figure_bytes(tally->bytes_in));
	pair(out, "bytes sent", figure_bytes(tally->bytes_out));
	pair(out, "connections made", figure_count(tally->connections));
	pair(out, "processor time of curfew load", figure_time(result->cpu_ns));
	if (ended) {
		pair(out, "of that, for each request",
			figure_time(result->cpu_ns / (int64_t)ended));
	}
	end_table(out);
}

void html_outcomes(struct buffer *out, const struct result *result)
{
	const struct tally *tally = &result->tally;

	begin_table(out, "outcomes", "Outcomes", ",count,share");
	for (int i = 0; i < LOAD_OUTCOME_COUNT; i++) {
		enum load_outcome outcome = (enum load_outcome)i;

		if (!tally->outcomes[i]) {
			continue;
		}
		buffer_appendf(out,
			"<tr><td class=\"name\"><svg viewBox=\"0 0 12 12\"><rect class=\"k-%s\" "
			"width=\"12\" height=\"12\" rx=\"2\"/></svg>%s <small>",
			load_outcome_word(outcome), load_outcome_word(outcome));
		markup_append(out, load_outcome_text(outcome));
		buffer_append_text(out, "</small></td>");
		number(out, figure_count(tally->outcomes[i]));
		number(out, figure_share(tally->outcomes[i], tally->admitted));
		end_row(out);
	}
	end_table(out);
}

void html_statuses(struct buffer *out, const struct result *result)
{
	const struct tally *tally = &result->tally;
	bool has_begun = false;

	for (unsigned i = 1; i < TALLY_STATUSES; i++) {
		char name[16];

		if (!tally->statuses[i]) {
			continue;
		}
		if (!has_begun) {
			begin_table(out, "statuses", "Status codes", ",count,share");
			has_begun = true;
		}
		(void)snprintf(name, sizeof(name), "%u", i);
		begin_row(out, name);
		number(out, figure_count(tally->statuses[i]));
		number(out, figure_share(tally->statuses[i], tally->admitted));
		end_row(out);
	}
	if (has_begun) {
		end_table(out);
	}
}

void html_scenarios(struct buffer *out, const struct result *result)
{
	if (!result->tally.scenario_count) {
		return;
	}
	begin_table(out, "scenarios", "Scenarios", ",succeeded,failed,share,p50,p90,p99,p99.9,max");
	for (size_t i = 0; i < result->tally.scenario_count; i++) {
		static const double percents[] = {50, 90, 99, 99.9, 100};
		const struct tally_scenario *scenario = &result->tally.scenarios[i];
		uint64_t succeeded = scenario->outcomes[LOAD_OK];
		uint64_t failed = account_lost(scenario->outcomes);

		begin_row(out, result->scenarios[i]);
		number(out, figure_count(succeeded));
		number(out, figure_count(failed));
		number(out, figure_share(failed, succeeded + failed));
		for (size_t j = 0; j < sizeof(percents) / sizeof(percents[0]); j++) {
			number(out,
				figure_micros(
					histogram_percentile(&scenario->latency, percents[j])));
		}
		end_row(out);
	}
	end_table(out);
}

void html_sections(struct buffer *out, const struct result *result)
{
	for (const struct result_section *section = result->sections; section;
		section = section->next) {
		buffer_append_text(out, "<section class=\"told\"><h2>");
		markup_append(out, section->name);
		buffer_append_text(out, "</h2>\n<div class=\"scroll\"><table><tbody>\n");
		for (size_t i = 0; i < section->row_count; i++) {
			begin_row(out, section->rows[i].name);
			cell(out, "number", section->rows[i].text);
			end_row(out);
		}
		buffer_append_text(out, "</tbody></table></div></section>\n");
		if (section->latency_name && section->latency.total) {
			begin_table(out, "section-latency", section->latency_name, LATENCY_COLUMNS);
			latency(out, section->latency_name, &section->latency);
			end_table(out);
		}
	}
}

/* With --expect-restart. */

static void absence_row(
	struct buffer *out, const struct result *result, const struct timeline_absence *absence)
{
	int64_t end = account_absence_end(result, absence);

	begin_row(out, figure_time(absence->begin_ns).text);
	cell(out, "number",
		absence->end_ns < INT64_MAX ? figure_time(end - absence->begin_ns).text
					    : "for good");
	number(out, figure_count(account_lost(absence->outcomes)));
	number(out, figure_count(account_unsafe(absence->outcomes)));
	buffer_append_text(out, "<td class=\"number\">");
	(void)account_append_lost(out, "", absence->outcomes);
	buffer_append_text(out, "</td>");
	end_row(out);
}

void html_absences(struct buffer *out, const struct result *result)
{
	struct timeline_absence *longest;
	struct account_absences sum;
	size_t listed;

	if (!result->expects_restart) {
		return;
	}
	longest = calloc(ABSENCES_MOST, sizeof(*longest));
	if (!longest) {
		out->failed = true;
		return;
	}
	sum = account_absences(result, longest, ABSENCES_MOST, &listed);
	begin_table(out, "absences", "Absences of the target",
		"from,for,requests lost,unsafe to repeat,how");
	for (size_t i = 0; i < listed; i++) {
		absence_row(out, result, &longest[i]);
	}
	if (sum.count > 1) {
		buffer_append_text(out, "<tr class=\"sum\">");
		cell(out, "name", sum.count > listed ? "all, the longest of them above" : "all");
		number(out, figure_time(sum.away_ns));
		number(out, figure_count(sum.lost));
		number(out, figure_count(sum.unsafe));
		cell(out, "number", "");
		end_row(out);
	}
	if (!sum.count) {
		buffer_append_text(
			out, "<tr><td colspan=\"5\">none: it was never away</td></tr>\n");
	}
	end_table(out);
	free(longest);
}

void html_verdicts(struct buffer *out, const struct result *result)
{
	if (!result->verdict_count) {
		return;
	}
	begin_table(out, "verdicts", "Thresholds", "fails on,found,");
	for (size_t i = 0; i < result->verdict_count; i++) {
		const struct result_verdict *verdict = &result->verdicts[i];

		begin_row(out, verdict->text);
		cell(out, "number", verdict->found);
		cell(out, verdict->broken ? "number bad" : "number good",
			verdict->broken ? "broken" : "kept");
		end_row(out);
	}
	end_table(out);
}
