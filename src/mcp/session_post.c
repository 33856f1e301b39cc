/* SPDX-License-Identifier: Apache-2.0 */
/* What the client posts: requests become calls, all else is passed on. */
#include <assert.h>

#include "http/server.h"
#include "mcp/session_state.h"

static void take_request(
	struct session *session, struct session_post *post, const struct message *message)
{
	bool is_initialize = message_is(message, "initialize");
	struct session_call *call;

	if (is_initialize && !session_expects_initialize(session)) {
		session_deliver_error(session, post, message->text + message->id.start,
			message->id.length, MESSAGE_INVALID_REQUEST,
			"the session was initialized before");
		return;
	}
	call = session_call_new(session, post, message);
	if (!call) {
		return;
	}
	if (is_initialize) {
		session_begin(session, call, message);
	} else {
		(void)session_call_send(call, message);
	}
}

static void take_notification(struct session *session, const struct message *message)
{
	if (message_is(message, "notifications/cancelled")) {
		session_cancel(session, message);
	} else if (session->backend && session->mcp->shared) {
		shared_send(session->mcp, message);
	} else if (session->backend) {
		backend_send(session->backend, message);
	}
}

static void take(struct session *session, struct session_post *post, const struct message *message)
{
	switch (message->kind) {
	case MESSAGE_REQUEST:
		take_request(session, post, message);
		break;
	case MESSAGE_NOTIFICATION:
		take_notification(session, message);
		break;
	case MESSAGE_RESPONSE:
		session_answer(session, message);
		break;
	case MESSAGE_BATCH:
	case MESSAGE_INVALID:
		session_deliver_error(session, post, NULL, 0, MESSAGE_INVALID_REQUEST,
			"this is no JSON-RPC 2.0 message");
		break;
	}
}

static bool is_answered(const struct message *message)
{
	return message->kind == MESSAGE_REQUEST || message->kind == MESSAGE_INVALID;
}

unsigned session_answers(const struct message *message)
{
	struct json_value element = {0};
	struct message part;
	unsigned answers = 0;

	if (message->kind != MESSAGE_BATCH) {
		return is_answered(message);
	}
	while (message_next(message, &element, &part)) {
		answers += is_answered(&part);
	}
	return answers;
}

/* Elements are read from a copy: with the last answer the connection goes, and the text with it. */
static void take_batch(
	struct session *session, struct session_post *post, const struct buffer *text)
{
	struct json_value element = {0};
	struct message batch, part;

	(void)message_read(&batch, text->data, text->length, NULL);
	while (message_next(&batch, &element, &part)) {
		take(session, post, &part);
	}
}

void session_post(struct session *session, struct http_connection *connection, const char *fields,
	const struct message *message)
{
	bool is_batch = message->kind == MESSAGE_BATCH;
	unsigned answers = session_answers(message);
	struct session_post *post = NULL;
	struct buffer copy = {0};

	assert(session->is_legacy ? !connection : !connection == !answers);
	if (is_batch) {
		buffer_append(&copy, message->text, message->length);
	}
	if (connection) {
		post = copy.failed ? NULL : session_post_new(session, answers);
		if (!post) {
			http_answer_error(connection, 503, "there is no memory for the request");
			buffer_fini(&copy);
			return;
		}
		post->channel.is_batch = is_batch;
		channel_attach(&post->channel, connection, fields);
	}
	if (is_batch) {
		take_batch(session, post, &copy);
	} else {
		take(session, post, message);
	}
	buffer_fini(&copy);
	session_settle(session);
}
