/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client sends: bytes become events of the parser, and those the handler's. What the handler
 * does not take of a body stays in front of the input, known as passed: the parser has read it.
 */
#include <stdio.h>
#include <string.h>

#include "base/list.h"
#include "http/exchange.h"

static void http_refuse_malformed(struct http_connection *connection)
{
	char text[128];

	(void)snprintf(text, sizeof(text), "the request is refused: %s",
		http_error_text(connection->parser.error));
	http_refuse(connection, http_parser_status(&connection->parser), text);
}

static void http_refuse_too_large(struct http_connection *connection)
{
	http_refuse(connection, 413, "the request's body is too large");
}

static void name_exchange(struct http_connection *connection)
{
	const struct http_head *head = &connection->parser.head;
	struct http_text method = http_head_text(head, head->method);
	struct http_text path = http_head_text(head, head->path);
	size_t room = sizeof(connection->name) - 1;
	size_t length = method.length < room ? method.length : room;

	memcpy(connection->name, method.bytes, length);
	if (length < room) {
		connection->name[length++] = ' ';
	}
	if (path.length > room - length) {
		path.length = room - length;
	}
	memcpy(connection->name + length, path.bytes, path.length);
	connection->name[length + path.length] = '\0';
}

static void begin_exchange(struct http_connection *connection)
{
	const struct http_head *head = &connection->parser.head;
	size_t used;

	http_connection_enter(connection, HTTP_CONNECTION_EXCHANGE);
	connection->fresh = false;
	connection->answer = HTTP_ANSWER_NONE;
	connection->status = 0;
	connection->body_length = 0;
	connection->body_sent = 0;
	connection->is_head = http_head_says(head, head->method, "HEAD");
	connection->received = head->framing == HTTP_FRAMING_NONE;
	if (connection->received) {
		(void)http_parser_read(&connection->parser, "", 0, &used); /* its END */
	}
	connection->began = worker_now(connection->server->worker);
	name_exchange(connection);
	http_hold_request(connection);
	http_connection_watch_stall(connection);
}

static void tell_end(struct http_connection *connection)
{
	if (connection->state == HTTP_CONNECTION_EXCHANGE && connection->server->handler->end) {
		connection->server->handler->end(connection);
	}
}

static void take_head(struct http_connection *connection)
{
	if (connection->parser.head.content_length > connection->server->limits->body_most) {
		http_refuse_too_large(connection);
		return;
	}
	begin_exchange(connection);
	connection->server->handler->request(connection);
	if (connection->received) {
		tell_end(connection);
	}
}

/* Hands out some of the body; what is not taken stays in front of the input, known as passed. */
static size_t take_body(struct http_connection *connection, char *bytes, size_t length)
{
	const struct http_handler *handler = connection->server->handler;
	size_t taken = handler->body ? handler->body(connection, bytes, length) : length;

	connection->passed = taken < length ? length - taken : 0;
	return taken;
}

static bool too_much(struct http_connection *connection, size_t more)
{
	connection->body_length += more;
	return connection->body_length > connection->server->limits->body_most;
}

static bool wants_input(const struct http_connection *connection)
{
	switch (connection->state) {
	case HTTP_CONNECTION_IDLE: /* who reads no answers is not asked for requests */
		return stream_queued(&connection->stream) < STREAM_QUEUE_HIGH;
	case HTTP_CONNECTION_HEAD:
		return true;
	case HTTP_CONNECTION_EXCHANGE:
		return !connection->received;
	default:
		return false;
	}
}

/* Some of the input; sets *at behind what was read. Returns whether to go on. */
static bool read_event(struct http_connection *connection, char *bytes, size_t length, size_t *at)
{
	struct http_parser *parser = &connection->parser;
	enum http_event event;
	size_t used;

	if (!parser->head.text.data) {
		http_head_hand_over(&connection->server->spare, &parser->head);
	}
	event = http_parser_read(parser, bytes + *at, length - *at, &used);
	*at += used;
	connection->behind = length - *at;
	switch (event) {
	case HTTP_EVENT_HEAD:
		take_head(connection);
		return true;
	case HTTP_EVENT_BODY:
		if (too_much(connection, parser->body.length)) {
			http_refuse_too_large(connection);
			return false;
		}
		*at -= parser->body.length;
		*at += take_body(connection, bytes + *at, parser->body.length);
		return !connection->passed;
	case HTTP_EVENT_END:
		connection->received = true;
		tell_end(connection);
		return true;
	case HTTP_EVENT_REFUSED:
		http_refuse_malformed(connection);
		return false;
	default:
		if (connection->state == HTTP_CONNECTION_IDLE && !http_parser_is_idle(parser)) {
			http_connection_enter(connection, HTTP_CONNECTION_HEAD);
			http_connection_wait(connection, connection->server->limits->head_ms);
		}
		return false;
	}
}

/* What body() did not take when the parser had read it. Returns whether to go on. */
static bool read_passed(struct http_connection *connection, char *bytes, size_t *at)
{
	if (connection->passed) {
		*at = take_body(connection, bytes, connection->passed);
	}
	return !connection->passed;
}

size_t http_received(struct stream *stream, char *bytes, size_t length)
{
	struct http_connection *connection = container_of(stream, struct http_connection, stream);
	size_t at = 0;
	bool more = read_passed(connection, bytes, &at);

	/* Behind the last byte there may still be the end of a request. */
	while (more && wants_input(connection) &&
		(at < length || connection->state == HTTP_CONNECTION_EXCHANGE)) {
		more = read_event(connection, bytes, length, &at);
	}
	connection->behind = 0;
	if (connection->state == HTTP_CONNECTION_TUNNEL && at < length) {
		at += connection->server->handler->tunnel(connection, bytes + at, length - at);
	}
	return at;
}

void http_ended(struct stream *stream)
{
	struct http_connection *connection = container_of(stream, struct http_connection, stream);
	const struct http_handler *handler = connection->server->handler;

	connection->half_closed = true;
	switch (connection->state) {
	case HTTP_CONNECTION_IDLE:
		http_connection_enter_closing(connection, false);
		break;
	case HTTP_CONNECTION_HEAD:
		(void)http_parser_close(&connection->parser);
		http_refuse_malformed(connection);
		break;
	case HTTP_CONNECTION_EXCHANGE:
		if (!connection->received) {
			(void)http_parser_close(&connection->parser);
			http_refuse_malformed(connection);
		} else if (handler->half_closed && connection->answer != HTTP_ANSWER_WHOLE) {
			handler->half_closed(connection);
		}
		break;
	case HTTP_CONNECTION_TUNNEL:
		handler->tunnel_end(connection);
		break;
	default:
		break;
	}
}
