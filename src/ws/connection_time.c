/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a connection waits for, and until when: one deadline, the first of all. That something was
 * written is found out when its time is over, so that a message costs no more than a comparison.
 */
#include <sys/ioctl.h>

#include <curfew/time.h>

#include "base/clock.h"
#include "base/list.h"
#include "ws/connection_state.h"
#include "ws/nonce.h"

#define LATE_MS 100

int64_t ws_connection_now(const struct ws_connection *connection)
{
	return worker_now(connection->stream.worker);
}

int64_t ws_connection_after(const struct ws_connection *connection, int64_t ms)
{
	return clock_add_ms(ws_connection_now(connection), ms);
}

static int64_t earlier(int64_t one, int64_t other)
{
	return one < other ? one : other;
}

void ws_connection_rearm(struct ws_connection *connection)
{
	int64_t due = earlier(connection->ping_due, connection->pong_due);

	due = earlier(due, connection->message_due);
	due = earlier(due, connection->write_due);
	deadline_set(&connection->deadline, earlier(due, connection->close_due));
}

void ws_connection_watch_message(struct ws_connection *connection, bool was_whole)
{
	int64_t before = connection->message_due;

	if (connection->state != WS_CONNECTION_OPEN) {
		return;
	}
	if (connection->passed || !ws_parser_inside(&connection->parser)) {
		connection->message_due = CURFEW_NEVER;
	} else if (was_whole || before == CURFEW_NEVER) {
		connection->late = false;
		connection->message_due =
			ws_connection_after(connection, connection->limits->message_ms);
		ws_connection_rearm(connection);
	}
}

void ws_connection_watch_again(struct ws_connection *connection)
{
	if (connection->state == WS_CONNECTION_OPEN && connection->pong_due != CURFEW_NEVER) {
		connection->pong_due = ws_connection_after(connection, connection->limits->pong_ms);
		ws_connection_rearm(connection);
	}
}

static uint64_t write_step(const struct ws_connection *connection, size_t more)
{
	const struct stream *stream = &connection->stream;
	uint64_t step = stream->bytes_out + WS_WRITE_STEP;
	uint64_t all = stream_position(stream) + more;

	return all < step ? all : step;
}

void ws_connection_watch_write(struct ws_connection *connection, size_t length)
{
	if (!stream_queued(&connection->stream)) {
		connection->write_mark = write_step(connection, length);
		connection->write_due =
			ws_connection_after(connection, connection->limits->write_ms);
		ws_connection_rearm(connection);
	}
}

void ws_connection_time_end(struct ws_connection *connection)
{
	if (connection->close_due == CURFEW_NEVER) {
		connection->close_due =
			ws_connection_after(connection, connection->limits->close_ms);
	}
	connection->ping_due = CURFEW_NEVER;
	connection->pong_due = CURFEW_NEVER;
	connection->message_due = CURFEW_NEVER;
	connection->write_due = CURFEW_NEVER;
	ws_connection_rearm(connection);
}

/* Returns whether the time is over for what was to be written by now. */
static bool write_stalled(struct ws_connection *connection)
{
	if (!stream_queued(&connection->stream)) {
		connection->write_due = CURFEW_NEVER;
		return false;
	}
	if (connection->stream.bytes_out < connection->write_mark) {
		return true;
	}
	connection->write_mark = write_step(connection, 0);
	connection->write_due = ws_connection_after(connection, connection->limits->write_ms);
	return false;
}

/* What came in time, and was not read for lack of time, has a moment more; once. */
static bool input_waits(struct ws_connection *connection)
{
	int waiting = 0;

	if (!connection->late) {
		(void)ioctl(connection->stream.fd, FIONREAD, &waiting);
	}
	return waiting > 0;
}

/* Returns whether it is too late; else the deadline has moved. */
static bool too_late(struct ws_connection *connection, int64_t *due, int64_t ms)
{
	if (stream_paused(&connection->stream)) { /* its owner takes no input */
		*due = ws_connection_after(connection, ms);
		return false;
	}
	if (input_waits(connection)) {
		connection->late = true;
		*due = ws_connection_after(connection, LATE_MS);
		return false;
	}
	return true;
}

static void look(struct ws_connection *connection, int64_t now)
{
	const struct ws_limits *limits = connection->limits;

	if (connection->close_due <= now) {
		ws_connection_cut_late(connection);
	} else if (connection->write_due <= now && write_stalled(connection)) {
		ws_connection_cut_for(connection, WS_CAUSE_STALLED);
	} else if (connection->message_due <= now &&
		too_late(connection, &connection->message_due, limits->message_ms)) {
		ws_connection_fail(connection, WS_CAUSE_SLOW);
	} else if (connection->pong_due <= now &&
		too_late(connection, &connection->pong_due, limits->pong_ms)) {
		ws_connection_fail(connection, WS_CAUSE_SILENT);
	} else if (connection->ping_due <= now) {
		connection->ping_due = ws_connection_after(connection, limits->ping_ms);
		ws_connection_ping(connection);
	}
}

static void passed(struct deadline *deadline)
{
	struct ws_connection *connection = container_of(deadline, struct ws_connection, deadline);

	look(connection, curfew_now());
	if (connection->state != WS_CONNECTION_CLOSED) {
		ws_connection_rearm(connection);
	}
}

/* The first ping of many that came at once does not go at once. */
static int64_t first_ping(const struct ws_connection *connection)
{
	int64_t ms = connection->limits->ping_ms;
	uint32_t chance;

	if (ms == CURFEW_NEVER) {
		return CURFEW_NEVER;
	}
	ws_nonce(&chance, sizeof(chance));
	return ws_connection_after(connection, ms / 2 + (int64_t)(chance % (uint64_t)(ms / 2 + 1)));
}

void ws_connection_begin_time(struct ws_connection *connection)
{
	deadline_init(&connection->deadline, &connection->stream.worker->loop->agenda, passed);
	connection->ping_due = first_ping(connection);
	connection->pong_due = CURFEW_NEVER;
	connection->message_due = CURFEW_NEVER;
	connection->write_due = CURFEW_NEVER;
	connection->close_due = CURFEW_NEVER;
	ws_connection_rearm(connection);
}
