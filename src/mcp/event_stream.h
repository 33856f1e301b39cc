/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of an event stream (WHATWG HTML, 9.2, server-sent events) as an HTTP answer's body:
 * each event is one chunk, so that what was cut off is never half an event to a client.
 */
#ifndef MCP_EVENT_STREAM_H
#define MCP_EVENT_STREAM_H

#include "http/server.h"

/* Begins the answer. fields: lines of the head that end with CRLF, or "". */
void event_stream_begin(struct http_connection *connection, const char *fields);

/* The priming event: an id and no data, by which a client knows from the start where it stands. */
void event_stream_prime(
	struct http_connection *connection, uint64_t number, uint64_t sequence, unsigned retry_ms);

/*
 * An event without an id. name: its type; NULL: none, which is "message". text: without line
 * breaks. Returns false if there is no memory: then nothing was written.
 */
bool event_stream_write(
	struct http_connection *connection, const char *name, const char *text, size_t length);

/* A comment, which clients pass over, and which finds out whether the peer is there. */
void event_stream_ping(struct http_connection *connection);

/* Ends the answer. retry_ms: when the client should come again; 0: not said. */
void event_stream_end(struct http_connection *connection, unsigned retry_ms);

#endif
