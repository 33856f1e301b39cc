/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/send.h"

#include <assert.h>
#include <errno.h>

#include "base/lanes.h"
#include "ws/connection_state.h"
#include "ws/mask.h"
#include "ws/nonce.h"

bool ws_connection_is_server(const struct ws_connection *connection)
{
	return connection->parser.role == WS_SERVER;
}

/* The outbox. */

/*
 * How many messages are in the queue is known only as far as a mark in it: when all in front of it
 * is out, those in front of it are, and it moves to the end.
 */
static void settle_outbox(struct ws_connection *connection)
{
	const struct stream *stream = &connection->stream;

	if (!stream_queued(stream)) {
		connection->outbox_count = 0;
		connection->outbox_checked = 0;
		connection->outbox_mark = 0;
	} else if (stream->bytes_out >= connection->outbox_mark) {
		connection->outbox_count -= connection->outbox_checked;
		connection->outbox_checked = connection->outbox_count;
		connection->outbox_mark = stream_position(stream);
	}
}

size_t ws_connection_outbox(struct ws_connection *connection)
{
	settle_outbox(connection);
	return stream_queued(&connection->stream) +
		(size_t)connection->outbox_count * WS_MESSAGE_COST;
}

static bool is_crowded(struct ws_connection *connection, size_t outbox)
{
	const struct ws_handler *handler = connection->handler;

	return outbox > STREAM_QUEUE_HIGH && handler->crowded &&
		handler->crowded(connection, outbox);
}

/* Returns 0 where so much may be written, and counts it. */
static int admit(struct ws_connection *connection, size_t length)
{
	size_t most = connection->limits->outbox_most;
	size_t before = ws_connection_outbox(connection);

	if (connection->state != WS_CONNECTION_OPEN) {
		return -ESHUTDOWN;
	}
	if (before + WS_MESSAGE_COST > most || length > most - before - WS_MESSAGE_COST ||
		is_crowded(connection, before)) {
		return -ENOBUFS;
	}
	connection->outbox_count++;
	ws_connection_watch_write(connection, length);
	return 0;
}

/* Frames. */

/* Where it is sent from: a small one, or one that has to be masked. */
static void compose(struct ws_connection *connection, const struct ws_frame *frame,
	const struct stream_part *parts, int count)
{
	struct buffer *out = stream_compose(&connection->stream);
	uint8_t *room = (uint8_t *)buffer_reserve(out, WS_HEADER_MOST + (size_t)frame->length);
	uint32_t key = ws_mask_key(frame->key);
	uint8_t *to = room;

	if (room) {
		to += ws_frame_write(room, frame);
		for (int i = 0; i < count; i++) {
			if (frame->masked) {
				key = ws_mask(to, parts[i].bytes, parts[i].length, key);
				to += parts[i].length;
			} else {
				to = lanes_copy(to, parts[i].bytes, parts[i].length);
			}
		}
		buffer_commit(out, (size_t)(to - room));
	}
	stream_written(&connection->stream); /* which finds out about the memory */
}

static void write_plain(struct ws_connection *connection, const struct ws_frame *frame,
	const struct stream_part *parts, int count)
{
	struct stream_part all[STREAM_PARTS_MOST];
	uint8_t header[WS_HEADER_MOST];

	all[0] = (struct stream_part){header, ws_frame_write(header, frame)};
	for (int i = 0; i < count; i++) {
		all[1 + i] = parts[i];
	}
	stream_write_parts(&connection->stream, all, 1 + count);
}

static int send_frame(struct ws_connection *connection, struct ws_frame *frame,
	const struct stream_part *parts, int count)
{
	int error;

	assert(count <= WS_PARTS_MOST);
	for (int i = 0; i < count; i++) {
		frame->length += parts[i].length;
	}
	error = admit(connection, (size_t)frame->length);
	if (error) {
		return error;
	}
	if (!ws_connection_is_server(connection)) {
		ws_nonce(frame->key, sizeof(frame->key));
		frame->masked = true;
	}
	if (!frame->masked && stream_is_much(&connection->stream, (size_t)frame->length)) {
		write_plain(connection, frame, parts, count);
	} else {
		compose(connection, frame, parts, count);
	}
	return 0;
}

int ws_send_parts(struct ws_connection *connection, enum ws_opcode opcode,
	const struct stream_part *parts, int count)
{
	struct ws_frame frame = {.fin = true, .opcode = (uint8_t)opcode};

	assert(!connection->piecewise);
	return send_frame(connection, &frame, parts, count);
}

int ws_send(
	struct ws_connection *connection, enum ws_opcode opcode, const void *bytes, size_t length)
{
	const struct stream_part part = {bytes, length};

	return ws_send_parts(connection, opcode, &part, 1);
}

int ws_send_piece(struct ws_connection *connection, enum ws_opcode opcode, const void *bytes,
	size_t length, bool ends)
{
	const struct stream_part part = {bytes, length};
	struct ws_frame frame = {
		.fin = ends,
		.opcode = (uint8_t)(connection->piecewise ? WS_OPCODE_CONTINUATION : opcode),
	};
	int error = send_frame(connection, &frame, &part, 1);

	if (!error) {
		connection->piecewise = !ends;
	}
	return error;
}

void ws_prepare(struct buffer *frame, enum ws_opcode opcode, const void *bytes, size_t length)
{
	const struct ws_frame head = {.fin = true, .opcode = (uint8_t)opcode, .length = length};
	uint8_t header[WS_HEADER_MOST];

	buffer_append(frame, header, ws_frame_write(header, &head));
	buffer_append(frame, bytes, length);
}

int ws_send_prepared(struct ws_connection *connection, const struct buffer *frame)
{
	int error = frame->failed ? -ENOMEM : admit(connection, frame->length);

	assert(ws_connection_is_server(connection) && !connection->piecewise);
	if (!error) {
		stream_write(&connection->stream, frame->data, frame->length);
	}
	return error;
}

/* Control frames. */

bool ws_connection_send_control(
	struct ws_connection *connection, enum ws_opcode opcode, const void *payload, size_t length)
{
	const struct stream_part part = {payload, length};
	struct ws_frame frame = {.fin = true, .opcode = (uint8_t)opcode};

	return !send_frame(connection, &frame, &part, 1);
}

/* However full the outbox is. */
void ws_connection_send_close(struct ws_connection *connection, unsigned code, const char *reason)
{
	uint8_t frame[WS_CONTROL_FRAME_MOST];
	uint8_t key[4];
	bool masked = !ws_connection_is_server(connection);

	if (masked) {
		ws_nonce(key, sizeof(key));
	}
	connection->sent = (uint16_t)code;
	stream_write(&connection->stream, frame,
		ws_close_frame(frame, code, reason, masked ? key : NULL));
}

void ws_connection_ping(struct ws_connection *connection)
{
	uint32_t number = connection->pings + 1;

	number = number ? number : 1;
	if (!ws_connection_send_control(connection, WS_OPCODE_PING, &number, sizeof(number))) {
		return;
	}
	connection->pings = number;
	if (connection->pong_due == CURFEW_NEVER) {
		connection->late = false;
		connection->pong_due = ws_connection_after(connection, connection->limits->pong_ms);
		ws_connection_rearm(connection);
	}
}
