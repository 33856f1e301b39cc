/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client's session: its backend, the calls in flight, the streams to the client, and where each
 * message of the child's goes.
 *
 *	STARTING -> OPEN -> ENDING -> freed
 *
 *	STARTING  the child was started, and has not answered initialize
 *	OPEN
 *	ENDING    not found any more (404); the child's ladder runs
 *
 * A call in flight is a hold on the lifecycle's announcement (core/lifecycle.h): the listeners stay
 * open until none is left. At its cut the call is answered with an error that says that the server
 * shuts down, and is counted. A call that the client has cancelled is no hold.
 *
 * A message of the child's goes to one stream: an answer, and progress, to that of its POST; the
 * rest to the POST's stream if just one call is in flight, else to the GET stream; where that is
 * not open, it is kept for it.
 *
 * All of it in the thread of worker 0.
 */
#ifndef MCP_SESSION_H
#define MCP_SESSION_H

#include "mcp/backend.h"
#include "mcp/channel.h"
#include "mcp/session_id.h"

struct session;

/* Somebody who wants to post to a session that is full. */
struct session_waiter {
	struct curfew_link link; /* NULL: does not wait */
	void (*room)(struct session_waiter *waiter); /* or the session has ended: look again */
};

enum session_state { SESSION_STARTING, SESSION_OPEN, SESSION_ENDING };

struct session {
	struct mcp *mcp;
	struct curfew_link link; /* of its bucket */
	char id[SESSION_ID_BYTES];
	enum session_state state;
	bool is_legacy;       /* HTTP+SSE: its stream is PLAIN, and ends it */
	char protocol[16];    /* as negotiated, "2025-06-18"; "" before */
	struct backend *backend; /* its own, or the shared one */
	struct channel stream;   /* number 0 */
	struct replay replay;
	struct curfew_link channels; /* of POSTs */
	uint64_t next_channel;
	struct curfew_link waiters;
	size_t calls;
	int64_t begun;
	/* Private to session.c and what stands beside it. */
	struct curfew_link requests; /* the child's own that the client has not answered */
	size_t request_count;
	struct deadline idle, end;
	struct backend own;
};

enum session_refusal {
	SESSION_TAKEN,    /* none */
	SESSION_NO_ROOM,  /* --max-sessions, or too many are starting: 503, Retry-After */
	SESSION_SHUTTING, /* the end has begun: 503, Retry-After */
	SESSION_FAILED    /* the child could not be started, or no memory: 500 */
};

/*
 * Opens a session. environment: for its child, as backend_start has it. On SESSION_TAKEN *session is
 * there, STARTING, and the initialize request is to be posted to it.
 */
enum session_refusal session_open(struct mcp *mcp, bool is_legacy,
	const char *const *environment, struct session **session);

/* Returns the session of a name that was checked; NULL: there is none (any more). */
struct session *session_find(struct mcp *mcp, const char *id, size_t length);

/* Whether the child does not read, so that nothing should be posted; waiter hears of room, once. */
bool session_is_full(struct session *session, struct session_waiter *waiter);
void session_waiter_forget(struct session_waiter *waiter);

/*
 * Posts a message, or a batch, whose answers connection gets: fields as of channel_attach. For one
 * without a request: NULL; and for a legacy session, whose answers go to its stream. May end the
 * session.
 */
void session_post(struct session *session, struct http_connection *connection, const char *fields,
	const struct message *message);

/* A GET: the stream of the session, replacing the one before. */
void session_listen(
	struct session *session, struct http_connection *connection, const char *fields);

/* A GET with Last-Event-ID. Returns false if that names nothing: nothing was answered. */
bool session_resume(struct session *session, struct http_connection *connection,
	const char *fields, const char *event_id, size_t length);

/* Ends it: the calls in flight get the reason, the streams end, the child is stopped. */
void session_end(struct session *session, const char *reason);

/* The end has begun: idle streams end with retry, others as soon as their calls are answered. */
void sessions_announce(struct mcp *mcp);

#endif
