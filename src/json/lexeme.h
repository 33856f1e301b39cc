/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of a JSON text (RFC 8259, 2 to 7), one at a time. For the reader alone; all others use
 * json/reader.h.
 */
#ifndef JSON_LEXEME_H
#define JSON_LEXEME_H

#include <stdbool.h>

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

/* 0xff for each byte that is a control character, a quote, a backslash or not ASCII. */
static inline lanes json_stops(lanes bytes)
{
	return (lanes)(bytes < 0x20) | (lanes)(bytes == '"') | (lanes)(bytes == '\\');
}

bool json_pass_long_string(struct json_cursor *cursor, bool *escaped);

/* Pass what begins at the cursor with the byte that says so; false: refused. */

/* Most strings end within the first sixteen bytes, as names do. */
static inline bool json_pass_string(struct json_cursor *cursor, bool *escaped)
{
	const char *at = cursor->at + 1;

	if (cursor->end - at >= LANES) {
		unsigned found = lanes_tops(json_stops(lanes_load(at)));

		at += found ? __builtin_ctz(found) : 0;
		if (found && *at == '"') {
			cursor->at = at + 1;
			*escaped = false;
			return true;
		}
	}
	return json_pass_long_string(cursor, escaped);
}

bool json_pass_number(struct json_cursor *cursor);
bool json_pass_literal(struct json_cursor *cursor, const char *literal);

#endif
