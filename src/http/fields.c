/* SPDX-License-Identifier: Apache-2.0 */
#include "http/fields.h"

#include <string.h>

#include "http/octet.h"

#define EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))
#define HIGH_BITS EACH_BYTE(0x80)

/*
 * Whether some of eight bytes may not be in a value, or is a tab: what is below a space, or DEL. A
 * borrow may only come from such a byte.
 */
static bool has_control(const char *bytes)
{
	uint64_t word, delete;

	memcpy(&word, bytes, sizeof(word));
	delete = word ^ EACH_BYTE(0x7f);
	return (((word - EACH_BYTE(0x20)) & ~word) | ((delete - EACH_BYTE(1)) & ~delete)) &
		HIGH_BITS;
}

/* Most bytes of a head are those of values: eight at once, and one by one where that says no. */
static bool is_clean(const char *bytes, size_t length)
{
	size_t at = 0;

	while (length - at >= sizeof(uint64_t) && !has_control(bytes + at)) {
		at += sizeof(uint64_t);
	}
	return http_octets_are(bytes + at, length - at, HTTP_OCTET_VALUE);
}

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

enum http_error http_field_read(struct http_head *head, size_t start)
{
	const char *line = head->text.data + start;
	const char *end = head->text.data + head->text.length - 2;
	const char *colon = line, *value;
	struct http_field *field;

	while (http_octet_is(*colon, HTTP_OCTET_TOKEN)) { /* the line's end is none */
		colon++;
	}
	if (colon == line || *colon != ':') {
		return HTTP_BAD_FIELD;
	}
	for (value = colon + 1; value < end && is_blank(*value); value++) {}
	while (end > value && is_blank(end[-1])) {
		end--;
	}
	if (!is_clean(value, (size_t)(end - value))) {
		return HTTP_BAD_FIELD;
	}
	if (head->count + head->trailers == HTTP_FIELDS_MOST) {
		return HTTP_TOO_MANY_FIELDS;
	}
	field = http_head_add(head, (struct http_range){(uint16_t)start, (uint16_t)(colon - line)});
	if (!field) {
		return HTTP_NO_MEMORY;
	}
	field->value =
		(struct http_range){(uint16_t)(value - head->text.data), (uint16_t)(end - value)};
	return HTTP_OK;
}
