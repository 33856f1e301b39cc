/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the body of a text/event-stream that is passed on may end early (HTML, 9.2.6): between two
 * events, which an empty line tells.
 */
#ifndef HTTP_EVENT_STREAM_H
#define HTTP_EVENT_STREAM_H

#include "http/head.h"

#define HTTP_EVENT_TAIL 4 /* bytes */

struct http_event_stream {
	bool is_one; /* the response is an event stream at all */
	char tail
		[HTTP_EVENT_TAIL]; /* the last bytes that were passed on, the last one at the end */
};

/* A response's head is there. */
void http_event_stream_begin(struct http_event_stream *stream, const struct http_head *head);

/* Some of its body was passed on, one byte at least. */
void http_event_stream_note(struct http_event_stream *stream, const char *bytes, size_t length);

/* Whether it is an event stream that may end here. */
bool http_event_stream_between(const struct http_event_stream *stream);

#endif
