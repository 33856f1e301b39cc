/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "load/fields.h"
#include "load/result.h"
#include "load/result_sections.h"
#include "json/reader.h"

#define VERSION 1

static void write_version(struct buffer *out, const void *value)
{
	(void)value;
	buffer_appendf(out, "%d", VERSION);
}

static int read_version(const struct fields_reading *reading, const struct field *field,
	const struct json_value *json, void *value)
{
	uint64_t version;

	(void)field;
	(void)value;
	return fields_read_count(reading, json, &version) && version == VERSION
		? 0
		: fields_refuse(reading, "is not 1: it is of another version of curfew");
}

static const struct field_kind version_kind = {write_version, read_version};

/* Writes ["..","..."]. */
static void write_strings(struct buffer *out, const char *const *strings, size_t count)
{
	buffer_append_char(out, '[');
	for (size_t i = 0; i < count; i++) {
		buffer_append_text(out, i ? "," : "");
		fields_write_string(out, strings[i]);
	}
	buffer_append_char(out, ']');
}

/* Reads that; at most so many. */
static int read_strings(const struct fields_reading *reading, const struct json_value *json,
	size_t most, const char **strings, size_t *count)
{
	struct json_value element = {0};

	*count = 0;
	if (json->kind != JSON_ARRAY) {
		return fields_refuse(reading, "is no array");
	}
	while (json_element_next(reading->text, json, &element)) {
		if (*count == most) {
			return fields_refuse(reading, "has too many elements");
		}
		if (element.kind != JSON_STRING) {
			return fields_refuse(reading, "has what is no string");
		}
		strings[*count] = fields_read_string(reading, &element);
		if (!strings[(*count)++]) {
			return -ENOMEM;
		}
	}
	return 0;
}

static void write_labels(struct buffer *out, const void *value)
{
	const struct words *labels = *(const struct words *const *)value;

	write_strings(out, labels ? labels->word : NULL, labels ? labels->count : 0);
}

static int read_labels(const struct fields_reading *reading, const struct field *field,
	const struct json_value *json, void *value)
{
	struct words *labels = field_block_new(reading->blocks, sizeof(*labels));

	(void)field;
	if (!labels) {
		return -ENOMEM;
	}
	*(const struct words **)value = labels;
	return read_strings(reading, json, WORDS_MOST, labels->word, &labels->count);
}

static const struct field_kind labels_kind = {write_labels, read_labels};

static const char *const ending_words[] = {
#define RESULT_ENDING(name, word, text) [RESULT_##name] = word,
	RESULT_ENDINGS(RESULT_ENDING)
#undef RESULT_ENDING
};

static void write_ending(struct buffer *out, const void *value)
{
	fields_write_string(out, ending_words[*(const enum result_ending *)value]);
}

static int read_ending(const struct fields_reading *reading, const struct field *field,
	const struct json_value *json, void *value)
{
	enum result_ending ending = 0;

	(void)field;
	while (ending < RESULT_ENDING_COUNT &&
		!json_string_equal(
			reading->text, json, ending_words[ending], strlen(ending_words[ending]))) {
		ending++;
	}
	*(enum result_ending *)value = ending;
	return ending < RESULT_ENDING_COUNT ? 0 : fields_refuse(reading, "is no such word");
}

static const struct field_kind ending_kind = {write_ending, read_ending};

static void write_notes(struct buffer *out, const void *value)
{
	const struct result *result = value;
	const char *notes[RESULT_NOTES_MOST];

	for (size_t i = 0; i < result->note_count; i++) {
		notes[i] = result->notes[i];
	}
	write_strings(out, notes, result->note_count);
}

static int read_notes(const struct fields_reading *reading, const struct field *field,
	const struct json_value *json, void *value)
{
	struct result *result = value;
	const char *notes[RESULT_NOTES_MOST];
	size_t count;
	int status = read_strings(reading, json, RESULT_NOTES_MOST, notes, &count);

	(void)field;
	for (size_t i = 0; i < count && status == 0; i++) {
		if (strlen(notes[i]) >= sizeof(result->notes[i])) {
			return fields_refuse(reading, "has one that is too long");
		}
		result_note(result, "%s", notes[i]);
	}
	return status;
}

static const struct field_kind notes_kind = {write_notes, read_notes};

static const struct field verdict_fields[] = {
	{"text", &field_string, offsetof(struct result_verdict, text), 0},
	{"broken", &field_bool, offsetof(struct result_verdict, broken), 0},
	{"found", &field_text, offsetof(struct result_verdict, found),
		sizeof(((struct result_verdict *)0)->found)},
	{NULL, NULL, 0, 0},
};

static void write_verdicts(struct buffer *out, const void *value)
{
	const struct result *result = value;

	buffer_append_char(out, '[');
	for (size_t i = 0; i < result->verdict_count; i++) {
		buffer_append_text(out, i ? "," : "");
		fields_write(out, verdict_fields, &result->verdicts[i]);
	}
	buffer_append_char(out, ']');
}

static int read_verdicts(const struct fields_reading *reading, const struct field *field,
	const struct json_value *json, void *value)
{
	struct json_value element = {0};
	struct result *result = value;
	int status = 0;

	(void)field;
	if (json->kind != JSON_ARRAY) {
		return fields_refuse(reading, "is no array");
	}
	while (status == 0 && json_element_next(reading->text, json, &element)) {
		struct result_verdict *verdict = &result->verdicts[result->verdict_count];

		if (result->verdict_count++ == RESULT_VERDICTS_MOST) {
			return fields_refuse(reading, "has too many elements");
		}
		status = fields_read(reading, &element, verdict_fields, verdict, "a verdict");
		if (status == 0 && !verdict->text) {
			return fields_refuse(reading, "has one without a text");
		}
	}
	return status;
}

static const struct field_kind verdicts_kind = {write_verdicts, read_verdicts};

static void write_tally(struct buffer *out, const void *value)
{
	tally_write(out, value);
}

static int read_tally(const struct fields_reading *reading, const struct field *field,
	const struct json_value *json, void *value)
{
	struct buffer why = {0};
	int status = tally_read(value, reading->text, json, &why);

	(void)field;
	if (status == -EINVAL) {
		buffer_appendf(reading->refusal, "is refused: %s", buffer_text(&why));
	}
	buffer_fini(&why);
	return status;
}

static const struct field_kind tally_kind = {write_tally, read_tally};

static void write_scenarios(struct buffer *out, const void *value)
{
	const struct result *result = value;

	write_strings(out, result->scenarios, result->tally.scenario_count);
}

/* As many as the tally has, which was read before. */
static int read_scenarios(const struct fields_reading *reading, const struct field *field,
	const struct json_value *json, void *value)
{
	struct result *result = value;
	const char **names =
		field_block_new(reading->blocks, TALLY_SCENARIOS_MOST * sizeof(*names));
	size_t count = 0;
	int status = -ENOMEM;

	(void)field;
	if (names) {
		status = read_strings(reading, json, TALLY_SCENARIOS_MOST, names, &count);
	}
	if (status == 0 && count != result->tally.scenario_count) {
		return fields_refuse(reading, "has not as many names as the tally has scenarios");
	}
	result->scenarios = names;
	return status;
}

static const struct field_kind scenarios_kind = {write_scenarios, read_scenarios};

#define RESULT_FIELD(name, kind)                                                                   \
	{                                                                                          \
#name, &(kind), offsetof(struct result, name), 0                                   \
	}
#define RESULT_TEXT(name)                                                                          \
	{                                                                                          \
#name, &field_text, offsetof(struct result, name),                                 \
			sizeof(((struct result *)0)->name)                                         \
	}

/* In the order in which they are read, too: the tally before its scenarios' names. */
static const struct field result_fields[] = {
	{"curfew_load", &version_kind, 0, 0},
	RESULT_FIELD(target, field_string),
	RESULT_FIELD(run_id, field_string),
	RESULT_FIELD(labels, labels_kind),
	RESULT_FIELD(is_open, field_bool),
	RESULT_FIELD(connections, field_int),
	RESULT_FIELD(threads, field_int),
	RESULT_FIELD(seed, field_count),
	RESULT_TEXT(plan),
	RESULT_FIELD(expects_restart, field_bool),
	RESULT_FIELD(began_ms, field_time),
	RESULT_FIELD(ran_ns, field_time),
	RESULT_FIELD(planned_ns, field_time_or_never),
	RESULT_FIELD(ended_ns, field_time),
	RESULT_FIELD(cpu_ns, field_time),
	RESULT_FIELD(ending, ending_kind),
	RESULT_FIELD(signal, field_int),
	RESULT_FIELD(client_limited, field_bool),
	RESULT_FIELD(exit_code, field_int),
	RESULT_FIELD(runs, field_int),
	{"notes", &notes_kind, 0, 0},
	{"verdicts", &verdicts_kind, 0, 0},
	{"summary", &result_summary_kind, 0, 0},
	RESULT_FIELD(tally, tally_kind),
	{"scenarios", &scenarios_kind, 0, 0},
	RESULT_FIELD(sections, result_sections_kind),
	{NULL, NULL, 0, 0},
};

void result_write(struct buffer *out, const struct result *result)
{
	fields_write(out, result_fields, result);
	buffer_append_char(out, '\n');
}

/* The whole text; and whether it is meant to be one of ours. */
static int read_root(
	struct json_reader *reader, const char *text, size_t length, struct buffer *refusal)
{
	enum json_error error = json_read(reader, text, length);

	if (error != JSON_OK) {
		buffer_appendf(refusal, "it is no JSON: byte %zu: %s", reader->offset,
			json_error_text(error));
		return -EINVAL;
	}
	if (reader->values[0].kind == JSON_ABSENT) {
		buffer_append_text(
			refusal, "it is no result of curfew load: it has no \"curfew_load\"");
		return -EINVAL;
	}
	return 0;
}

int result_read(struct result *result, const char *text, size_t length, struct buffer *refusal)
{
	static const struct json_path path = {{"curfew_load"}};
	const struct fields_reading reading = {text, refusal, &result->blocks};
	struct json_value version;
	struct json_reader reader = {.paths = &path, .values = &version, .count = 1};
	int status = read_root(&reader, text, length, refusal);

	*result = (struct result){0};
	status = status ? status
			: fields_read(&reading, &reader.root, result_fields, result, "the result");
	if (status == 0 && result->is_open && result->tally.lag.total != result->tally.admitted) {
		buffer_append_text(refusal,
			"the result says that it has a schedule, and not when its requests were "
			"due");
		status = -EINVAL;
	}
	if (status == 0 && (result->runs < 1 || !result->target)) {
		buffer_append_text(refusal, "the result has no target, or is of no run");
		status = -EINVAL;
	}
	return status;
}
