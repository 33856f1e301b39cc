/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/sorted_json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json/escape.h"

#define FIRST_CAPACITY 8

struct member {
	struct json_value name, value;
	size_t said, length; /* what the name says, in members->names */
};

struct members {
	struct buffer names;
	struct member *array;
	size_t count, capacity;
};

/* Reads a character of UTF-8 that is well-formed, and moves *at behind it. */
static uint32_t read_character(const char **at)
{
	static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	unsigned char first = (unsigned char)**at;
	int length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	uint32_t character = first & masks[length];

	for (int i = 1; i < length; i++) {
		character = character << 6 | ((unsigned char)(*at)[i] & 0x3f);
	}
	*at += length;
	return character;
}

static void append_unit(struct buffer *out, uint32_t unit)
{
	buffer_appendf(out, "\\u%04x", unit);
}

static void append_character(struct buffer *out, uint32_t character)
{
	static const char escaped[] = "\b\f\n\r\t\"\\", letters[] = "bfnrt\"\\";
	const char *found = character && character < 0x80 ? strchr(escaped, (int)character) : NULL;

	if (found) {
		buffer_append_char(out, '\\');
		buffer_append_char(out, letters[found - escaped]);
	} else if (character >= ' ' && character <= '~') {
		buffer_append_char(out, (char)character);
	} else if (character < 0x10000) {
		append_unit(out, character);
	} else {
		append_unit(out, 0xd800 + ((character - 0x10000) >> 10));
		append_unit(out, 0xdc00 + ((character - 0x10000) & 0x3ff));
	}
}

/* A surrogate that stands alone keeps its escape, \uXXXX. */
static uint32_t read_surrogate(const char *escape)
{
	char digits[5] = {escape[2], escape[3], escape[4], escape[5], '\0'};

	return (uint32_t)strtoul(digits, NULL, 16);
}

static void append_string(struct buffer *out, const char *text, const struct json_value *string)
{
	const char *at = text + string->start + 1;
	const char *end = at + string->length - 2;

	buffer_append_char(out, '"');
	while (at < end) {
		const char *first = at;
		struct json_run run;

		json_run_read(&run, &at, end);
		if (!run.bytes) {
			append_unit(out, read_surrogate(first));
			continue;
		}
		for (const char *byte = run.bytes; byte < run.bytes + run.length;) {
			append_character(out, read_character(&byte));
		}
	}
	buffer_append_char(out, '"');
}

static void append_array(struct buffer *out, const char *text, const struct json_value *array)
{
	struct json_value element = {0};
	bool first = true;

	buffer_append_char(out, '[');
	for (; json_element_next(text, array, &element); first = false) {
		buffer_append_text(out, first ? "" : ", ");
		sorted_json_append(out, text, &element);
	}
	buffer_append_char(out, ']');
}

/* What a name says, as bytes that sort as its characters do; surrogates are some, too. */
static void append_said(struct buffer *names, const char *text, const struct json_value *name)
{
	const char *at = text + name->start + 1;
	const char *end = at + name->length - 2;

	while (at < end) {
		const char *first = at;
		struct json_run run;
		uint32_t unit;

		json_run_read(&run, &at, end);
		if (run.bytes) {
			buffer_append(names, run.bytes, run.length);
			continue;
		}
		unit = read_surrogate(first);
		buffer_append_char(names, (char)(0xe0 | unit >> 12));
		buffer_append_char(names, (char)(0x80 | (unit >> 6 & 0x3f)));
		buffer_append_char(names, (char)(0x80 | (unit & 0x3f)));
	}
}

/* Returns a new member, NULL if there is no memory. */
static struct member *add_member(struct members *members)
{
	if (members->count == members->capacity) {
		size_t capacity = members->capacity ? members->capacity * 2 : FIRST_CAPACITY;
		struct member *grown = realloc(members->array, capacity * sizeof(*grown));

		if (!grown) {
			return NULL;
		}
		members->array = grown;
		members->capacity = capacity;
	}
	return &members->array[members->count++];
}

static bool gather(struct members *members, const char *text, const struct json_value *object)
{
	struct json_value name = {0}, value = {0};

	while (json_member_next(text, object, &name, &value)) {
		struct member *member = add_member(members);

		if (!member) {
			return false;
		}
		*member = (struct member){
			.name = name, .value = value, .said = members->names.length};
		append_said(&members->names, text, &name);
		member->length = members->names.length - member->said;
	}
	return !members->names.failed;
}

static int compare_names(const struct member *a, const struct member *b, const char *names)
{
	size_t length = a->length < b->length ? a->length : b->length;
	int order = length ? memcmp(names + a->said, names + b->said, length) : 0;

	return order ? order : (a->length > b->length) - (a->length < b->length);
}

/* Of equal names, in the order of the text. */
static int compare_members(const void *one, const void *other, void *names)
{
	const struct member *a = one, *b = other;
	int order = compare_names(a, b, names);

	return order ? order : (a->name.start > b->name.start) - (a->name.start < b->name.start);
}

static void append_members(struct buffer *out, const char *text, const struct members *members)
{
	const char *names = buffer_text(&members->names);
	bool first = true;

	buffer_append_char(out, '{');
	for (size_t i = 0; i < members->count; i++) {
		const struct member *member = &members->array[i];

		if (i + 1 < members->count && !compare_names(member, member + 1, names)) {
			continue;
		}
		buffer_append_text(out, first ? "" : ", ");
		append_string(out, text, &member->name);
		buffer_append_text(out, ": ");
		sorted_json_append(out, text, &member->value);
		first = false;
	}
	buffer_append_char(out, '}');
}

static void append_object(struct buffer *out, const char *text, const struct json_value *object)
{
	struct members members = {0};

	if (!gather(&members, text, object)) {
		out->failed = true;
	} else {
		if (members.count) {
			qsort_r(members.array, members.count, sizeof(*members.array),
				compare_members, (void *)buffer_text(&members.names));
		}
		append_members(out, text, &members);
	}
	free(members.array);
	buffer_fini(&members.names);
}

void sorted_json_append(struct buffer *out, const char *text, const struct json_value *value)
{
	if (value->kind == JSON_OBJECT) {
		append_object(out, text, value);
	} else if (value->kind == JSON_ARRAY) {
		append_array(out, text, value);
	} else if (value->kind == JSON_STRING) {
		append_string(out, text, value);
	} else {
		buffer_append(out, text + value->start, value->length);
	}
}
