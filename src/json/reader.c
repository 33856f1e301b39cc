/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A loop, not a recursion: the arrays and objects that are open are a bit each, and only the
 * outermost, to which paths can lead, have more. Sets of paths are bits of a word. A member's name
 * picks from those that lead through its object the ones that go on through its value, and the ones
 * that end there.
 */
#include "json/reader.h"

#include <assert.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "json/escape.h"
#include "json/lexeme.h"

#define WORD_BITS 64

/* Which paths lead to a value. */
struct match {
	uint32_t through; /* and on through its members */
	uint32_t here;    /* and end */
};

/* An array or object that is open. */
struct level {
	struct match match;
	size_t start;
};

struct walk {
	struct json_cursor cursor;
	const char *text;
	const struct json_path *paths;
	struct json_value *values;
	unsigned depth, depth_most;
	bool opened; /* nothing was read in the innermost array or object yet */
	unsigned char reached[JSON_PATHS];       /* how many of a path's names were met so far */
	struct level levels[JSON_PATH_KEYS + 2]; /* by depth; the first is not used */
	uint64_t objects[(JSON_DEPTH_MOST + 1) / WORD_BITS + 1]; /* by depth: which are objects */
};

static bool in_object(const struct walk *walk)
{
	return walk->objects[walk->depth / WORD_BITS] >> walk->depth % WORD_BITS & 1;
}

static struct level *level_of(struct walk *walk)
{
	return walk->depth <= JSON_PATH_KEYS + 1 ? &walk->levels[walk->depth] : NULL;
}

static void note_values(struct walk *walk, uint32_t here, enum json_kind kind, size_t start)
{
	for (; here; here &= here - 1) {
		struct json_value *value = &walk->values[__builtin_ctz(here)];

		value->kind = kind;
		value->start = start;
		value->length = (size_t)(walk->cursor.at - walk->text) - start;
	}
}

static bool open_value(struct walk *walk, const struct match *match, bool object)
{
	uint64_t bit;
	struct level *level;

	if (walk->depth == walk->depth_most) {
		return json_refuse(&walk->cursor, walk->cursor.at, JSON_TOO_DEEP);
	}
	walk->depth++;
	walk->opened = true;
	bit = UINT64_C(1) << walk->depth % WORD_BITS;
	if (object) {
		walk->objects[walk->depth / WORD_BITS] |= bit;
	} else {
		walk->objects[walk->depth / WORD_BITS] &= ~bit;
	}
	level = level_of(walk);
	if (level) {
		level->match = *match;
		level->start = (size_t)(walk->cursor.at - walk->text);
	}
	walk->cursor.at++;
	return true;
}

static void close_value(struct walk *walk)
{
	const struct level *level = level_of(walk);

	walk->cursor.at++;
	if (level) {
		note_values(walk, level->match.here, in_object(walk) ? JSON_OBJECT : JSON_ARRAY,
			level->start);
	}
	walk->depth--;
	walk->opened = false;
}

enum json_kind json_kind_of(char first)
{
	switch (first) {
	case '{':
		return JSON_OBJECT;
	case '[':
		return JSON_ARRAY;
	case '"':
		return JSON_STRING;
	case 't':
		return JSON_TRUE;
	case 'f':
		return JSON_FALSE;
	case 'n':
		return JSON_NULL;
	case '-':
		return JSON_NUMBER;
	default:
		return first >= '0' && first <= '9' ? JSON_NUMBER : JSON_ABSENT;
	}
}

/* Passes a scalar, or the bracket that opens a value. */
static bool pass_value(struct walk *walk, const struct match *match, enum json_kind kind)
{
	struct json_cursor *cursor = &walk->cursor;
	bool escaped;

	switch (kind) {
	case JSON_OBJECT:
	case JSON_ARRAY:
		return open_value(walk, match, kind == JSON_OBJECT);
	case JSON_STRING:
		return json_pass_string(cursor, &escaped);
	case JSON_NUMBER:
		return json_pass_number(cursor);
	case JSON_TRUE:
		return json_pass_literal(cursor, "true");
	case JSON_FALSE:
		return json_pass_literal(cursor, "false");
	case JSON_NULL:
		return json_pass_literal(cursor, "null");
	default:
		return json_refuse(cursor, cursor->at, JSON_NO_VALUE);
	}
}

static bool begin_value(struct walk *walk, const struct match *match)
{
	struct json_cursor *cursor = &walk->cursor;
	enum json_kind kind;
	size_t start;

	json_pass_space(cursor);
	start = (size_t)(cursor->at - walk->text);
	kind = cursor->at < cursor->end ? json_kind_of(*cursor->at) : JSON_ABSENT;
	walk->opened = false;
	if (!pass_value(walk, match, kind)) {
		return false;
	}
	if (!walk->opened) {
		note_values(walk, match->here, kind, start);
	}
	return true;
}

static bool key_equal(const char *key, const char *name, size_t length, bool escaped)
{
	if (escaped) {
		return json_escaped_equal(name, name + length, key, strlen(key));
	}
	for (size_t i = 0; i < length; i++) { /* most differ in their first byte */
		if (key[i] != name[i]) {
			return false;
		}
	}
	return !key[length];
}

/* What was found below a name that comes again does not count any more. */
static void note_name(struct walk *walk, unsigned path)
{
	struct json_value *value = &walk->values[path];

	*value = (struct json_value){
		.repeated = walk->reached[path] >= walk->depth || value->repeated};
	walk->reached[path] = (unsigned char)walk->depth;
}

static void match_name(
	struct walk *walk, struct match *match, const char *name, size_t length, bool escaped)
{
	const struct level *level = level_of(walk);
	unsigned depth = walk->depth;

	*match = (struct match){0};
	if (!level || !level->match.through || depth > JSON_PATH_KEYS) {
		return;
	}
	for (uint32_t left = level->match.through; left; left &= left - 1) {
		unsigned path = (unsigned)__builtin_ctz(left);
		const char *const *keys = walk->paths[path].keys;

		if (!key_equal(keys[depth - 1], name, length, escaped)) {
			continue;
		}
		note_name(walk, path);
		if (depth == JSON_PATH_KEYS || !keys[depth]) {
			match->here |= UINT32_C(1) << path;
		} else {
			match->through |= UINT32_C(1) << path;
		}
	}
}

/* A member's name and its colon. */
static bool pass_name(struct walk *walk, struct match *match)
{
	struct json_cursor *cursor = &walk->cursor;
	const char *name;
	bool escaped;

	json_pass_space(cursor);
	name = cursor->at + 1;
	if (cursor->at == cursor->end || *cursor->at != '"') {
		return json_refuse(cursor, cursor->at, JSON_NO_NAME);
	}
	if (!json_pass_string(cursor, &escaped)) {
		return false;
	}
	match_name(walk, match, name, (size_t)(cursor->at - 1 - name), escaped);
	json_pass_space(cursor);
	if (cursor->at == cursor->end || *cursor->at != ':') {
		return json_refuse(cursor, cursor->at, JSON_NO_COLON);
	}
	cursor->at++;
	return true;
}

/*
 * Closes what ends here, up to a value that does not: passes the comma and the name in front of the
 * next value in it. Stops where nothing is open any more.
 */
static bool pass_to_value(struct walk *walk, struct match *match)
{
	struct json_cursor *cursor = &walk->cursor;

	while (walk->depth) {
		bool object = in_object(walk);

		json_pass_space(cursor);
		if (cursor->at < cursor->end && *cursor->at == (object ? '}' : ']')) {
			close_value(walk);
			continue;
		}
		if (!walk->opened) {
			if (cursor->at == cursor->end || *cursor->at != ',') {
				return json_refuse(cursor, cursor->at, JSON_NO_COMMA);
			}
			cursor->at++;
		}
		*match = (struct match){0};
		return !object || pass_name(walk, match);
	}
	return true;
}

/* One value with all that is in it. */
static bool walk_value(struct walk *walk, struct match *match)
{
	do {
		if (!begin_value(walk, match) || !pass_to_value(walk, match)) {
			return false;
		}
	} while (walk->depth);
	return true;
}

static void walk_begin(struct walk *walk, const char *text, size_t length)
{
	walk->cursor = (struct json_cursor){.at = text, .end = text + length};
	walk->text = text;
	walk->paths = NULL;
	walk->values = NULL;
	walk->depth = 0;
	walk->depth_most = JSON_DEPTH_MOST;
	memset(walk->reached, 0, sizeof(walk->reached));
}

/* The value, from its first byte to the cursor. */
static struct json_value passed(const struct walk *walk, const char *first)
{
	return (struct json_value){
		.kind = json_kind_of(*first),
		.start = (size_t)(first - walk->text),
		.length = (size_t)(walk->cursor.at - first),
	};
}

static bool read_text(struct walk *walk, struct json_reader *reader)
{
	struct json_cursor *cursor = &walk->cursor;
	uint32_t all = reader->count ? UINT32_MAX >> (JSON_PATHS - reader->count) : 0;
	struct match match = {.through = all};
	const char *first;

	if (reader->length_most && (size_t)(cursor->end - cursor->at) > reader->length_most) {
		return json_refuse(cursor, cursor->at + reader->length_most, JSON_TOO_LONG);
	}
	json_pass_space(cursor);
	first = cursor->at;
	if (first == cursor->end) {
		cursor->error = JSON_EMPTY;
		return false;
	}
	if (!walk_value(walk, &match)) {
		return false;
	}
	reader->root = passed(walk, first);
	json_pass_space(cursor);
	return cursor->at == cursor->end || json_refuse(cursor, cursor->at, JSON_TRAILING);
}

static void forget_values(struct json_reader *reader)
{
	reader->root = (struct json_value){0};
	for (size_t i = 0; i < reader->count; i++) {
		reader->values[i] = (struct json_value){0};
	}
}

enum json_error json_read(struct json_reader *reader, const char *text, size_t length)
{
	struct walk walk;

	assert(reader->count <= JSON_PATHS && reader->depth_most <= JSON_DEPTH_MOST);
	walk_begin(&walk, text, length);
	walk.paths = reader->paths;
	walk.values = reader->values;
	if (reader->depth_most) {
		walk.depth_most = reader->depth_most;
	}
	forget_values(reader);
	if (!read_text(&walk, reader)) {
		forget_values(reader);
	}
	reader->error = walk.cursor.error;
	reader->offset = (size_t)(walk.cursor.at - text);
	return reader->error;
}

/*
 * Goes on in an array or object, behind what came last in it: to the first byte of the next element
 * or name. False if there is none.
 */
static bool walk_on(struct walk *walk, const char *text, const struct json_value *whole,
	const struct json_value *last)
{
	walk_begin(walk, text, whole->start + whole->length);
	walk->cursor.at += last->kind ? last->start + last->length : whole->start;
	json_pass_space(&walk->cursor);
	if (walk->cursor.at + 1 == walk->cursor.end) {
		return false;
	}
	walk->cursor.at++; /* the comma, or the bracket that opens */
	json_pass_space(&walk->cursor);
	return walk->cursor.at + 1 < walk->cursor.end; /* it is not empty */
}

static bool walk_to(struct walk *walk, struct json_value *value)
{
	struct match none = {0};
	const char *first;

	json_pass_space(&walk->cursor);
	first = walk->cursor.at;
	if (!walk_value(walk, &none)) {
		return false;
	}
	*value = passed(walk, first);
	return true;
}

bool json_element_next(const char *text, const struct json_value *array, struct json_value *element)
{
	struct walk walk;

	return array->kind == JSON_ARRAY && walk_on(&walk, text, array, element) &&
		walk_to(&walk, element);
}

bool json_member_next(const char *text, const struct json_value *object, struct json_value *name,
	struct json_value *value)
{
	struct json_cursor *cursor;
	struct walk walk;
	const char *first;
	bool escaped;

	if (object->kind != JSON_OBJECT || !walk_on(&walk, text, object, value)) {
		return false;
	}
	cursor = &walk.cursor;
	first = cursor->at;
	if (!json_pass_string(cursor, &escaped)) {
		return false;
	}
	*name = passed(&walk, first);
	json_pass_space(cursor);
	cursor->at++; /* the colon */
	return walk_to(&walk, value);
}
