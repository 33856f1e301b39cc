/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frames of one direction of a WebSocket (RFC 6455, 5 to 8): bytes in, events out. No I/O, and
 * nothing is allocated. The bytes may come in any pieces; what comes out depends on them alone,
 * but for where the data of a message are cut.
 *
 *	while (length) {
 *		size_t used = ws_parser_next(&parser, bytes, length, &event);
 *		... event ...
 *		bytes += used;
 *		length -= used;
 *	}
 *
 * No extension is known, so that a reserved bit is a fault. Whether a message took too long is for
 * the caller, who knows the time, and is told by ws_parser_inside.
 */
#ifndef WS_PARSER_H
#define WS_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ws/fault.h"
#include "ws/frame.h"
#include "ws/utf8.h"

/* Who reads: it decides who has to mask (5.1). */
enum ws_role { WS_SERVER, WS_CLIENT };

enum ws_event_kind {
	WS_MORE,  /* nothing; all bytes were used */
	WS_DATA,  /* a piece of a message */
	WS_PING,  /* its payload, to be sent back in a pong (5.5.2) */
	WS_PONG,  /* its payload */
	WS_CLOSE, /* the peer's close frame: its code and reason. The last event */
	WS_FAULT, /* the connection is to be failed with this code (7.1.7). The last event */
};

/*
 * A message's text is checked as it comes: a piece may be given out before a fault is found in a
 * later one, or further on in bytes that came with it. A message has come when a piece ends it.
 */
struct ws_event {
	enum ws_event_kind kind;
	enum ws_fault fault; /* FAULT: which */
	uint16_t code;       /* CLOSE: the peer's, or 1005; FAULT: what is to be sent */
	uint8_t opcode;      /* DATA: WS_OPCODE_TEXT or _BINARY, in all pieces of a message */
	bool starts;         /* DATA: the first piece of its message */
	bool ends;           /* DATA: the last one */
	uint8_t *bytes;      /* unmasked; in the bytes that were given, or in the parser (CLOSE: the
				reason). Valid until the next call. May be NULL if length is 0 */
	size_t length;
	uint64_t left; /* DATA: bytes of the same frame that are still to come */
};

/* The fields are the parser's own. */
struct ws_parser {
	uint64_t limit;
	uint64_t message; /* bytes of the open message, those included that its frame announces */
	uint64_t left;    /* bytes of the payload that are still to come */
	uint32_t key;     /* for the next of them */
	uint8_t role;
	uint8_t state;
	uint8_t opcode;         /* of the frame */
	uint8_t message_opcode; /* 0: no message is open */
	bool fin;               /* of the frame */
	bool started;           /* a piece of the message was given out */
	struct ws_utf8 utf8;    /* of the open text; every text ends whole, for the next one */
	uint8_t held;           /* bytes of hold */
	uint8_t hold[WS_CONTROL_MOST]; /* half a header, or half a control frame's payload */
};

/* limit: bytes of the longest message, over all of its frames; 0: WS_LENGTH_MOST. */
void ws_parser_init(struct ws_parser *parser, enum ws_role role, uint64_t limit);

/*
 * Reads up to the next event and returns how many bytes that took; event->kind is WS_MORE only if
 * it took all. Payload is unmasked where it lies. After WS_CLOSE and WS_FAULT every byte is dropped
 * (1.4, 7.1.7).
 */
size_t ws_parser_next(
	struct ws_parser *parser, uint8_t *bytes, size_t length, struct ws_event *event);

/* Whether a message has begun, or a frame, and is not whole. */
bool ws_parser_inside(const struct ws_parser *parser);

/* Whether CLOSE or FAULT came. */
bool ws_parser_ended(const struct ws_parser *parser);

#endif
