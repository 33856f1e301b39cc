/* SPDX-License-Identifier: Apache-2.0 */
#include "http/event_stream.h"

#include <string.h>

void http_event_stream_begin(struct http_event_stream *stream, const struct http_head *head)
{
	static const char events[] = "text/event-stream";
	const struct http_field *type = http_head_find(head, "Content-Type", NULL);
	struct http_text text;

	*stream = (struct http_event_stream){0};
	if (!type) {
		return;
	}
	text = http_head_text(head, type->value);
	if (text.length > sizeof(events) - 1) {
		text.length = sizeof(events) - 1; /* parameters may follow */
	}
	stream->is_one = http_text_equal(text, events);
}

void http_event_stream_note(struct http_event_stream *stream, const char *bytes, size_t length)
{
	size_t kept = length < HTTP_EVENT_TAIL ? HTTP_EVENT_TAIL - length : 0;

	memmove(stream->tail, stream->tail + HTTP_EVENT_TAIL - kept, kept);
	memcpy(stream->tail + kept, bytes + length - (HTTP_EVENT_TAIL - kept),
		HTTP_EVENT_TAIL - kept);
}

bool http_event_stream_between(const struct http_event_stream *stream)
{
	const char *end = stream->tail + HTTP_EVENT_TAIL;

	return stream->is_one &&
		(!end[-1] || !memcmp(end - 2, "\n\n", 2) || !memcmp(end - 2, "\r\r", 2) ||
			!memcmp(end - 4, "\r\n\r\n", 4));
}
