/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP+SSE, the transport of 2024-11-05: GET /sse begins a session, and its stream, whose first
 * event says where the client's messages go: POST /messages?session_id=ID. All answers come on the
 * stream.
 */
#include <stdio.h>
#include <string.h>

#include "mcp/request.h"

#define MESSAGES "/messages?session_id="

/* The stream. */

static bool begin_stream(struct request *request)
{
	return request_checks_accept(request, false);
}

static void serve_stream(struct request *request)
{
	struct session *session = request_opens_session(request, true, NULL);
	char data[sizeof(MESSAGES) + SESSION_ID_BYTES];
	char fields[REQUEST_FIELDS];
	int length;

	if (!session) {
		return;
	}
	length = snprintf(data, sizeof(data), MESSAGES "%s", session->id);
	session_listen(session, request_connection(request), request_fields(request, NULL, fields));
	channel_send_event(&session->stream, "endpoint", data, (size_t)length);
}

/* Messages. */

/* Returns what a query has for a name, as it is: ids have nothing that is escaped. */
static struct http_text query_value(struct http_text query, const char *name)
{
	size_t length = strlen(name);

	while (query.length) {
		const char *end = memchr(query.bytes, '&', query.length);
		size_t part = end ? (size_t)(end - query.bytes) : query.length;

		if (part > length && !memcmp(query.bytes, name, length) &&
			query.bytes[length] == '=') {
			return (struct http_text){query.bytes + length + 1, part - length - 1};
		}
		part += end ? 1 : 0;
		query.bytes += part;
		query.length -= part;
	}
	return (struct http_text){"", 0};
}

static struct http_text query_of(const struct http_head *head)
{
	struct http_text path = http_head_text(head, head->path);
	const char *mark = memchr(path.bytes, '?', path.length);
	size_t before = mark ? (size_t)(mark + 1 - path.bytes) : path.length;

	return (struct http_text){path.bytes + before, path.length - before};
}

static bool begin_messages(struct request *request)
{
	struct http_text id = query_value(query_of(request_head(request)), "session_id");

	if (!id.length) {
		request_refuse(request, 400, MESSAGE_SERVER_ERROR,
			"Bad Request: session_id is missing in the query", NULL);
		return false;
	}
	return request_checks_content(request) && request_finds_owner(request, id, true);
}

static void serve_messages(struct request *request)
{
	struct session *session;
	struct message message;

	if (!request_reads_message(request, &message)) {
		return;
	}
	session = request_session(request, true);
	if (!session) {
		return;
	}
	if (message.kind == MESSAGE_BATCH) {
		request_refuse(request, 400, MESSAGE_INVALID_REQUEST,
			"Invalid Request: this version of the protocol has no batches", NULL);
		return;
	}
	session_post(session, NULL, NULL, &message);
	request_answer(request, 202, "text/plain; charset=utf-8", "Accepted");
}

const struct request_path request_legacy_stream = {
	.allow = "GET, OPTIONS",
	.deeds = {{"GET", false, begin_stream, serve_stream}},
};

const struct request_path request_legacy_messages = {
	.allow = "POST, OPTIONS",
	.deeds = {{"POST", true, begin_messages, serve_messages}},
};
