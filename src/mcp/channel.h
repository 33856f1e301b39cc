/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream of messages to a client, which outlives the HTTP answer that carries it (MCP, streamable
 * HTTP). Number 0 is a session's own stream (GET); each POST with requests has one of its own.
 *
 *	QUIET --message--> ...
 *	  `-- its only message is the last --> a JSON answer, DONE
 *	  `-- else, or CHANNEL_QUIET_MS without one --> EVENTS: an event stream
 *
 * What is sent gets an event id, "NUMBER-SEQUENCE", and is kept in the session's replay store, from
 * which a GET with Last-Event-ID goes on. While no connection carries the channel, messages are
 * kept there too: up to its bound, the oldest go first.
 *
 * An event stream begins with an event of no data (the priming event, with `retry`), where the
 * protocol has it; after CHANNEL_PING_MS without anything a comment is written, by which a dead
 * peer is found.
 *
 * All of it in the thread of worker 0.
 */
#ifndef MCP_CHANNEL_H
#define MCP_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "mcp/exchange.h"
#include "net/deadline.h"

#define CHANNEL_QUIET_MS 5000
#define CHANNEL_PING_MS 25000
#define CHANNEL_RETRY_MS 1000
#define REPLAY_BYTES_MOST 8388608 /* of all events of a session */

/* Events that may be asked for again, of all channels of a session. */
struct replay {
	struct curfew_link events; /* struct event, oldest first */
	size_t count, most;
	size_t bytes;
	uint64_t dropped; /* events that nobody had got when they were dropped */
};

void replay_init(struct replay *replay, size_t most);
void replay_fini(struct replay *replay);

struct channel;

struct channel_ops {
	/* The connection is gone before the channel was DONE; it may be attached again. */
	void (*left)(struct channel *channel);
	/* channel_is_full is over, by writing, or because the connection is gone. */
	void (*writable)(struct channel *channel);
};

enum channel_form {
	CHANNEL_POST,  /* JSON, or an event stream */
	CHANNEL_GET,   /* an event stream */
	CHANNEL_PLAIN, /* the same without ids and replay, with `event: message` (2024-11-05) */
	CHANNEL_ONCE   /* as POST, without ids and replay (stateless) */
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

	/* Private. */
	uint64_t sequence; /* of the last event */
	struct carrier carrier;
	struct http_connection *connection; /* that carries it; NULL: none */
	bool streaming;                     /* the answer has begun as an event stream */
	bool done;
	bool was_full;
	char fields[512];     /* for the head: "Mcp-Session-Id: ...\r\n" */
	struct buffer batch;  /* answers so far */
	struct deadline alarm; /* the change to EVENTS, or the next ping */
};

void channel_init(struct channel *channel, enum channel_form form, const struct channel_ops *ops,
	struct worker *worker, struct replay *replay, uint64_t number);

/* Not while a connection carries it. Events stay in the replay store. */
void channel_fini(struct channel *channel);

/*
 * Has a connection, whose request is whole and not answered, carry the channel. fields: lines that
 * end with CRLF, for the answer's head; "" for none. One that carried it before is ended in order.
 * GET and PLAIN: the event stream begins at once, with what was kept.
 */
void channel_attach(
	struct channel *channel, struct http_connection *connection, const char *fields);

/*
 * The same for a GET that goes on behind an event: what came after it is sent again. A channel that
 * is done is ended behind that.
 */
void channel_resume(struct channel *channel, struct http_connection *connection,
	const char *fields, uint64_t sequence);

/* Reads an event id. Returns whether it is one. */
bool channel_parse_id(const char *id, size_t length, uint64_t *number, uint64_t *sequence);

/*
 * Answers a GET for a channel that is gone with what the store still has of it behind an event, and
 * ends. Returns false if there is nothing of it: then nothing was answered.
 */
bool replay_answer(const struct replay *replay, struct http_connection *connection,
	const char *fields, uint64_t number, uint64_t sequence);

/*
 * Sends a message (JSON without raw line breaks). last: it is an answer; with the last one that is
 * expected the channel is done, and its HTTP answer ends. Of CHANNEL_GET and PLAIN nothing is last.
 */
void channel_send(struct channel *channel, const char *text, size_t length, bool last);

/* An event of another name, for PLAIN: `event: endpoint`. */
void channel_send_event(struct channel *channel, const char *event, const char *text, size_t length);

/*
 * Ends the HTTP answer that carries it, in order, with `retry: ms` in an event stream (0: without).
 * A QUIET one must not be ended without a message. The channel can be attached again.
 */
void channel_end(struct channel *channel, unsigned retry_ms);

/* Whether the client is slow: more than STREAM_QUEUE_HIGH bytes wait for it. */
bool channel_is_full(const struct channel *channel);

#endif
