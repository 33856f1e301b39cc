/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A POST with requests has a channel for their answers. It outlives its connection: the answers of
 * one that is gone are kept for a GET with Last-Event-ID. It goes with its last answer.
 *
 * A client that reads slowly stops the reading of its child, once for each of its streams. A shared
 * child is not stopped by one of many: what is no answer is dropped for a POST's stream that is
 * full, and a GET stream that is full ends, to be taken up again from what is kept.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "http/server.h"
#include "mcp/session_state.h"

#define PRIMES_SINCE "2025-11-25" /* the protocol that knows the priming event */

/* Back-pressure. */

static void pause_backend(struct session *session, bool *pauses)
{
	if (!*pauses && session->backend && !session->mcp->shared) {
		*pauses = true;
		backend_pause(session->backend);
	}
}

static void resume_backend(struct session *session, bool *pauses)
{
	if (*pauses) {
		*pauses = false;
		if (session->backend) {
			backend_resume(session->backend);
		}
	}
}

static void post_writable(struct channel *channel)
{
	struct session_post *post = container_of(channel, struct session_post, channel);

	resume_backend(post->session, &post->pauses);
}

static void stream_writable(struct channel *channel)
{
	struct session *session = container_of(channel, struct session, stream);

	resume_backend(session, &session->stream_pauses);
}

/* Posts. */

/* What it carried goes on: in this era a client that disconnects does not cancel. */
static void post_left(struct channel *channel)
{
	session_settle(container_of(channel, struct session_post, channel)->session);
}

static void post_cut(struct channel *channel)
{
	session_post_force(container_of(channel, struct session_post, channel));
}

static const struct channel_ops post_ops = {
	.left = post_left,
	.writable = post_writable,
	.cut = post_cut,
};

static bool primes(const struct session *session)
{
	return strcmp(session->protocol, PRIMES_SINCE) >= 0;
}

static struct session_post *post_new(struct session *session, unsigned answers)
{
	struct session_post *post = calloc(1, sizeof(*post));

	if (!post) {
		return NULL;
	}
	post->session = session;
	post->open = answers;
	channel_init(&post->channel, CHANNEL_POST, &post_ops, session->mcp->worker,
		&session->replay, session->next_channel++);
	post->channel.primes = primes(session);
	post->channel.expected = answers;
	list_append(&session->posts, &post->link);
	return post;
}

static void post_free(struct session_post *post)
{
	resume_backend(post->session, &post->pauses);
	link_remove(&post->link);
	channel_fini(&post->channel);
	free(post);
}

/* To the client. */

static void write_to(struct session *session, struct channel *channel, const char *line,
	size_t length, bool last)
{
	uint64_t dropped = session->replay.dropped;

	channel_send(channel, line, length, last);
	session->mcp->counts.messages_dropped += session->replay.dropped - dropped;
}

void session_send(struct session *session, struct channel *channel, const char *line, size_t length)
{
	bool is_stream = channel == &session->stream;

	if (session->mcp->shared && channel_is_full(channel)) {
		if (!is_stream || session->is_legacy) {
			session->mcp->counts.messages_dropped++;
			return;
		}
		session_end_stream(session, CHANNEL_RETRY_MS);
	}
	write_to(session, channel, line, length, false);
	if (channel_is_full(channel)) {
		pause_backend(session,
			is_stream ? &session->stream_pauses
				  : &container_of(channel, struct session_post, channel)->pauses);
	}
}

void session_deliver(
	struct session *session, struct session_post *post, const char *line, size_t length)
{
	if (!post) {
		write_to(session, &session->stream, line, length, false);
		if (channel_is_full(&session->stream)) {
			pause_backend(session, &session->stream_pauses);
		}
		return;
	}
	write_to(session, &post->channel, line, length, true);
	if (--post->open == 0) {
		post_free(post);
	}
}

void session_deliver_error(struct session *session, struct session_post *post, const char *id,
	size_t id_length, int code, const char *text)
{
	struct buffer line = {0};

	message_write_error(&line, id, id_length, code, text);
	session_deliver(session, post, buffer_text(&line), line.length);
	buffer_fini(&line);
}

/* The stream of its own. */

static void stream_left(struct channel *channel)
{
	struct session *session = container_of(channel, struct session, stream);

	if (session->is_legacy) {
		session_end(session, "the client is gone");
	} else {
		session_settle(session);
	}
}

const struct channel_ops session_stream_ops = {.left = stream_left, .writable = stream_writable};

void session_end_stream(struct session *session, unsigned retry_ms)
{
	if (channel_is_carried(&session->stream)) {
		channel_end(&session->stream, retry_ms);
	}
	resume_backend(session, &session->stream_pauses);
}

void session_listen(struct session *session, struct http_connection *connection, const char *fields)
{
	session->stream.primes = primes(session);
	channel_attach(&session->stream, connection, fields);
	session_settle(session);
}

struct channel *session_channel(struct session *session, uint64_t number)
{
	if (number == session->stream.number) {
		return &session->stream;
	}
	list_each(link, &session->posts) {
		struct session_post *post = container_of(link, struct session_post, link);

		if (post->channel.number == number) {
			return &post->channel;
		}
	}
	return NULL;
}

bool session_resume(struct session *session, struct http_connection *connection, const char *fields,
	const char *event_id, size_t length)
{
	uint64_t number, sequence;
	struct channel *channel;

	if (session->is_legacy || !channel_parse_id(event_id, length, &number, &sequence)) {
		return false;
	}
	channel = session_channel(session, number);
	if (!channel) {
		return replay_answer(&session->replay, connection, fields, number, sequence);
	}
	channel->primes = primes(session);
	if (!channel_resume(channel, connection, fields, sequence)) {
		return false;
	}
	session_settle(session);
	return true;
}

/* From the client. */

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
		post = copy.failed ? NULL : post_new(session, answers);
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
