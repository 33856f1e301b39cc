/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message that is read, written and read again is the same message; with an id of ours in it, and
 * the other side's again in the place of ours, it is the same bytes. And the id of a response of
 * which the middle is missing is the response's, or is not found.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mcp/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LONGEST_CUT 48 /* bytes of a message that is cut at every place */

static const struct json_value *value_of(const struct message *message, int i)
{
	const struct json_value *const values[] = {&message->id, &message->method, &message->error,
		&message->token, &message->progress, &message->cancelled, &message->protocol,
		&message->era, &message->name, &message->uri};

	return i < (int)(sizeof(values) / sizeof(values[0])) ? values[i] : NULL;
}

static void assert_line(const struct buffer *line)
{
	assert(line->length && line->data[line->length - 1] == '\n');
	assert(memchr(line->data, '\n', line->length) == line->data + line->length - 1);
	assert(!memchr(line->data, '\r', line->length));
}

/* Nothing is replaced: the places are the same. */
static void check_written(const struct message *message, struct buffer *line)
{
	const struct json_value *value, *again;
	struct message written;

	message_write_line(line, message, NULL, 0);
	assert_line(line);
	assert(line->length == message->length + 1);
	assert(message_read(&written, line->data, line->length, NULL) == JSON_OK);
	assert(written.kind == message->kind);
	for (int i = 0; (value = value_of(message, i)); i++) {
		again = value_of(&written, i);
		assert(value->kind == again->kind && value->length == again->length);
		assert(value->start == again->start && value->repeated == again->repeated);
	}
}

/* There with an id of ours, and back. */
static void check_spliced(const struct message *message, const struct buffer *line)
{
	const struct message_change there[] = {
		{&message->id, "\"wire\"", 6},
		{&message->token, "4711", 4},
		{&message->cancelled, "\"\\u0020\"", 8},
		{&message->progress, NULL, 0},
	};
	struct buffer wire = {0}, again = {0};
	struct message passed;

	message_write_line(&wire, message, there, 4);
	assert_line(&wire);
	assert(message_read(&passed, wire.data, wire.length, NULL) == JSON_OK);
	assert(!message->id.kind || message_same_id(passed.text, &passed.id, "\"wir\\u0065\"", 11));
	{
		const struct message_change back[] = {
			{&passed.cancelled, message->text + message->cancelled.start,
				message->cancelled.length},
			{&passed.id, message->text + message->id.start, message->id.length},
			{&passed.token, message->text + message->token.start,
				message->token.length},
		};

		message_write_line(&again, &passed, back, 3);
	}
	assert(again.length == line->length && !memcmp(again.data, line->data, line->length));
	buffer_fini(&wire);
	buffer_fini(&again);
}

static void check_cut(const struct message *message, size_t head, size_t tail)
{
	const struct json_value *id = &message->id;
	size_t tail_length = message->length - tail, length;
	char *first = malloc(head + 1), *last = malloc(tail_length + 1);
	const char *found;
	enum message_kind kind;

	assert(first && last);
	memmove(first + 1, message->text, head);
	memcpy(last, message->text + tail, tail_length);
	kind = message_find_id(first + 1, head, last, tail_length, &found, &length);
	if (kind != MESSAGE_INVALID && !id->repeated) {
		assert(kind == MESSAGE_RESPONSE || message->method.kind);
		assert(id->kind && id->length == length);
		assert(!memcmp(message->text + id->start, found, length));
	}
	free(first);
	free(last);
}

static void check_cuts(const struct message *message)
{
	size_t end = message->length < LONGEST_CUT ? message->length : LONGEST_CUT;

	for (size_t head = 0; head <= end; head++) {
		for (size_t back = 0; back <= end && head + back <= message->length; back++) {
			check_cut(message, head, message->length - back);
		}
	}
}

static void check_batch(const struct message *batch)
{
	struct json_value element = {0};
	struct message message;
	int count = 0;

	while (message_next(batch, &element, &message)) {
		assert(message.kind != MESSAGE_BATCH);
		assert(message.text >= batch->text);
		assert(message.text + message.length < batch->text + batch->length);
		count++;
	}
	assert(count);
}

static void check_message(const struct message *message)
{
	struct buffer line = {0};

	check_written(message, &line);
	check_spliced(message, &line);
	buffer_fini(&line);
	if (message->kind == MESSAGE_BATCH) {
		check_batch(message);
	} else {
		assert(message->kind == MESSAGE_REQUEST || message->kind == MESSAGE_RESPONSE ||
			message->kind == MESSAGE_INVALID || !message->id.kind);
	}
	if (*message->text == '{') {
		check_cuts(message);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *id;
	size_t offset = 0, length, half = size / 2;
	struct message message;

	if (!message_read(&message, text, size, &offset)) {
		assert(message.length && message.text >= text);
		assert(message.text + message.length <= text + size);
		check_message(&message);
	} else {
		assert(offset <= size && message.kind == MESSAGE_INVALID && !message.length);
		message_find_id(text, half, text + half, size - half, &id, &length);
	}
	return 0;
}
