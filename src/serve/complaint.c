/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wrong with a value, in the words of pydantic 2, which clients of such services know how
 * to show. Each part is bounded, since names and choices can be long.
 */
#include <string.h>

#include "serve/arguments.h"
#include "serve/fitting.h"
#include "json/escape.h"

#define KEY_MOST 256      /* bytes of a name that is told */
#define LABEL_MOST 256    /* of a type */
#define CHOICES_MOST 1024 /* of the choices */

const struct complaint complaint_missing = {"missing", "Field required"};
const struct complaint complaint_fraction = {
	"int_from_float", "Input should be a valid integer, got a number with a fractional part"};
const struct complaint complaint_choice = {"enum", NULL};
const struct complaint complaint_presets = {
	"too_long", "Input should not leave more than 16 MB to be filled in with defaults"};

const struct complaint *complaint_of_kind(enum schema_kind kind)
{
	static const struct complaint complaints[] = {
		[SCHEMA_NULL] = {"none_required", "Input should be None"},
		[SCHEMA_BOOLEAN] = {"bool_type", "Input should be a valid boolean"},
		[SCHEMA_INTEGER] = {"int_type", "Input should be a valid integer"},
		[SCHEMA_NUMBER] = {"float_type", "Input should be a valid number"},
		[SCHEMA_STRING] = {"string_type", "Input should be a valid string"},
		[SCHEMA_ARRAY] = {"list_type", "Input should be a valid list"},
		[SCHEMA_OBJECT] = {"dict_type", "Input should be a valid dictionary"},
	};

	return &complaints[kind];
}

static void append_label(struct buffer *out, const struct schema *schema, size_t start);

static void append_union(struct buffer *out, const struct schema *schema, size_t start)
{
	size_t types = 0;
	bool first = true;

	for (size_t i = 0; i < schema->alternative_count; i++) {
		types += schema->alternatives[i]->kind != SCHEMA_NULL;
	}
	buffer_append_text(out, types < schema->alternative_count ? "nullable[" : "");
	buffer_append_text(out, types > 1 ? "union[" : "");
	for (size_t i = 0; i < schema->alternative_count; i++) {
		if (schema->alternatives[i]->kind != SCHEMA_NULL) {
			buffer_append_text(out, first ? "" : ",");
			append_label(out, schema->alternatives[i], start);
			first = false;
		}
	}
	buffer_append_text(out, types > 1 ? "]" : "");
	buffer_append_text(out, types < schema->alternative_count ? "]" : "");
}

static void append_container(struct buffer *out, const struct schema *schema, size_t start)
{
	static const struct schema any;

	if (schema->members) {
		buffer_append_text(out, "dict");
		return;
	}
	buffer_append_text(out, schema->kind == SCHEMA_ARRAY ? "list[" : "dict[");
	if (schema->kind == SCHEMA_OBJECT) {
		append_label(out, schema->keys ? schema->keys : &any, start);
		buffer_append_char(out, ',');
	}
	append_label(out, schema->items ? schema->items : &any, start);
	buffer_append_char(out, ']');
}

/* The name of a type, from a length on; ends early where it is too long. */
static void append_label(struct buffer *out, const struct schema *schema, size_t start)
{
	static const char *const names[] = {
		[SCHEMA_ANY] = "any",
		[SCHEMA_NULL] = "none",
		[SCHEMA_BOOLEAN] = "bool",
		[SCHEMA_INTEGER] = "int",
		[SCHEMA_NUMBER] = "float",
		[SCHEMA_STRING] = "str",
	};

	if (out->length - start > LABEL_MOST) {
		buffer_append_text(out, "...");
	} else if (schema->choices) {
		buffer_append_text(out, "enum");
	} else if (schema->kind == SCHEMA_UNION) {
		append_union(out, schema, start);
	} else if (schema->kind == SCHEMA_ARRAY || schema->kind == SCHEMA_OBJECT) {
		append_container(out, schema, start);
	} else {
		buffer_append_text(out, schema->is_path ? "path" : names[schema->kind]);
	}
}

/* The beginning of a long name. */
static void append_key(struct buffer *out, const char *text, const struct json_value *key)
{
	const char *at = text + key->start + 1;
	const char *end = at + key->length - 2;
	struct buffer said = {0};

	if (key->length <= KEY_MOST) {
		buffer_append(out, text + key->start, key->length);
		return;
	}
	while (at < end && said.length < KEY_MOST && !said.failed) {
		struct json_run run;

		json_run_read(&run, &at, end);
		if (run.bytes) {
			buffer_append(
				&said, run.bytes, run.length < KEY_MOST ? run.length : KEY_MOST);
		} else {
			buffer_append_text(&said, "\xef\xbf\xbd");
		}
	}
	buffer_append_json(out, buffer_text(&said), said.length);
	out->failed |= said.failed;
	buffer_fini(&said);
}

static void append_place(struct buffer *out, const struct place *place)
{
	if (place->outer) {
		append_place(out, place->outer);
		buffer_append_char(out, ',');
	}
	switch (place->kind) {
	case PLACE_NAME:
		buffer_append_json(out, place->bytes, place->length);
		break;
	case PLACE_KEY:
		append_key(out, place->bytes, place->key);
		break;
	case PLACE_INDEX:
		buffer_appendf(out, "%zu", place->length);
		break;
	case PLACE_TYPE:
		buffer_append_char(out, '"');
		append_label(out, place->type, out->length);
		buffer_append_char(out, '"');
		break;
	}
}

/* As Python shows a string: between the quotes of which fewer have to be escaped. */
static void append_string(struct buffer *out, const char *bytes, size_t length)
{
	static const char escaped[] = "\n\r\t\\", letters[] = "nrt\\";
	char quote = memchr(bytes, '\'', length) && !memchr(bytes, '"', length) ? '"' : '\'';

	buffer_append_char(out, quote);
	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)bytes[i];
		const char *found = byte ? strchr(escaped, byte) : NULL;

		if (found) {
			buffer_append_char(out, '\\');
			buffer_append_char(out, letters[found - escaped]);
		} else if (byte < 0x20 || byte == 0x7f) {
			buffer_appendf(out, "\\x%02x", byte);
		} else {
			buffer_append_text(out, byte == (unsigned char)quote ? "\\" : "");
			buffer_append_char(out, (char)byte);
		}
	}
	buffer_append_char(out, quote);
}

static void append_choice(struct buffer *out, const struct schema_text *choice)
{
	const struct json_value whole = {
		.kind = json_kind_of(*choice->bytes), .length = choice->length};
	struct buffer said = {0};

	switch (whole.kind) {
	case JSON_STRING:
		json_string_decode(&said, choice->bytes, &whole);
		append_string(out, buffer_text(&said), said.length);
		out->failed |= said.failed;
		buffer_fini(&said);
		break;
	case JSON_NULL:
		buffer_append_text(out, "None");
		break;
	case JSON_TRUE:
		buffer_append_text(out, "True");
		break;
	case JSON_FALSE:
		buffer_append_text(out, "False");
		break;
	default:
		buffer_append(out, choice->bytes, choice->length);
	}
}

/* "Input should be 'a', 'b' or 'c'" */
static void append_choices(struct buffer *out, const struct schema *schema)
{
	struct buffer message = {0};
	size_t count = schema->choice_count, i = 0;

	buffer_append_text(&message, "Input should be ");
	for (; i < count && message.length < CHOICES_MOST; i++) {
		buffer_append_text(&message, !i ? "" : i + 1 < count ? ", " : " or ");
		append_choice(&message, &schema->choices[i]);
	}
	if (i < count) {
		buffer_appendf(&message, " or %zu others", count - i);
	}
	buffer_append_json(out, buffer_text(&message), message.length);
	out->failed |= message.failed;
	buffer_fini(&message);
}

void complaint_write(struct buffer *out, const struct complaint *complaint,
	const struct schema *schema, const struct place *place, const char *text,
	const struct json_value *input)
{
	buffer_appendf(out, "{\"type\":\"%s\",\"loc\":[", complaint->type);
	if (place) {
		append_place(out, place);
	}
	buffer_append_text(out, "],\"msg\":");
	if (complaint->message) {
		buffer_append_json(out, complaint->message, strlen(complaint->message));
	} else {
		append_choices(out, schema);
	}
	buffer_append_text(out, ",\"input\":");
	if (input && input->length <= ARGUMENTS_INPUT_MOST) {
		fitting_append_line(out, text + input->start, input->length);
	} else {
		buffer_append_text(out, "null");
	}
	buffer_append_char(out, '}');
}
