/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/event_stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "http/compose.h"

#define PING ": ping\n\n"

/* The last one is for proxies that would keep events back until a buffer is full (nginx). */
static const char head_fields[] = "Content-Type: text/event-stream\r\n"
				  "Cache-Control: no-cache\r\n"
				  "X-Accel-Buffering: no\r\n";

void event_stream_begin(struct http_connection *connection, const char *fields)
{
	struct buffer *head = http_answer(connection, 200);

	buffer_append(head, head_fields, sizeof(head_fields) - 1);
	buffer_append_text(head, fields);
	http_answer_chunked(connection, false);
}

void event_stream_prime(
	struct http_connection *connection, uint64_t number, uint64_t sequence, unsigned retry_ms)
{
	char event[96];
	int length = snprintf(event, sizeof(event),
		"id: %" PRIu64 "-%" PRIu64 "\nretry: %u\ndata: \n\n", number, sequence, retry_ms);

	http_answer_write(connection, event, (size_t)length);
}

bool event_stream_write(
	struct http_connection *connection, const char *name, const char *text, size_t length)
{
	struct buffer event = {0};
	bool written;

	(void)buffer_reserve(&event, length + 64);
	if (name) {
		buffer_appendf(&event, "event: %s\n", name);
	}
	buffer_append_text(&event, "data: ");
	buffer_append(&event, text, length);
	buffer_append_text(&event, "\n\n");
	written = !event.failed;
	if (written) {
		http_answer_write(connection, event.data, event.length);
	}
	buffer_fini(&event);
	return written;
}

void event_stream_ping(struct http_connection *connection)
{
	http_answer_write(connection, PING, sizeof(PING) - 1);
}

void event_stream_end(struct http_connection *connection, unsigned retry_ms)
{
	char line[32];

	if (retry_ms) {
		int length = snprintf(line, sizeof(line), "retry: %u\n\n", retry_ms);

		http_answer_write(connection, line, (size_t)length);
	}
	http_answer_end(connection, NULL);
}
