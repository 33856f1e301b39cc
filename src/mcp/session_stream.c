/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The streams to the client. A POST with requests has a channel for their answers. It outlives its
 * connection: the answers of one that is gone are kept for a GET with Last-Event-ID. It goes with
 * its last answer. Number 0 is the session's own, for GET.
 *
 * A client that reads slowly stops the reading of its child, once for each of its streams. A shared
 * child is not stopped by one of many: what is no answer is dropped for a POST's stream that is
 * full, and a GET stream that is full ends, to be taken up again from what is kept.
 */
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
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
	if (session->is_legacy && session->mcp->shared) {
		session_wake_waiters(session);
	}
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

struct session_post *session_post_new(struct session *session, unsigned answers)
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
