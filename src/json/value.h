/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A value as a range of the bytes that it was read from, and what those bytes mean. All of these
 * take the text that json_read accepted, and values that it found there; nothing is copied unless
 * the name says so.
 */
#ifndef JSON_VALUE_H
#define JSON_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

enum json_kind {
	JSON_ABSENT, /* there is no such value */
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

struct json_value {
	enum json_kind kind;
	bool repeated; /* a name on its path came twice in one object; the last one counts */
	size_t start;  /* of its first byte: the quote, the bracket, the sign */
	size_t length; /* up to its last byte: no white space around it */
};

/* What a value is, by its first byte; JSON_ABSENT if none begins so. */
enum json_kind json_kind_of(char first);

/*
 * Whether a value is a string of exactly these bytes of UTF-8 once its escapes are read. A
 * surrogate that stands alone equals nothing.
 */
bool json_string_equal(
	const char *text, const struct json_value *value, const char *bytes, size_t length);

/* Appends what a string says, in UTF-8; U+FFFD for a surrogate that stands alone. */
void json_string_decode(struct buffer *out, const char *text, const struct json_value *string);

/*
 * Whether a value is a whole number, written without fraction and exponent, that fits. If so, sets
 * *integer.
 */
bool json_integer(const char *text, const struct json_value *value, int64_t *integer);

/*
 * Goes through an array. Begin with a zeroed element; false after the last one, or if the value is
 * no array.
 *
 *	struct json_value element = {0};
 *
 *	while (json_element_next(text, &array, &element)) {
 */
bool json_element_next(
	const char *text, const struct json_value *array, struct json_value *element);

/*
 * Goes through an object in the same way: name, a string, and its value. A name that is repeated
 * comes each time; value->repeated is not set.
 */
bool json_member_next(const char *text, const struct json_value *object, struct json_value *name,
	struct json_value *value);

#endif
