/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of a message: the whole of a JSON answer, an element of one, an event that is
 * written and kept, one that is kept for a client that may come, or nothing.
 */
#include <assert.h>
#include <string.h>

#include "mcp/channel_state.h"
#include "mcp/event_stream.h"

#define BATCH_BETWEEN ",\n" /* no message has a line break: so they can be told apart again */

/* The event stream. */

void channel_begin_events(struct channel *channel, const char *fields)
{
	event_stream_begin(channel->connection, fields);
	channel_enter(channel, CHANNEL_EVENTS);
	if (channel->primes && channel->replay) {
		event_stream_prime(
			channel->connection, channel->number, channel->position, CHANNEL_RETRY_MS);
		channel->named = true;
	}
	channel_set_alarm(channel, CHANNEL_PING_MS);
}

/* Writes what is kept, as far as the client takes it. */
void channel_catch_up(struct channel *channel, size_t queue_most)
{
	channel->behind = channel->replay &&
		!replay_write(channel->replay, channel->connection, channel->number,
			&channel->position, queue_most);
	if (!channel->behind) {
		channel->position = channel->sequence; /* or it was dropped */
	}
	channel_set_alarm(channel, CHANNEL_PING_MS);
}

static void send_numbered(struct channel *channel, const char *text, size_t length)
{
	struct replay_event *event =
		replay_event_new(channel->number, channel->sequence + 1, text, length);

	if (!event) {
		channel->replay->dropped++;
		if (channel->connection) {
			channel_break_off(channel);
		}
		return;
	}
	channel->sequence++;
	if (channel->connection && !channel->behind) {
		replay_event_write(event, channel->connection);
		channel->position = channel->sequence;
		channel->named = true;
	}
	replay_keep(channel->replay, event);
}

/* Whether somebody gets what is sent now, or may come for it. */
static bool has_reader(const struct channel *channel)
{
	return channel->connection || channel->form == CHANNEL_GET || channel->named;
}

static void send_event(struct channel *channel, const char *name, const char *text, size_t length)
{
	if (channel->replay && has_reader(channel)) {
		send_numbered(channel, text, length);
	} else if (channel->replay) {
		channel->replay->dropped++;
	} else if (channel->connection &&
		!event_stream_write(channel->connection, name, text, length)) {
		channel_break_off(channel);
	}
	if (channel->connection) {
		channel_set_alarm(channel, CHANNEL_PING_MS);
	}
}

static void send_message(struct channel *channel, const char *text, size_t length)
{
	send_event(channel, channel->form == CHANNEL_PLAIN ? "message" : NULL, text, length);
}

/* Answers that were collected for an array that will not be. */
static void send_collected(struct channel *channel)
{
	struct buffer batch = channel->batch;
	const char *at = buffer_text(&batch), *end = at + batch.length;

	buffer_init(&channel->batch);
	for (at += batch.length > 0; at < end;) {
		const char *between =
			memmem(at, (size_t)(end - at), BATCH_BETWEEN, sizeof(BATCH_BETWEEN) - 1);
		size_t length = (size_t)((between ? between : end) - at);

		send_message(channel, at, length);
		at += length + sizeof(BATCH_BETWEEN) - 1;
	}
	buffer_fini(&batch);
}

/* From QUIET. */
void channel_turn_to_events(struct channel *channel)
{
	if (channel->fields.failed || channel->batch.failed) {
		channel_break_off(channel);
		return;
	}
	channel_begin_events(channel, buffer_text(&channel->fields));
	buffer_fini(&channel->fields);
	send_collected(channel);
}

/* The other kind of answer. */

static void answer_json(struct channel *channel, const char *text, size_t length)
{
	struct http_connection *connection = channel->connection;
	struct buffer *head = http_answer(connection, channel->status ? channel->status : 200);

	buffer_append_text(head, "Content-Type: application/json\r\n");
	buffer_append_text(head, buffer_text(&channel->fields));
	http_answer_length(connection, length, false);
	http_answer_write(connection, text, length);
}

static void collect(struct channel *channel, const char *text, size_t length)
{
	buffer_append_text(&channel->batch, channel->batch.length ? BATCH_BETWEEN : "[");
	buffer_append(&channel->batch, text, length);
}

/* An answer, and nothing but answers came before it. */
static void send_quiet_answer(struct channel *channel, const char *text, size_t length)
{
	if (channel->is_batch) {
		collect(channel, text, length);
		if (channel->expected && channel->batch.length < CHANNEL_BATCH_MOST) {
			return;
		}
		if (channel->expected) {
			channel_turn_to_events(channel);
			return;
		}
		buffer_append_char(&channel->batch, ']');
		text = channel->batch.data;
		length = channel->batch.length;
	}
	if (channel->fields.failed || channel->batch.failed) {
		channel_break_off(channel);
	} else {
		answer_json(channel, text, length);
	}
}

/* All that was expected was sent. */
static void finish(struct channel *channel)
{
	uint64_t position = channel->position;
	bool behind = channel->behind;

	if (channel->connection && behind) {
		replay_finish(channel->replay, channel_let_go(channel), channel->number, position);
	} else if (channel->connection) {
		http_answer_end(channel_let_go(channel), NULL);
	}
	channel_enter(channel, CHANNEL_DONE);
}

void channel_send(struct channel *channel, const char *text, size_t length, bool last)
{
	assert(channel->state != CHANNEL_DONE);
	assert(!last || channel->expected > 0);
	channel->expected -= last;
	if (channel->state == CHANNEL_QUIET && last) {
		send_quiet_answer(channel, text, length);
	} else {
		if (channel->state == CHANNEL_QUIET) {
			channel_turn_to_events(channel);
		}
		send_message(channel, text, length);
	}
	if (last && !channel->expected) {
		finish(channel);
		channel_tell_room(channel);
	}
}

void channel_send_event(struct channel *channel, const char *event, const char *text, size_t length)
{
	assert(channel->form == CHANNEL_PLAIN);
	send_event(channel, event, text, length);
}
