/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/schema_reading.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve/choice.h"
#include "serve/fitting.h"
#include "json/number.h"
#include "json/reader.h"

/* A terminal may see it. */
static void append_name(struct buffer *out, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		bool control = (unsigned char)bytes[i] < 0x20 || bytes[i] == 0x7f;

		buffer_append_char(out, bytes[i]);
		if (control && !out->failed) {
			out->data[out->length - 1] = '?';
		}
	}
}

static void append_spot(struct buffer *out, const struct spot *spot)
{
	if (spot->outer) {
		append_spot(out, spot->outer);
		buffer_append_text(out, spot->kind == SPOT_NAME ? "." : "");
	}
	switch (spot->kind) {
	case SPOT_NAME:
		append_name(out, spot->bytes, spot->length);
		break;
	case SPOT_ITEM:
		buffer_append_text(out, "[]");
		break;
	case SPOT_KEY:
		buffer_append_text(out, "[key]");
		break;
	case SPOT_VALUE:
		buffer_append_text(out, "[value]");
		break;
	case SPOT_ALTERNATIVE:
		buffer_appendf(out, ".anyOf[%zu]", spot->length);
		break;
	}
}

bool reading_refuse(struct reading *reading, const struct spot *spot, const char *format, ...)
{
	struct buffer *out = reading->refusal;
	char *words = NULL;
	va_list args;

	append_spot(out, spot);
	buffer_append_text(out, ": ");
	va_start(args, format);
	if (vasprintf(&words, format, args) >= 0) {
		buffer_append_text(out, words);
		free(words);
	} else {
		out->failed = true;
	}
	va_end(args);
	return false;
}

bool reading_no_memory(struct reading *reading, const struct spot *spot)
{
	return reading_refuse(reading, spot, "there is not enough memory for it");
}

static bool is_space(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

bool reading_copy(struct reading *reading, const struct json_value *value, struct schema_text *copy,
	const struct spot *spot)
{
	const char *bytes = reading->text + value->start;
	struct buffer out = {0};
	bool in_string = false;

	for (size_t i = 0; i < value->length; i++) {
		if (in_string && bytes[i] == '\\') {
			buffer_append_char(&out, bytes[i++]);
		} else if (bytes[i] == '"') {
			in_string = !in_string;
		}
		if (in_string || !is_space(bytes[i])) {
			buffer_append_char(&out, bytes[i]);
		}
	}
	copy->length = out.length;
	copy->bytes = buffer_take(&out);
	return copy->bytes || reading_no_memory(reading, spot);
}

/* Which kind a value has as a choice; SCHEMA_ANY if it can be none. */
static enum schema_kind kind_of_choice(const struct json_value *choice)
{
	static const enum schema_kind kinds[] = {
		[JSON_NULL] = SCHEMA_NULL,
		[JSON_FALSE] = SCHEMA_BOOLEAN,
		[JSON_TRUE] = SCHEMA_BOOLEAN,
		[JSON_NUMBER] = SCHEMA_NUMBER,
		[JSON_STRING] = SCHEMA_STRING,
		[JSON_ARRAY] = SCHEMA_ANY,
		[JSON_OBJECT] = SCHEMA_ANY,
	};

	return kinds[choice->kind];
}

/* Whether it can stand beside the first one, and in the schema. */
static bool check_choice(struct reading *reading, const struct schema *schema,
	const struct json_value *choice, enum schema_kind first, const struct spot *spot)
{
	enum schema_kind kind = kind_of_choice(choice);

	if (kind == SCHEMA_ANY) {
		return reading_refuse(reading, spot, "a choice of its enum is a list or an object");
	}
	if (kind != first) {
		return reading_refuse(reading, spot, "the choices of its enum differ in type");
	}
	if (schema->kind == SCHEMA_INTEGER) {
		kind = json_whole(reading->text, choice, NULL) == -EINVAL ? kind : SCHEMA_INTEGER;
	}
	return schema->kind == SCHEMA_ANY || schema->kind == kind ||
		reading_refuse(reading, spot, "a choice of its enum is no %s",
			schema_kind_name(schema->kind));
}

static bool add_choice(struct reading *reading, struct schema *schema,
	const struct json_value *choice, const struct spot *spot)
{
	size_t count = schema->choice_count;
	struct schema_text *choices;

	if (count == SCHEMA_PARTS_MOST) {
		return reading_refuse(
			reading, spot, "its enum has more than %d choices", SCHEMA_PARTS_MOST);
	}
	choices = realloc(schema->choices, (count + 1) * sizeof(*choices));
	if (!choices) {
		return reading_no_memory(reading, spot);
	}
	schema->choices = choices;
	if (!reading_copy(reading, choice, &choices[count], spot)) {
		return false;
	}
	schema->choice_count++;
	return true;
}

bool reading_choices(struct reading *reading, struct schema *schema, const struct json_value *list,
	const struct spot *spot)
{
	enum schema_kind first = SCHEMA_ANY;
	struct json_value choice = {0};

	if (schema->kind > SCHEMA_STRING) {
		return reading_refuse(reading, spot, "an enum is for single values only");
	}
	while (json_element_next(reading->text, list, &choice)) {
		first = schema->choice_count ? first : kind_of_choice(&choice);
		if (!check_choice(reading, schema, &choice, first, spot) ||
			!add_choice(reading, schema, &choice, spot)) {
			return false;
		}
	}
	if (!schema->choice_count) {
		return reading_refuse(reading, spot, "its enum is no list of choices");
	}
	return choices_sort(schema) || reading_no_memory(reading, spot);
}

/* What a schema says of a value that does not fit as a whole. */
static bool refuse_preset(
	struct reading *reading, const struct schema *schema, const struct spot *spot)
{
	if (schema->choices) {
		return reading_refuse(reading, spot, "its default is none of its choices");
	}
	if (schema->kind == SCHEMA_UNION) {
		return reading_refuse(reading, spot, "its default is none of its alternatives");
	}
	return reading_refuse(
		reading, spot, "its default is no %s", schema_kind_name(schema->kind));
}

/* Tells the first complaint: where it is within the default, and its message. */
static bool refuse_part(struct reading *reading, const struct schema *schema,
	const struct buffer *complaint, const struct spot *spot)
{
	static const struct json_path paths[] = {{{"loc"}}, {{"msg"}}};
	struct json_value values[2];
	struct json_reader reader = {.paths = paths, .values = values, .count = 2};
	const char *text = buffer_text(complaint);
	struct buffer message = {0};
	bool refused;

	if (complaint->failed || json_read(&reader, text, complaint->length)) {
		return reading_no_memory(reading, spot);
	}
	if (values[0].length == 2 || schema->kind == SCHEMA_UNION) { /* [] */
		return refuse_preset(reading, schema, spot);
	}
	json_string_decode(&message, text, &values[1]);
	refused = reading_refuse(reading, spot, "its default does not fit at %.*s: %s",
		(int)values[0].length, text + values[0].start, buffer_text(&message));
	buffer_fini(&message);
	return refused;
}

/* Null is taken for any type: so the reference describes `names: list[str] = None`. */
bool reading_preset(struct reading *reading, struct schema *schema, const struct json_value *value,
	const struct spot *spot)
{
	struct buffer out = {0}, complaints = {0};
	struct fitting fitting = {.text = reading->text,
		.out = &out,
		.complaints = &complaints,
		.complaints_most = 1};
	bool fits = value->kind == JSON_NULL || fitting_value(&fitting, schema, value, NULL);

	if (out.failed || fitting.failed) {
		fits = reading_no_memory(reading, spot);
	} else if (!fits) {
		refuse_part(reading, schema, &complaints, spot);
	}
	fitting_fini(&fitting);
	buffer_fini(&complaints);
	buffer_fini(&out);
	return fits && reading_copy(reading, value, &schema->preset, spot);
}
