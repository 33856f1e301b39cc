/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a connection sends. All of these return 0; or -ESHUTDOWN unless it is OPEN, or -ENOBUFS if
 * the outbox has no room for it, or the owner refuses it (crowded): then nothing was sent, and its
 * owner may rest, or close it. What is text has to be UTF-8, which nobody checks again.
 *
 * A server's frames are passed on as they are; large ones go to the kernel without being copied. A
 * client's are masked on their way into the queue.
 */
#ifndef WS_SEND_H
#define WS_SEND_H

#include "base/buffer.h"
#include "ws/connection.h"

#define WS_PARTS_MOST (STREAM_PARTS_MOST - 1)

/* A whole message, as one frame. opcode: WS_OPCODE_TEXT or _BINARY. */
int ws_send(
	struct ws_connection *connection, enum ws_opcode opcode, const void *bytes, size_t length);

/* The same, put together from up to WS_PARTS_MOST parts. */
int ws_send_parts(struct ws_connection *connection, enum ws_opcode opcode,
	const struct stream_part *parts, int count);

/*
 * A piece of a message, as a frame: its length need not be known beforehand. opcode counts in the
 * first piece; no other message may be sent until one ends.
 */
int ws_send_piece(struct ws_connection *connection, enum ws_opcode opcode, const void *bytes,
	size_t length, bool ends);

/* Appends a server's frame, to be sent to any number of connections. */
void ws_prepare(struct buffer *frame, enum ws_opcode opcode, const void *bytes, size_t length);

/* Sends it. A server's side. */
int ws_send_prepared(struct ws_connection *connection, const struct buffer *frame);

#endif
