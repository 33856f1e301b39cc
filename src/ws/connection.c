/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a connection. Bytes come (received), the parser makes events of them, and the handler
 * hears of messages. It ends in one of these ways:
 *
 * The peer's close frame comes: ours goes back, behind what is queued, with the same code. Or its
 * owner, or the drain, closes it: ours goes, and the peer's is awaited while its messages are still
 * heard. Then a server closes the socket in order, which writes the queue first; a client waits for
 * the server to do so. All this within close_ms of the first close frame.
 *
 * It fails: the peer breaks the protocol, or a deadline passes. Our close frame says why, and the
 * socket is closed behind it. Or the stream breaks off, or it is cut: then nothing can be said.
 *
 * Each of these passes through end(), which tells the owner, and ends in the stream's closed().
 */
#include "ws/connection.h"

#include <assert.h>
#include <string.h>

#include <curfew/time.h>

#include "base/clock.h"
#include "base/list.h"
#include "core/lifecycle.h"
#include "ws/connection_state.h"

#define TO(state) (1U << WS_CONNECTION_##state)

static const unsigned edges[] = {
	[WS_CONNECTION_ARRIVING] = TO(OPEN),
	[WS_CONNECTION_OPEN] = TO(CLOSING) | TO(ENDING),
	[WS_CONNECTION_CLOSING] = TO(ENDING),
	[WS_CONNECTION_ENDING] = TO(CLOSED),
	[WS_CONNECTION_CLOSED] = 0,
};

static void enter(struct ws_connection *connection, enum ws_connection_state state)
{
	assert(edges[connection->state] & (1U << state));
	connection->state = (uint8_t)state;
}

void ws_limits_default(struct ws_limits *limits)
{
	*limits = (struct ws_limits){
		.message_most = 256 * 1024,
		.outbox_most = (size_t)4 * 1024 * 1024,
		.ping_ms = 30000,
		.pong_ms = 30000,
		.message_ms = 30000,
		.write_ms = 10000,
		.close_ms = 5000,
	};
}

static const struct {
	uint16_t code;
	const char *text;
} causes[] = {
#define WS_CAUSE(name, code, text) [WS_CAUSE_##name] = {code, text},
	WS_CAUSES(WS_CAUSE)
#undef WS_CAUSE
};

const char *ws_cause_text(enum ws_cause cause)
{
	return causes[cause].text;
}

/* Its end. */

static bool hears(const struct ws_connection *connection)
{
	return connection->state == WS_CONNECTION_OPEN ||
		connection->state == WS_CONNECTION_CLOSING;
}

static void note_cause(struct ws_connection *connection, enum ws_cause cause)
{
	if (!connection->cause) {
		connection->cause = (uint8_t)cause;
	}
}

static void tell_end(struct ws_connection *connection)
{
	if (!connection->end_told) {
		connection->end_told = true;
		if (connection->handler->ended) {
			connection->handler->ended(connection);
		}
	}
}

static void enter_ending(struct ws_connection *connection, enum ws_cause cause)
{
	note_cause(connection, cause);
	enter(connection, WS_CONNECTION_ENDING);
	connection->passed = 0;
	ws_connection_time_end(connection);
}

/* Nothing more is heard; what is queued goes out. */
static void end(struct ws_connection *connection, enum ws_cause cause, bool expects_input)
{
	enter_ending(connection, cause);
	stream_close(&connection->stream, expects_input);
	tell_end(connection);
}

void ws_connection_fail(struct ws_connection *connection, enum ws_cause cause)
{
	if (connection->state == WS_CONNECTION_OPEN && causes[cause].code) {
		ws_connection_send_close(connection, causes[cause].code, causes[cause].text);
	}
	if (hears(connection)) {
		end(connection, cause, true);
	}
}

static void fail_parser(struct ws_connection *connection, const struct ws_event *event)
{
	connection->fault = (uint8_t)event->fault;
	if (connection->state == WS_CONNECTION_OPEN) {
		ws_connection_send_close(connection, event->code, ws_fault_text(event->fault));
	}
	end(connection, WS_CAUSE_FAULT, true);
}

/* The peer's close frame. Its socket is the server's to close (7.1.1). */
static void take_close(struct ws_connection *connection, const struct ws_event *event)
{
	connection->code = event->code;
	connection->clean = true;
	if (connection->state == WS_CONNECTION_OPEN) {
		ws_connection_send_close(connection, event->code, "");
	}
	if (ws_connection_is_server(connection)) {
		end(connection, WS_CAUSE_PEER, false);
	} else {
		enter_ending(connection, WS_CAUSE_PEER);
		tell_end(connection);
	}
}

/* What is on its way out is lost, and perhaps the close frame with it. */
static void note_lost(struct ws_connection *connection)
{
	if (stream_queued(&connection->stream)) {
		connection->clean = false;
	}
}

void ws_connection_cut_for(struct ws_connection *connection, enum ws_cause cause)
{
	assert(connection->state != WS_CONNECTION_ARRIVING);
	if (connection->state == WS_CONNECTION_CLOSED) {
		return;
	}
	if (hears(connection)) {
		enter_ending(connection, cause);
	}
	connection->forced = true;
	connection->close_due = CURFEW_NEVER;
	note_lost(connection);
	stream_cut(&connection->stream);
}

void ws_connection_cut(struct ws_connection *connection)
{
	ws_connection_cut_for(connection, WS_CAUSE_CUT);
}

static bool is_drained(const struct ws_connection *connection)
{
	return connection->hold.drain && curfew_drain_closed(connection->hold.drain);
}

void ws_connection_cut_late(struct ws_connection *connection)
{
	const struct curfew_hold *hold = &connection->hold;
	const struct curfew_holder holder = {
		.kind = hold->ops->kind,
		.name = hold->name ? hold->name : hold->ops->kind,
		.age_ms = clock_ms_between(hold->since, curfew_now()),
	};

	if (is_drained(connection)) {
		lifecycle_note_forced(connection->stream.worker->life, &holder);
	}
	ws_connection_cut(connection);
}

void ws_connection_close(struct ws_connection *connection, unsigned code, const char *reason)
{
	if (connection->state != WS_CONNECTION_OPEN) {
		return;
	}
	ws_connection_send_close(connection, code, reason);
	note_cause(connection, WS_CAUSE_OWNER);
	enter(connection, WS_CONNECTION_CLOSING);
	ws_connection_time_end(connection);
}

/* What comes. */

/* Hands out a piece; what is not taken stays in front of the input. Returns how much that is. */
static size_t give(struct ws_connection *connection, const struct ws_event *piece)
{
	size_t taken = connection->handler->data(connection, piece);

	assert(taken <= piece->length);
	if (!hears(connection) || taken == piece->length) {
		connection->passed = 0;
		return 0;
	}
	connection->passed = (uint32_t)(piece->length - taken);
	connection->passed_opcode = piece->opcode;
	connection->passed_starts = piece->starts && !taken;
	connection->passed_ends = piece->ends;
	return connection->passed;
}

/* What was read before, and not taken. */
static size_t give_passed(struct ws_connection *connection, uint8_t *bytes)
{
	size_t length = connection->passed;
	const struct ws_event piece = {
		.kind = WS_DATA,
		.opcode = connection->passed_opcode,
		.starts = connection->passed_starts,
		.ends = connection->passed_ends,
		.bytes = bytes,
		.length = length,
		.left = connection->passed_ends ? 0 : connection->parser.left,
	};

	return length ? length - give(connection, &piece) : 0;
}

static void take_ping(struct ws_connection *connection, const struct ws_event *event)
{
	if (connection->state == WS_CONNECTION_OPEN &&
		!ws_connection_send_control(
			connection, WS_OPCODE_PONG, event->bytes, event->length)) {
		ws_connection_fail(connection, WS_CAUSE_BACKLOG);
	}
}

/* Only what answers the last ping tells that the peer is there (5.5.3). */
static void take_pong(struct ws_connection *connection, const struct ws_event *event)
{
	if (!connection->pings || event->length != sizeof(connection->pings) ||
		memcmp(event->bytes, &connection->pings, sizeof(connection->pings)) != 0) {
		return;
	}
	connection->pong_due = CURFEW_NEVER;
	if (connection->handler->pong) {
		connection->handler->pong(connection);
	}
}

/* Returns how many bytes were not taken. */
static size_t take(struct ws_connection *connection, const struct ws_event *event)
{
	switch (event->kind) {
	case WS_DATA:
		return give(connection, event);
	case WS_PING:
		take_ping(connection, event);
		return 0;
	case WS_PONG:
		take_pong(connection, event);
		return 0;
	case WS_CLOSE:
		take_close(connection, event);
		return 0;
	case WS_FAULT:
		fail_parser(connection, event);
		return 0;
	default:
		return 0;
	}
}

static size_t received(struct stream *stream, char *input, size_t length)
{
	struct ws_connection *connection = container_of(stream, struct ws_connection, stream);
	uint8_t *bytes = (uint8_t *)input;
	size_t at = give_passed(connection, bytes);
	bool was_whole = false;

	while (at < length && !connection->passed && hears(connection)) {
		struct ws_event event;

		at += ws_parser_next(&connection->parser, bytes + at, length - at, &event);
		was_whole = was_whole || (event.kind == WS_DATA && event.ends);
		at -= take(connection, &event);
	}
	if (!hears(connection)) {
		return length;
	}
	ws_connection_watch_message(connection, was_whole);
	return at;
}

static void ended(struct stream *stream)
{
	struct ws_connection *connection = container_of(stream, struct ws_connection, stream);

	if (hears(connection)) {
		end(connection, WS_CAUSE_LOST, false);
	} else {
		stream_close(stream, false);
	}
}

static void writable(struct stream *stream)
{
	struct ws_connection *connection = container_of(stream, struct ws_connection, stream);

	if (connection->state == WS_CONNECTION_OPEN && connection->handler->writable) {
		connection->handler->writable(connection);
	}
}

static void failed(struct stream *stream, int error)
{
	struct ws_connection *connection = container_of(stream, struct ws_connection, stream);

	(void)error;
	note_lost(connection);
	if (hears(connection)) {
		end(connection, WS_CAUSE_LOST, false);
	} else {
		stream_close(stream, false);
	}
}

void ws_connection_resume(struct ws_connection *connection)
{
	if (hears(connection) && stream_paused(&connection->stream)) {
		ws_connection_watch_again(connection);
		stream_resume(&connection->stream);
	}
}

/* What the drain asks. */

static void finish(struct curfew_hold *hold)
{
	struct ws_connection *connection = container_of(hold, struct ws_connection, hold);

	if (connection->state == WS_CONNECTION_ARRIVING) {
		connection->finish_asked = true;
	} else if (connection->state == WS_CONNECTION_OPEN && connection->handler->finish) {
		connection->handler->finish(connection);
	} else {
		ws_connection_close(connection, WS_CLOSE_GOING_AWAY, "shutting down");
	}
}

static void cut(struct curfew_hold *hold)
{
	struct ws_connection *connection = container_of(hold, struct ws_connection, hold);

	if (connection->state == WS_CONNECTION_ARRIVING) {
		connection->cut_asked = true;
		return;
	}
	if (connection->state == WS_CONNECTION_OPEN) {
		ws_connection_send_close(connection, WS_CLOSE_GOING_AWAY, "shutting down");
	}
	ws_connection_cut(connection);
}

static const struct curfew_hold_ops hold_ops = {"websocket", finish, cut};

/* For the report of a drain. */
static void count(struct ws_connection *connection)
{
	struct curfew_lifecycle *life = connection->stream.worker->life;

	if (!is_drained(connection)) {
		return;
	}
	if (connection->clean) {
		curfew_lifecycle_count(life, CURFEW_WEBSOCKETS_CLOSED, 1);
	} else if (connection->forced) {
		curfew_lifecycle_count(life, CURFEW_WEBSOCKETS_FORCED, 1);
	}
}

static void closed(struct stream *stream)
{
	struct ws_connection *connection = container_of(stream, struct ws_connection, stream);

	tell_end(connection);
	count(connection);
	deadline_fini(&connection->deadline);
	enter(connection, WS_CONNECTION_CLOSED);
	curfew_hold_release(&connection->hold);
	connection->handler->closed(connection, connection->code, connection->clean);
}

/* Its beginning. */

void ws_connection_open(struct ws_connection *connection)
{
	enter(connection, WS_CONNECTION_OPEN);
	ws_connection_begin_time(connection);
}

static void arrived(struct stream *stream)
{
	struct ws_connection *connection = container_of(stream, struct ws_connection, stream);

	ws_connection_open(connection);
	if (connection->handler->opened) {
		connection->handler->opened(connection);
	}
	if (connection->finish_asked) {
		finish(&connection->hold);
	}
	if (connection->cut_asked) {
		cut(&connection->hold);
	}
}

const struct stream_ops ws_connection_stream_ops = {
	.received = received,
	.ended = ended,
	.writable = writable,
	.failed = failed,
	.closed = closed,
	.arrived = arrived,
};

/* From the hold on, the drain may ask in the other thread: nothing of this but the stream moves. */
int ws_connection_begin(
	struct ws_connection *connection, enum ws_role role, const struct ws_setting *setting)
{
	assert(setting->drain->agenda == &setting->worker->loop->agenda);
	*connection = (struct ws_connection){
		.handler = setting->handler,
		.limits = setting->limits,
		.code = WS_CLOSE_CUT,
	};
	ws_parser_init(&connection->parser, role, setting->limits->message_most);
	return curfew_drain_hold(setting->drain, &connection->hold, &hold_ops, setting->name);
}

void ws_connection_give_up(struct ws_connection *connection)
{
	curfew_hold_release(&connection->hold);
}
