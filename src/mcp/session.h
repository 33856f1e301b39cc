/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client's session: its backend, the calls in flight, the streams to the client, and where each
 * message of the child's goes.
 *
 *	NEW -> QUEUED -> STARTING -> OPEN -> ENDING -> freed
 *	 `--------`---------`---------------^
 *
 *	NEW       found by its name; its client has not sent initialize
 *	QUEUED    initialize waits: other children are starting, or the shared one is
 *	STARTING  the child runs, and has not answered initialize
 *	OPEN
 *	ENDING    not found any more (404); the child's ladder runs
 *
 * A call in flight is a hold on the work stage, and prolongs the announcement (core/lifecycle.h):
 * the listeners stay open until none is left. At its cut the call is answered with an error that
 * says that the server shuts down, and is counted. A call that the client has cancelled is no hold;
 * a late answer is passed on, and after SESSION_CANCEL_MS an error takes its place.
 *
 * A message of the child's goes to one stream: an answer, and progress, to that of its POST; the
 * rest to the POST's stream if just one call is in flight, else to the GET stream; where that is
 * not open, to the newest POST's, and where there is none it is kept for a GET. What the child says
 * of a request of its own goes where that went.
 *
 * With --shared one child has all sessions (session_shared.c): initialize goes there once, and is
 * answered from then on as it was then; what it says that is no answer goes to all GET streams.
 *
 * All of it in the thread of worker 0.
 */
#ifndef MCP_SESSION_H
#define MCP_SESSION_H

#include "mcp/backend.h"
#include "mcp/channel.h"
#include "mcp/session_id.h"

#define SESSION_CANCEL_MS 5000   /* for the answer to a call that was cancelled */
#define SESSION_CALLS_MOST 4096  /* of a session, in flight at the same time */
#define SESSIONS_QUEUED_MOST 256 /* that wait until their child may start */
#define SESSION_REQUESTS_MOST 64 /* the child's own that are remembered */

struct session;

/* Somebody who wants to post to a session that is full. */
struct session_waiter {
	struct curfew_link link;                     /* NULL: does not wait */
	void (*room)(struct session_waiter *waiter); /* or the session has ended: look again */
};

#define SESSION_STATES(X)                                                                          \
	X(NEW)                                                                                     \
	X(QUEUED)                                                                                  \
	X(STARTING)                                                                                \
	X(OPEN)                                                                                    \
	X(ENDING)

enum session_state {
#define SESSION_STATE(name) SESSION_##name,
	SESSION_STATES(SESSION_STATE)
#undef SESSION_STATE
};

struct session {
	struct mcp *mcp;
	struct curfew_link link; /* of its bucket; ENDING: of those that are left */
	char id[SESSION_ID_BYTES];
	enum session_state state;
	bool is_legacy;          /* HTTP+SSE: its stream is PLAIN, and ends it */
	char protocol[16];       /* as negotiated, "2025-06-18"; "" before */
	struct backend *backend; /* its own, or the shared one; NULL: it does not run */
	struct channel stream;   /* number 0 */
	struct replay replay;
	struct curfew_link posts; /* whose answers are not whole, oldest first */
	uint64_t next_channel;
	struct curfew_link waiters;
	struct curfew_link calls; /* all that are not over, oldest first */
	size_t call_count;
	size_t in_flight; /* of these: not cancelled */
	int64_t begun;

	/* Private to session.c and what stands beside it. */
	struct curfew_link queued;   /* of mcp->queued */
	struct buffer initialize;    /* the client's request, until the child has it */
	struct buffer environment;   /* for the child: strings, each with its NUL */
	char client[64];             /* whose request that was */
	struct curfew_link requests; /* the child's own that the client has not answered */
	size_t request_count;
	bool stream_pauses; /* the backend, since its client is slow */
	struct deadline idle, end;
	const char *doom; /* why it ends in the next task; NULL: it does not */
	struct task task; /* ends it, or gives its memory back */
	struct backend own;
};

enum session_refusal {
	SESSION_TAKEN,    /* none */
	SESSION_NO_ROOM,  /* --max-sessions, or too many are starting: 503, Retry-After */
	SESSION_SHUTTING, /* the end has begun: 503, Retry-After */
	SESSION_FAILED    /* no memory, or no random bytes: 500 */
};

/* Before the first session. Returns 0 or a negative errno; then nothing is left. */
int sessions_init(struct mcp *mcp);

/* After the lifecycle is DONE: nothing of them is left. Zeroed: does nothing. */
void sessions_fini(struct mcp *mcp);

/*
 * Opens a session. environment: for its child, as backend_start has it; copied. On SESSION_TAKEN
 * *session is there, NEW; its child starts when initialize is posted to it, and where it cannot be
 * started, that is answered with an error.
 */
enum session_refusal session_open(
	struct mcp *mcp, bool is_legacy, const char *const *environment, struct session **session);

/* Returns the session of a name that was checked; NULL: there is none (any more). */
struct session *session_find(struct mcp *mcp, const char *id, size_t length);

/* Whether initialize may be posted to it: there was none yet. */
bool session_expects_initialize(const struct session *session);

/* Whether the child does not read, so that nothing should be posted; waiter hears of room, once. */
bool session_is_full(struct session *session, struct session_waiter *waiter);
void session_waiter_forget(struct session_waiter *waiter);

/*
 * How many answers a message has: one for each request, and for each element of a batch that is no
 * message.
 */
unsigned session_answers(const struct message *message);

/*
 * Posts a message, or a batch, whose answers connection gets: fields as of channel_attach. NULL for
 * one without answers; and for a legacy session, whose answers go to its stream. The session stays
 * there until the caller returns, but may have ended. initialize comes alone, and once.
 */
void session_post(struct session *session, struct http_connection *connection, const char *fields,
	const struct message *message);

/* A GET: the stream of the session, replacing the one before. */
void session_listen(
	struct session *session, struct http_connection *connection, const char *fields);

/* A GET with Last-Event-ID. Returns false if that names nothing: nothing was answered. */
bool session_resume(struct session *session, struct http_connection *connection, const char *fields,
	const char *event_id, size_t length);

/* Ends it: the calls in flight get the reason, the streams end, the child is stopped. */
void session_end(struct session *session, const char *reason);

/*
 * The end has begun (mcp->ending): idle streams end with retry, others as soon as their calls are
 * answered. Children end in their stage of the lifecycle, by themselves.
 */
void sessions_announce(struct mcp *mcp);

#endif
