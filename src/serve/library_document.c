/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugin's memory says what it likes: lists that do not end, or contain themselves. What is
 * written is bounded by its length and its depth.
 */
#include "serve/library_document.h"

#include <string.h>

#include "base/utf8.h"
#include "serve/library_table.h"
#include "json/reader.h"

#define NAME_MOST 200 /* bytes of a name that a refusal tells */

static void write_place(struct buffer *out, const struct library_place *place)
{
	if (place->above) {
		write_place(out, place->above);
		buffer_append_char(out, '.');
	}
	for (const char *at = place->name; *at && at - place->name < NAME_MOST; at++) {
		bool shown = (unsigned char)*at >= ' ' && *at != 0x7f;

		buffer_append(out, shown ? at : "?", 1);
	}
}

bool library_refuse(
	struct library_writer *writer, const struct library_place *place, const char *wrong)
{
	write_place(writer->refusal, place);
	buffer_appendf(writer->refusal, ": %s", wrong);
	return false;
}

static bool is_utf8(const char *text)
{
	size_t length = strlen(text);

	for (size_t i = 0; i < length;) {
		bool whole = true;

		i += (unsigned char)text[i] < 0x80 ? 1
						   : utf8_sequence(text + i, length - i, &whole);
		if (!whole) {
			return false;
		}
	}
	return true;
}

/* One value and nothing else, so that it stays where it is put. */
static bool is_json(const char *text)
{
	struct json_reader reader = {.length_most = SCHEMA_BYTES_MOST};

	return json_read(&reader, text, strlen(text)) == JSON_OK;
}

static bool write_type(struct library_writer *writer, const struct curfew_parameter *parameter,
	const struct library_place *place);

/* Puts a comma in front of all but the first member of the object that is being written. */
static void write_name(struct library_writer *writer, const char *name)
{
	if (writer->text.data[writer->text.length - 1] != '{') {
		buffer_append_char(&writer->text, ',');
	}
	buffer_append_json(&writer->text, name, strlen(name));
	buffer_append_char(&writer->text, ':');
}

static void write_word(struct library_writer *writer, const char *name, const char *word)
{
	write_name(writer, name);
	buffer_append_json(&writer->text, word, strlen(word));
}

static bool write_choices(struct library_writer *writer, const struct curfew_parameter *parameter,
	const struct library_place *place)
{
	if (!parameter->choices) {
		return true;
	}
	write_name(writer, "enum");
	buffer_append_char(&writer->text, '[');
	for (size_t i = 0; parameter->choices[i]; i++) {
		if (i == SCHEMA_PARTS_MOST) {
			return library_refuse(writer, place, "its choices do not end with NULL");
		}
		if (!is_json(parameter->choices[i])) {
			return library_refuse(writer, place,
				"one of its choices is no JSON text (a string has quotes)");
		}
		buffer_append_text(&writer->text, i ? "," : "");
		buffer_append_text(&writer->text, parameter->choices[i]);
	}
	buffer_append_char(&writer->text, ']');
	return true;
}

/* Preset and description stand beside the type, or beside the union with null. */
static bool write_rest(struct library_writer *writer, const struct curfew_parameter *parameter,
	const struct library_place *place)
{
	if (parameter->preset) {
		if (!is_json(parameter->preset)) {
			return library_refuse(
				writer, place, "its preset is no JSON text (a string has quotes)");
		}
		write_name(writer, "default");
		buffer_append_text(&writer->text, parameter->preset);
	}
	if (parameter->description) {
		if (!is_utf8(parameter->description)) {
			return library_refuse(writer, place, "its description is not UTF-8");
		}
		write_word(writer, "description", parameter->description);
	}
	return true;
}

/* An item or a value; NULL: any. */
static bool write_part(struct library_writer *writer, const struct curfew_parameter *list,
	size_t index, const struct library_place *above)
{
	const struct library_place place = {above, "items"};
	struct curfew_parameter part = {.type = CURFEW_ANY};

	if (list && library_parameter(writer->table, list, index, &part) < 0) {
		return library_refuse(
			writer, &place, "uses something that this version of curfew does not know");
	}
	return library_write(writer, &part, &place);
}

static bool write_map(struct library_writer *writer, const struct curfew_parameter *parameter,
	const struct library_place *place)
{
	write_word(writer, "type", "object");
	write_name(writer, "items");
	buffer_append_text(&writer->text, "{\"key\":{\"type\":\"string\"},\"value\":");
	if (!write_part(writer, parameter->parts, 0, place)) {
		return false;
	}
	buffer_append_char(&writer->text, '}');
	return true;
}

static bool write_list(struct library_writer *writer, const struct curfew_parameter *parameter,
	const struct library_place *place)
{
	write_word(writer, "type", "array");
	if (!parameter->parts) {
		return true;
	}
	write_name(writer, "items");
	return write_part(writer, parameter->parts, 0, place);
}

int library_count(struct library_writer *writer, const struct curfew_parameter *list,
	const struct library_place *place)
{
	struct curfew_parameter row;

	for (int count = 0; list && count <= SCHEMA_PARTS_MOST; count++) {
		(void)library_parameter(writer->table, list, (size_t)count, &row);
		if (row.type == CURFEW_NO_TYPE) {
			return count;
		}
	}
	return list && !library_refuse(writer, place, "its list does not end with {0}") ? -1 : 0;
}

/* The alternatives; null at the end where the whole may be null. */
static bool write_union(struct library_writer *writer, const struct curfew_parameter *parameter,
	const struct library_place *place)
{
	int count = library_count(writer, parameter->parts, place);

	if (count < 0) {
		return false;
	}
	if (count + parameter->nullable < 2) {
		return library_refuse(writer, place, "a union has two alternatives or more");
	}
	write_name(writer, "anyOf");
	buffer_append_char(&writer->text, '[');
	for (int i = 0; i < count; i++) {
		buffer_append_text(&writer->text, i ? "," : "");
		if (!write_part(writer, parameter->parts, (size_t)i, place)) {
			return false;
		}
	}
	buffer_append_text(&writer->text, parameter->nullable ? ",{\"type\":\"null\"}]" : "]");
	return true;
}

/* A member's or parameter's name. */
static bool check_name(
	struct library_writer *writer, const char *name, const struct library_place *above)
{
	const struct library_place place = {above, name};

	if (!name || !*name) {
		return library_refuse(writer, above, "one of its parameters has no name");
	}
	if (!is_utf8(name)) {
		return library_refuse(writer, above, "the name of a parameter is not UTF-8");
	}
	if (*name == '/') {
		return library_refuse(writer, &place,
			"its name begins with a slash, as a path into the request does");
	}
	return true;
}

/* Whether the name of a row came before. */
static bool is_repeated(struct library_writer *writer, const struct curfew_parameter *list,
	size_t index, const char *name)
{
	struct curfew_parameter before;

	for (size_t i = 0; i < index; i++) {
		(void)library_parameter(writer->table, list, i, &before);
		if (before.name && strcmp(before.name, name) == 0) {
			return true;
		}
	}
	return false;
}

/* Reads a row of an object's members, and checks what its schema does not say. */
static bool read_member(struct library_writer *writer, const struct curfew_parameter *list,
	size_t index, struct curfew_parameter *row, const struct library_place *above)
{
	int error = library_parameter(writer->table, list, index, row);
	const struct library_place place = {above, row->name};

	if (library_injected(row->type) && !above->above) {
		return true; /* its name is nobody's */
	}
	if (!check_name(writer, row->name, above)) {
		return false;
	}
	if (error) {
		return library_refuse(
			writer, &place, "uses something that this version of curfew does not know");
	}
	if (is_repeated(writer, list, index, row->name)) {
		return library_refuse(writer, &place, "there are two of that name");
	}
	if (library_injected(row->type) && above->above) {
		return library_refuse(writer, &place,
			"what the program gives is a parameter, not a member of one");
	}
	return true;
}

/* As the reference has it: an object says so of none of its members, a function leaves it out. */
static void write_required(struct library_writer *writer, const struct curfew_parameter *list,
	size_t count, bool is_function)
{
	struct curfew_parameter row;
	bool is_first = true;
	size_t begin = writer->text.length;

	write_name(writer, "required");
	buffer_append_char(&writer->text, '[');
	for (size_t i = 0; i < count; i++) {
		(void)library_parameter(writer->table, list, i, &row);
		if (!row.preset && !library_injected(row.type)) {
			buffer_append_text(&writer->text, is_first ? "" : ",");
			buffer_append_json(&writer->text, row.name, strlen(row.name));
			is_first = false;
		}
	}
	buffer_append_char(&writer->text, ']');
	if (is_first && is_function) {
		writer->text.length = begin;
	}
}

static bool write_members(struct library_writer *writer, const struct curfew_parameter *list,
	size_t count, const struct library_place *place)
{
	struct curfew_parameter row;

	for (size_t i = 0; i < count; i++) {
		if (!read_member(writer, list, i, &row, place)) {
			return false;
		}
	}
	write_required(writer, list, count, !place->above && strcmp(place->name, "inputs") == 0);
	write_name(writer, "properties");
	buffer_append_char(&writer->text, '{');
	for (size_t i = 0; i < count; i++) {
		(void)library_parameter(writer->table, list, i, &row);
		if (!library_injected(row.type)) {
			const struct library_place member = {place, row.name};

			write_name(writer, row.name);
			if (!library_write(writer, &row, &member)) {
				return false;
			}
		}
	}
	buffer_append_char(&writer->text, '}');
	return true;
}

static bool write_object(struct library_writer *writer, const struct curfew_parameter *parameter,
	const struct library_place *place)
{
	int count = library_count(writer, parameter->parts, place);
	bool is_parameter = place->above && !place->above->above;

	if (count < 0) {
		return false;
	}
	write_word(writer, "type", "object");
	if (is_parameter && strcmp(place->name, "file_data") == 0) {
		write_name(writer, "is_file_data");
		buffer_append_text(&writer->text, "true");
	}
	return !count || write_members(writer, parameter->parts, (size_t)count, place);
}

static bool write_path(struct library_writer *writer)
{
	write_word(writer, "type", "string");
	write_name(writer, "is_path");
	buffer_append_text(&writer->text, "true");
	return true;
}

static bool write_scalar(struct library_writer *writer, const struct curfew_parameter *parameter,
	const struct library_place *place)
{
	static const char *const words[] = {
		[CURFEW_NULL] = "null",
		[CURFEW_BOOLEAN] = "boolean",
		[CURFEW_INTEGER] = "integer",
		[CURFEW_NUMBER] = "number",
		[CURFEW_STRING] = "string",
	};

	if (parameter->parts) {
		return library_refuse(writer, place, "it has parts, which its type has not");
	}
	if (parameter->type == CURFEW_ANY) {
		return true;
	}
	if (parameter->type == CURFEW_PATH) {
		return write_path(writer);
	}
	write_word(writer, "type", words[parameter->type]);
	return true;
}

static bool write_type(struct library_writer *writer, const struct curfew_parameter *parameter,
	const struct library_place *place)
{
	bool written = false;

	switch (parameter->type) {
	case CURFEW_ANY:
	case CURFEW_NULL:
	case CURFEW_BOOLEAN:
	case CURFEW_INTEGER:
	case CURFEW_NUMBER:
	case CURFEW_STRING:
	case CURFEW_PATH:
		written = write_scalar(writer, parameter, place);
		break;
	case CURFEW_LIST:
		written = write_list(writer, parameter, place);
		break;
	case CURFEW_MAP:
		written = write_map(writer, parameter, place);
		break;
	case CURFEW_OBJECT:
		written = write_object(writer, parameter, place);
		break;
	case CURFEW_UNION:
		written = write_union(writer, parameter, place);
		break;
	case CURFEW_NO_TYPE:
		return library_refuse(writer, place, "it has no type");
	default:
		return library_refuse(writer, place,
			library_injected(parameter->type)
				? "what the program gives is a parameter, not a part of one"
				: "its type is none that this version of curfew knows");
	}
	return written && write_choices(writer, parameter, place);
}

static bool write_nullable(struct library_writer *writer, const struct curfew_parameter *parameter,
	const struct library_place *place)
{
	write_name(writer, "anyOf");
	buffer_append_text(&writer->text, "[{");
	if (!write_type(writer, parameter, place)) {
		return false;
	}
	buffer_append_text(&writer->text, "},{\"type\":\"null\"}]");
	return true;
}

bool library_write(struct library_writer *writer, const struct curfew_parameter *parameter,
	const struct library_place *place)
{
	bool wraps = parameter->nullable && parameter->type != CURFEW_ANY &&
		parameter->type != CURFEW_NULL && parameter->type != CURFEW_UNION;

	if (writer->depth == SCHEMA_DEPTH_MOST || writer->text.length > SCHEMA_BYTES_MOST) {
		return library_refuse(
			writer, place, "its parts are too many, or too deep in each other");
	}
	writer->depth++;
	buffer_append_char(&writer->text, '{');
	if (!(wraps ? write_nullable : write_type)(writer, parameter, place) ||
		!write_rest(writer, parameter, place)) {
		return false;
	}
	buffer_append_char(&writer->text, '}');
	writer->depth--;
	return true;
}
