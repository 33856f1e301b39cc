/* SPDX-License-Identifier: Apache-2.0 */
#include "json/lexeme.h"

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

#define EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

bool json_refuse(struct json_cursor *cursor, const char *at, enum json_error error)
{
	cursor->at = at;
	cursor->error = at == cursor->end ? JSON_TRUNCATED : error;
	return false;
}

/*
 * The high bit of each byte that is a control character, a quote, a backslash or not ASCII (whose
 * high bit at least one of the subtractions keeps). A borrow may set that of a byte behind such a
 * one too, so only the first that is set can be trusted.
 */
static inline uint64_t stops(uint64_t word)
{
	uint64_t quote = word ^ EACH_BYTE('"');
	uint64_t backslash = word ^ EACH_BYTE('\\');

	return ((word - EACH_BYTE(0x20)) | (quote - EACH_BYTE(1)) | (backslash - EACH_BYTE(1))) &
		EACH_BYTE(0x80);
}

static inline bool is_plain(char byte)
{
	return (unsigned char)byte >= 0x20 && (unsigned char)byte < 0x80 && byte != '"' &&
		byte != '\\';
}

/* Returns the first byte that does not simply stand for itself. */
static inline const char *pass_plain(const char *at, const char *end)
{
	while (end - at >= 8) {
		uint64_t word;

		memcpy(&word, at, 8);
		word = stops(le64toh(word));
		if (word) {
			return at + __builtin_ctzll(word) / 8;
		}
		at += 8;
	}
	while (at < end && is_plain(*at)) {
		at++;
	}
	return at;
}

static inline bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static bool is_hex(char byte)
{
	return is_digit(byte) || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

/*
 * A surrogate that stands alone passes: the grammar allows it (RFC 8259, 8.2), and JavaScript
 * writes it where its strings have one.
 */
static bool pass_unicode(struct json_cursor *cursor, const char *digits)
{
	for (int i = 0; i < 4; i++) {
		if (digits + i == cursor->end || !is_hex(digits[i])) {
			return json_refuse(cursor, digits + i, JSON_BAD_ESCAPE);
		}
	}
	cursor->at = digits + 4;
	return true;
}

static bool pass_escape(struct json_cursor *cursor)
{
	const char *at = cursor->at + 1;

	switch (at < cursor->end ? *at : '\0') {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		cursor->at = at + 1;
		return true;
	case 'u':
		return pass_unicode(cursor, at + 1);
	default:
		return json_refuse(cursor, at, JSON_BAD_ESCAPE);
	}
}

static bool pass_utf8(struct json_cursor *cursor)
{
	size_t left = (size_t)(cursor->end - cursor->at);
	size_t run = utf8_run(cursor->at, left);

	if (run) {
		cursor->at += run;
		return true;
	}
	if (utf8_begins(cursor->at, left)) {
		return json_refuse(cursor, cursor->end, JSON_TRUNCATED);
	}
	return json_refuse(cursor, cursor->at, JSON_BAD_UTF8);
}

bool json_pass_string(struct json_cursor *cursor, bool *escaped)
{
	*escaped = false;
	cursor->at++;
	for (;;) {
		const char *at = pass_plain(cursor->at, cursor->end);

		cursor->at = at;
		if (at == cursor->end) {
			return json_refuse(cursor, at, JSON_TRUNCATED);
		}
		if (*at == '"') {
			cursor->at++;
			return true;
		}
		if (*at == '\\') {
			*escaped = true;
			if (!pass_escape(cursor)) {
				return false;
			}
		} else if (!(*at & 0x80)) {
			return json_refuse(cursor, at, JSON_BAD_CONTROL);
		} else if (!pass_utf8(cursor)) {
			return false;
		}
	}
}

/* At least one digit; NULL: refused. */
static const char *pass_digits(struct json_cursor *cursor, const char *at)
{
	const char *first = at;

	while (at < cursor->end && is_digit(*at)) {
		at++;
	}
	if (at > first) {
		return at;
	}
	json_refuse(cursor, at, JSON_BAD_NUMBER);
	return NULL;
}

static const char *pass_exponent(struct json_cursor *cursor, const char *at)
{
	at++;
	if (at < cursor->end && (*at == '+' || *at == '-')) {
		at++;
	}
	return pass_digits(cursor, at);
}

bool json_pass_number(struct json_cursor *cursor)
{
	const char *at = cursor->at + (*cursor->at == '-');
	const char *whole = at;

	at = pass_digits(cursor, at);
	if (at && *whole == '0' && at - whole > 1) {
		return json_refuse(cursor, whole + 1, JSON_BAD_NUMBER);
	}
	if (at && at < cursor->end && *at == '.') {
		at = pass_digits(cursor, at + 1);
	}
	if (at && at < cursor->end && (*at == 'e' || *at == 'E')) {
		at = pass_exponent(cursor, at);
	}
	if (at) {
		cursor->at = at;
	}
	return at;
}

bool json_pass_literal(struct json_cursor *cursor, const char *literal)
{
	const char *at = cursor->at;

	while (*literal && at < cursor->end && *at == *literal) {
		at++;
		literal++;
	}
	if (*literal) {
		return json_refuse(cursor, at, JSON_BAD_LITERAL);
	}
	cursor->at = at;
	return true;
}
