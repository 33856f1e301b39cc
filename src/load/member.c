/* SPDX-License-Identifier: Apache-2.0 */
#include "load/member.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "json/number.h"

#define SHOWN_MOST 40       /* bytes of a value that is refused */
#define NUMBER_TEXT_MOST 64 /* bytes of a number, or of a text that stands for one */
#define WANTS_BYTES 160

/* Refusals. */

static size_t line_of(const struct member_reading *reading, const struct json_value *value)
{
	const char *at = reading->text, *end = reading->text + (value ? value->start : 0);
	size_t line = 1;

	for (; at < end; at++) {
		line += *at == '\n';
	}
	return line;
}

static void write_place(struct buffer *out, const struct member_place *place)
{
	if (!place) {
		return;
	}
	write_place(out, place->outer);
	if (place->name) {
		buffer_appendf(out, "%s%s", place->outer ? "." : "", place->name);
	} else {
		buffer_appendf(out, "[%zu]", place->index);
	}
}

/* What a terminal would obey. U+0080 to U+009F are control characters, too. */
static void hide_controls(char *text)
{
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text, following = (unsigned char)text[1];

		if (byte < ' ' || byte == 0x7f) {
			*text = '?';
		} else if (byte == 0xc2 && following < 0xa0) {
			text[0] = text[1] = '?';
		}
	}
}

bool member_refuse(struct member_reading *reading, const struct member_place *place,
	const struct json_value *value, const char *format, ...)
{
	size_t begin = reading->refusal->length;
	char sentence[1000];
	va_list arguments;

	buffer_appendf(reading->refusal, "line %zu: ", line_of(reading, value));
	if (place) {
		write_place(reading->refusal, place);
	} else {
		buffer_append_text(reading->refusal, "the profile");
	}
	va_start(arguments, format);
	(void)vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	buffer_appendf(reading->refusal, " %s", sentence);
	if (!reading->refusal->failed) {
		hide_controls(reading->refusal->data + begin);
	}
	return false;
}

/* Cut where it is long, but not within a character. */
static size_t shown_length(const char *text, size_t length)
{
	if (length <= SHOWN_MOST) {
		return length;
	}
	length = SHOWN_MOST;
	while (length && ((unsigned char)text[length] & 0xc0) == 0x80) {
		length--;
	}
	return length;
}

bool member_refuse_value(struct member_reading *reading, const struct member_place *place,
	const struct json_value *value, const char *wants)
{
	const char *text = reading->text + value->start;
	size_t length = shown_length(text, value->length);

	if (value->kind == JSON_ARRAY || value->kind == JSON_OBJECT) {
		return member_refuse(reading, place, value, "is %s, where %s belongs",
			value->kind == JSON_ARRAY ? "a list" : "an object", wants);
	}
	return member_refuse(reading, place, value, "is %.*s%s, where %s belongs", (int)length,
		text, length < value->length ? "..." : "", wants);
}

static void write_choices(char *out, size_t size, const char *const *choices)
{
	size_t length = 0;

	for (size_t i = 0; choices[i] && length < size; i++) {
		const char *between = !i ? "" : choices[i + 1] ? ", " : " or ";
		int written =
			snprintf(out + length, size - length, "%s\"%s\"", between, choices[i]);

		length += (size_t)written;
	}
}

/* What a member wants, in words. */
static const char *wants(const struct member *member, char out[WANTS_BYTES])
{
	static const char *const words[] = {
		[MEMBER_LIST] = "a list",
		[MEMBER_OBJECT] = "an object",
		[MEMBER_TEXT] = "a string",
		[MEMBER_NUMBER] = "a number above 0",
		[MEMBER_DURATION] = "a duration such as \"10s\" or \"500ms\"",
		[MEMBER_FLAG] = "true or false",
	};

	if (member->wants) {
		return member->wants;
	}
	switch (member->kind) {
	case MEMBER_WHOLE:
		(void)snprintf(out, WANTS_BYTES, "a whole number from %llu to %llu",
			(unsigned long long)member->least, (unsigned long long)member->most);
		return out;
	case MEMBER_SIZE:
		(void)snprintf(out, WANTS_BYTES, "a size such as 4096 or \"64k\", up to %lluM",
			(unsigned long long)(member->most >> 20));
		return out;
	case MEMBER_CHOICE:
		write_choices(out, WANTS_BYTES, member->choices);
		return out;
	default:
		return words[member->kind];
	}
}

/* Values. Each returns false if it is none such, without a refusal. */

char *member_text(struct member_reading *reading, const struct member_place *place,
	const struct json_value *value)
{
	struct buffer text = {0};

	if (value->kind != JSON_STRING) {
		member_refuse_value(reading, place, value, "a string");
		return NULL;
	}
	json_string_decode(&text, reading->text, value);
	buffer_append_char(&text, '\0');
	if (!text.failed && strlen(text.data) + 1 != text.length) {
		member_refuse(reading, place, value, "has a NUL in it");
		buffer_fini(&text);
		return NULL;
	}
	reading->refusal->failed = reading->refusal->failed || text.failed;
	return buffer_take(&text);
}

/* What a short string says, for the parsers of base/text.h. */
static bool short_text(const struct member_reading *reading, const struct json_value *value,
	char text[NUMBER_TEXT_MOST])
{
	struct buffer decoded = {0};
	bool fits;

	if (value->kind != JSON_STRING || value->length >= NUMBER_TEXT_MOST) {
		return false;
	}
	json_string_decode(&decoded, reading->text, value);
	reading->refusal->failed = reading->refusal->failed || decoded.failed;
	fits = !decoded.failed && decoded.length < NUMBER_TEXT_MOST &&
		!memchr(buffer_text(&decoded), '\0', decoded.length);
	if (fits) {
		memcpy(text, buffer_text(&decoded), decoded.length + 1);
	}
	buffer_fini(&decoded);
	return fits;
}

static bool read_whole(const struct member_reading *reading, const struct json_value *value,
	const struct member *member, uint64_t *field)
{
	int64_t whole;

	if (value->kind != JSON_NUMBER || json_whole(reading->text, value, &whole) != 0 ||
		whole < 0 || (uint64_t)whole < member->least || (uint64_t)whole > member->most) {
		return false;
	}
	*field = (uint64_t)whole;
	return true;
}

static bool read_number(
	const struct member_reading *reading, const struct json_value *value, double *field)
{
	char text[NUMBER_TEXT_MOST];
	double number;

	if (value->kind != JSON_NUMBER || value->length >= sizeof(text)) {
		return false;
	}
	memcpy(text, reading->text + value->start, value->length);
	text[value->length] = '\0';
	number = strtod(text, NULL);
	if (!isfinite(number) || number <= 0) {
		return false;
	}
	*field = number;
	return true;
}

static bool read_duration(const struct member_reading *reading, const struct json_value *value,
	const struct member *member, int64_t *field)
{
	char text[NUMBER_TEXT_MOST];
	int64_t ms;

	if (!short_text(reading, value, text) || text_parse_duration(text, &ms) ||
		ms < (int64_t)member->least) {
		return false;
	}
	*field = ms;
	return true;
}

static bool read_size(const struct member_reading *reading, const struct json_value *value,
	const struct member *member, uint64_t *field)
{
	char text[NUMBER_TEXT_MOST];
	uint64_t bytes;

	if (value->kind == JSON_NUMBER) {
		return read_whole(reading, value, member, field);
	}
	if (!short_text(reading, value, text) || text_parse_size(text, &bytes) ||
		bytes < member->least || bytes > member->most) {
		return false;
	}
	*field = bytes;
	return true;
}

static bool read_flag(const struct json_value *value, bool *field)
{
	*field = value->kind == JSON_TRUE;
	return value->kind == JSON_TRUE || value->kind == JSON_FALSE;
}

static bool read_choice(const struct member_reading *reading, const struct json_value *value,
	const struct member *member, unsigned *field)
{
	for (unsigned i = 0; member->choices[i]; i++) {
		const char *choice = member->choices[i];

		if (json_string_equal(reading->text, value, choice, strlen(choice))) {
			*field = i;
			return true;
		}
	}
	return false;
}

static bool read_range(
	const struct json_value *value, enum json_kind kind, struct json_value *field)
{
	*field = *value;
	return value->kind == kind;
}

/* Texts are not here. */
static bool read_value(const struct member_reading *reading, const struct json_value *value,
	const struct member *member, void *field)
{
	switch (member->kind) {
	case MEMBER_LIST:
		return read_range(value, JSON_ARRAY, field);
	case MEMBER_OBJECT:
		return read_range(value, JSON_OBJECT, field);
	case MEMBER_WHOLE:
		return read_whole(reading, value, member, field);
	case MEMBER_NUMBER:
		return read_number(reading, value, field);
	case MEMBER_DURATION:
		return read_duration(reading, value, member, field);
	case MEMBER_SIZE:
		return read_size(reading, value, member, field);
	case MEMBER_FLAG:
		return read_flag(value, field);
	case MEMBER_CHOICE:
		return read_choice(reading, value, member, field);
	default:
		return read_range(value, value->kind, field);
	}
}

/* Members. */

static bool refuse_name(struct member_reading *reading, const struct member_place *place,
	const struct json_value *name, const struct member *table)
{
	struct buffer decoded = {0}, shown = {0}, names = {0};
	struct text_nearest nearest = {0};
	const char *owner;

	json_string_decode(&decoded, reading->text, name);
	nearest.word = buffer_text(&decoded);
	for (size_t i = 0; table[i].name; i++) {
		text_nearest_offer(&nearest, table[i].name);
		buffer_appendf(&names, "%s%s", i ? ", " : "", table[i].name);
	}
	buffer_append_json(
		&shown, buffer_text(&decoded), shown_length(buffer_text(&decoded), decoded.length));
	owner = reading->owner ? reading->owner(nearest.word) : NULL;
	if (owner) {
		member_refuse(reading, place, name, "has no member %s, which %s%s%s has",
			buffer_text(&shown), *owner ? "a scenario of the kind \"" : "the profile",
			owner, *owner ? "\"" : "");
	} else if (nearest.best) {
		member_refuse(reading, place, name, "has no member %s (did you mean \"%s\"?)",
			buffer_text(&shown), nearest.best);
	} else {
		member_refuse(reading, place, name, "has no member %s; there are %s",
			buffer_text(&shown), buffer_text(&names));
	}
	reading->refusal->failed =
		reading->refusal->failed || decoded.failed || shown.failed || names.failed;
	buffer_fini(&decoded);
	buffer_fini(&shown);
	buffer_fini(&names);
	return false;
}

bool member_value(struct member_reading *reading, const struct member_place *place,
	const struct json_value *value, const struct member *member, void *field)
{
	char words[WANTS_BYTES];

	if (member->kind == MEMBER_TEXT) {
		char *text = member_text(reading, place, value);

		if (text) {
			memcpy(field, &text, sizeof(text));
		}
		return text;
	}
	return read_value(reading, value, member, field) ||
		member_refuse_value(reading, place, value, wants(member, words));
}

static size_t find_row(const struct member_reading *reading, const struct json_value *name,
	const struct member *table)
{
	size_t row = 0;

	while (table[row].name &&
		!json_string_equal(reading->text, name, table[row].name, strlen(table[row].name))) {
		row++;
	}
	return row;
}

/* Whether all are there that must be. */
static bool check_required(struct member_reading *reading, const struct member_place *place,
	const struct json_value *object, const struct member *table, uint64_t found)
{
	char words[WANTS_BYTES];

	for (size_t row = 0; table[row].name; row++) {
		if (table[row].is_required && !(found >> row & 1)) {
			return member_refuse(reading, place, object, "lacks \"%s\", %s",
				table[row].name, wants(&table[row], words));
		}
	}
	return true;
}

bool member_read(struct member_reading *reading, const struct member_place *place,
	const struct json_value *object, const struct member *table, void *into)
{
	struct member_place inner = {.outer = place};
	struct json_value name = {0}, value = {0};
	uint64_t found = 0; /* rows; a table has fewer than 64 */

	if (object->kind != JSON_OBJECT) {
		return member_refuse_value(reading, place, object, "an object");
	}
	while (json_member_next(reading->text, object, &name, &value)) {
		size_t row = find_row(reading, &name, table);

		if (!table[row].name) {
			return refuse_name(reading, place, &name, table);
		}
		if (found >> row & 1) {
			return member_refuse(
				reading, place, &name, "has \"%s\" twice", table[row].name);
		}
		found |= UINT64_C(1) << row;
		inner.name = table[row].name;
		if (!member_value(reading, &inner, &value, &table[row],
			    (char *)into + table[row].offset)) {
			return false;
		}
	}
	return check_required(reading, place, object, table, found);
}

void member_free(const struct member *table, void *into)
{
	for (; table->name; table++) {
		char *text;

		if (table->kind == MEMBER_TEXT) {
			memcpy(&text, (char *)into + table->offset, sizeof(text));
			free(text);
			text = NULL;
			memcpy((char *)into + table->offset, &text, sizeof(text));
		}
	}
}

bool member_find(const struct member_reading *reading, const struct json_value *object,
	const char *name, struct json_value *found)
{
	struct json_value key = {0}, value = {0};

	while (json_member_next(reading->text, object, &key, &value)) {
		if (json_string_equal(reading->text, &key, name, strlen(name))) {
			*found = value;
			return true;
		}
	}
	return false;
}
