/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An upgraded connection: bytes both ways, as they come. If it is a WebSocket the frames are
 * followed, so that the end can put a close frame between two of them.
 *
 * The end of a WebSocket, in each direction: what had come before is passed on, to the end of its
 * last frame; a close frame; nothing more. When both ends have sent their own close, or after
 * TUNNEL_CLOSE_MS, both connections are closed.
 */
#ifndef GATE_TUNNEL_H
#define GATE_TUNNEL_H

#include <stdbool.h>
#include <stddef.h>

#include "net/deadline.h"
#include "ws/tunnel.h"

#define TUNNEL_CLOSE_MS 5000 /* for the closing handshake */

/* One direction. */
struct tunnel_way {
	struct ws_tunnel frames;
	size_t owed; /* bytes that had come when the end began: they go first */
	bool closed; /* our close frame was written: what comes now is dropped */
	bool rests;  /* the reader's queue is full */
	bool ended;  /* the sender has sent all */
};

struct tunnel {
	bool is_websocket;
	bool ending;
	struct tunnel_way up;   /* from the client */
	struct tunnel_way down; /* from the upstream */
	struct deadline
		deadline; /* of the beginning of the end (--spread), then of the handshake */
};

#endif
