/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a WebSocket connection is failed (RFC 6455, 7.1.7), what close frame says so, and the words
 * for people. This is the one table of them.
 */
#ifndef WS_FAULT_H
#define WS_FAULT_H

#include <stdint.h>

/* X(name, close code, text); the text is the reason of the close frame: at most 123 bytes. */
#define WS_FAULTS(X)                                                                               \
	X(RESERVED_BIT, 1002, "reserved bit without an extension")      /* 5.2 */                  \
	X(RESERVED_OPCODE, 1002, "reserved opcode")                     /* 5.2 */                  \
	X(UNMASKED, 1002, "unmasked frame from a client")               /* 5.1 */                  \
	X(MASKED, 1002, "masked frame from a server")                   /* 5.1 */                  \
	X(CONTROL_FRAGMENTED, 1002, "fragmented control frame")         /* 5.5 */                  \
	X(CONTROL_LONG, 1002, "control frame of more than 125 bytes")   /* 5.5 */                  \
	X(LENGTH_NOT_SHORTEST, 1002, "length not in its shortest form") /* 5.2 */                  \
	X(LENGTH_SIGN, 1002, "length of more than 63 bits")             /* 5.2 */                  \
	X(CONTINUATION, 1002, "continuation of no message")             /* 5.4 */                  \
	X(INTERLEAVED, 1002, "message inside a fragmented message")     /* 5.4 */                  \
	X(CLOSE_LENGTH, 1002, "close frame with half a code")           /* 5.5.1 */                \
	X(CLOSE_CODE, 1002, "close code that is not for the wire")      /* 7.4 */                  \
	X(CLOSE_REASON, 1007, "close reason that is not UTF-8")         /* 5.5.1, 8.1 */           \
	X(TEXT, 1007, "text that is not UTF-8")                         /* 5.6, 8.1 */             \
	X(TOO_BIG, 1009, "message too big")                             /* 7.4.1, 10.4 */

enum ws_fault {
	WS_FAULT_NONE,
#define WS_FAULT_NAME(name, code, text) WS_FAULT_##name,
	WS_FAULTS(WS_FAULT_NAME)
#undef WS_FAULT_NAME
};

/* Returns the close code that is sent for a fault; 0 for WS_FAULT_NONE. */
uint16_t ws_fault_code(enum ws_fault fault);

/* Returns its text, ASCII, static; "" for WS_FAULT_NONE. */
const char *ws_fault_text(enum ws_fault fault);

#endif
