/* SPDX-License-Identifier: Apache-2.0 */
/* Frames in hexadecimal, and what a parser makes of them in words: for the tests of this module. */
#ifndef WS_PARSER_SCRIPT_H
#define WS_PARSER_SCRIPT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "ws/close.h"
#include "ws/parser.h"

/* "81 05 48 65", "61*256" for a byte that often. Returns bytes that the caller frees. */
static uint8_t *script_bytes(const char *hex, size_t *length)
{
	struct buffer bytes = {0};
	char *end;

	for (const char *at = hex + strspn(hex, " "); *at; at += strspn(at, " ")) {
		char pair[3] = {at[0], at[1], '\0'};
		char byte = (char)strtoul(pair, &end, 16);
		unsigned long times = 1;

		assert_ptr_equal(end, pair + 2);
		at += 2;
		if (*at == '*') {
			times = strtoul(at + 1, &end, 10);
			at = end;
		}
		while (times--) {
			buffer_append_char(&bytes, byte);
		}
	}
	*length = bytes.length;
	return (uint8_t *)buffer_take(&bytes);
}

/* What came, a line for each message and event; a message that does not end leaves none. */
struct script {
	struct ws_parser parser;
	struct buffer message;
	struct buffer lines;
};

static void script_say(struct buffer *lines, const char *what, const void *bytes, size_t length)
{
	const char *text = bytes;
	size_t same = 0;

	while (same < length && text[same] == text[0]) {
		same++;
	}
	buffer_appendf(lines, "%s", what);
	if (length > 64 && same == length) {
		buffer_appendf(lines, " %02x*%zu", (uint8_t)text[0], length);
	} else if (length) {
		buffer_append_char(lines, ' ');
		buffer_append(lines, bytes, length);
	}
	buffer_append_char(lines, '\n');
}

static void script_data(struct script *script, const struct ws_event *event)
{
	assert_int_equal(event->starts, !script->message.length);
	if (event->starts) {
		buffer_append_char(&script->message, (char)event->opcode);
	}
	assert_int_equal(event->opcode, script->message.data[0]);
	buffer_append(&script->message, event->bytes, event->length);
	if (event->ends) {
		script_say(&script->lines, event->opcode == WS_OPCODE_TEXT ? "text" : "binary",
			script->message.data + 1, script->message.length - 1);
		buffer_consume(&script->message, script->message.length);
	}
}

static void script_event(struct script *script, const struct ws_event *event)
{
	char words[160];

	switch (event->kind) {
	case WS_DATA:
		script_data(script, event);
		break;
	case WS_PING:
	case WS_PONG:
		script_say(&script->lines, event->kind == WS_PING ? "ping" : "pong", event->bytes,
			event->length);
		break;
	case WS_CLOSE:
		snprintf(words, sizeof(words), "close %d", event->code);
		script_say(&script->lines, words, event->bytes, event->length);
		break;
	case WS_FAULT:
		assert_int_equal(event->code, ws_fault_code(event->fault));
		snprintf(words, sizeof(words), "%d %s", event->code, ws_fault_text(event->fault));
		script_say(&script->lines, words, NULL, 0);
		break;
	default:
		break;
	}
}

/* Feeds a copy that has the exact size, so that reading or writing too far shows. */
static void script_feed(struct script *script, const uint8_t *bytes, size_t length)
{
	uint8_t *copy = malloc(length ? length : 1);
	size_t at = 0;

	assert_non_null(copy);
	if (length) {
		memcpy(copy, bytes, length);
	}
	while (at < length) {
		struct ws_event event;

		at += ws_parser_next(&script->parser, copy + at, length - at, &event);
		assert_true(at <= length);
		assert_true(event.kind != WS_MORE || at == length);
		script_event(script, &event);
	}
	free(copy);
}

static void script_init(struct script *script, enum ws_role role, uint64_t limit)
{
	memset(script, 0, sizeof(*script));
	ws_parser_init(&script->parser, role, limit);
}

static void script_fini(struct script *script)
{
	buffer_fini(&script->message);
	buffer_fini(&script->lines);
}

#endif
