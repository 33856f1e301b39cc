/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the parts of a session: its life (session.c), how it starts (session_start.c), its calls
 * (session_call.c), what the client posts (session_post.c) and where it is answered
 * (session_stream.c), what comes from the child (session_route.c), and the child that all share
 * (session_shared.c).
 *
 * Nothing here frees a session but a task of its own, so that whoever has one in a callback keeps
 * it until he returns. Calls and posts go as soon as they are over.
 */
#ifndef MCP_SESSION_STATE_H
#define MCP_SESSION_STATE_H

#include "mcp/flight.h"
#include "mcp/host.h"
#include "mcp/session.h"

struct session_call;
struct session_post;

/* session_table.c */

/* The session may end meanwhile. */
void sessions_each(struct mcp *mcp, void (*visit)(struct session *session));

/* session.c */

/* NULL: no memory, or no random bytes. */
struct session *session_new(struct mcp *mcp, bool is_legacy, const char *const *environment);
void session_free(struct session *session);

/* The only writer of the state; knows the edges. */
void session_enter(struct session *session, enum session_state state);

/* Has it ended soon, for a reason that is static: from callbacks inside which it must stay. */
void session_doom(struct session *session, const char *reason);

/* Something has changed of what keeps it from being idle. */
void session_settle(struct session *session);

/* The backend that it had is gone, and nothing of it is left there. */
void session_lost_backend(struct session *session, const char *reason);

/* All who wait for room look again. */
void session_wake_waiters(struct session *session);

/* The part of its name that is random, for the log and listings. */
struct session_tag {
	char text[32];
};
struct session_tag session_tag(const struct session *session);

static inline struct agenda *session_agenda(const struct session *session)
{
	return &session->mcp->worker->loop->agenda;
}

/* session_start.c */

/* Takes initialize; the child starts now or when it is its turn. */
void session_begin(
	struct session *session, struct session_call *call, const struct message *message);

/* Lets those start for whom there is room now. */
void sessions_start_queued(struct mcp *mcp);

/* The answer to initialize: it is open, or doomed. */
void session_initialized(struct session *session, const char *answer, size_t length);

/* session_call.c: a request of the client's. */

#define SESSION_CALL_STATES(X)                                                                     \
	X(FRESH)     /* of no consequence yet */                                                   \
	X(WAITING)   /* initialize, until the child can have it */                                 \
	X(SENT)      /* the child has it */                                                        \
	X(CANCELLED) /* and was told that nobody waits */                                          \
	X(OVER)

enum session_call_state {
#define SESSION_CALL_STATE(name) SESSION_CALL_##name,
	SESSION_CALL_STATES(SESSION_CALL_STATE)
#undef SESSION_CALL_STATE
};

struct session_call {
	struct call call;
	struct curfew_link link; /* of its session's calls */
	struct session *session;
	struct session_post *post; /* NULL: it is answered on the session's stream */
	enum session_call_state state;
	bool is_initialize;
	struct flight flight;
	struct deadline deadline; /* --request-timeout; SESSION_CANCEL_MS */
	int64_t begun;
	char name[64]; /* of the hold: "tools/call search" */
};

/* A request is to be answered there. Where there is no memory it is answered so; then NULL. */
struct session_call *session_call_new(
	struct session *session, struct session_post *post, const struct message *message);

/*
 * It waits, while the message's text stays; or the child gets it: where it cannot, it is answered
 * so, and false returned.
 */
void session_call_wait(struct session_call *call, const struct message *message);
bool session_call_send(struct session_call *call, const struct message *message);

/* Answers it with an error before it has begun. */
void session_call_refuse(
	struct session_call *call, const struct message *message, const char *reason);

/* Answers it, and it is over: what the child said; an error of ours. */
void session_call_answer(struct session_call *call, const char *line, size_t length);
void session_call_fail(struct session_call *call, int code, const char *reason);

/* Whether it was sent, and the client waits for it. */
static inline bool session_call_in_flight(const struct session_call *call)
{
	return call->state == SESSION_CALL_WAITING || call->state == SESSION_CALL_SENT;
}

/* The call that waits for the answer to initialize; NULL: none */
struct session_call *session_initialize_call(struct session *session);

/* The client's notifications/cancelled. */
void session_cancel(struct session *session, const struct message *message);

/* Its session ends: it gets an error, and a shared child is told that nobody waits. */
void session_call_end(struct session_call *call, const char *reason);

/* Those that were cancelled get their error now. */
void session_calls_give_up(struct session *session);

/* The work's deadline is over: those of a post get their error. The post is gone. */
void session_post_force(struct session_post *post);

/* session_stream.c: where answers go, and all else for the client. */

struct session_post {
	struct session *session;
	struct curfew_link link; /* of its session's posts */
	struct channel channel;
	unsigned open; /* answers that are still to come */
	bool pauses;   /* the backend, since the client is slow */
};

/* For so many answers; a connection is to be attached. NULL: no memory. */
struct session_post *session_post_new(struct session *session, unsigned answers);

/* Sends an answer: on the post's channel, or on the stream (NULL). It may be the post's last. */
void session_deliver(
	struct session *session, struct session_post *post, const char *line, size_t length);

/* Sends what is no answer. */
void session_send(
	struct session *session, struct channel *channel, const char *line, size_t length);

/* An error without a call: to a request that could not become one. id: JSON text; NULL: none. */
void session_deliver_error(struct session *session, struct session_post *post, const char *id,
	size_t id_length, int code, const char *text);

/* The GET stream, or that of HTTP+SSE, ends in order; retry: of the event stream, 0: none. */
void session_end_stream(struct session *session, unsigned retry_ms);

static inline bool channel_is_carried(const struct channel *channel)
{
	return channel->connection;
}

/* Number 0, or that of a post; NULL: there is none (any more). */
struct channel *session_channel(struct session *session, uint64_t number);

extern const struct channel_ops session_stream_ops;

/* session_route.c */

extern const struct backend_ops session_backend_ops;

/* The client answers a request of the child's. */
void session_answer(struct session *session, const struct message *message);

/* Sends a message of the child's on a stream. */
void session_send_message(
	struct session *session, struct channel *channel, const struct message *message);
void session_forget_requests(struct session *session);

/* session_shared.c */

int shared_init(struct mcp *mcp);
void shared_fini(struct mcp *mcp);

/* Whether the child runs, so that sessions can be opened. */
bool shared_is_up(const struct mcp *mcp);

/* Starts those that are queued, from what initialize was answered with before; or asks for that. */
void shared_start_queued(struct mcp *mcp);

/* A session is over. */
void shared_forget(struct shared *shared, struct session *session);

/* Passes on a notification of a client's; the word that it is initialized once. */
void shared_send(struct mcp *mcp, const struct message *message);

/* shared_route.c: a message of the child's own. */
void shared_take(struct mcp *mcp, struct backend *backend, const struct message *message);

#endif
