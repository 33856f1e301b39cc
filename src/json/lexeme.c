/* SPDX-License-Identifier: Apache-2.0 */
#include "json/lexeme.h"

#include <stddef.h>

#include "base/utf8.h"

#define BLOCK (4 * LANES)

bool json_refuse(struct json_cursor *cursor, const char *at, enum json_error error)
{
	cursor->at = at;
	cursor->error = at == cursor->end ? JSON_TRUNCATED : error;
	return false;
}

static inline bool is_plain(char byte)
{
	return (unsigned char)byte >= 0x20 && (unsigned char)byte < 0x80 && byte != '"' &&
		byte != '\\';
}

#ifdef __x86_64__
#define WIDE_LANES 32

typedef int8_t wide_lanes __attribute__((vector_size(WIDE_LANES)));

/* As json_stops, of twice as many. */
__attribute__((target("avx2"))) static inline wide_lanes wide_stops(const char *from)
{
	typedef uint8_t unsigned_lanes __attribute__((vector_size(WIDE_LANES)));
	wide_lanes bytes;

	memcpy(&bytes, from, WIDE_LANES);
	return (wide_lanes)(((unsigned_lanes)bytes ^ ('"' ^ ' ')) - (' ' + 1)) | bytes |
		(wide_lanes)(bytes == '\\');
}

__attribute__((target("avx2"))) static const char *pass_wide_blocks(const char *at, const char *end)
{
	typedef char chars __attribute__((vector_size(WIDE_LANES)));

	while (end - at >= 4 * WIDE_LANES) {
		wide_lanes found = wide_stops(at) | wide_stops(at + WIDE_LANES) |
			wide_stops(at + 2 * WIDE_LANES) | wide_stops(at + 3 * WIDE_LANES);

		if (__builtin_ia32_pmovmskb256((chars)found)) {
			break;
		}
		at += 4 * WIDE_LANES;
	}
	return at;
}
#endif

/* What is very long is passed in the widest steps that there are, but for its end. */
static inline const char *pass_wide(const char *at, const char *end)
{
#ifdef __x86_64__
	if (end - at >= 4 * WIDE_LANES && __builtin_cpu_supports("avx2")) {
		return pass_wide_blocks(at, end);
	}
#endif
	(void)end;
	return at;
}

/* Returns a bit for each stop among so many bytes, of the first one the lowest. */
static inline uint64_t find_stops(const char *at)
{
	lanes first = json_stops(lanes_load(at)), second = json_stops(lanes_load(at + LANES));
	lanes third = json_stops(lanes_load(at + 2 * LANES));
	lanes fourth = json_stops(lanes_load(at + 3 * LANES));

	if (!lanes_tops(first | second | third | fourth)) {
		return 0;
	}
	return (uint64_t)lanes_tops(first) | (uint64_t)lanes_tops(second) << LANES |
		(uint64_t)lanes_tops(third) << 2 * LANES |
		(uint64_t)lanes_tops(fourth) << 3 * LANES;
}

/* Returns the first stop within so many steps, or NULL; *at is where they end, or the text does. */
static inline const char *pass_steps(const char **at, const char *end, int most)
{
	for (; most && end - *at >= LANES; most--) {
		unsigned found = lanes_tops(json_stops(lanes_load(*at)));

		if (found) {
			return *at + __builtin_ctz(found);
		}
		*at += LANES;
	}
	return NULL;
}

/* The same in any number of blocks, of four steps each. */
static inline const char *pass_blocks(const char **at, const char *end)
{
	const char *first = *at;

	while (end - *at >= BLOCK) {
		uint64_t found = find_stops(*at);

		if (found) {
			return *at + __builtin_ctzll(found);
		}
		*at += BLOCK;
		if (*at == first + BLOCK) {
			*at = pass_wide(*at, end);
		}
	}
	return NULL;
}

/* What is less than a block, or a step, is passed with bytes before it, which are passed again. */
static inline const char *pass_end(const char *first, const char *at, const char *end)
{
	const char *stop;

	if (end - first >= BLOCK && at < end) {
		uint64_t found = find_stops(end - BLOCK);

		return found ? end - BLOCK + __builtin_ctzll(found) : end;
	}
	stop = pass_steps(&at, end, BLOCK / LANES);
	if (stop) {
		return stop;
	}
	if (end - first >= LANES && at < end) {
		unsigned found = lanes_tops(json_stops(lanes_load(end - LANES)));

		return found ? end - LANES + __builtin_ctz(found) : end;
	}
	while (at < end && is_plain(*at)) {
		at++;
	}
	return at;
}

/*
 * Returns the first byte from a place on that does not simply stand for itself; those between first
 * and there are known to do so. Most strings end in the first step.
 */
static inline const char *pass_plain(const char *first, const char *at, const char *end)
{
	const char *stop = pass_steps(&at, end, 1);

	if (!stop) {
		stop = pass_blocks(&at, end);
	}
	return stop ? stop : pass_end(first, at, end);
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

bool json_pass_long_string(struct json_cursor *cursor, size_t plain, bool *escaped)
{
	*escaped = false;
	cursor->at++;
	for (;; plain = 0) {
		const char *at = pass_plain(cursor->at, cursor->at + plain, cursor->end);

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
