/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: their head, their body in its framing, and what the connection is for afterwards. */
#include <assert.h>
#include <string.h>
#include <time.h>

#include "http/chunk.h"
#include "http/compose.h"
#include "http/exchange.h"

static struct buffer *out(struct http_connection *connection)
{
	return stream_compose(&connection->stream);
}

static bool speaks_1_1(const struct http_connection *connection)
{
	return connection->parser.head.minor == 1;
}

/* A final answer has begun, and nothing was said yet about what comes after its head. */
static bool in_head(const struct http_connection *connection)
{
	return connection->state == HTTP_CONNECTION_EXCHANGE &&
		connection->answer == HTTP_ANSWER_HEAD;
}

static bool in_body(const struct http_connection *connection)
{
	return connection->state == HTTP_CONNECTION_EXCHANGE &&
		connection->answer == HTTP_ANSWER_BODY;
}

struct buffer *http_answer(struct http_connection *connection, unsigned status)
{
	assert(connection->state == HTTP_CONNECTION_EXCHANGE);
	assert(connection->answer == HTTP_ANSWER_NONE);
	connection->answer = HTTP_ANSWER_HEAD;
	connection->status = (uint16_t)status;
	connection->answer_at = stream_position(&connection->stream);
	http_compose_status(out(connection), status);
	return out(connection);
}

void http_answer_last(struct http_connection *connection)
{
	assert(connection->state == HTTP_CONNECTION_EXCHANGE);
	connection->last = true;
}

bool http_answer_take_back(struct http_connection *connection)
{
	if (connection->state != HTTP_CONNECTION_EXCHANGE ||
		connection->answer == HTTP_ANSWER_NONE ||
		!stream_take_back(&connection->stream, connection->answer_at)) {
		return false;
	}
	connection->answer = HTTP_ANSWER_NONE;
	connection->status = 0;
	connection->body_sent = 0;
	connection->last = false;
	return true;
}

/*
 * A connection goes on unless the client does not want it to, a request is not whole (its rest
 * could be taken for the next one), or the process ends; what a client has sent ahead is answered
 * then too, and the last answer says close.
 */
static bool is_last(const struct http_connection *connection)
{
	return !connection->parser.head.keep_alive || !connection->received ||
		connection->half_closed || connection->forced ||
		(http_draining(connection) && !http_more_input(connection));
}

void http_compose_own_date(struct http_connection *connection, struct buffer *head)
{
	buffer_append(head, http_date_line(&connection->server->date, time(NULL)), HTTP_DATE_LINE);
}

static void end_head(struct http_connection *connection, bool has_date)
{
	struct buffer *head = out(connection);

	assert(in_head(connection));
	connection->answer = HTTP_ANSWER_BODY;
	connection->last = connection->last || is_last(connection);
	if (!has_date) {
		http_compose_own_date(connection, head);
	}
	if (connection->last) {
		buffer_append_text(head, "Connection: close\r\n");
	} else if (!speaks_1_1(connection)) {
		buffer_append_text(head, "Connection: keep-alive\r\n");
	}
	http_compose_end(head);
	stream_written(&connection->stream);
}

void http_answer_none(struct http_connection *connection, bool has_date)
{
	connection->framing = HTTP_FRAMING_NONE;
	end_head(connection, has_date);
}

void http_answer_length(struct http_connection *connection, uint64_t length, bool has_date)
{
	http_compose_length(out(connection), length);
	connection->framing = HTTP_FRAMING_LENGTH;
	connection->left = length;
	end_head(connection, has_date);
}

void http_answer_chunked(struct http_connection *connection, bool has_date)
{
	if (speaks_1_1(connection)) {
		buffer_append_text(out(connection), "Transfer-Encoding: chunked\r\n");
		connection->framing = HTTP_FRAMING_CHUNKED;
	} else {
		connection->framing = HTTP_FRAMING_CLOSE;
		connection->last = true;
	}
	end_head(connection, has_date);
}

static void write_chunk(struct http_connection *connection, const char *bytes, size_t length)
{
	char line[HTTP_CHUNK_HEAD_MOST];
	const struct stream_part parts[] = {
		{line, http_chunk_head(line, length)},
		{bytes, length},
		{HTTP_CHUNK_END, sizeof(HTTP_CHUNK_END) - 1},
	};

	stream_write_parts(&connection->stream, parts, 3);
}

void http_answer_write(struct http_connection *connection, const char *bytes, size_t length)
{
	assert(in_body(connection));
	if (connection->is_head) {
		return;
	}
	connection->body_sent += length;
	switch (connection->framing) {
	case HTTP_FRAMING_LENGTH:
		assert(length <= connection->left);
		connection->left -= length;
		stream_write(&connection->stream, bytes, length);
		break;
	case HTTP_FRAMING_CHUNKED:
		if (length) {
			write_chunk(connection, bytes, length);
		}
		break;
	case HTTP_FRAMING_CLOSE:
		stream_write(&connection->stream, bytes, length);
		break;
	default:
		assert(!length);
	}
}

void http_answer_end(struct http_connection *connection, const struct http_head *trailers)
{
	assert(in_body(connection));
	if (connection->framing == HTTP_FRAMING_LENGTH && connection->left &&
		!connection->is_head) {
		http_exchange_aborted(connection);
		return;
	}
	if (connection->framing == HTTP_FRAMING_CHUNKED && !connection->is_head) {
		http_chunk_last(out(connection), trailers);
		stream_written(&connection->stream);
	}
	connection->answer = HTTP_ANSWER_WHOLE;
	http_exchange_answered(connection);
}

void http_answer_abort(struct http_connection *connection)
{
	if (connection->state != HTTP_CONNECTION_EXCHANGE) {
		return;
	}
	if (connection->answer == HTTP_ANSWER_NONE) {
		http_exchange_dropped(connection);
	} else {
		http_exchange_aborted(connection);
	}
}

void http_answer_whole(struct http_connection *connection, unsigned status, const char *type,
	const char *body, const char *fields)
{
	struct buffer *head = http_answer(connection, status);
	size_t length = body ? strlen(body) : 0;

	if (type) {
		http_compose_field(head, "Content-Type", type);
	}
	if (fields) {
		buffer_append_text(head, fields);
	}
	if (body) {
		http_answer_length(connection, length, false);
		http_answer_write(connection, body, length);
	} else if (status == 204 || status == 304) {
		http_answer_none(connection, false);
	} else {
		http_answer_length(connection, 0, false);
	}
	http_answer_end(connection, NULL);
}

/* What every refusal says besides its text. */
static const char *refusal_fields(unsigned status)
{
	return status == 503 ? "Retry-After: 1\r\n" : NULL;
}

void http_answer_error(struct http_connection *connection, unsigned status, const char *text)
{
	struct buffer line = {0};

	buffer_append_text(&line, text);
	buffer_append_char(&line, '\n');
	http_answer_whole(connection, status, "text/plain; charset=utf-8", buffer_text(&line),
		refusal_fields(status));
	buffer_fini(&line);
}

void http_write_refusal(struct http_connection *connection, unsigned status, const char *text)
{
	struct buffer *head = out(connection);

	http_compose_status(head, status);
	buffer_append_text(head, "Content-Type: text/plain; charset=utf-8\r\n");
	http_compose_length(head, strlen(text) + 1);
	buffer_append_text(head, refusal_fields(status) ? refusal_fields(status) : "");
	http_compose_own_date(connection, head);
	buffer_append_text(head, "Connection: close\r\n");
	http_compose_end(head);
	buffer_append_text(head, text);
	buffer_append_char(head, '\n');
	stream_written(&connection->stream);
}

struct buffer *http_answer_interim(struct http_connection *connection, unsigned status)
{
	struct buffer *head = &connection->server->worker->dropped;

	assert(status >= 100 && status < 200 && status != 101);
	if (connection->answer == HTTP_ANSWER_NONE && speaks_1_1(connection)) {
		head = out(connection);
	}
	http_compose_status(head, status);
	return head;
}

void http_answer_interim_end(struct http_connection *connection)
{
	struct buffer *dropped = &connection->server->worker->dropped;

	if (connection->answer == HTTP_ANSWER_NONE && speaks_1_1(connection)) {
		http_compose_end(out(connection));
		stream_written(&connection->stream);
	}
	buffer_consume(dropped, dropped->length);
}
