/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the child of a session says by itself: to which of the client's streams it goes. Its own
 * requests are remembered with the stream that they went to, until the client answers, so that what
 * the child says of one of them goes there too.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "mcp/event.h"
#include "mcp/session_state.h"

/* A request of the child's that the client has not answered. */
struct asked {
	struct curfew_link link; /* of its session's requests, oldest first */
	uint64_t channel;
	struct buffer id; /* as JSON text */
};

static void asked_free(struct session *session, struct asked *asked)
{
	link_remove(&asked->link);
	session->request_count--;
	buffer_fini(&asked->id);
	free(asked);
}

static struct asked *first_asked(struct session *session)
{
	return container_of(session->requests.next, struct asked, link);
}

void session_forget_requests(struct session *session)
{
	list_each_safe(link, &session->requests) {
		asked_free(session, container_of(link, struct asked, link));
	}
}

/* Without memory it is as if nobody would ask for it again. */
static void remember(
	struct session *session, const struct channel *channel, const struct message *message)
{
	struct asked *asked = calloc(1, sizeof(*asked));

	if (!asked) {
		return;
	}
	if (session->request_count == SESSION_REQUESTS_MOST) {
		asked_free(session, first_asked(session));
	}
	asked->channel = channel->number;
	buffer_append(&asked->id, message->text + message->id.start, message->id.length);
	list_append(&session->requests, &asked->link);
	session->request_count++;
}

static struct asked *find_asked(
	struct session *session, const struct message *message, const struct json_value *id)
{
	if (id->kind == JSON_ABSENT) {
		return NULL;
	}
	list_each(link, &session->requests) {
		struct asked *asked = container_of(link, struct asked, link);

		if (message_same_id(message->text, id, buffer_text(&asked->id), asked->id.length)) {
			return asked;
		}
	}
	return NULL;
}

void session_answer(struct session *session, const struct message *message)
{
	struct asked *asked = find_asked(session, message, &message->id);

	if (asked) {
		asked_free(session, asked);
	}
	if (session->backend && !session->mcp->shared) {
		backend_send(session->backend, message);
	}
}

/* Where a message goes. */

static struct session_call *newest_in_flight(struct session *session)
{
	for (struct curfew_link *link = session->calls.prev; link != &session->calls;
		link = link->prev) {
		struct session_call *call = container_of(link, struct session_call, link);

		if (session_call_in_flight(call)) {
			return call;
		}
	}
	return NULL;
}

static struct channel *newest_post(struct session *session)
{
	struct session_call *call = newest_in_flight(session);

	return call && call->post ? &call->post->channel : NULL;
}

/*
 * A POST whose client is gone is no good place, though it could be taken up again, while there is
 * another stream that is read.
 */
static struct channel *channel_for_any(struct session *session)
{
	struct channel *stream = &session->stream;
	struct channel *post = newest_post(session);

	if (!post ||
		(channel_is_carried(stream) &&
			(session->in_flight > 1 || !channel_is_carried(post)))) {
		return stream;
	}
	return channel_is_carried(post) || session->in_flight == 1 ? post : stream;
}

/* The child says something of a request of its own. */
static struct channel *channel_of_asked(struct session *session, const struct message *message)
{
	struct asked *asked = find_asked(session, message, &message->cancelled);
	struct channel *channel = asked ? session_channel(session, asked->channel) : NULL;

	if (asked) {
		asked_free(session, asked);
	}
	return channel;
}

static struct channel *channel_for(struct session *session, const struct message *message)
{
	struct channel *channel = NULL;

	if (message_is(message, "notifications/cancelled")) {
		channel = channel_of_asked(session, message);
	}
	return channel ? channel : channel_for_any(session);
}

/* A carriage return would end a line of an event. */
static void send_in_one_line(
	struct session *session, struct channel *channel, const struct message *message)
{
	struct buffer line = {0};

	message_write(&line, message, NULL, 0);
	if (!line.failed) {
		session_send(session, channel, line.data, line.length);
	}
	buffer_fini(&line);
}

void session_send_message(
	struct session *session, struct channel *channel, const struct message *message)
{
	if (memchr(message->text, '\r', message->length)) {
		send_in_one_line(session, channel, message);
	} else {
		session_send(session, channel, message->text, message->length);
	}
}

/* From the backend. */

static void message(struct backend *backend, const struct message *said)
{
	struct session *session = container_of(backend, struct session, own);
	struct channel *channel;

	if (session->state == SESSION_ENDING) {
		return;
	}
	channel = channel_for(session, said);
	if (said->kind == MESSAGE_REQUEST) {
		remember(session, channel, said);
	}
	session_send_message(session, channel, said);
}

static void room(struct backend *backend)
{
	session_wake_waiters(container_of(backend, struct session, own));
}

static void ended(struct backend *backend, const char *reason)
{
	session_lost_backend(container_of(backend, struct session, own), reason);
}

const struct backend_ops session_backend_ops = {
	.message = message,
	.room = room,
	.ended = ended,
};
