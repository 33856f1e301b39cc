/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buffer.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* Makes room for as many bytes more and a NUL. */
static bool grow(struct buffer *buffer, size_t room)
{
	size_t capacity = buffer->capacity ? buffer->capacity : FIRST_CAPACITY;
	size_t needed;
	char *data;

	if (buffer->failed || room >= (size_t)PTRDIFF_MAX - buffer->length) {
		buffer->failed = true;
		return false;
	}
	needed = buffer->length + room + 1;
	if (needed <= buffer->capacity) {
		return true;
	}
	while (capacity < needed) {
		capacity *= 2;
	}
	data = realloc(buffer->data, capacity);
	if (!data) {
		buffer->failed = true;
		return false;
	}
	buffer->data = data;
	buffer->capacity = capacity;
	return true;
}

char *buffer_reserve(struct buffer *buffer, size_t room)
{
	return grow(buffer, room) ? buffer->data + buffer->length : NULL;
}

void buffer_commit(struct buffer *buffer, size_t length)
{
	assert(length < buffer->capacity - buffer->length);
	buffer->length += length;
	buffer->data[buffer->length] = '\0';
}

void buffer_append(struct buffer *buffer, const void *bytes, size_t length)
{
	char *room = buffer_reserve(buffer, length);

	if (!room) {
		return;
	}
	if (length) {
		memcpy(room, bytes, length);
	}
	buffer_commit(buffer, length);
}

void buffer_append_text(struct buffer *buffer, const char *text)
{
	buffer_append(buffer, text, strlen(text));
}

void buffer_append_char(struct buffer *buffer, char byte)
{
	buffer_append(buffer, &byte, 1);
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

	if (grow(buffer, 0)) {
		buffer->data[buffer->length] = '\0';
		text = buffer->data;
		buffer->data = NULL;
	} else {
		errno = ENOMEM;
	}
	buffer_fini(buffer);
	return text;
}

/*
 * How a UTF-8 sequence may begin (Unicode 15, table 3-7): the second byte's bounds depend on the
 * first.
 */
static const struct utf8_lead {
	unsigned char first, last; /* of the lead byte */
	unsigned char low, high;   /* of the second byte */
	unsigned char length;
} utf8_leads[] = {
	{0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
	{0xed, 0xed, 0x80, 0x9f, 3}, /* no surrogates */
	{0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
	{0xf4, 0xf4, 0x80, 0x8f, 4}, /* nothing above U+10FFFF */
};

static const struct utf8_lead *utf8_lead(unsigned char byte)
{
	for (size_t i = 0; i < sizeof(utf8_leads) / sizeof(utf8_leads[0]); i++) {
		if (byte >= utf8_leads[i].first && byte <= utf8_leads[i].last) {
			return &utf8_leads[i];
		}
	}
	return NULL;
}

/*
 * Returns the length of the sequence at a byte above 0x7f, or of its maximal part, which *whole
 * tells.
 */
static size_t utf8_sequence(const unsigned char *bytes, size_t length, bool *whole)
{
	const struct utf8_lead *lead = utf8_lead(bytes[0]);
	size_t got = 1;

	*whole = false;
	if (!lead) {
		return 1;
	}
	while (got < lead->length && got < length) {
		unsigned char low = got == 1 ? lead->low : 0x80;
		unsigned char high = got == 1 ? lead->high : 0xbf;

		if (bytes[got] < low || bytes[got] > high) {
			return got;
		}
		got++;
	}
	*whole = got == lead->length;
	return got;
}

static void append_escaped(struct buffer *buffer, unsigned char byte)
{
	static const char escaped[] = "\b\f\n\r\t\"\\";
	static const char letters[] = "bfnrt\"\\";
	const char *found = byte ? strchr(escaped, byte) : NULL;

	if (found) {
		buffer_append_char(buffer, '\\');
		buffer_append_char(buffer, letters[found - escaped]);
	} else if (byte < 0x20) {
		buffer_appendf(buffer, "\\u%04x", byte);
	} else {
		buffer_append_char(buffer, (char)byte);
	}
}

void buffer_append_json(struct buffer *buffer, const char *bytes, size_t length)
{
	const unsigned char *at = (const unsigned char *)bytes;
	const unsigned char *end = at + length;

	buffer_append_char(buffer, '"');
	while (at < end) {
		bool whole;
		size_t n;

		if (*at < 0x80) {
			append_escaped(buffer, *at++);
			continue;
		}
		n = utf8_sequence(at, (size_t)(end - at), &whole);
		if (whole) {
			buffer_append(buffer, at, n);
		} else {
			buffer_append_text(buffer, "\xef\xbf\xbd");
		}
		at += n;
	}
	buffer_append_char(buffer, '"');
}
