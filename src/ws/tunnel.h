/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Follows the frames of one direction of a tunnel (RFC 6455, 5.2) without reading or copying their
 * payload, to know where one of our own may be put between them: a close frame behind what was
 * passed on, and inside no frame. A fragmented message may be open there; a control frame is
 * allowed inside it (5.4).
 *
 * It judges nothing but what would make it lose count: extensions, reserved opcodes and masks are
 * for the two ends to agree on.
 *
 * To end a direction in order: while !ws_tunnel_between, pass on what ws_tunnel_step takes; then,
 * if ws_tunnel_open, write the close frame. What comes later is fed, and not passed on (no data
 * may follow a close frame, 5.5.1), until ws_tunnel_closed tells that the peer's own has come.
 */
#ifndef WS_TUNNEL_H
#define WS_TUNNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A zeroed one stands before the first frame. Read the fields by the functions, or for a report. */
struct ws_tunnel {
	uint64_t frames; /* whole ones that have passed */
	uint64_t left;   /* bytes to the end of the frame, once its length is known */
	uint8_t state;
	uint8_t held;     /* bytes of head */
	uint8_t head[10]; /* a header that was cut, up to its key */
	bool fragmented;  /* a message has begun and its last frame has not */
};

/*
 * Follows bytes to the end of the frame that they are in, or all of them, and returns how many.
 * Where the count is lost, or behind a close frame, it takes all.
 */
size_t ws_tunnel_step(struct ws_tunnel *tunnel, const uint8_t *bytes, size_t length);

/* Follows all of them. */
void ws_tunnel_feed(struct ws_tunnel *tunnel, const uint8_t *bytes, size_t length);

/* Whether it stands between two frames; behind a close frame as well. Not where it lost count. */
bool ws_tunnel_between(const struct ws_tunnel *tunnel);

/* Whether a fragmented message is open, so that only a control frame may come between. */
bool ws_tunnel_fragmented(const struct ws_tunnel *tunnel);

/* Whether a whole close frame has passed: nothing may follow it. */
bool ws_tunnel_closed(const struct ws_tunnel *tunnel);

/*
 * Whether the length of a frame made no sense (more than 63 bits): where a frame ends is not known
 * any more, and the connection can only be cut.
 */
bool ws_tunnel_lost(const struct ws_tunnel *tunnel);

/* Whether a frame of our own may be put here: between two, and not behind a close frame. */
bool ws_tunnel_open(const struct ws_tunnel *tunnel);

#endif
