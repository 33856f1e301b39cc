/* SPDX-License-Identifier: Apache-2.0 */
/* What the inside of a JSON string says, in a text that is known to be well-formed. */
#ifndef JSON_ESCAPE_H
#define JSON_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/utf8.h"

/* A part of a string that is read in one step. */
struct json_run {
	const char *bytes; /* UTF-8, in the text or in here; NULL: a surrogate that stands alone */
	size_t length;
	char decoded[UTF8_BYTES];
};

/* Reads an escape, or all bytes up to the next one, and moves *at behind it. Not at the end. */
void json_run_read(struct json_run *run, const char **at, const char *end);

/* Whether the inside of a string says exactly these bytes. */
bool json_escaped_equal(const char *at, const char *end, const char *bytes, size_t length);

#endif
