/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that grow. Running out of memory is remembered: every later append does nothing, so that a
 * writer of a long text asks once, at its end. A zeroed buffer is an empty one.
 *
 * What appends where there is room is inline, since heads are written in many small pieces whose
 * lengths the compiler mostly knows.
 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct buffer {
	char *data; /* NULL before the first append; use buffer_text for a string */
	size_t length;
	size_t capacity;
	bool failed; /* an allocation failed: the content is incomplete */
};

void buffer_init(struct buffer *buffer);

/* Frees the memory; the buffer is as after buffer_init. */
void buffer_fini(struct buffer *buffer);

static inline void buffer_append(struct buffer *buffer, const void *bytes, size_t length);
static inline void buffer_append_text(struct buffer *buffer, const char *text);
static inline void buffer_append_char(struct buffer *buffer, char byte);
__attribute__((format(printf, 2, 3))) void buffer_appendf(
	struct buffer *buffer, const char *format, ...);

/*
 * Appends a JSON string, quotes included (RFC 8259, 7). What is not UTF-8 becomes U+FFFD, one for
 * each maximal part of a well-formed sequence (Unicode 15, 3.9, table 3-7). All control characters
 * are escaped, those above ASCII too, so that it may be shown on a terminal.
 */
void buffer_append_json(struct buffer *buffer, const char *bytes, size_t length);

/*
 * Returns where room bytes may be written, to be made part of the content with buffer_commit before
 * anything else is done with the buffer. NULL if there is no memory, or the buffer failed before.
 */
static inline char *buffer_reserve(struct buffer *buffer, size_t room);
static inline void buffer_commit(struct buffer *buffer, size_t length);

/* Drops the content, and that it failed; the memory stays for what comes next. */
static inline void buffer_clear(struct buffer *buffer);

/* Drops the first bytes; the rest is moved to the front. */
void buffer_consume(struct buffer *buffer, size_t length);

/* Returns the content with a NUL behind it; "" if there is none. Valid until the buffer changes. */
const char *buffer_text(const struct buffer *buffer);

/*
 * Hands over the content as a string to be freed with free(3), and leaves the buffer empty and not
 * failed. NULL with errno ENOMEM if it had failed.
 */
char *buffer_take(struct buffer *buffer);

/* For buffer_reserve alone: what it does where there is no room yet. */
char *buffer_grow(struct buffer *buffer, size_t room);

static inline char *buffer_reserve(struct buffer *buffer, size_t room)
{
	/* A byte is kept for the NUL. */
	return room < buffer->capacity - buffer->length && !buffer->failed
		? buffer->data + buffer->length
		: buffer_grow(buffer, room);
}

static inline void buffer_commit(struct buffer *buffer, size_t length)
{
	assert(length < buffer->capacity - buffer->length);
	buffer->length += length;
	buffer->data[buffer->length] = '\0';
}

static inline void buffer_clear(struct buffer *buffer)
{
	buffer->length = 0;
	buffer->failed = false;
	if (buffer->data) {
		buffer->data[0] = '\0';
	}
}

static inline void buffer_append(struct buffer *buffer, const void *bytes, size_t length)
{
	char *room = buffer_reserve(buffer, length);

	if (room && length) {
		memcpy(room, bytes, length);
		buffer_commit(buffer, length);
	}
}

static inline void buffer_append_text(struct buffer *buffer, const char *text)
{
	buffer_append(buffer, text, strlen(text));
}

static inline void buffer_append_char(struct buffer *buffer, char byte)
{
	buffer_append(buffer, &byte, 1);
}

#endif
