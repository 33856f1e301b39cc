/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/tunnel.h"

#include "ws/frame.h"

#define KEY_BYTES 4

enum state { BETWEEN, HEAD, PAYLOAD, CLOSED, LOST };

/* The part of a header that gives the frame's end; the key behind it counts as payload. */
static size_t head_size(uint8_t second)
{
	return 2 + ws_frame_length_size(second);
}

static void end_frame(struct ws_tunnel *tunnel)
{
	bool closes = (tunnel->head[0] & 0x0f) == WS_OPCODE_CLOSE;

	tunnel->frames++;
	tunnel->held = 0;
	tunnel->state = closes ? CLOSED : BETWEEN;
}

static void enter_payload(struct ws_tunnel *tunnel, const uint8_t *head)
{
	uint64_t length = ws_frame_length(head);

	if (length > WS_LENGTH_MOST) {
		tunnel->state = LOST;
		return;
	}
	if (!ws_opcode_control(head[0])) {
		tunnel->fragmented = !(head[0] & 0x80);
	}
	tunnel->head[0] = head[0];
	tunnel->left = length + (head[1] & 0x80 ? KEY_BYTES : 0);
	tunnel->state = PAYLOAD;
	if (!tunnel->left) {
		end_frame(tunnel);
	}
}

/* A header that was cut. */
static size_t gather_head(struct ws_tunnel *tunnel, const uint8_t *bytes, size_t length)
{
	size_t used = 0;

	tunnel->state = HEAD;
	while (used < length) {
		tunnel->head[tunnel->held++] = bytes[used++];
		if (tunnel->held >= 2 && tunnel->held == head_size(tunnel->head[1])) {
			enter_payload(tunnel, tunnel->head);
			return used;
		}
	}
	return used;
}

static size_t take_head(struct ws_tunnel *tunnel, const uint8_t *bytes, size_t length)
{
	size_t size;

	if (tunnel->held || length < 2 || length < head_size(bytes[1])) {
		return gather_head(tunnel, bytes, length);
	}
	size = head_size(bytes[1]);
	enter_payload(tunnel, bytes);
	return size;
}

size_t ws_tunnel_step(struct ws_tunnel *tunnel, const uint8_t *bytes, size_t length)
{
	size_t used = 0, rest;

	if (!length) {
		return 0;
	}
	if (tunnel->state == BETWEEN || tunnel->state == HEAD) {
		used = take_head(tunnel, bytes, length);
		if (tunnel->state == BETWEEN || tunnel->state == CLOSED) {
			return used; /* at the end of an empty frame */
		}
	}
	if (tunnel->state != PAYLOAD) {
		return tunnel->state == HEAD ? used : length;
	}
	rest = length - used < tunnel->left ? length - used : (size_t)tunnel->left;
	tunnel->left -= rest;
	if (!tunnel->left) {
		end_frame(tunnel);
	}
	return used + rest;
}

void ws_tunnel_feed(struct ws_tunnel *tunnel, const uint8_t *bytes, size_t length)
{
	while (length) {
		size_t used = ws_tunnel_step(tunnel, bytes, length);

		bytes += used;
		length -= used;
	}
}

bool ws_tunnel_between(const struct ws_tunnel *tunnel)
{
	return tunnel->state == BETWEEN || tunnel->state == CLOSED;
}

bool ws_tunnel_fragmented(const struct ws_tunnel *tunnel)
{
	return tunnel->fragmented;
}

bool ws_tunnel_closed(const struct ws_tunnel *tunnel)
{
	return tunnel->state == CLOSED;
}

bool ws_tunnel_lost(const struct ws_tunnel *tunnel)
{
	return tunnel->state == LOST;
}

bool ws_tunnel_open(const struct ws_tunnel *tunnel)
{
	return tunnel->state == BETWEEN;
}
