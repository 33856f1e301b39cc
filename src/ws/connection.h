/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A WebSocket connection (RFC 6455), either side of it: messages in and out, and its end. It stands
 * on a stream of its own; of the opening handshake (ws/opening.h) nothing is left. While nothing is
 * under way it has no memory but this struct, which its owner embeds.
 *
 * Reading. data() gets messages in pieces, unmasked where they were read, and text as far as it is
 * UTF-8. It may take less than it gets: then nothing more is read until ws_connection_resume, and
 * the peer's deadlines rest. Pings are answered.
 *
 * Writing. A message, a piece of one, or a frame that was composed for many (ws/send.h) is taken
 * at once, and leaves with all others of the round; or it is refused, since the outbox is full.
 *
 * The end. Behind our close frame nothing is sent, and behind the peer's nothing is heard: what was
 * sent before either is delivered. ended() comes once, when the last has been heard; closed() comes
 * once, when the socket is gone, and gives the memory back. Neither comes inside a call, nor does
 * anything behind closed().
 *
 * The states, each entered by one function that knows the edges (ws/connection.c has the table):
 *
 *	ARRIVING -> OPEN -> CLOSING -> ENDING -> CLOSED
 *	                `-------------^
 *
 *	ARRIVING on its way to its worker (ws_accept_on): nothing may be asked of it
 *	OPEN     messages in both directions
 *	CLOSING  our close frame is queued; what the peer sends before its own is heard
 *	ENDING   both were sent, or one of us failed: what is queued goes out, and the socket closes
 *	         (the server's side first, 7.1.1)
 *
 * It is one hold on its worker's drain, "websocket" by the name that its owner gives it: finish
 * closes it in order, with 1001, or as the owner likes; cut ends it at once. What is asked while it
 * is ARRIVING is done when it is OPEN, right behind opened().
 */
#ifndef WS_CONNECTION_H
#define WS_CONNECTION_H

#include "net/stream.h"
#include "ws/close.h"
#include "ws/parser.h"

#define WS_MESSAGE_COST 64 /* of a message in an outbox, besides its length */

struct ws_connection;

/* Durations in milliseconds; CURFEW_NEVER: none. Shared; they must stay. */
struct ws_limits {
	uint64_t message_most; /* bytes of a message from the peer; 256 kB; 0: any */
	size_t outbox_most; /* length and WS_MESSAGE_COST of each message that is not out; 4 MB */
	int64_t ping_ms;    /* between two pings; the first comes earlier, by chance; 30 000 */
	int64_t pong_ms;    /* for a pong; 30 000 */
	int64_t message_ms; /* for a message to be whole, from its first byte; 30 000 */
	/*
	 * For all that is queued to go out, or for WS_WRITE_STEP bytes of it, from when it was
	 * begun; where some went, it is found at the end of the next such time. 10 000
	 */
	int64_t write_ms;
	int64_t close_ms; /* from our close frame, or the peer's, until it is cut; 5 000 */
};

#define WS_WRITE_STEP 65536

/* Fills in the defaults. */
void ws_limits_default(struct ws_limits *limits);

/* Why it ended: the first cause stays. X(name, the code of our close frame or 0, text) */
#define WS_CAUSES(X)                                                                               \
	X(NONE, 0, "")                                                                             \
	X(PEER, 0, "the peer closed it")           /* code, and ours is the same */                \
	X(OWNER, 0, "closed")                      /* with what code, its owner knows */           \
	X(FAULT, 0, "the peer broke the protocol") /* fault tells how */                           \
	X(LOST, 0, "it broke off")                 /* ended or reset without a close frame */      \
	X(SILENT, 1011, "heartbeat timeout")                                                       \
	X(SLOW, 1000, "message too slow")                                                          \
	X(STALLED, 1011, "write failed")                                                           \
	X(BACKLOG, 1011, "backlog full") /* of pongs; messages are refused */                      \
	X(CUT, 0, "cut")

enum ws_cause {
#define WS_CAUSE(name, code, text) WS_CAUSE_##name,
	WS_CAUSES(WS_CAUSE)
#undef WS_CAUSE
};

/* Static. */
const char *ws_cause_text(enum ws_cause cause);

struct ws_handler {
	/*
	 * It has come to its worker, OPEN, after ws_accept_on: before all others. All may be asked
	 * of it now, its end too. NULL
	 */
	void (*opened)(struct ws_connection *connection);
	/*
	 * A piece of a message (WS_DATA): returns how many bytes were taken. The rest comes again,
	 * after ws_connection_resume, as a piece of its own. One without bytes is always taken.
	 */
	size_t (*data)(struct ws_connection *connection, const struct ws_event *piece);
	/* The answer to the last ping. NULL */
	void (*pong)(struct ws_connection *connection);
	/*
	 * A message is to wait behind so many bytes, which are more than STREAM_QUEUE_HIGH: returns
	 * whether it is refused, as if the outbox were full. NULL: never
	 */
	bool (*crowded)(struct ws_connection *connection, size_t outbox);
	/* What was queued above STREAM_QUEUE_HIGH has gone. NULL */
	void (*writable)(struct ws_connection *connection);
	/* The drain asks: now, or later, ws_connection_close. NULL: 1001, "shutting down", now */
	void (*finish)(struct ws_connection *connection);
	/* Nothing more is heard, nor sent: connection->code, ->cause. NULL */
	void (*ended)(struct ws_connection *connection);
	/*
	 * It is gone. code: the peer's, WS_CLOSE_NO_CODE or WS_CLOSE_CUT; clean: both close frames
	 * went their way (7.1.4).
	 */
	void (*closed)(struct ws_connection *connection, uint16_t code, bool clean);
};

/* What a connection is made with. */
struct ws_setting {
	struct worker *worker;      /* where it lives: every callback comes in this thread */
	struct curfew_drain *drain; /* that it holds: of this worker's agenda */
	const struct ws_handler *handler;
	const struct ws_limits *limits;
	const char *name; /* of the hold, and borrowed; NULL: none */
};

#define WS_CONNECTION_STATES(X)                                                                    \
	X(ARRIVING)                                                                                \
	X(OPEN)                                                                                    \
	X(CLOSING)                                                                                 \
	X(ENDING)                                                                                  \
	X(CLOSED)

enum ws_connection_state {
#define WS_CONNECTION_STATE(name) WS_CONNECTION_##name,
	WS_CONNECTION_STATES(WS_CONNECTION_STATE)
#undef WS_CONNECTION_STATE
};

/* Embedded in its owner. */
struct ws_connection {
	const struct ws_handler *handler;
	const struct ws_limits *limits;

	/* To be read. */
	uint8_t state; /* enum ws_connection_state */
	uint8_t cause; /* enum ws_cause */
	uint8_t fault; /* enum ws_fault, where that is the cause */
	uint16_t code; /* the peer's close code; WS_CLOSE_CUT before it has come */
	uint16_t sent; /* ours; 0 before */
	bool forced;   /* it was cut */

	/* Private from here on. */
	uint8_t piecewise;     /* a message of ours is open */
	uint8_t passed_opcode; /* of the piece of which some was not taken */
	bool passed_starts : 1, passed_ends : 1;
	bool finish_asked : 1, cut_asked : 1; /* before it arrived; its worker's thread */
	bool clean : 1;
	bool end_told : 1;
	bool late : 1;   /* a deadline has passed while input waits that may be what it is for */
	uint32_t passed; /* bytes in front of the input that were read, and not taken */
	uint32_t pings;  /* how many were sent: the payload of the last one */
	uint32_t outbox_count;   /* messages that are not known to be out */
	uint32_t outbox_checked; /* of these, in front of outbox_mark */
	uint64_t outbox_mark;    /* in what the stream has written */
	uint64_t write_mark;     /* to be out at write_due */
	int64_t ping_due, pong_due, message_due, write_due, close_due;
	struct deadline deadline; /* the first of them */
	struct curfew_hold hold;
	struct ws_parser parser;
	struct stream stream;
};

/* What was not taken comes again, and more. */
void ws_connection_resume(struct ws_connection *connection);

/*
 * Closes it in order: the close frame goes behind what is queued. What the peer sends before its
 * own is still heard: drop what is not wanted, but take it. Nothing happens unless OPEN. code:
 * sendable, or WS_CLOSE_NO_CODE; reason: as of ws_close_write.
 */
void ws_connection_close(struct ws_connection *connection, unsigned code, const char *reason);

/* Ends it now: what the kernel takes without waiting is written. From any state but ARRIVING. */
void ws_connection_cut(struct ws_connection *connection);

/* Sends a ping, besides those that come by themselves; pong() tells of the answer. */
void ws_connection_ping(struct ws_connection *connection);

/*
 * Bytes of messages that are not out, and WS_MESSAGE_COST for each. A message that is out may be
 * counted as such for some time where the outbox is never empty.
 */
size_t ws_connection_outbox(struct ws_connection *connection);

#endif
