/* SPDX-License-Identifier: Apache-2.0 */
#include "load/pattern.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define INSIDE_MOST 64 /* bytes between the brackets of a place */

struct place {
	size_t at; /* in the text, in front of this byte */
	enum pattern_place kind;
	bool is_bare;         /* a number in JSON, without its quotes */
	unsigned width;       /* digits: at least, or of HEX all */
	uint64_t least, span; /* of RANDOM */
};

static const char *const words[] = {
#define PATTERN_PLACE(name, word, example) word,
	PATTERN_PLACES(PATTERN_PLACE)
#undef PATTERN_PLACE
};

#define EXAMPLE(name, word, example) " " example

static const char examples[] = PATTERN_PLACES(EXAMPLE);

void pattern_fini(struct pattern *pattern)
{
	buffer_fini(&pattern->text);
	buffer_fini(&pattern->places);
}

void pattern_add(struct pattern *pattern, const char *bytes, size_t length)
{
	buffer_append(&pattern->text, bytes, length);
}

static void add_place(struct pattern *pattern, struct place place)
{
	place.at = pattern->text.length;
	buffer_append(&pattern->places, &place, sizeof(place));
}

void pattern_add_number(struct pattern *pattern)
{
	add_place(pattern, (struct place){.kind = PATTERN_NUMBER});
}

bool pattern_failed(const struct pattern *pattern)
{
	return pattern->text.failed || pattern->places.failed;
}

static const struct place *places_of(const struct pattern *pattern, size_t *count)
{
	*count = pattern->places.length / sizeof(struct place);
	return (const void *)pattern->places.data;
}

bool pattern_has(const struct pattern *pattern, enum pattern_place place)
{
	size_t count;
	const struct place *places = places_of(pattern, &count);

	for (size_t i = 0; i < count; i++) {
		if (places[i].kind == place) {
			return true;
		}
	}
	return false;
}

bool pattern_is_fixed(const struct pattern *pattern)
{
	return !pattern->places.length;
}

/* Reading. All that refuse return false. */

__attribute__((format(printf, 2, 3))) static bool refuse(
	struct buffer *refusal, const char *format, ...);

static bool refuse(struct buffer *refusal, const char *format, ...)
{
	char sentence[400];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	buffer_append_text(refusal, sentence);
	return false;
}

static bool refuse_name(struct buffer *refusal, const char *name)
{
	struct text_nearest nearest = {.word = name};

	for (size_t i = 0; i < PATTERN_PLACE_COUNT; i++) {
		text_nearest_offer(&nearest, words[i]);
	}
	if (nearest.best) {
		return refuse(refusal, "has ${%s}, which is no place (did you mean ${%s}?)", name,
			nearest.best);
	}
	return refuse(refusal, "has ${%s}, which is no place: there are%s ($${ for ${ itself)",
		name, examples);
}

/* The digits of ${number:8}, ${key:8}, ${hex:8}. */
static bool read_width(
	struct place *place, const char *argument, int64_t most, struct buffer *refusal)
{
	int64_t width;
	const char *wrong = text_parse_number(argument, 1, most, &width);

	if (wrong) {
		return refuse(refusal,
			"has ${%s:%s}, where a number of digits from 1 to %d belongs",
			words[place->kind], argument, (int)most);
	}
	place->width = (unsigned)width;
	return true;
}

/* "100" or "10-20". */
static bool read_range(struct place *place, char *argument, struct buffer *refusal)
{
	char *dash = strchr(argument, '-');
	int64_t least = 0, most = 0;
	const char *wrong;

	if (dash) {
		*dash = '\0';
		wrong = text_parse_number(argument, 0, INT64_MAX, &least);
		wrong = wrong ? wrong : text_parse_number(dash + 1, least, INT64_MAX, &most);
		*dash = '-';
	} else {
		wrong = text_parse_number(argument, 1, INT64_MAX, &most);
		most--;
	}
	if (wrong) {
		return refuse(refusal,
			"has ${random:%s}, where a bound above 0 or a range such as 10-20 belongs",
			argument);
	}
	place->least = (uint64_t)least;
	place->span = (uint64_t)(most - least) + 1;
	return true;
}

static bool read_argument(struct place *place, char *argument, struct buffer *refusal)
{
	const char *word = words[place->kind];

	switch (place->kind) {
	case PATTERN_NUMBER:
	case PATTERN_KEY:
		return !argument || read_width(place, argument, PATTERN_WIDTH_MOST, refusal);
	case PATTERN_RANDOM:
		return argument ? read_range(place, argument, refusal)
				: refuse(refusal,
					  "has ${random} without its bound: ${random:100} is a "
					  "number below 100");
	case PATTERN_HEX:
		return argument
			? read_width(place, argument, PATTERN_DIGITS_MOST, refusal)
			: refuse(refusal, "has ${hex} without its digits: ${hex:40} has 40");
	default:
		return !argument ||
			refuse(refusal, "has ${%s:%s}, but ${%s} takes nothing", word, argument,
				word);
	}
}

/* Reads what stands between the brackets. */
static bool read_inside(struct place *place, char *inside, struct buffer *refusal)
{
	char *colon = strchr(inside, ':');
	size_t kind = 0;

	if (colon) {
		*colon = '\0';
	}
	while (kind < PATTERN_PLACE_COUNT && strcmp(words[kind], inside) != 0) {
		kind++;
	}
	if (kind == PATTERN_PLACE_COUNT) {
		return refuse_name(refusal, inside);
	}
	place->kind = (enum pattern_place)kind;
	return read_argument(place, colon ? colon + 1 : NULL, refusal);
}

/*
 * Reads a place at *at, which is behind its opening bracket, and moves behind the closing one.
 * Bytes that are not to be shown are not those of a place.
 */
static bool read_place(
	struct place *place, const char **at, const char *end, struct buffer *refusal)
{
	char inside[INSIDE_MOST];
	size_t length = 0;

	while (*at + length < end && length < sizeof(inside) && (*at)[length] > ' ' &&
		(*at)[length] < 0x7f && !strchr("}\"\\", (*at)[length])) {
		inside[length] = (*at)[length];
		length++;
	}
	if (*at + length == end || length == sizeof(inside) || (*at)[length] != '}') {
		return refuse(refusal, "has a ${ without its } ($${ for ${ itself)");
	}
	inside[length] = '\0';
	*at += length + 1;
	return read_inside(place, inside, refusal);
}

/* Returns the next ${, or the end. */
static const char *find_place(const char *at, const char *end)
{
	const char *found = memmem(at, (size_t)(end - at), "${", 2);

	return found ? found : end;
}

/* ${#key}: the quotes around it go. */
static bool read_bare(
	struct pattern *pattern, const char **at, const char *end, struct buffer *refusal)
{
	struct place place = {.is_bare = true};
	/* Not an escaped quote. In a well-formed text two bytes come before it. */
	bool is_quoted = (*at)[-1] == '"' && (*at)[-2] != '\\';

	*at += 3;
	if (!read_place(&place, at, end, refusal)) {
		return false;
	}
	if (!is_quoted || *at == end || **at != '"' || (*at + 1 < end && (*at)[1] == ':')) {
		return refuse(refusal,
			"has a ${#%s} that is not all of a string's value (without # it may stand "
			"anywhere)",
			words[place.kind]);
	}
	if (place.width || place.kind == PATTERN_HEX || place.kind == PATTERN_FILL) {
		return refuse(
			refusal, "has a ${#%s} that need not be a JSON number", words[place.kind]);
	}
	++*at;
	pattern->text.length--;
	add_place(pattern, place);
	return true;
}

static bool read_text(struct pattern *pattern, const char *at, size_t length, bool is_json,
	struct buffer *refusal)
{
	const char *end = at + length;

	while (at < end) {
		const char *found = find_place(at, end);
		struct place place = {0};

		if (found > at && found < end && found[-1] == '$') {
			pattern_add(pattern, at, (size_t)(found - 1 - at));
			pattern_add(pattern, "${", 2);
			at = found + 2;
			continue;
		}
		pattern_add(pattern, at, (size_t)(found - at));
		at = found;
		if (pattern_failed(pattern) || at == end) {
			return true;
		}
		if (is_json && end - at > 2 && at[2] == '#') {
			if (!read_bare(pattern, &at, end, refusal)) {
				return false;
			}
			continue;
		}
		at += 2;
		if (!read_place(&place, &at, end, refusal)) {
			return false;
		}
		add_place(pattern, place);
	}
	return true;
}

bool pattern_read(struct pattern *pattern, const char *text, size_t length, struct buffer *refusal)
{
	return read_text(pattern, text, length, false, refusal);
}

bool pattern_read_json(
	struct pattern *pattern, const char *text, size_t length, struct buffer *refusal)
{
	return read_text(pattern, text, length, true, refusal);
}

/* Writing. */

static void write_decimal(struct buffer *out, uint64_t value, unsigned width)
{
	char digits[PATTERN_WIDTH_MOST + 20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	while (sizeof(digits) - at < width) {
		digits[--at] = '0';
	}
	buffer_append(out, digits + at, sizeof(digits) - at);
}

static void write_hex(struct buffer *out, unsigned count, struct random *random)
{
	char *room = buffer_reserve(out, count);
	uint64_t bits = 0;

	if (!room) {
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		bits = i % 16 ? bits << 4 : random_bits(random);
		room[i] = "0123456789abcdef"[bits >> 60];
	}
	buffer_commit(out, count);
}

static void write_place(
	struct buffer *out, const struct place *place, const struct pattern_values *values)
{
	switch (place->kind) {
	case PATTERN_NUMBER:
		write_decimal(out, values->number, place->width);
		break;
	case PATTERN_KEY:
		write_decimal(out, values->key, place->width);
		break;
	case PATTERN_RANDOM:
		write_decimal(out, place->least + random_below(values->random, place->span), 0);
		break;
	case PATTERN_HEX:
		write_hex(out, place->width, values->random);
		break;
	default:
		buffer_append(out, values->fill, values->fill_length);
	}
}

void pattern_write(
	struct buffer *out, const struct pattern *pattern, const struct pattern_values *values)
{
	const char *text = buffer_text(&pattern->text);
	size_t count, at = 0;
	const struct place *places = places_of(pattern, &count);

	for (size_t i = 0; i < count; i++) {
		buffer_append(out, text + at, places[i].at - at);
		write_place(out, &places[i], values);
		at = places[i].at;
	}
	buffer_append(out, text + at, pattern->text.length - at);
}
