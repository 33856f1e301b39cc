/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON reader beside cJSON, which is laxer in ways that are known: what we accept it accepts,
 * and what only it accepts we refuse for one of these. Where both accept, the values at the paths
 * are the same. And the reader beside itself: beginnings, elements, edits, and the quick check.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/buffer.h"
#include "json/check.h"
#include "json/edit.h"
#include "json/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MOST_CUTS 64
#define PATHS 5

static const struct json_path paths[PATHS] = {
	{{"a"}},
	{{"id"}},
	{{"a", "id"}},
	{{"a", "a", "id"}},
	{{"a", "a", "a", "a"}},
};

static struct json_value values[PATHS];

/* The quick check takes what the reader takes, unless it may be too deep for it. */
static void compare_check(const struct json_reader *reader, const char *text, size_t length)
{
	size_t brackets = 0;

	for (size_t i = 0; i < length; i++) {
		brackets += text[i] == '[' || text[i] == '{';
	}
	if (json_check(text, length)) {
		assert(reader->error == JSON_OK);
	} else if (brackets <= JSON_CHECK_DEPTH) {
		assert(reader->error != JSON_OK);
	}
}

/* Reads a copy of the exact size, so that a step too far is found. */
static struct json_reader read_copy(const char *bytes, size_t length)
{
	struct json_reader reader = {.paths = paths, .values = values, .count = PATHS};
	char *copy = malloc(length ? length : 1);

	assert(copy);
	memcpy(copy, bytes, length);
	json_read(&reader, copy, length);
	compare_check(&reader, copy, length);
	free(copy);
	return reader;
}

/* Escapes that their parser refuses and the grammar does not: surrogates that stand alone. */
static int may_have_surrogates(const char *text, size_t length)
{
	for (size_t i = 0; i + 3 < length; i++) {
		if (!memcmp(text + i, "\\ud", 3) || !memcmp(text + i, "\\uD", 3)) {
			return 1;
		}
	}
	return 0;
}

static int is_known_laxity(const struct json_reader *reader, const char *text, size_t length)
{
	unsigned char byte = reader->offset < length ? (unsigned char)text[reader->offset] : 0;

	return reader->error == JSON_BAD_UTF8 || reader->error == JSON_BAD_CONTROL ||
		reader->error == JSON_BAD_NUMBER || reader->error == JSON_BAD_ESCAPE ||
		reader->error == JSON_TOO_DEEP ||
		byte < 0x20 /* space, to them; the end: a number's, or of what strtod read */ ||
		!strncmp(text, "\xef\xbb\xbf", 3);
}

/* The last member of that name, in each object on the way, as our reader takes it. */
static const cJSON *their_value(const cJSON *value, const struct json_path *path)
{
	for (int i = 0; i < JSON_PATH_KEYS && path->keys[i]; i++) {
		const cJSON *found = NULL, *member;

		if (!cJSON_IsObject(value)) {
			return NULL;
		}
		cJSON_ArrayForEach(member, value)
		{
			found = !strcmp(member->string, path->keys[i]) ? member : found;
		}
		value = found;
	}
	return value;
}

static void compare_string(const char *text, const struct json_value *ours, const char *theirs)
{
	struct buffer decoded = {0};

	json_string_decode(&decoded, text, ours);
	assert(!strcmp(buffer_text(&decoded), theirs)); /* up to a NUL */
	assert(json_string_equal(text, ours, buffer_text(&decoded), decoded.length));
	buffer_fini(&decoded);
}

static void compare(const char *text, const struct json_value *ours, const cJSON *theirs);

static void compare_members(const char *text, const struct json_value *object, const cJSON *theirs)
{
	struct json_value name = {0}, value = {0};
	const cJSON *member = theirs->child;

	if (object->kind != JSON_OBJECT) {
		assert(!json_member_next(text, object, &name, &value));
		return;
	}
	for (; json_member_next(text, object, &name, &value); member = member->next) {
		assert(member && name.kind == JSON_STRING);
		compare_string(text, &name, member->string);
		compare(text, &value, member);
	}
	assert(!member);
}

static void compare(const char *text, const struct json_value *ours, const cJSON *theirs)
{
	static const int types[] = {
		[JSON_NULL] = cJSON_NULL,
		[JSON_FALSE] = cJSON_False,
		[JSON_TRUE] = cJSON_True,
		[JSON_NUMBER] = cJSON_Number,
		[JSON_STRING] = cJSON_String,
		[JSON_ARRAY] = cJSON_Array,
		[JSON_OBJECT] = cJSON_Object,
	};
	struct json_value element = {0};
	int64_t integer;
	int count = 0;

	assert((ours->kind != JSON_ABSENT) == (theirs != NULL));
	if (!theirs) {
		return;
	}
	assert((theirs->type & 0xff) == types[ours->kind]);
	if (ours->kind == JSON_STRING) {
		compare_string(text, ours, theirs->valuestring);
	} else if (json_integer(text, ours, &integer)) {
		assert((double)integer == theirs->valuedouble);
	}
	for (; json_element_next(text, ours, &element); count++) {
		compare(text, &element, cJSON_GetArrayItem(theirs, count));
	}
	assert(ours->kind != JSON_ARRAY || count == cJSON_GetArraySize(theirs));
	compare_members(text, ours, theirs);
}

static void check_beside_theirs(const struct json_reader *reader, const char *text, size_t length)
{
	const char *end = NULL;
	cJSON *theirs = cJSON_ParseWithLengthOpts(text, length + 1, &end, 1);

	if (reader->error) {
		assert(!theirs || is_known_laxity(reader, text, length));
	} else if (!theirs) {
		assert(may_have_surrogates(text, length));
	} else {
		compare(text, &reader->root, theirs);
		for (int i = 0; i < PATHS && !strstr(text, "\\u0000"); i++) {
			/* their names end at a NUL */
			compare(text, &values[i], their_value(theirs, &paths[i]));
		}
	}
	cJSON_Delete(theirs);
}

/* A good text that is cut could go on, and says so; what is left of a number may be good. */
static void check_beginnings(const struct json_reader *whole, const char *text)
{
	size_t end = whole->root.start + whole->root.length;

	for (size_t cut = end > MOST_CUTS ? end - MOST_CUTS : 0; cut < end; cut++) {
		struct json_reader reader = read_copy(text, cut);

		assert(reader.error == JSON_TRUNCATED || reader.error == JSON_EMPTY ||
			(!reader.error && whole->root.kind == JSON_NUMBER));
		assert(reader.offset == cut);
	}
}

/* Each value is JSON by itself; edits with a value's own bytes change nothing. */
static void check_ranges(const struct json_reader *whole, const char *text)
{
	const struct json_value *last = &whole->root;
	struct json_value found[PATHS];
	struct buffer out = {0};

	memcpy(found, values, sizeof(found));
	for (int i = 0; i < PATHS; i++) {
		const struct json_value *value = &found[i];
		struct json_edit edit = {value, text + value->start, value->length};
		struct json_reader reader;

		if (!value->kind) {
			continue;
		}
		reader = read_copy(text + value->start, value->length);
		assert(!reader.error && reader.root.kind == value->kind);
		assert(!reader.root.start && reader.root.length == value->length);
		json_splice(&out, text, last, &edit, 1);
		assert(out.length == last->length);
		assert(!memcmp(out.data, text + last->start, out.length));
		buffer_consume(&out, out.length);
	}
	buffer_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct json_reader reader;

	assert(text);
	memcpy(text, data, size);
	text[size] = '\0';
	reader = read_copy(text, size);
	assert(reader.error ? reader.offset <= size : reader.offset == size);
	check_beside_theirs(&reader, text, size);
	if (!reader.error) {
		check_ranges(&reader, text);
		check_beginnings(&reader, text);
	}
	free(text);
	return 0;
}
