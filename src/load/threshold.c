/* SPDX-License-Identifier: Apache-2.0 */
#include "load/threshold.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define OPERATORS " (operators are >, >=, < and <=)"

static_assert(sizeof(((struct result_verdict *)0)->found) == THRESHOLD_FOUND_BYTES,
	"what is found fits into a verdict");

/* A number that was found: how many of how many, or a time, or a rate. */
struct found {
	bool is_known;
	double value;
	uint64_t count, of; /* of what has shares */
};

enum unit { UNIT_TIME, UNIT_RATE, UNIT_COUNT };

struct threshold_measure {
	const char *name; /* NULL: a percentile, or an outcome */
	enum unit unit;
	bool of_scenarios; /* can be that of one */
	struct found (*find)(const struct threshold *threshold, const struct result *result);
};

static const struct tally_scenario *scenario_of(
	const struct threshold *threshold, const struct result *result)
{
	if (threshold->scenario == SIZE_MAX) {
		return NULL;
	}
	assert(threshold->scenario < result->tally.scenario_count);
	return &result->tally.scenarios[threshold->scenario];
}

static const uint64_t *outcomes_of(const struct threshold *threshold, const struct result *result)
{
	const struct tally_scenario *scenario = scenario_of(threshold, result);

	return scenario ? scenario->outcomes : result->tally.outcomes;
}

static struct found share_of(uint64_t count, uint64_t of)
{
	return (struct found){.is_known = true, .value = (double)count, .count = count, .of = of};
}

static uint64_t ended_of(const uint64_t *outcomes)
{
	uint64_t ended = 0;

	for (size_t i = 0; i < LOAD_OUTCOME_COUNT; i++) {
		ended += outcomes[i];
	}
	return ended;
}

static struct found find_errors(const struct threshold *threshold, const struct result *result)
{
	const uint64_t *outcomes = outcomes_of(threshold, result);
	uint64_t ended = ended_of(outcomes);

	return share_of(ended - outcomes[LOAD_OK], ended);
}

static struct found find_outcome(const struct threshold *threshold, const struct result *result)
{
	const uint64_t *outcomes = outcomes_of(threshold, result);

	return share_of(outcomes[threshold->outcome], ended_of(outcomes));
}

static struct found find_dropped(const struct threshold *threshold, const struct result *result)
{
	(void)threshold;
	return share_of(result->tally.dropped, result->tally.scheduled);
}

static struct found find_in_flight(const struct threshold *threshold, const struct result *result)
{
	(void)threshold;
	return share_of(result->tally.in_flight, result->tally.admitted);
}

static struct found find_rate(const struct threshold *threshold, const struct result *result)
{
	double seconds = (double)result->ran_ns / 1e9;

	if (result->ran_ns <= 0) {
		return (struct found){0};
	}
	return (struct found){.is_known = true,
		.value = (double)outcomes_of(threshold, result)[LOAD_OK] / seconds};
}

static struct found percentile_in(
	const struct threshold *threshold, const struct histogram *histogram)
{
	return (struct found){.is_known = histogram->total,
		.value = (double)histogram_percentile(histogram, threshold->percent)};
}

static struct found mean_in(const struct histogram *histogram)
{
	return (struct found){.is_known = histogram->total, .value = histogram_mean_us(histogram)};
}

static const struct histogram *latency_of(
	const struct threshold *threshold, const struct result *result)
{
	const struct tally_scenario *scenario = scenario_of(threshold, result);

	return scenario ? &scenario->latency : result_latency(result);
}

static struct found find_latency(const struct threshold *threshold, const struct result *result)
{
	return percentile_in(threshold, latency_of(threshold, result));
}

static struct found find_mean(const struct threshold *threshold, const struct result *result)
{
	return mean_in(latency_of(threshold, result));
}

/* A closed loop has no schedule to be behind. */
static struct found no_lag(const struct result *result)
{
	return (struct found){.is_known = result->tally.admitted > 0};
}

static struct found find_lag(const struct threshold *threshold, const struct result *result)
{
	return result->is_open ? percentile_in(threshold, &result->tally.lag) : no_lag(result);
}

static struct found find_lag_mean(const struct threshold *threshold, const struct result *result)
{
	(void)threshold;
	return result->is_open ? mean_in(&result->tally.lag) : no_lag(result);
}

static struct found find_connect(const struct threshold *threshold, const struct result *result)
{
	return percentile_in(threshold, &result->tally.connect);
}

static struct found find_connect_mean(
	const struct threshold *threshold, const struct result *result)
{
	(void)threshold;
	return mean_in(&result->tally.connect);
}

/* A maximum is the percentile of 100. */
static const struct threshold_measure measures[] = {
	{"errors", UNIT_COUNT, true, find_errors},
	{"dropped", UNIT_COUNT, false, find_dropped},
	{"in_flight", UNIT_COUNT, false, find_in_flight},
	{"rate", UNIT_RATE, true, find_rate},
	{"mean", UNIT_TIME, true, find_mean},
	{"max", UNIT_TIME, true, find_latency},
	{"lag-mean", UNIT_TIME, false, find_lag_mean},
	{"lag-max", UNIT_TIME, false, find_lag},
	{"connect-mean", UNIT_TIME, false, find_connect_mean},
	{"connect-max", UNIT_TIME, false, find_connect},
};

static const struct threshold_measure outcome_measure = {NULL, UNIT_COUNT, true, find_outcome};

/* By what stands before the p. */
static const struct {
	const char *prefix;
	struct threshold_measure measure;
} percentiles[] = {
	{"p", {NULL, UNIT_TIME, true, find_latency}},
	{"lag-p", {NULL, UNIT_TIME, false, find_lag}},
	{"connect-p", {NULL, UNIT_TIME, false, find_connect}},
};

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* What is read of a text: parts of it, without the blanks around them. */
struct part {
	const char *text;
	size_t length;
};

static struct part trim(const char *text, size_t length)
{
	while (length && text[0] == ' ') {
		text++;
		length--;
	}
	while (length && text[length - 1] == ' ') {
		length--;
	}
	return (struct part){text, length};
}

static bool equals(struct part part, const char *word)
{
	return strlen(word) == part.length && memcmp(word, part.text, part.length) == 0;
}

/* Reads "12" or "12.5", and what is behind it. False: it begins with none. */
static bool read_number(struct part part, double *number, struct part *rest)
{
	size_t whole = 0, length;
	char digits[32];

	while (whole < part.length && part.text[whole] >= '0' && part.text[whole] <= '9') {
		whole++;
	}
	length = whole;
	if (whole && length + 1 < part.length && part.text[length] == '.') {
		length++;
		while (length < part.length && part.text[length] >= '0' &&
			part.text[length] <= '9') {
			length++;
		}
	}
	if (!whole || part.text[length - 1] == '.' || length >= sizeof(digits)) {
		return false;
	}
	memcpy(digits, part.text, length);
	digits[length] = '\0';
	*number = strtod(digits, NULL);
	*rest = trim(part.text + length, part.length - length);
	return true;
}

static bool read_percentile(struct threshold *threshold, struct part name)
{
	for (size_t i = 0; i < COUNT(percentiles); i++) {
		size_t length = strlen(percentiles[i].prefix);
		struct part rest;

		if (name.length > length && memcmp(name.text, percentiles[i].prefix, length) == 0 &&
			read_number((struct part){name.text + length, name.length - length},
				&threshold->percent, &rest) &&
			!rest.length && threshold->percent > 0 && threshold->percent <= 100) {
			threshold->measure = &percentiles[i].measure;
			return true;
		}
	}
	return false;
}

static int refuse_measure(struct part name, struct buffer *refusal)
{
	struct text_nearest nearest = {0};
	char word[32];

	snprintf(word, sizeof(word), "%.*s", (int)(name.length < 31 ? name.length : 31), name.text);
	nearest.word = word;
	for (size_t i = 0; i < COUNT(measures); i++) {
		text_nearest_offer(&nearest, measures[i].name);
	}
	for (enum load_outcome i = 0; i < LOAD_OUTCOME_COUNT; i++) {
		text_nearest_offer(&nearest, load_outcome_word(i));
	}
	buffer_appendf(refusal, "has no measure '%s' (", word);
	if (nearest.best) {
		buffer_appendf(refusal, "did you mean %s? ", nearest.best);
	}
	buffer_append_text(refusal,
		"There are p50, p99.9, mean, max, lag-p99, connect-p99, errors, "
		"dropped, in_flight, rate, and the outcomes such as timed_out)");
	return -EINVAL;
}

static int read_measure(struct threshold *threshold, struct part name, struct buffer *refusal)
{
	threshold->percent = 100;
	for (size_t i = 0; i < COUNT(measures); i++) {
		if (equals(name, measures[i].name)) {
			threshold->measure = &measures[i];
			return 0;
		}
	}
	threshold->outcome = load_outcome_find(name.text, name.length);
	if (threshold->outcome < LOAD_OUTCOME_COUNT) {
		threshold->measure = &outcome_measure;
		return 0;
	}
	return read_percentile(threshold, name) ? 0 : refuse_measure(name, refusal);
}

struct unit_row {
	const char *name;
	double factor;
};

static const struct unit_row times[] = {
	{"us", 1}, {"ms", 1e3}, {"s", 1e6}, {"m", 60e6}, {"h", 3600e6}, {NULL, 0}};
static const struct unit_row rates[] = {
	{"/s", 1}, {"", 1}, {"/m", 1.0 / 60}, {"/h", 1.0 / 3600}, {NULL, 0}};
static const struct unit_row counts[] = {{"", 1}, {"%", 1}, {NULL, 0}};

/* For each kind: what its values may have behind them, and what one looks like. */
static const struct {
	const struct unit_row *rows;
	const char *right;
} units[] = {
	[UNIT_TIME] = {times, "time (50ms; units are us, ms, s, m and h)"},
	[UNIT_RATE] = {rates, "rate (900/s; units are /s, /m and /h)"},
	[UNIT_COUNT] = {counts, "number or share (0, or 0.1%)"},
};

static int read_value(struct threshold *threshold, struct part value, struct buffer *refusal)
{
	enum unit unit = threshold->measure->unit;
	struct part rest;
	double number;

	for (const struct unit_row *row = units[unit].rows; row->name; row++) {
		if (read_number(value, &number, &rest) &&
			(equals(rest, row->name) || (number == 0 && !rest.length))) {
			threshold->value = number * row->factor;
			threshold->is_share = rest.length && unit == UNIT_COUNT;
			return 0;
		}
	}
	buffer_appendf(refusal, "has '%.*s' where a %s belongs",
		(int)(value.length < 40 ? value.length : 40), value.text, units[unit].right);
	return -EINVAL;
}

/* What would be right where no name is near. */
static void list_scenarios(const char *const *scenarios, size_t count, struct buffer *refusal)
{
	if (count < 2) {
		buffer_appendf(refusal, " (there %s: leave out the name)",
			count ? "is one only" : "are no scenarios");
		return;
	}
	buffer_append_text(refusal, " (there are");
	for (size_t i = 0; i < count; i++) {
		buffer_appendf(refusal, "%s %s", i ? "," : "", scenarios[i]);
	}
	buffer_append_char(refusal, ')');
}

/* Reads the name before a colon, if there is one, and moves *text behind it. */
static int read_scenario(struct threshold *threshold, const char **text,
	const char *const *scenarios, size_t count, struct buffer *refusal)
{
	const char *colon = strrchr(*text, ':');
	struct text_nearest nearest = {0};
	struct part name;
	char word[64];

	threshold->scenario = SIZE_MAX;
	if (!colon) {
		return 0;
	}
	name = trim(*text, (size_t)(colon - *text));
	snprintf(word, sizeof(word), "%.*s", (int)(name.length < 63 ? name.length : 63), name.text);
	nearest.word = word;
	for (size_t i = 0; i < count; i++) {
		if (equals(name, scenarios[i])) {
			/* One alone is all of it, and the tally has no parts then. */
			threshold->scenario = count > 1 ? i : SIZE_MAX;
			*text = colon + 1;
			return 0;
		}
		text_nearest_offer(&nearest, scenarios[i]);
	}
	buffer_appendf(refusal, "is of a scenario '%s' that there is not", word);
	if (nearest.best) {
		buffer_appendf(refusal, " (did you mean %s?)", nearest.best);
	} else {
		list_scenarios(scenarios, count, refusal);
	}
	return -EINVAL;
}

int threshold_parse(struct threshold *threshold, const char *text, const char *const *scenarios,
	size_t count, struct buffer *refusal)
{
	bool is_above, or_equal;
	size_t length;
	int status;

	*threshold = (struct threshold){.text = text};
	status = read_scenario(threshold, &text, scenarios, count, refusal);
	if (status) {
		return status;
	}
	length = strcspn(text, "<>=");
	if (!text[length] || text[length] == '=') {
		buffer_append_text(refusal, "has no operator" OPERATORS);
		return -EINVAL;
	}
	is_above = text[length] == '>';
	or_equal = text[length + 1] == '=';
	threshold->operator= is_above ? (or_equal ? THRESHOLD_ABOVE_OR_EQUAL : THRESHOLD_ABOVE)
				      : (or_equal ? THRESHOLD_BELOW_OR_EQUAL : THRESHOLD_BELOW);
	status = read_measure(threshold, trim(text, length), refusal);
	if (status == 0 && threshold->scenario != SIZE_MAX && !threshold->measure->of_scenarios) {
		buffer_appendf(refusal, "is of a scenario, but '%.*s' is not told of each",
			(int)length, text);
		status = -EINVAL;
	}
	text += length + 1 + or_equal;
	return status ? status : read_value(threshold, trim(text, strlen(text)), refusal);
}

static bool compare(double found, enum threshold_operator operator, double value)
{
	switch (operator) {
	case THRESHOLD_ABOVE:
		return found > value;
	case THRESHOLD_ABOVE_OR_EQUAL:
		return found >= value;
	case THRESHOLD_BELOW:
		return found < value;
	case THRESHOLD_BELOW_OR_EQUAL:
		return found <= value;
	}
	assert(!"an operator");
	return false;
}

/* The name of what was measured, as it was given, without its scenario. */
static struct part name_of(const struct threshold *threshold)
{
	const char *colon = strrchr(threshold->text, ':');
	const char *name = colon ? colon + 1 : threshold->text;

	return trim(name, strcspn(name, "<>"));
}

static void describe(const struct threshold *threshold, const struct found *found, char *text)
{
	struct part name = name_of(threshold);
	size_t room = THRESHOLD_FOUND_BYTES;
	int used = snprintf(
		text, room, "%.*s is ", (int)(name.length < 24 ? name.length : 24), name.text);

	text += used;
	room -= (size_t)used;
	if (!found->is_known) {
		snprintf(text, room, "not known: there was no such request");
	} else if (threshold->is_share) {
		snprintf(text, room, "%.4g %% (%" PRIu64 ")", found->value, found->count);
	} else if (threshold->measure->unit == UNIT_COUNT) {
		snprintf(text, room, "%" PRIu64, found->count);
	} else if (threshold->measure->unit == UNIT_RATE) {
		snprintf(text, room, "%.6g/s", found->value);
	} else if (found->value < 1e3) {
		snprintf(text, room, "%.4g us", found->value);
	} else if (found->value < 1e6) {
		snprintf(text, room, "%.5g ms", found->value / 1e3);
	} else {
		snprintf(text, room, "%.5g s", found->value / 1e6);
	}
}

int threshold_judge(const struct threshold *threshold, const struct result *result,
	char text[THRESHOLD_FOUND_BYTES])
{
	struct found found = threshold->measure->find(threshold, result);

	if (threshold->is_share) {
		found.value = found.of ? 100 * (double)found.count / (double)found.of : 0;
	}
	describe(threshold, &found, text);
	if (!found.is_known) {
		return -ENODATA;
	}
	return compare(found.value, threshold->operator, threshold->value);
}

void threshold_verdict(const struct threshold *threshold, const struct result *result,
	struct result_verdict *verdict)
{
	*verdict = (struct result_verdict){.text = threshold->text};
	verdict->broken = threshold_judge(threshold, result, verdict->found) != 0;
}
