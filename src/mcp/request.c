/* SPDX-License-Identifier: Apache-2.0 */
/* What requests of both transports have in common: checks, sessions, refusals. */
#include "mcp/request.h"

#include <stdio.h>
#include <string.h>

#include "admin/accept.h"
#include "http/compose.h"
#include "mcp/event.h"
#include "mcp/header_env.h"
#include "mcp/replica.h"

#define JSON "application/json"
#define EVENTS "text/event-stream"

struct http_text request_field(struct request *request, const char *name)
{
	const struct http_field *field = http_head_find(request_head(request), name, NULL);

	return field ? http_head_text(request_head(request), field->value)
		     : (struct http_text){"", 0};
}

struct buffer request_take_body(struct request *request)
{
	struct buffer body = request->body;

	request->body = (struct buffer){0};
	request->mcp->gathered -= body.length;
	return body;
}

/* Answers. */

const char *request_fields(
	struct request *request, const struct session *session, char text[REQUEST_FIELDS])
{
	size_t length = strlen(access_fields(request->origin, text));

	if (session) {
		(void)snprintf(text + length, REQUEST_FIELDS - length, "Mcp-Session-Id: %s\r\n",
			session->id);
	}
	return text;
}

void request_answer(struct request *request, unsigned status, const char *type, const char *body)
{
	char fields[REQUEST_FIELDS];

	http_answer_whole(request_connection(request), status, type, body,
		request_fields(request, NULL, fields));
}

/* What statuses say besides their text. */
static void append_status_fields(const struct request *request, unsigned status, struct buffer *out)
{
	if (status == 401) {
		buffer_append_text(out, "WWW-Authenticate: Bearer realm=\"curfew\"\r\n");
	} else if (status == 405) {
		http_compose_field(out, "Allow", request->path->allow);
	} else if (status == 503) {
		buffer_append_text(out, "Retry-After: 1\r\n");
	}
}

static void tell_refused(struct request *request, unsigned status, const char *text)
{
	journal_tell(&request->mcp->service.journal, &mcp_events[MCP_REFUSED],
		journal_text(http_peer(request_connection(request))), journal_number(status),
		journal_text(text));
}

/* body: all of it. */
static void answer_refusal(struct request *request, unsigned status, const char *type,
	const char *text, const struct buffer *body)
{
	struct http_connection *connection = request_connection(request);
	char fields[REQUEST_FIELDS];
	struct buffer *head;

	tell_refused(request, status, text);
	if (body->failed) {
		http_answer_abort(connection);
		return;
	}
	head = http_answer(connection, status);
	http_compose_field(head, "Content-Type", type);
	buffer_append_text(head, request_fields(request, NULL, fields));
	append_status_fields(request, status, head);
	http_answer_length(connection, body->length, false);
	http_answer_write(connection, buffer_text(body), body->length);
	http_answer_end(connection, NULL);
}

void request_refuse(struct request *request, unsigned status, int code, const char *text,
	const struct message *message)
{
	bool has_id = message && message->kind == MESSAGE_REQUEST;
	struct buffer body = {0};

	message_write_error(&body, has_id ? message->text + message->id.start : NULL,
		has_id ? message->id.length : 0, code, text);
	answer_refusal(request, status, JSON, text, &body);
	buffer_fini(&body);
}

void request_refuse_plain(struct request *request, unsigned status, const char *text)
{
	struct buffer body = {0};

	buffer_append_text(&body, text);
	buffer_append_char(&body, '\n');
	answer_refusal(request, status, "text/plain; charset=utf-8", text, &body);
	buffer_fini(&body);
}

/* Media types. */

bool request_checks_content(struct request *request)
{
	struct http_text type = request_field(request, "Content-Type");
	const char *end = memchr(type.bytes, ';', type.length);

	type.length = end ? (size_t)(end - type.bytes) : type.length;
	while (type.length && strchr(" \t", type.bytes[type.length - 1])) {
		type.length--;
	}
	if (http_text_equal(type, JSON)) {
		return true;
	}
	request_refuse(request, 415, MESSAGE_SERVER_ERROR,
		"Unsupported Media Type: Content-Type has to be application/json", NULL);
	return false;
}

bool request_checks_accept(struct request *request, bool takes_json)
{
	const struct http_head *head = request_head(request);

	if (accept_takes(head, EVENTS) && (!takes_json || accept_takes(head, JSON))) {
		return true;
	}
	request_refuse(request, 406, MESSAGE_SERVER_ERROR,
		takes_json ? "Not Acceptable: Accept has to name both application/json and "
			     "text/event-stream"
			   : "Not Acceptable: Accept has to name text/event-stream",
		NULL);
	return false;
}

/* Sessions. */

static void refuse_unknown(struct request *request)
{
	request_refuse(request, 404, MESSAGE_NO_SESSION,
		"Session not found: it has ended, or was never ours", NULL);
}

static struct session *find(struct request *request, bool is_legacy)
{
	struct session *session =
		session_find(request->mcp, request->session.bytes, request->session.length);

	return session && session->is_legacy == is_legacy ? session : NULL;
}

/* Whether another replica may have the session, whose id has the right MAC. */
static bool is_elsewhere(struct request *request)
{
	const struct mcp *mcp = request->mcp;
	const struct http_text name = {request->session.bytes, request->replica};

	return mcp->config->peer_url && !replica_passed_on(request_head(request)) &&
		!(strlen(mcp->replica) == name.length &&
			!memcmp(mcp->replica, name.bytes, name.length));
}

bool request_finds_owner(struct request *request, struct http_text id, bool is_legacy)
{
	if (!id.length) {
		return true;
	}
	request->session = id;
	if (session_id_check(&request->mcp->key, id.bytes, id.length, &request->replica)) {
		if (find(request, is_legacy)) {
			request->owner = REQUEST_OURS;
		} else if (is_elsewhere(request)) {
			request->owner = REQUEST_ELSEWHERE;
		}
	}
	if (request->owner == REQUEST_NOBODY) {
		refuse_unknown(request);
		return false;
	}
	return true;
}

struct session *request_session(struct request *request, bool is_legacy)
{
	struct session *session = find(request, is_legacy);
	char fields[REQUEST_FIELDS];
	struct buffer body;

	if (session) {
		return session;
	}
	if (request->owner == REQUEST_ELSEWHERE) {
		body = request_take_body(request);
		replica_pass_on(request->mcp, request_connection(request), request->session.bytes,
			request->replica, &body, request_fields(request, NULL, fields));
	} else {
		refuse_unknown(request);
	}
	return NULL;
}

struct session *request_opens_session(
	struct request *request, bool is_legacy, const struct message *message)
{
	struct session *session = NULL;
	struct header_env environment;
	enum session_refusal refusal = SESSION_FAILED;

	if (header_env_init(
		    &environment, &request->mcp->config->header_env, request_head(request)) == 0) {
		refusal = session_open(
			request->mcp, is_legacy, header_env_list(&environment), &session);
	}
	header_env_fini(&environment);
	switch (refusal) {
	case SESSION_TAKEN:
		return session;
	case SESSION_NO_ROOM:
		request_refuse(request, 503, MESSAGE_SERVER_ERROR,
			"there are as many sessions as there may be, or too many are starting",
			message);
		break;
	case SESSION_SHUTTING:
		request_refuse(
			request, 503, MESSAGE_SERVER_ERROR, "the server is shutting down", message);
		break;
	case SESSION_FAILED:
		request_refuse(request, 500, MESSAGE_INTERNAL_ERROR,
			"the server's command could not be started", message);
		break;
	}
	return NULL;
}

/* Messages. */

bool request_reads_message(struct request *request, struct message *message)
{
	char text[128];
	size_t offset;
	enum json_error error =
		message_read(message, buffer_text(&request->body), request->body.length, &offset);

	if (error != JSON_OK) {
		(void)snprintf(text, sizeof(text), "Parse error: %s at byte %zu",
			json_error_text(error), offset);
		request_refuse(request, 400, MESSAGE_PARSE_ERROR, text, NULL);
	} else if (message->kind == MESSAGE_INVALID) {
		request_refuse(request, 400, MESSAGE_INVALID_REQUEST,
			"Invalid Request: the body is no JSON-RPC 2.0 message", NULL);
	} else {
		return true;
	}
	return false;
}
