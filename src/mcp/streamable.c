/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streamable HTTP, session era: POST of a message, GET of the session's stream, DELETE of the
 * session, all at --path. A request of the stateless era comes here too, and says so itself.
 */
#include <stdio.h>
#include <string.h>

#include "mcp/era.h"
#include "mcp/header_env.h"
#include "mcp/request.h"
#include "mcp/stateless.h"

#define BATCH_MOST 1000 /* messages: the shortest are answered by many times their length */
#define BATCH_PROTOCOL "2025-03-26" /* the only one with batches, and where no header says one */

static const char *const protocols[] = {"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"};

/* Checks. */

static struct http_text protocol_of(struct request *request)
{
	return request_field(request, "MCP-Protocol-Version");
}

static bool checks_protocol(struct request *request, const struct message *message)
{
	struct http_text protocol = protocol_of(request);

	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		if (!protocol.length || http_text_equal(protocol, protocols[i])) {
			return true;
		}
	}
	request_refuse(request, 400, MESSAGE_SERVER_ERROR,
		"Bad Request: MCP-Protocol-Version is not supported (2025-11-25, 2025-06-18, "
		"2025-03-26, 2024-11-05)",
		message);
	return false;
}

/* The header's word counts, then what the session has agreed on. */
static bool has_batches(struct request *request, const struct session *session)
{
	struct http_text protocol = protocol_of(request);

	if (!protocol.length && session->protocol[0]) {
		return !strcmp(session->protocol, BATCH_PROTOCOL);
	}
	return !protocol.length || http_text_equal(protocol, BATCH_PROTOCOL);
}

static bool checks_session(struct request *request, const struct message *message)
{
	if (request->owner == REQUEST_NOBODY) {
		request_refuse(request, 400, MESSAGE_SERVER_ERROR,
			"Bad Request: the Mcp-Session-Id header is required", message);
		return false;
	}
	return true;
}

/* POST */

static bool begin_post(struct request *request)
{
	return request_checks_accept(request, true) && request_checks_content(request) &&
		request_finds_owner(request, request_field(request, "Mcp-Session-Id"), false);
}

static bool is_initialize(const struct message *message)
{
	return message->kind == MESSAGE_REQUEST && message_is(message, "initialize");
}

static void initialize(struct request *request, const struct message *message)
{
	char fields[REQUEST_FIELDS];
	struct session *session;
	struct buffer body;

	if (request->owner != REQUEST_NOBODY) {
		if (request_session(request, false)) {
			request_refuse(request, 400, MESSAGE_INVALID_REQUEST,
				"Invalid Request: the session is initialized already", message);
		}
		return;
	}
	session = request_opens_session(request, false, message);
	if (session) {
		body = request_take_body(request);
		session_post(session, request_connection(request),
			request_fields(request, session, fields), message);
		buffer_fini(&body);
	}
}

/* Returns whether it may be one, and has no initialize in it; if not, it was refused. */
static bool checks_batch(
	struct request *request, const struct session *session, const struct message *batch)
{
	struct json_value element = {0};
	struct message message;
	int count = 0;

	if (!has_batches(request, session)) {
		request_refuse(request, 400, MESSAGE_INVALID_REQUEST,
			"Invalid Request: this version of the protocol has no batches", NULL);
		return false;
	}
	while (message_next(batch, &element, &message)) {
		if (++count > BATCH_MOST) {
			request_refuse(request, 400, MESSAGE_INVALID_REQUEST,
				"Invalid Request: the batch has more than 1000 messages", NULL);
			return false;
		}
		if (is_initialize(&message)) {
			request_refuse(request, 400, MESSAGE_INVALID_REQUEST,
				"Invalid Request: initialize cannot be in a batch", NULL);
			return false;
		}
	}
	return true;
}

static void post_to_session(struct request *request, const struct message *message)
{
	struct session *session = request_session(request, false);
	char fields[REQUEST_FIELDS];
	struct buffer body;

	if (!session ||
		(message->kind == MESSAGE_BATCH && !checks_batch(request, session, message))) {
		return;
	}
	body = request_take_body(request);
	if (session_answers(message)) {
		session_post(session, request_connection(request),
			request_fields(request, NULL, fields), message);
	} else {
		session_post(session, NULL, NULL, message);
		request_answer(request, 202, NULL, NULL);
	}
	buffer_fini(&body);
}

static void serve_stateless(struct request *request, const struct message *message)
{
	struct mcp *mcp = request->mcp;
	char fields[REQUEST_FIELDS];
	struct header_env environment;
	struct buffer body = request_take_body(request);

	if (header_env_init(&environment, &mcp->config->header_env, request_head(request)) == 0) {
		stateless_post(mcp, request_connection(request), message,
			&(struct stateless_post){
				.fields = request_fields(request, NULL, fields),
				.environment = header_env_list(&environment),
			});
	} else {
		request_refuse(request, 503, MESSAGE_INTERNAL_ERROR,
			"there is no memory for the request", message);
	}
	header_env_fini(&environment);
	buffer_fini(&body);
}

static void serve_post(struct request *request)
{
	struct message message;

	if (!request_reads_message(request, &message)) {
		return;
	}
	if (stateless_is(&message, request_head(request))) {
		serve_stateless(request, &message);
	} else if (is_initialize(&message)) {
		initialize(request, &message);
	} else if (checks_protocol(request, &message) && checks_session(request, &message)) {
		post_to_session(request, &message);
	}
}

/* GET */

static const struct request_path stateless_path = {.allow = "POST, OPTIONS"};

/* In the stateless era there are neither streams nor sessions to be asked for. */
static bool checks_era(struct request *request)
{
	if (!era_is_named(request_head(request))) {
		return true;
	}
	request->path = &stateless_path;
	request_refuse(request, 405, MESSAGE_SERVER_ERROR,
		"Method not allowed: this version of the protocol has POST only", NULL);
	return false;
}

static bool begin_get(struct request *request)
{
	return checks_era(request) && request_checks_accept(request, false) &&
		request_finds_owner(request, request_field(request, "Mcp-Session-Id"), false) &&
		checks_protocol(request, NULL) && checks_session(request, NULL);
}

static void serve_get(struct request *request)
{
	struct http_text event = request_field(request, "Last-Event-ID");
	struct session *session = request_session(request, false);
	uint64_t number, sequence;
	char fields[REQUEST_FIELDS];

	if (!session) {
		return;
	}
	(void)request_fields(request, NULL, fields);
	if (!event.length) {
		session_listen(session, request_connection(request), fields);
	} else if (!session_resume(session, request_connection(request), fields, event.bytes,
			   event.length)) {
		if (channel_parse_id(event.bytes, event.length, &number, &sequence) && !number) {
			session_listen(session, request_connection(request), fields);
		} else {
			request_refuse(request, 400, MESSAGE_SERVER_ERROR,
				"Bad Request: nothing is kept of what Last-Event-ID names", NULL);
		}
	}
}

/* DELETE */

static bool begin_delete(struct request *request)
{
	return checks_era(request) &&
		request_finds_owner(request, request_field(request, "Mcp-Session-Id"), false) &&
		checks_protocol(request, NULL) && checks_session(request, NULL);
}

static void serve_delete(struct request *request)
{
	struct session *session = request_session(request, false);

	if (session) {
		session_end(session, "the client has ended the session");
		request_answer(request, 200, NULL, NULL);
	}
}

const struct request_path request_streamable = {
	.allow = "GET, POST, DELETE, OPTIONS",
	.deeds = {{"POST", true, begin_post, serve_post}, {"GET", false, begin_get, serve_get},
		{"DELETE", false, begin_delete, serve_delete}},
};
