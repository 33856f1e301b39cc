/* SPDX-License-Identifier: Apache-2.0 */
/* Some values of a text replaced, and all else of it left as it is, byte for byte. */
#ifndef JSON_EDIT_H
#define JSON_EDIT_H

#include <stddef.h>

#include "base/buffer.h"
#include "json/value.h"

struct json_edit {
	const struct json_value *value; /* where; one that is absent is left out */
	const char *bytes;              /* the JSON text that takes its place */
	size_t length;
};

/*
 * Appends a value of the text, its outermost or another, edited. The edits may come in any order;
 * their values lie within it and do not overlap. Meant for a handful.
 */
void json_splice(struct buffer *out, const char *text, const struct json_value *whole,
	const struct json_edit *edits, size_t count);

#endif
