/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process wrote, checked by one table: each member with what it must be, and what is done
 * with it. All are checked before any is kept. A name that comes twice counts as it came last.
 */
#include <errno.h>

#include "serve/envelope_text.h"
#include "json/reader.h"

static bool fits_any(const char *text, const struct json_value *value)
{
	(void)text;
	(void)value;
	return true;
}

static bool fits_boolean(const char *text, const struct json_value *value)
{
	(void)text;
	return value->kind == JSON_TRUE || value->kind == JSON_FALSE;
}

static bool fits_string_or_null(const char *text, const struct json_value *value)
{
	(void)text;
	return value->kind == JSON_STRING || value->kind == JSON_NULL;
}

static bool fits_object(const char *text, const struct json_value *value)
{
	(void)text;
	return value->kind == JSON_OBJECT;
}

static bool fits_list(const char *text, const struct json_value *value)
{
	(void)text;
	return value->kind == JSON_ARRAY;
}

static bool fits_strings(const char *text, const struct json_value *value)
{
	struct json_value element = {0};

	while (json_element_next(text, value, &element)) {
		if (element.kind != JSON_STRING) {
			return false;
		}
	}
	return value->kind == JSON_ARRAY;
}

/* An answer has a body, and these have none. */
static bool fits_status(const char *text, const struct json_value *value)
{
	int64_t status;

	return json_integer(text, value, &status) && status >= 200 && status <= 599 &&
		status != 204 && status != 205 && status != 304;
}

struct usage {
	struct json_value value, name;
};

/* The places are in the element's own text. */
static bool read_usage(const char *text, const struct json_value *element, struct usage *usage)
{
	static const struct json_path paths[] = {{{"value"}}, {{"name"}}};
	struct json_value values[2];
	struct json_reader reader = {.paths = paths, .values = values, .count = 2};
	int64_t integer;

	if (json_read(&reader, text + element->start, element->length) != JSON_OK) {
		return false;
	}
	*usage = (struct usage){.value = values[0], .name = values[1]};
	return usage->name.kind == JSON_STRING &&
		json_integer(text + element->start, &usage->value, &integer);
}

static bool fits_usage(const char *text, const struct json_value *value)
{
	struct json_value element = {0};
	struct usage usage;

	while (json_element_next(text, value, &element)) {
		if (!read_usage(text, &element, &usage)) {
			return false;
		}
	}
	return value->kind == JSON_ARRAY;
}

/* Two members of each element are written, in our order. */
static int keep_usage(struct envelope *envelope, const char *text, const struct json_value *value)
{
	struct buffer *list = &envelope->usage;
	size_t before = list->length;
	struct json_value element = {0};
	struct usage usage;

	while (json_element_next(text, value, &element) && read_usage(text, &element, &usage)) {
		const char *own = text + element.start;

		envelope_append_comma(list);
		buffer_append_text(list, "{\"value\":");
		buffer_append(list, own + usage.value.start, usage.value.length);
		buffer_append_text(list, ",\"name\":");
		buffer_append(list, own + usage.name.start, usage.name.length);
		buffer_append_char(list, '}');
	}
	return envelope_settle(envelope, list, before);
}

static int keep_json(struct envelope *envelope, struct buffer *member, const char *text,
	const struct json_value *value)
{
	size_t before = member->length;
	int error;

	envelope_append_line(member, text + value->start, value->length);
	error = envelope_settle(envelope, member, before);
	if (!error) {
		buffer_consume(member, before);
	}
	return error;
}

static int keep_elements(struct envelope *envelope, struct buffer *list, const char *text,
	const struct json_value *array)
{
	size_t before = list->length;
	struct json_value element = {0};

	while (json_element_next(text, array, &element)) {
		envelope_append_comma(list);
		envelope_append_line(list, text + element.start, element.length);
	}
	return envelope_settle(envelope, list, before);
}

static int keep_output(struct envelope *envelope, const char *text, const struct json_value *value)
{
	return keep_json(envelope, &envelope->output, text, value);
}

static int keep_file_data(
	struct envelope *envelope, const char *text, const struct json_value *value)
{
	return keep_json(envelope, &envelope->file_data, text, value);
}

static int keep_new_records(
	struct envelope *envelope, const char *text, const struct json_value *value)
{
	return keep_elements(envelope, &envelope->new_records, text, value);
}

static int keep_infos(struct envelope *envelope, const char *text, const struct json_value *value)
{
	return keep_elements(envelope, &envelope->infos, text, value);
}

static int keep_warnings(
	struct envelope *envelope, const char *text, const struct json_value *value)
{
	return keep_elements(envelope, &envelope->warnings, text, value);
}

static int keep_terminate(
	struct envelope *envelope, const char *text, const struct json_value *value)
{
	(void)text;
	envelope->terminate_current = value->kind == JSON_TRUE;
	envelope->touched = true;
	return 0;
}

static int keep_status(struct envelope *envelope, const char *text, const struct json_value *value)
{
	int64_t status = 0;

	(void)json_integer(text, value, &status);
	envelope->status_code = (int)status;
	envelope->touched = true;
	return 0;
}

static int keep_text(struct envelope *envelope, const char *text, const struct json_value *value)
{
	envelope->text.length = 0;
	envelope->has_text = value->kind == JSON_STRING;
	if (envelope->has_text) {
		json_string_decode(&envelope->text, text, value);
	}
	return envelope_settle(envelope, &envelope->text, 0);
}

static int keep_nothing(struct envelope *envelope, const char *text, const struct json_value *value)
{
	(void)envelope;
	(void)text;
	(void)value;
	return 0;
}

/* Name, the name of a part of it or NULL, what fits, what is kept, and what it must be. */
#define MEMBERS(X)                                                                                 \
	X("end", NULL, fits_boolean, keep_nothing, "true or false")                                \
	X("output", NULL, fits_any, keep_output, "any value")                                      \
	X("file_data", NULL, fits_any, keep_file_data, "any value")                                \
	X("usage", NULL, fits_usage, keep_usage,                                                   \
		"a list of {\"value\": integer, \"name\": string}")                                \
	X("status_code", NULL, fits_status, keep_status,                                           \
		"a status of 200 to 599 whose answer has a body")                                  \
	X("status_code_text", NULL, fits_string_or_null, keep_text, "a string, or null")           \
	X("message_channels", NULL, fits_object, keep_nothing, "an object")                        \
	X("message_channels", "infos", fits_strings, keep_infos, "a list of strings")              \
	X("message_channels", "warnings", fits_strings, keep_warnings, "a list of strings")        \
	X("filedata_meta", NULL, fits_object, keep_nothing, "an object")                           \
	X("filedata_meta", "terminate_current", fits_boolean, keep_terminate, "true or false")     \
	X("filedata_meta", "new_records", fits_list, keep_new_records, "a list")

#define MEMBER_PATH(name, part, fits, keep, wanted) {{name, part}},
static const struct json_path paths[] = {MEMBERS(MEMBER_PATH)};

#define MEMBER_COUNT (sizeof(paths) / sizeof(paths[0]))
#define MEMBER_END 0 /* its place in the table */

#define MEMBER_ROW(name, part, fits, keep, wanted) {fits, keep, wanted},
static const struct member {
	bool (*fits)(const char *text, const struct json_value *value);
	/* Returns 0 or -ENOMEM. */
	int (*keep)(struct envelope *envelope, const char *text, const struct json_value *value);
	const char *wanted;
} members[] = {MEMBERS(MEMBER_ROW)};

static int refuse_member(struct buffer *refusal, size_t member)
{
	const char *const *keys = paths[member].keys;

	buffer_appendf(refusal, "\"%s%s%s\" must be %s", keys[0], keys[1] ? "." : "",
		keys[1] ? keys[1] : "", members[member].wanted);
	return -EINVAL;
}

static int check(
	struct json_reader *reader, const char *line, size_t length, struct buffer *refusal)
{
	if (json_read(reader, line, length) != JSON_OK) {
		buffer_appendf(refusal, "it is no JSON: byte %zu: %s", reader->offset,
			json_error_text(reader->error));
		return -EINVAL;
	}
	if (reader->root.kind != JSON_OBJECT) {
		buffer_append_text(refusal, "it is no JSON object");
		return -EINVAL;
	}
	for (size_t i = 0; i < MEMBER_COUNT; i++) {
		const struct json_value *value = &reader->values[i];

		if (value->kind != JSON_ABSENT && !members[i].fits(line, value)) {
			return refuse_member(refusal, i);
		}
	}
	return 0;
}

int envelope_read(struct envelope *envelope, const char *line, size_t length, bool *ended,
	struct buffer *refusal)
{
	struct json_value values[MEMBER_COUNT];
	struct json_reader reader = {.paths = paths, .values = values, .count = MEMBER_COUNT};
	int error = check(&reader, line, length, refusal);

	for (size_t i = 0; !error && i < MEMBER_COUNT; i++) {
		if (values[i].kind != JSON_ABSENT) {
			error = members[i].keep(envelope, line, &values[i]);
		}
	}
	*ended = !error && values[MEMBER_END].kind == JSON_TRUE;
	return error;
}
