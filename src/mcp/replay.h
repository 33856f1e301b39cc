/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events of a session that a client may ask for again (Last-Event-ID), or that wait for one to
 * come: those of all its channels, as one queue. Above its bounds the oldest are dropped, whoever's
 * they are; the newest one stays, however large.
 *
 * An event id is "NUMBER-SEQUENCE": the channel's number, and the event's place in it, from 1. A
 * client that names N-S has all of channel N up to S.
 */
#ifndef MCP_REPLAY_H
#define MCP_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "http/server.h"

#define REPLAY_BYTES_MOST 8388608 /* of all events of a session, with what keeps them */
#define REPLAY_READERS_MOST 4     /* answers of replay_answer that are still being written */

struct replay_event {
	struct curfew_link link;
	uint64_t number, sequence;
	bool sent; /* it was written to a connection */
	size_t length;
	char text[]; /* the event as it is written: "id: 3-7\ndata: ...\n\n" */
};

struct replay {
	struct curfew_link events; /* struct replay_event, oldest first */
	size_t count, most;
	size_t bytes;
	uint64_t dropped; /* events that nobody had got when they were dropped */

	/* Private. */
	struct curfew_link readers; /* oldest first */
	size_t reader_count;
};

/* most: how many events; 0: none is kept, neither for later nor to be asked for again. */
void replay_init(struct replay *replay, size_t most);

/*
 * Drops all events; those that nobody had got are counted. Answers of replay_answer that are still
 * being written get what they lack, and end in order.
 */
void replay_fini(struct replay *replay);

/* Makes an event of a message (JSON without line breaks); NULL: no memory. */
struct replay_event *replay_event_new(
	uint64_t number, uint64_t sequence, const char *text, size_t length);

/* Writes it to an answer, an event stream that goes on. */
void replay_event_write(struct replay_event *event, struct http_connection *connection);

/* Keeps it; it may be gone when this returns. */
void replay_keep(struct replay *replay, struct replay_event *event);

/*
 * Writes what there is of a channel behind *sequence, until more than queue_most bytes are queued.
 * *sequence is then that of the last event written. Returns whether nothing is left.
 */
bool replay_write(struct replay *replay, struct http_connection *connection, uint64_t number,
	uint64_t *sequence, size_t queue_most);

/*
 * Answers a GET for a channel that is gone with what there is of it behind an event, and ends.
 * Returns false if nothing is known of it any more: then nothing was answered. Meanwhile the store
 * carries the connection.
 */
bool replay_answer(struct replay *replay, struct http_connection *connection, const char *fields,
	uint64_t number, uint64_t sequence);

/* The same in an event stream that has begun. Carries the connection until it has ended. */
void replay_finish(struct replay *replay, struct http_connection *connection, uint64_t number,
	uint64_t sequence);

#endif
