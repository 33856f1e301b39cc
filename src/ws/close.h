/* SPDX-License-Identifier: Apache-2.0 */
/* What a close frame says (RFC 6455, 5.5.1 and 7.4). */
#ifndef WS_CLOSE_H
#define WS_CLOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ws/fault.h"
#include "ws/frame.h"

#define WS_REASON_MOST (WS_CONTROL_MOST - 2)

enum ws_close_code {
	WS_CLOSE_NORMAL = 1000,
	WS_CLOSE_GOING_AWAY = 1001,
	WS_CLOSE_PROTOCOL = 1002,
	WS_CLOSE_NO_CODE = 1005, /* what a close frame without a code counts as; never sent */
	WS_CLOSE_CUT = 1006,     /* no close frame came; never sent */
	WS_CLOSE_NOT_UTF8 = 1007,
	WS_CLOSE_TOO_BIG = 1009,
	WS_CLOSE_FAILED = 1011,
	WS_CLOSE_RESTART = 1012, /* 1012 to 1014 are in IANA's registry, later than the RFC */
};

/*
 * Whether a code may stand in a close frame (7.4): those with a meaning there, and the ranges of
 * libraries and applications, 3000 to 4999.
 */
bool ws_close_sendable(unsigned code);

struct ws_close {
	uint16_t code;         /* WS_CLOSE_NO_CODE if there is none */
	const uint8_t *reason; /* UTF-8, not terminated; in the payload that was read */
	size_t length;
};

/* Reads an unmasked payload. Returns WS_FAULT_NONE, or why the connection is failed. */
enum ws_fault ws_close_read(const uint8_t *payload, size_t length, struct ws_close *close);

/*
 * Writes the payload of a close frame and returns its length. A reason that is too long is cut
 * between two characters. It has to be UTF-8, and the code sendable, or WS_CLOSE_NO_CODE: then
 * there is no payload.
 */
size_t ws_close_write(uint8_t payload[WS_CONTROL_MOST], unsigned code, const char *reason);

/*
 * Writes a whole close frame and returns its size. key: NULL for a server's, which is not masked.
 */
size_t ws_close_frame(uint8_t frame[WS_CONTROL_FRAME_MOST], unsigned code, const char *reason,
	const uint8_t key[4]);

#endif
