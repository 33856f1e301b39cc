/* SPDX-License-Identifier: Apache-2.0 */
#include "load/summary.h"

#include <string.h>

#include "load/account.h"
#include "load/figure.h"

#define NAME_WIDTH 18
#define LINE_WIDTH 80
#define ABSENCES_MOST 10 /* lines; the page has more */

struct summary {
	struct buffer *out;
	const struct result *result;
	bool colour;
};

enum tone { BOLD, FAINT, GOOD, DOUBTFUL, BAD };

static void begin_tone(const struct summary *summary, enum tone tone)
{
	static const char *const codes[] = {"1", "2", "32", "33", "31"};

	if (summary->colour) {
		buffer_appendf(summary->out, "\033[%sm", codes[tone]);
	}
}

static void end_tone(const struct summary *summary)
{
	if (summary->colour) {
		buffer_append_text(summary->out, "\033[0m");
	}
}

static void append_toned(const struct summary *summary, enum tone tone, const char *text)
{
	begin_tone(summary, tone);
	buffer_append_text(summary->out, text);
	end_tone(summary);
}

static void heading(const struct summary *summary, const char *text)
{
	buffer_append_char(summary->out, '\n');
	begin_tone(summary, BOLD);
	figure_append_text(summary->out, text);
	end_tone(summary);
	buffer_append_char(summary->out, '\n');
}

/* Goes to the end of a column, one blank at least. */
static void pad(struct buffer *out, size_t length, size_t width)
{
	do {
		buffer_append_char(out, ' ');
	} while (++length < width);
}

static void name(const struct summary *summary, const char *text)
{
	buffer_append_text(summary->out, "  ");
	figure_append_text(summary->out, text);
	pad(summary->out, strlen(text), NAME_WIDTH);
}

/* What was asked for, and how it ended. */

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

static void write_identity(const struct summary *summary)
{
	const struct result *result = summary->result;
	const char *separator = "  ";

	if (result->run_id) {
		buffer_append_text(summary->out, "  run ");
		figure_append_text(summary->out, result->run_id);
		separator = ", ";
	}
	for (size_t i = 0; result->labels && i < result->labels->count; i++) {
		buffer_append_text(summary->out, separator);
		figure_append_text(summary->out, result->labels->word[i]);
		separator = ", ";
	}
	if (*separator == ',') {
		buffer_append_char(summary->out, '\n');
	}
}

static void write_head(const struct summary *summary)
{
	static const enum tone tones[] = {
		[ACCOUNT_WELL] = GOOD, [ACCOUNT_DOUBTFUL] = DOUBTFUL, [ACCOUNT_BROKEN] = BAD};
	const struct result *result = summary->result;
	struct buffer *out = summary->out;

	begin_tone(summary, BOLD);
	buffer_append_text(out, "curfew load: ");
	figure_append_text(out, result->target ? result->target : "-");
	end_tone(summary);
	buffer_append_text(out, "\n  ");
	figure_append_text(out, result->plan);
	buffer_appendf(out, "; %s loop, ", result->is_open ? "open" : "closed");
	if (result->is_open) {
		buffer_appendf(out, "at most %s in flight, ",
			figure_count((uint64_t)result->connections).text);
	}
	buffer_appendf(out, "%d thread%s, seed %llu\n", result->threads,
		plural((uint64_t)result->threads), (unsigned long long)result->seed);
	write_identity(summary);
	buffer_append_text(out, "  ");
	begin_tone(summary, tones[account_mood(result)]);
	account_append_ending(out, result);
	buffer_appendf(out, " Exit code %d.", result->exit_code);
	end_tone(summary);
	buffer_append_char(out, '\n');
}

/* Counts. */

static void write_counts(const struct summary *summary)
{
	const struct tally *tally = &summary->result->tally;
	struct buffer *out = summary->out;

	heading(summary, "requests");
	name(summary, "scheduled");
	buffer_appendf(out, "%s = %s dropped + %s admitted\n", figure_count(tally->scheduled).text,
		figure_count(tally->dropped).text, figure_count(tally->admitted).text);
	name(summary, "admitted");
	buffer_appendf(out, "%s = %s succeeded + %s failed + %s in flight\n",
		figure_count(tally->admitted).text, figure_count(tally_succeeded(tally)).text,
		figure_count(tally_failed(tally)).text, figure_count(tally->in_flight).text);
	if (!tally_conserved(tally)) {
		append_toned(summary, BAD, "  These sums are wrong: a fault of curfew's.\n");
	}
	name(summary, "rate");
	buffer_appendf(out, "%s succeeded, %s ended\n",
		figure_rate(result_rate(summary->result)).text,
		figure_rate(result_ended_rate(summary->result)).text);
}

static void write_means(const struct summary *summary)
{
	const struct result *result = summary->result;
	const struct tally *tally = &result->tally;
	uint64_t ended = tally_succeeded(tally) + tally_failed(tally);
	struct buffer *out = summary->out;

	name(summary, "bytes");
	buffer_appendf(out, "%s in, %s out\n", figure_bytes(tally->bytes_in).text,
		figure_bytes(tally->bytes_out).text);
	name(summary, "connections");
	buffer_appendf(out, "%s made\n", figure_count(tally->connections).text);
	if (result->cpu_ns > 0) {
		name(summary, "processor");
		buffer_appendf(out, "%s", figure_time(result->cpu_ns).text);
		if (ended) {
			buffer_appendf(out, ", %s a request",
				figure_time(result->cpu_ns / (int64_t)ended).text);
		}
		buffer_append_char(out, '\n');
	}
}

/* Latencies. */

static void write_latency(
	const struct summary *summary, const char *what, const struct histogram *histogram)
{
	static const double percents[] = {50, 90, 99, 99.9, 100};

	if (!histogram->total) {
		return;
	}
	name(summary, what);
	for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
		buffer_appendf(summary->out, "%11s",
			figure_micros(histogram_percentile(histogram, percents[i])).text);
	}
	buffer_append_char(summary->out, '\n');
}

static void write_latencies(const struct summary *summary)
{
	const struct result *result = summary->result;
	const struct tally *tally = &result->tally;

	if (!tally->actual.total && !tally->failed.total && !tally->connect.total) {
		return;
	}
	buffer_append_char(summary->out, '\n');
	begin_tone(summary, BOLD);
	buffer_appendf(summary->out, "%-20s%11s%11s%11s%11s%11s\n", "latency", "p50", "p90", "p99",
		"p99.9", "max");
	end_tone(summary);
	if (result->is_open) {
		write_latency(summary, "from when due", &tally->intended);
		write_latency(summary, "from when sent", &tally->actual);
	} else {
		write_latency(summary, "succeeded", &tally->actual);
	}
	write_latency(summary, "failed", &tally->failed);
	write_latency(summary, "connecting", &tally->connect);
	if (result->is_open) {
		write_latency(summary, "schedule lag", &tally->lag);
	}
}

/* What became of them. */

static void write_failures(const struct summary *summary)
{
	const struct tally *tally = &summary->result->tally;

	if (!tally_failed(tally)) {
		return;
	}
	heading(summary, "failures");
	for (int i = 0; i < LOAD_OUTCOME_COUNT; i++) {
		enum load_outcome outcome = (enum load_outcome)i;

		if (outcome == LOAD_OK || !tally->outcomes[i]) {
			continue;
		}
		name(summary, load_outcome_word(outcome));
		begin_tone(summary, BAD);
		buffer_appendf(summary->out, "%11s", figure_count(tally->outcomes[i]).text);
		end_tone(summary);
		buffer_appendf(summary->out, "%9s  %s\n",
			figure_share(tally->outcomes[i], tally->admitted).text,
			load_outcome_text(outcome));
	}
}

/* Several in a line. */
static void write_statuses(const struct summary *summary)
{
	const struct tally *tally = &summary->result->tally;
	size_t column = 0; /* 0: none yet */

	for (unsigned i = 1; i < TALLY_STATUSES; i++) {
		struct figure count = figure_count(tally->statuses[i]);
		size_t length = strlen(count.text) + sizeof("  200: ") - 1;

		if (!tally->statuses[i]) {
			continue;
		}
		if (!column) {
			heading(summary, "statuses");
		} else if (column + length > LINE_WIDTH) {
			buffer_append_char(summary->out, '\n');
			column = 0;
		}
		buffer_appendf(summary->out, "  %u: %s", i, count.text);
		column += length;
	}
	if (column) {
		buffer_append_char(summary->out, '\n');
	}
}

static void write_scenarios(const struct summary *summary)
{
	const struct result *result = summary->result;

	if (!result->tally.scenario_count) {
		return;
	}
	buffer_append_char(summary->out, '\n');
	begin_tone(summary, BOLD);
	buffer_appendf(summary->out, "%-20s%11s%11s%11s%11s%11s\n", "scenarios", "succeeded",
		"failed", "p50", "p99", "max");
	end_tone(summary);
	for (size_t i = 0; i < result->tally.scenario_count; i++) {
		const struct tally_scenario *scenario = &result->tally.scenarios[i];

		name(summary, result->scenarios[i]);
		buffer_appendf(summary->out, "%11s%11s%11s%11s%11s\n",
			figure_count(scenario->outcomes[LOAD_OK]).text,
			figure_count(account_lost(scenario->outcomes)).text,
			figure_micros(histogram_percentile(&scenario->latency, 50)).text,
			figure_micros(histogram_percentile(&scenario->latency, 99)).text,
			figure_micros(scenario->latency.most_us).text);
	}
}

static void write_sections(const struct summary *summary)
{
	for (const struct result_section *section = summary->result->sections; section;
		section = section->next) {
		heading(summary, section->name);
		for (size_t i = 0; i < section->row_count; i++) {
			name(summary, section->rows[i].name);
			figure_append_text(summary->out, section->rows[i].text);
			buffer_append_char(summary->out, '\n');
		}
		if (section->latency_name) {
			write_latency(summary, section->latency_name, &section->latency);
		}
	}
}

/* With --expect-restart. */

static void write_absence(const struct summary *summary, const struct timeline_absence *absence)
{
	struct buffer *out = summary->out;
	int64_t end = account_absence_end(summary->result, absence);

	buffer_appendf(out, "  at %s for %s%s: ", figure_time(absence->begin_ns).text,
		figure_time(end - absence->begin_ns).text,
		absence->end_ns < INT64_MAX ? "" : ", and it did not come back");
	buffer_appendf(out, "%s lost, %s of them unsafe to repeat\n",
		figure_count(account_lost(absence->outcomes)).text,
		figure_count(account_unsafe(absence->outcomes)).text);
	(void)account_append_lost(out, "      ", absence->outcomes);
	buffer_append_char(out, '\n');
}

static void write_absences(const struct summary *summary)
{
	struct timeline_absence longest[ABSENCES_MOST];
	struct account_absences sum;
	size_t listed;

	if (!summary->result->expects_restart) {
		return;
	}
	sum = account_absences(summary->result, longest, ABSENCES_MOST, &listed);
	heading(summary, "absences of the target");
	if (!sum.count) {
		buffer_append_text(summary->out, "  none: it was never away\n");
	}
	for (size_t i = 0; i < listed; i++) {
		write_absence(summary, &longest[i]);
	}
	if (sum.count > listed) {
		buffer_appendf(summary->out, "  these are the %zu longest\n", listed);
	}
	if (sum.count > 1) {
		buffer_appendf(summary->out,
			"  %zu in all, away for %s: %s lost, %s of them unsafe to repeat\n",
			sum.count, figure_time(sum.away_ns).text, figure_count(sum.lost).text,
			figure_count(sum.unsafe).text);
	}
}

/* What was judged. */

static void write_verdicts(const struct summary *summary)
{
	const struct result *result = summary->result;

	if (result->verdict_count) {
		heading(summary, "thresholds");
	}
	for (size_t i = 0; i < result->verdict_count; i++) {
		const struct result_verdict *verdict = &result->verdicts[i];

		name(summary, verdict->text);
		append_toned(summary, verdict->broken ? BAD : GOOD,
			verdict->broken ? "broken" : "kept  ");
		buffer_append_text(summary->out, "  ");
		figure_append_text(summary->out, verdict->found);
		buffer_append_char(summary->out, '\n');
	}
}

static void write_notes(const struct summary *summary)
{
	const struct result *result = summary->result;

	for (size_t i = 0; i < result->note_count; i++) {
		buffer_append_text(summary->out, i ? "" : "\n");
		append_toned(summary, DOUBTFUL, "note: ");
		figure_append_text(summary->out, result->notes[i]);
		buffer_append_char(summary->out, '\n');
	}
}

void summary_write(struct buffer *out, const struct result *result, bool colour)
{
	const struct summary summary = {out, result, colour};

	write_head(&summary);
	write_counts(&summary);
	write_means(&summary);
	write_latencies(&summary);
	write_failures(&summary);
	write_statuses(&summary);
	write_scenarios(&summary);
	write_sections(&summary);
	write_absences(&summary);
	write_verdicts(&summary);
	write_notes(&summary);
}
