/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "load/fields.h"
#include "load/result.h"

#define MS INT64_C(1000000)
#define LISTED_MOST 1024 /* bytes of what is listed of all runs */
#define LISTED_MORE 8    /* of them, room for what says that there is more */

static const char too_many[] = "together they have more than can be counted";

/* Returns why the two cannot be one run, or NULL. */
static const char *misfit(const struct result *into, const struct result *from)
{
	if (into->is_open != from->is_open) {
		return into->is_open ? "its run was a closed loop, not an open one"
				     : "its run was an open loop, not a closed one";
	}
	if (into->tally.scenario_count != from->tally.scenario_count) {
		return "it has other scenarios";
	}
	for (size_t i = 0; i < into->tally.scenario_count; i++) {
		if (strcmp(into->scenarios[i], from->scenarios[i]) != 0) {
			return "it has other scenarios, or in another order";
		}
	}
	return NULL;
}

static bool counts_fit(uint64_t a, uint64_t b)
{
	return !__builtin_add_overflow(a, b, &(uint64_t){0});
}

static bool numbers_fit(int a, int b)
{
	return a <= INT_MAX - b;
}

/* All other counts of a tally are parts of these. */
static bool tallies_fit(const struct tally *a, const struct tally *b)
{
	bool fit = counts_fit(a->scheduled, b->scheduled) &&
		counts_fit(a->connections, b->connections) &&
		counts_fit(a->bytes_in, b->bytes_in) && counts_fit(a->bytes_out, b->bytes_out) &&
		histogram_fits(&a->intended, &b->intended) &&
		histogram_fits(&a->actual, &b->actual) && histogram_fits(&a->failed, &b->failed) &&
		histogram_fits(&a->lag, &b->lag) && histogram_fits(&a->connect, &b->connect);

	for (size_t i = 0; i < a->scenario_count; i++) {
		fit = fit && histogram_fits(&a->scenarios[i].latency, &b->scenarios[i].latency);
	}
	return fit;
}

static struct result_section *find_section(const struct result *result, const char *name)
{
	struct result_section *section = result->sections;

	while (section && strcmp(section->name, name) != 0) {
		section = section->next;
	}
	return section;
}

static bool sections_fit(const struct result *into, const struct result *from)
{
	const struct result_section *section;

	for (section = from->sections; section; section = section->next) {
		const struct result_section *same = find_section(into, section->name);

		if (same && same->latency_name && section->latency_name &&
			!histogram_fits(&same->latency, &section->latency)) {
			return false;
		}
	}
	return true;
}

static int64_t longer(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static bool fit(const struct result *into, const struct result *from, int64_t offset_ns)
{
	const struct load_timeline *timeline = &from->tally.timeline;

	return numbers_fit(into->connections, from->connections) &&
		numbers_fit(into->threads, from->threads) && numbers_fit(into->runs, from->runs) &&
		into->cpu_ns <= FIELD_TIME_MOST - from->cpu_ns &&
		longer(from->ran_ns, from->ended_ns) <= FIELD_TIME_MOST - offset_ns &&
		(!offset_ns ||
			(int64_t)timeline->count * timeline->width_ns <=
				TIMELINE_MOST_NS - offset_ns) &&
		tallies_fit(&into->tally, &from->tally) && sections_fit(into, from);
}

/* Adds one more to a list "a, b", unless it is there; "..." where there is no room. */
static void list(char *text, size_t size, const char *more)
{
	size_t length = strlen(text), more_length = strlen(more);
	const char *at = text;

	while ((at = strstr(at, more)) != NULL) {
		bool begins = at == text || (at - text >= 2 && memcmp(at - 2, ", ", 2) == 0);

		if (begins && (!at[more_length] || strncmp(at + more_length, ", ", 2) == 0)) {
			return;
		}
		at++;
	}
	if (length + 2 + more_length + 5 < size) {
		snprintf(text + length, size - length, "%s%s", length ? ", " : "", more);
	} else if (length < 5 || strcmp(text + length - 5, ", ...") != 0) {
		snprintf(text + length, size - length, ", ...");
	}
}

/* The same of a string in blocks. */
static int list_string(struct result *into, const char **string, const char *more)
{
	char *listed;

	if (*string && more && strcmp(*string, more) == 0) {
		return 0;
	}
	listed = field_block_new(&into->blocks, LISTED_MOST);
	if (!listed) {
		return -ENOMEM;
	}
	snprintf(listed, LISTED_MOST - LISTED_MORE, "%s", *string ? *string : "");
	list(listed, LISTED_MOST, more ? more : "");
	*string = listed;
	return 0;
}

static void merge_row(struct result_section *section, const struct result_row *row)
{
	for (size_t i = 0; i < section->row_count; i++) {
		struct result_row *same = &section->rows[i];

		if (strcmp(same->name, row->name) == 0) {
			list(same->text, sizeof(same->text), row->text);
			same->value = same->value == row->value ? row->value : NAN;
			return;
		}
	}
	if (section->row_count < RESULT_SECTION_ROWS) {
		section->rows[section->row_count++] = *row;
	}
}

/* Appends an empty one of that name. */
static struct result_section *add_section(struct result *into, const char *name)
{
	struct result_section **end = &into->sections;
	struct result_section *section = field_block_new(&into->blocks, sizeof(*section));

	while (*end) {
		end = &(*end)->next;
	}
	if (section) {
		snprintf(section->name, sizeof(section->name), "%s", name);
		*end = section;
	}
	return section;
}

static int merge_latency(
	struct result *into, struct result_section *section, const struct result_section *from)
{
	if (!from->latency_name) {
		return 0;
	}
	if (!section->latency_name) {
		size_t size = strlen(from->latency_name) + 1;
		char *name = field_block_new(&into->blocks, size);

		if (!name || histogram_init(&section->latency)) {
			return -ENOMEM;
		}
		memcpy(name, from->latency_name, size);
		section->latency_name = name;
	}
	histogram_merge(&section->latency, &from->latency);
	return 0;
}

static int merge_sections(struct result *into, const struct result *from)
{
	const struct result_section *other;
	int status = 0;

	for (other = from->sections; other && status == 0; other = other->next) {
		struct result_section *section = find_section(into, other->name);

		section = section ? section : add_section(into, other->name);
		if (!section) {
			return -ENOMEM;
		}
		for (size_t i = 0; i < other->row_count; i++) {
			merge_row(section, &other->rows[i]);
		}
		status = merge_latency(into, section, other);
	}
	return status;
}

static bool has_label(const struct words *labels, const char *label)
{
	for (size_t i = 0; i < labels->count; i++) {
		if (strcmp(labels->word[i], label) == 0) {
			return true;
		}
	}
	return false;
}

/* Those that both have. */
static int merge_labels(struct result *into, const struct result *from)
{
	struct words *both = field_block_new(&into->blocks, sizeof(*both));

	if (!both) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < into->labels->count; i++) {
		if (has_label(from->labels, into->labels->word[i])) {
			words_add(both, into->labels->word[i]);
		}
	}
	into->labels = both;
	return 0;
}

static void note_verdicts(struct result *into, const struct result *from)
{
	for (size_t i = 0; i < from->verdict_count; i++) {
		if (from->verdicts[i].broken) {
			result_note(into, "one of the runs broke %s: %s", from->verdicts[i].text,
				from->verdicts[i].found);
		}
	}
}

/* What was noted of either. */
static void merge_notes(struct result *into, const struct result *from)
{
	note_verdicts(into, into);
	into->verdict_count = 0;
	for (size_t i = 0; i < from->note_count; i++) {
		result_note(into, "%s", from->notes[i]);
	}
	note_verdicts(into, from);
}

/* INT64_MAX stays: without end. */
static int64_t later(int64_t ns, int64_t offset_ns)
{
	return ns <= FIELD_TIME_MOST ? ns + offset_ns : ns;
}

static void merge_numbers(struct result *into, const struct result *from, int64_t offset_ns)
{
	into->connections += from->connections;
	into->threads += from->threads;
	into->runs += from->runs;
	into->cpu_ns += from->cpu_ns;
	into->expects_restart = into->expects_restart || from->expects_restart;
	into->client_limited = into->client_limited || from->client_limited;
	into->began_ms = into->began_ms < from->began_ms ? into->began_ms : from->began_ms;
	into->ran_ns = longer(into->ran_ns, from->ran_ns + offset_ns);
	into->planned_ns = longer(into->planned_ns, later(from->planned_ns, offset_ns));
	into->ended_ns = longer(into->ended_ns, from->ended_ns + offset_ns);
	if (from->ending > into->ending) {
		into->ending = from->ending;
		into->signal = from->signal;
	}
	into->exit_code = into->exit_code || from->exit_code;
}

/* How much later a run began than another one, before that had ended. */
static int64_t offset_of(const struct result *into, const struct result *from)
{
	assert(from->began_ms >= into->began_ms);
	assert(from->began_ms - into->began_ms <= FIELD_TIME_MOST / MS);
	return (from->began_ms - into->began_ms) * MS;
}

int result_merge(
	struct result *into, const struct result *from, bool together, struct buffer *refusal)
{
	int64_t offset_ns = together ? offset_of(into, from) : 0;
	const char *why = misfit(into, from);
	int status;

	why = why ? why : !fit(into, from, offset_ns) ? too_many : NULL;
	if (why) {
		buffer_append_text(refusal, why);
		return -EINVAL;
	}
	status = list_string(into, &into->target, from->target);
	status = status ? status : merge_labels(into, from);
	status = status ? status : merge_sections(into, from);
	if (status) {
		return status;
	}
	if (into->run_id && (!from->run_id || strcmp(into->run_id, from->run_id) != 0)) {
		into->run_id = NULL;
	}
	list(into->plan, sizeof(into->plan), from->plan);
	merge_notes(into, from);
	merge_numbers(into, from, offset_ns);
	tally_merge_later(&into->tally, &from->tally, offset_ns);
	if (!into->is_open) { /* where only one of them has these, they would not be of all */
		histogram_reset(&into->tally.intended);
		histogram_reset(&into->tally.lag);
	}
	return 0;
}
