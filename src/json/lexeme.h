/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of a JSON text (RFC 8259, 2 to 7), one at a time. For the reader alone; all others use
 * json/reader.h.
 */
#ifndef JSON_LEXEME_H
#define JSON_LEXEME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/lanes.h"
#include "json/error.h"

struct json_cursor {
	const char *at; /* what comes next; after a failure, the byte that is refused */
	const char *end;
	enum json_error error;
};

/* Notes why the byte at a place is refused, or that the text ends there; returns false. */
bool json_refuse(struct json_cursor *cursor, const char *at, enum json_error error);

static inline void json_pass_space(struct json_cursor *cursor)
{
	const char *at = cursor->at;

	while (at < cursor->end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) {
		at++;
	}
	cursor->at = at;
}

/*
 * The top bit of each byte that is a control character, a quote, a backslash or not ASCII. A quote
 * that changes places with the space stands right behind the control characters.
 */
static inline lanes json_stops(lanes bytes)
{
	typedef uint8_t unsigned_lanes __attribute__((vector_size(LANES)));

	return (lanes)(((unsigned_lanes)bytes ^ ('"' ^ ' ')) - (' ' + 1)) | bytes |
		(lanes)(bytes == '\\');
}

/* Pass what begins at the cursor with the byte that says so; false: refused. */

/* plain: bytes behind the quote that are known to be no stops. */
bool json_pass_long_string(struct json_cursor *cursor, size_t plain, bool *escaped);

/* Most strings end within the first sixteen bytes, as names do. */
static inline bool json_pass_string(struct json_cursor *cursor, bool *escaped)
{
	const char *at = cursor->at + 1;
	size_t plain = 0;

	if (cursor->end - at >= LANES) {
		unsigned found = lanes_tops(json_stops(lanes_load(at)));

		plain = found ? (size_t)__builtin_ctz(found) : LANES;
		if (found && at[plain] == '"') {
			cursor->at = at + plain + 1;
			*escaped = false;
			return true;
		}
	}
	return json_pass_long_string(cursor, plain, escaped);
}

bool json_pass_number(struct json_cursor *cursor);
bool json_pass_literal(struct json_cursor *cursor, const char *literal);

#endif
