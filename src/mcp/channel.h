/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream of messages to a client, which outlives the HTTP answer that carries it (MCP, streamable
 * HTTP). Number 0 is a session's own stream (GET); each POST with requests has one of its own.
 *
 *	         .---- the client left ----.
 *	         v                         |
 *	AWAY -attach-> QUIET --message--> ...
 *	                 |- with the last one, nothing before it: a JSON answer, DONE
 *	                 `- else, or CHANNEL_QUIET_MS without one: an event stream, EVENTS
 *	AWAY -attach of a GET, resume-> EVENTS
 *	EVENTS -ended, replaced, the client left-> AWAY
 *	       `- with the last message: DONE
 *
 * What an event stream sends gets an event id, "NUMBER-SEQUENCE", and is kept in the session's
 * replay store, from which a GET with Last-Event-ID goes on. While no connection carries the
 * channel, messages are kept there too, for a client that may come back: number 0, or one that was
 * given an event id. Others are dropped.
 *
 * An event stream begins with an event of no data (the priming event, with `retry`), where the
 * protocol has it; after CHANNEL_PING_MS without anything a comment is written, by which a dead
 * peer is found. A client that ends its side of the connection may be gone, or not: two comments,
 * CHANNEL_PROBE_MS apart, find out; ONCE begins its event stream for them, since its owner wants to
 * know. What is sent again goes out as the client takes it, STREAM_QUEUE_HIGH bytes and an event at
 * a time; what is new comes behind that.
 *
 * The answers of a batch are collected in QUIET, and become one array if they all come before
 * anything else does, and are not many bytes; otherwise they are events, one each.
 *
 * If memory runs out the answer is broken off, as if the client had left: it may come back.
 *
 * All of it in the thread of worker 0.
 */
#ifndef MCP_CHANNEL_H
#define MCP_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "mcp/exchange.h"
#include "mcp/replay.h"
#include "net/deadline.h"
#include "net/worker.h"

#define CHANNEL_QUIET_MS 5000
#define CHANNEL_PING_MS 25000
#define CHANNEL_PROBE_MS 1000
#define CHANNEL_RETRY_MS 1000
#define CHANNEL_BATCH_MOST 1048576 /* bytes of answers that are collected */

struct channel;

/* Each is the last thing that is done in its turn: the channel may end in it. Each may be NULL. */
struct channel_ops {
	/*
	 * The connection is gone before the channel was DONE, and no other one carries it; it may
	 * be attached again. Never inside a call.
	 */
	void (*left)(struct channel *channel);
	/*
	 * channel_is_full has said so, and it is over: by writing, or because the connection is
	 * gone. Inside channel_send, _attach, _resume and _end too, where these end the answer that
	 * was full.
	 */
	void (*writable)(struct channel *channel);
	/*
	 * The work's deadline is over: what is still expected is to be sent now, an error for each
	 * call. Where nothing is, the answer is 503, or the event stream ends in order.
	 */
	void (*cut)(struct channel *channel);
};

enum channel_form {
	CHANNEL_POST,  /* JSON, or an event stream */
	CHANNEL_GET,   /* an event stream */
	CHANNEL_PLAIN, /* the same without ids and replay, with `event: message` (2024-11-05) */
	CHANNEL_ONCE   /* as POST, without ids and replay (stateless) */
};

#define CHANNEL_STATES(X)                                                                          \
	X(AWAY)   /* no connection carries it */                                                   \
	X(QUIET)  /* the answer has not begun */                                                   \
	X(EVENTS) /* it has, as an event stream */                                                 \
	X(DONE)   /* all that was expected was sent, or is kept; no connection carries it */

enum channel_state {
#define CHANNEL_STATE(name) CHANNEL_##name,
	CHANNEL_STATES(CHANNEL_STATE)
#undef CHANNEL_STATE
};

struct channel {
	const struct channel_ops *ops;
	struct replay *replay; /* NULL: of PLAIN and ONCE */
	struct worker *worker;
	uint64_t number;
	enum channel_form form;
	bool primes;   /* the protocol knows the priming event; set by the owner before attaching */
	bool is_batch; /* the answers of a POST come as one array; the same */
	unsigned expected; /* last messages that are still to come; POST, ONCE: 1, or a batch's */
	unsigned status;   /* of a JSON answer; set before the last message; 0: 200 */

	/* To be read. */
	enum channel_state state;
	struct http_connection *connection; /* that carries it; NULL: none */

	/* Private. */
	uint64_t sequence; /* of the last event */
	uint64_t position; /* of the last one that was written to the connection */
	bool behind;       /* the client has not been written all that is kept for it */
	bool named;        /* it was given an event id */
	bool was_full;     /* writable() is owed */
	struct carrier carrier;
	struct buffer fields;  /* for the head: "Mcp-Session-Id: ...\r\n"; until it is written */
	struct buffer batch;   /* answers so far: "[{...},\n{...}" */
	struct deadline alarm; /* the change to EVENTS, or the next ping */
	struct task leaving;   /* left() is to be called */
};

void channel_init(struct channel *channel, enum channel_form form, const struct channel_ops *ops,
	struct worker *worker, struct replay *replay, uint64_t number);

/* Not while a connection carries it. Its events stay in the replay store; no callback comes. */
void channel_fini(struct channel *channel);

static inline bool channel_is_done(const struct channel *channel)
{
	return channel->state == CHANNEL_DONE;
}

/*
 * Has a connection, whose request is whole and not answered, carry the channel. fields: lines that
 * end with CRLF, for the answer's head; "" for none; copied. GET and PLAIN: the event stream begins
 * at once, with what was kept and not written yet; a connection that carried it before is ended in
 * order, or reset where it was slow. POST and ONCE are attached once.
 */
void channel_attach(
	struct channel *channel, struct http_connection *connection, const char *fields);

/*
 * The same for a GET that goes on behind an event, of number 0 or of a POST: what came after it is
 * sent again. A channel that is done is ended behind that. Returns false if no such event can have
 * been given to a client: then nothing was answered.
 */
bool channel_resume(struct channel *channel, struct http_connection *connection, const char *fields,
	uint64_t sequence);

/* Reads an event id. Returns whether it is one. For one whose channel is gone: replay_answer. */
bool channel_parse_id(const char *id, size_t length, uint64_t *number, uint64_t *sequence);

/*
 * Sends a message (JSON without raw line breaks). last: it is an answer; with the last one that is
 * expected the channel is DONE, and its HTTP answer ends. Of GET and PLAIN nothing is last. Nothing
 * is sent to one that is DONE.
 */
void channel_send(struct channel *channel, const char *text, size_t length, bool last);

/* An event of another name, for PLAIN: `event: endpoint`. */
void channel_send_event(
	struct channel *channel, const char *event, const char *text, size_t length);

/*
 * Ends the HTTP answer that carries it, if any, in order, with `retry: ms` (0: without). What is
 * kept for it is written first. A QUIET one must not be ended without a message. The channel can be
 * attached again; left() is not called.
 */
void channel_end(struct channel *channel, unsigned retry_ms);

/*
 * Whether the client is slow: more than STREAM_QUEUE_HIGH bytes wait for it. If so, writable() will
 * come; but not after channel_fini.
 */
bool channel_is_full(struct channel *channel);

#endif
