/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a JSON text (RFC 8259) in one pass: checks all of it, and finds the values that the caller
 * asks for as ranges of its bytes, so that some can be replaced (json/edit.h) and the rest be
 * passed on as it came. Nothing is allocated, copied or changed.
 *
 * Strict: one value, white space around it, nothing else. UTF-8 without a byte order mark. Numbers
 * are checked for their form and may be of any size. \u escapes may name a surrogate that stands
 * alone, which the grammar allows and JavaScript writes; raw bytes may not. Names that are repeated
 * in an object are allowed; the last one counts, as in JavaScript and Python, and json_value tells.
 *
 *	static const struct json_path paths[] = {{{"id"}}, {{"params", "_meta", "progressToken"}}};
 *	struct json_value values[2];
 *	struct json_reader reader = {.paths = paths, .values = values, .count = 2};
 *
 *	if (json_read(&reader, text, length) != JSON_OK) {
 *		... json_error_text(reader.error), reader.offset
 */
#ifndef JSON_READER_H
#define JSON_READER_H

#include <stddef.h>

#include "json/error.h"
#include "json/value.h"

#define JSON_PATH_KEYS 4    /* names in a path at most */
#define JSON_PATHS 32       /* paths in a reader at most */
#define JSON_DEPTH_MOST 512 /* arrays and objects around each other */

/*
 * The names that lead from the outermost object to a member, as UTF-8; the first NULL ends them.
 * They match what the text's names say, however these are escaped. Paths lead through objects only.
 */
struct json_path {
	const char *keys[JSON_PATH_KEYS];
};

struct json_reader {
	/* Set by the caller; zero for none. */
	const struct json_path *paths; /* of at least one name each */
	struct json_value *values;     /* one for each path */
	size_t count;
	size_t length_most;
	unsigned depth_most; /* 0: JSON_DEPTH_MOST, which is also the most that can be set */

	/* Set by json_read. */
	struct json_value root; /* the whole value, without the white space around it */
	enum json_error error;
	size_t offset; /* where the error is: a byte of the text, or its length */
};

/*
 * Returns reader->error. After an error all values are absent. A text that could be the beginning
 * of a good one has the error JSON_TRUNCATED, or JSON_EMPTY, at its end.
 */
enum json_error json_read(struct json_reader *reader, const char *text, size_t length);

#endif
