/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The place in the text goes from one function to the next as a value, which the compiler keeps in
 * a register; NULL is a refusal. What is open is a bit each in a word, with a bit in front that
 * tells where they begin.
 */
#include "json/check.h"

#include <stdint.h>

#include "json/lexeme.h"

#define NOTHING_OPEN UINT64_C(1)

static inline const char *pass_space(const char *at, const char *end)
{
	while (at < end && (unsigned char)*at <= ' ' &&
		(*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) {
		at++;
	}
	return at;
}

/* Whether a byte comes next, behind white space, which is passed; mostly there is none. */
static inline bool comes(const char **at, const char *end, char byte)
{
	if (*at < end && **at == byte) {
		return true;
	}
	*at = pass_space(*at, end);
	return *at < end && **at == byte;
}

/* Out of line: those that are not short, or not plain. */
static __attribute__((noinline)) const char *pass_long_string(
	const char *at, const char *end, size_t plain)
{
	struct json_cursor cursor = {.at = at, .end = end};
	bool escaped;

	return json_pass_long_string(&cursor, plain, &escaped) ? cursor.at : NULL;
}

static inline const char *pass_string(const char *at, const char *end)
{
	size_t plain = 0;

	if (end - at > LANES) {
		unsigned found = lanes_tops(json_stops(lanes_load(at + 1)));

		plain = found ? (size_t)__builtin_ctz(found) : LANES;
		if (found && at[1 + plain] == '"') {
			return at + 2 + plain;
		}
	}
	return pass_long_string(at, end, plain);
}

static const char *pass_other(const char *at, const char *end)
{
	struct json_cursor cursor = {.at = at, .end = end};
	bool taken;

	switch (*at) {
	case 't':
		taken = json_pass_literal(&cursor, "true");
		break;
	case 'f':
		taken = json_pass_literal(&cursor, "false");
		break;
	case 'n':
		taken = json_pass_literal(&cursor, "null");
		break;
	default:
		taken = (*at == '-' || (*at >= '0' && *at <= '9')) && json_pass_number(&cursor);
		break;
	}
	return taken ? cursor.at : NULL;
}

/* A member's name and its colon. */
static inline const char *pass_name(const char *at, const char *end)
{
	if (!comes(&at, end, '"')) {
		return NULL;
	}
	at = pass_string(at, end);
	return at && comes(&at, end, ':') ? at + 1 : NULL;
}

/*
 * Opens what begins here, if something does that is not empty, and so on up to the first value that
 * is no such thing; passes that.
 */
static inline const char *pass_to_scalar(const char *at, const char *end, uint64_t *open)
{
	for (;;) {
		bool object;

		if (comes(&at, end, '"')) {
			return pass_string(at, end);
		}
		if (at == end) {
			return NULL;
		}
		object = *at == '{';
		if (!object && *at != '[') {
			return pass_other(at, end);
		}
		at++;
		if (comes(&at, end, object ? '}' : ']')) {
			return *open >> JSON_CHECK_DEPTH ? NULL : at + 1;
		}
		if (*open >> JSON_CHECK_DEPTH) {
			return NULL;
		}
		*open = *open << 1 | object;
		at = object ? pass_name(at, end) : at;
		if (!at) {
			return NULL;
		}
	}
}

/* Closes what ends here, up to the comma, and perhaps name, in front of another value. */
static inline const char *pass_to_value(const char *at, const char *end, uint64_t *open)
{
	while (*open != NOTHING_OPEN) {
		bool object = *open & 1;

		if (comes(&at, end, ',')) {
			return object ? pass_name(at + 1, end) : at + 1;
		}
		if (!comes(&at, end, object ? '}' : ']')) {
			return NULL;
		}
		at++;
		*open >>= 1;
	}
	return at;
}

bool json_check(const char *text, size_t length)
{
	const char *at = text, *end = text + length;
	uint64_t open = NOTHING_OPEN;

	do {
		at = pass_to_scalar(at, end, &open);
		at = at ? pass_to_value(at, end, &open) : NULL;
	} while (at && open != NOTHING_OPEN);
	return at && pass_space(at, end) == end;
}

const char *json_check_string(const char *text, size_t length)
{
	struct json_cursor cursor = {.at = text, .end = text + length};
	bool escaped;

	return length && *text == '"' && json_pass_string(&cursor, &escaped) && !escaped
		? cursor.at - 1
		: NULL;
}
