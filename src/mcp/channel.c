/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path of a POST: attached, QUIET, its answer comes, and is the whole of the HTTP answer.
 * Where something else comes first, or nothing for a while, the answer becomes an event stream, and
 * each message an event: written to the connection, and kept in the replay store.
 *
 * A connection is let go (nobody carries it any more) before its answer is ended, so that the end
 * is not told us as the client's leaving. What the HTTP server tells us then (carrier_left) is
 * always that the client is gone, or was cut.
 *
 * A client that comes back is behind: what is kept for it is written as fast as it reads, and new
 * messages join what is kept. When it has all, they are written directly again. If the channel is
 * done before that, the store finishes its answer (replay_finish), so that a channel that is DONE
 * has no connection.
 */
#include <assert.h>

#include "base/clock.h"
#include "mcp/channel_state.h"
#include "mcp/event_stream.h"

#define TO(state) (1U << CHANNEL_##state)

static const unsigned edges[] = {
	[CHANNEL_AWAY] = TO(QUIET) | TO(EVENTS) | TO(DONE),
	[CHANNEL_QUIET] = TO(EVENTS) | TO(AWAY) | TO(DONE),
	[CHANNEL_EVENTS] = TO(AWAY) | TO(DONE),
	[CHANNEL_DONE] = 0,
};

void channel_enter(struct channel *channel, enum channel_state state)
{
	assert(edges[channel->state] & (1U << state));
	channel->state = state;
}

static bool is_stream(const struct channel *channel)
{
	return channel->form == CHANNEL_GET || channel->form == CHANNEL_PLAIN;
}

void channel_set_alarm(struct channel *channel, int64_t ms)
{
	deadline_set(&channel->alarm, clock_add_ms(worker_now(channel->worker), ms));
}

/* Event ids. */

/* Digits, as they are written: nothing before them, no zero in front. */
static const char *parse_number(const char *at, const char *end, uint64_t *number)
{
	const char *start = at;

	*number = 0;
	for (; at < end && *at >= '0' && *at <= '9'; at++) {
		uint64_t digit = (uint64_t)(*at - '0');

		if (*number > (UINT64_MAX - digit) / 10) {
			return NULL;
		}
		*number = *number * 10 + digit;
	}
	return at == start || (*start == '0' && at - start > 1) ? NULL : at;
}

bool channel_parse_id(const char *id, size_t length, uint64_t *number, uint64_t *sequence)
{
	const char *end = id + length, *at = parse_number(id, end, number);

	if (!at || at == end || *at != '-') {
		return false;
	}
	return parse_number(at + 1, end, sequence) == end;
}

/* The connection, which comes and goes. */

static void carry(struct channel *channel, struct http_connection *connection)
{
	channel->connection = connection;
	exchange_carry(connection, &channel->carrier);
}

/* What belongs to the answer, and not to the channel. */
static void forget_answer(struct channel *channel)
{
	channel->connection = NULL;
	channel->behind = false;
	deadline_set(&channel->alarm, CURFEW_NEVER);
	buffer_fini(&channel->fields);
	buffer_fini(&channel->batch);
}

struct http_connection *channel_let_go(struct channel *channel)
{
	struct http_connection *connection = channel->connection;

	exchange_carry(connection, NULL);
	forget_answer(channel);
	return connection;
}

static bool is_full(const struct channel *channel)
{
	return channel->state == CHANNEL_EVENTS &&
		(channel->behind || http_queued(channel->connection) > STREAM_QUEUE_HIGH);
}

bool channel_is_full(struct channel *channel)
{
	channel->was_full = channel->was_full || is_full(channel);
	return is_full(channel);
}

void channel_tell_room(struct channel *channel)
{
	if (channel->was_full && !is_full(channel)) {
		channel->was_full = false;
		if (channel->ops->writable) {
			channel->ops->writable(channel);
		}
	}
}

static void leave(struct task *task)
{
	struct channel *channel = container_of(task, struct channel, leaving);

	if (channel->state == CHANNEL_AWAY && channel->ops->left) {
		channel->ops->left(channel);
	}
}

static void leave_later(struct channel *channel)
{
	channel_enter(channel, CHANNEL_AWAY);
	agenda_post(&channel->worker->loop->agenda, &channel->leaving);
}

void channel_break_off(struct channel *channel)
{
	http_answer_abort(channel_let_go(channel));
	leave_later(channel);
}

/* The beginning and the end of a connection. */

/* A client that is slow, and has come again, would have it all in memory twice. */
static void replace(struct channel *channel)
{
	bool slow = is_full(channel);
	struct http_connection *before = channel_let_go(channel);

	channel_enter(channel, CHANNEL_AWAY);
	if (slow) {
		http_answer_abort(before);
	} else {
		event_stream_end(before, 0);
	}
}

/* An event stream for what is behind channel->position. */
static void attach_stream(
	struct channel *channel, struct http_connection *connection, const char *fields)
{
	carry(channel, connection);
	channel_begin_events(channel, fields);
	channel_catch_up(channel, STREAM_QUEUE_HIGH);
	channel_tell_room(channel);
}

void channel_attach(struct channel *channel, struct http_connection *connection, const char *fields)
{
	if (is_stream(channel)) {
		if (channel->connection) {
			replace(channel);
		}
		attach_stream(channel, connection, fields);
		return;
	}
	assert(channel->expected > 0);
	carry(channel, connection);
	buffer_append_text(&channel->fields, fields);
	channel_enter(channel, CHANNEL_QUIET);
	channel_set_alarm(channel, CHANNEL_QUIET_MS);
}

bool channel_resume(struct channel *channel, struct http_connection *connection, const char *fields,
	uint64_t sequence)
{
	if (!channel->replay || sequence > channel->sequence ||
		!(channel->form == CHANNEL_GET || channel->named)) {
		return false;
	}
	if (channel->state == CHANNEL_DONE) {
		return replay_answer(
			channel->replay, connection, fields, channel->number, sequence);
	}
	if (channel->connection) {
		replace(channel);
	}
	channel->position = sequence;
	attach_stream(channel, connection, fields);
	return true;
}

void channel_end(struct channel *channel, unsigned retry_ms)
{
	if (!channel->connection) {
		return;
	}
	assert(channel->state == CHANNEL_EVENTS);
	if (channel->behind) {
		channel_catch_up(channel, SIZE_MAX);
	}
	event_stream_end(channel_let_go(channel), retry_ms);
	channel_enter(channel, CHANNEL_AWAY);
	channel_tell_room(channel);
}

/* What is told us. */

static void carrier_writable(struct carrier *carrier)
{
	struct channel *channel = container_of(carrier, struct channel, carrier);

	if (channel->behind) {
		channel_catch_up(channel, STREAM_QUEUE_HIGH);
	}
	channel_tell_room(channel);
}

static void carrier_left(struct carrier *carrier, bool whole)
{
	struct channel *channel = container_of(carrier, struct channel, carrier);

	(void)whole;
	forget_answer(channel);
	leave_later(channel);
	channel_tell_room(channel);
}

static void carrier_cut(struct carrier *carrier)
{
	struct channel *channel = container_of(carrier, struct channel, carrier);
	struct http_connection *connection = channel->connection;

	if (channel->expected && channel->ops->cut) {
		channel->ops->cut(channel);
	}
	/* The channel is there as long as it carries the connection. */
	if (!connection->user || exchange_of(connection)->carrier != carrier) {
		return;
	}
	if (channel->state == CHANNEL_EVENTS) {
		channel_end(channel, CHANNEL_RETRY_MS);
	} else {
		http_answer_error(channel_let_go(channel), 503, "the server is shutting down");
		leave_later(channel);
	}
}

/*
 * The first thing that is written is answered by a reset if nobody is there, and the second fails
 * by that. An answer for nobody costs nothing, unless it is to be called off.
 */
static void carrier_half_closed(struct carrier *carrier)
{
	struct channel *channel = container_of(carrier, struct channel, carrier);

	if (channel->form == CHANNEL_ONCE && channel->state == CHANNEL_QUIET) {
		channel_turn_to_events(channel);
	}
	if (channel->state == CHANNEL_EVENTS) {
		event_stream_ping(channel->connection);
		channel_set_alarm(channel, CHANNEL_PROBE_MS);
	}
}

static const struct carrier_ops carrier_ops = {
	.writable = carrier_writable,
	.left = carrier_left,
	.cut = carrier_cut,
	.half_closed = carrier_half_closed,
};

static void alarm_passed(struct deadline *deadline)
{
	struct channel *channel = container_of(deadline, struct channel, alarm);

	if (channel->state == CHANNEL_QUIET) {
		channel_turn_to_events(channel);
		return;
	}
	channel_set_alarm(channel, CHANNEL_PING_MS);
	if (!http_queued(channel->connection)) { /* else there is something to find it out by */
		event_stream_ping(channel->connection);
	}
}

void channel_init(struct channel *channel, enum channel_form form, const struct channel_ops *ops,
	struct worker *worker, struct replay *replay, uint64_t number)
{
	assert(!replay == (form == CHANNEL_PLAIN || form == CHANNEL_ONCE));
	*channel = (struct channel){
		.ops = ops,
		.replay = replay,
		.worker = worker,
		.number = number,
		.form = form,
		.carrier.ops = &carrier_ops,
		.leaving.run = leave,
	};
	deadline_init(&channel->alarm, &worker->loop->agenda, alarm_passed);
}

void channel_fini(struct channel *channel)
{
	assert(!channel->connection);
	forget_answer(channel);
	deadline_fini(&channel->alarm);
	agenda_unpost(&channel->worker->loop->agenda, &channel->leaving);
}
