/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buffer.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define FIRST_CAPACITY 64

void buffer_init(struct buffer *buffer)
{
	*buffer = (struct buffer){0};
}

void buffer_fini(struct buffer *buffer)
{
	free(buffer->data);
	buffer_init(buffer);
}

/* A byte more than asked for is kept for the NUL. */
char *buffer_grow(struct buffer *buffer, size_t room)
{
	size_t capacity = buffer->capacity ? buffer->capacity : FIRST_CAPACITY;
	size_t needed;
	char *data;

	if (buffer->failed || room >= (size_t)PTRDIFF_MAX - buffer->length) {
		buffer->failed = true;
		return NULL;
	}
	needed = buffer->length + room + 1;
	while (capacity < needed) {
		capacity *= 2;
	}
	data = realloc(buffer->data, capacity);
	if (!data) {
		buffer->failed = true;
		return NULL;
	}
	buffer->data = data;
	buffer->capacity = capacity;
	data[buffer->length] = '\0';
	return data + buffer->length;
}

void buffer_appendf(struct buffer *buffer, const char *format, ...)
{
	va_list args;
	char *room;
	int length;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	room = length < 0 ? NULL : buffer_reserve(buffer, (size_t)length);
	if (!room) {
		buffer->failed = true;
		return;
	}
	va_start(args, format);
	(void)vsnprintf(room, (size_t)length + 1, format, args);
	va_end(args);
	buffer_commit(buffer, (size_t)length);
}

void buffer_consume(struct buffer *buffer, size_t length)
{
	assert(length <= buffer->length);
	if (!length) {
		return;
	}
	buffer->length -= length;
	memmove(buffer->data, buffer->data + length, buffer->length);
	buffer->data[buffer->length] = '\0';
}

const char *buffer_text(const struct buffer *buffer)
{
	return buffer->data ? buffer->data : "";
}

char *buffer_take(struct buffer *buffer)
{
	char *text = NULL;

	if (buffer_reserve(buffer, 0)) {
		buffer->data[buffer->length] = '\0';
		text = buffer->data;
		buffer->data = NULL;
	} else {
		errno = ENOMEM;
	}
	buffer_fini(buffer);
	return text;
}

static void append_escaped(struct buffer *buffer, unsigned char byte)
{
	static const char escaped[] = "\b\f\n\r\t\"\\";
	static const char letters[] = "bfnrt\"\\";
	const char *found = byte ? strchr(escaped, byte) : NULL;

	if (found) {
		buffer_append_char(buffer, '\\');
		buffer_append_char(buffer, letters[found - escaped]);
	} else if (byte < 0x20 || byte == 0x7f) {
		buffer_appendf(buffer, "\\u%04x", byte);
	} else {
		buffer_append_char(buffer, (char)byte);
	}
}

/* Whether a sequence is U+0080 to U+009F, which a terminal may obey. */
static bool is_control(const char *sequence)
{
	return sequence[0] == '\xc2' && (unsigned char)sequence[1] < 0xa0;
}

void buffer_append_json(struct buffer *buffer, const char *bytes, size_t length)
{
	const char *end = bytes + length;

	buffer_append_char(buffer, '"');
	while (bytes < end) {
		bool whole;
		size_t n;

		if (!(*bytes & 0x80)) {
			append_escaped(buffer, (unsigned char)*bytes++);
			continue;
		}
		n = utf8_sequence(bytes, (size_t)(end - bytes), &whole);
		if (whole && is_control(bytes)) {
			buffer_appendf(buffer, "\\u%04x", (unsigned char)bytes[1]);
		} else if (whole) {
			buffer_append(buffer, bytes, n);
		} else {
			buffer_append_text(buffer, "\xef\xbf\xbd");
		}
		bytes += n;
	}
	buffer_append_char(buffer, '"');
}
