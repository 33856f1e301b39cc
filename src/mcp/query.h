/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request of the stateless era that has no answer yet: its client, its connection, and the child
 * that it has or waits for.
 */
#ifndef MCP_QUERY_H
#define MCP_QUERY_H

#include "mcp/channel.h"
#include "mcp/responder.h"

#define QUERY_NAME 48
#define QUERY_SHUTTING_DOWN "the server is shutting down"

/* Of which era the command's processes are. */
enum stateless_children { CHILDREN_UNKNOWN, CHILDREN_OF_ERA, CHILDREN_OF_SESSIONS };

/* What there is of the era in a process; made with its first request. */
struct stateless {
	struct mcp *mcp;
	struct curfew_link waiting;    /* struct query, for a child */
	struct curfew_link responders; /* struct responder, all that live */
	int count;                     /* of them */
	int lent;                      /* of the pool's, which subscriptions keep for themselves */
	enum stateless_children children;
	struct buffer welcome; /* what a child answered to initialize last */
	bool is_going_on;      /* stateless_go_on runs */
	bool is_draining;
};

struct query {
	struct stateless *stateless;
	struct curfew_link link; /* waiting */
	size_t gathered;         /* bytes that it counts for meanwhile (host.h) */
	struct buffer text;      /* of its message */
	struct message message;
	struct era era;
	struct buffer environment;   /* strings, each with its NUL */
	struct responder *responder; /* NULL: it waits */
	struct channel channel;
	struct flight flight;
	struct deadline timeout; /* --request-timeout */
	bool skips_probe;        /* a child has died of the question of which era it is */
	bool has_returned;       /* with input: the child's call has the id of the request before */
	bool has_paused;         /* its client is slow: the child is not read */
	char name[QUERY_NAME];
};

/* Copies what belongs to a request. NULL: there is no memory. */
struct query *query_new(struct stateless *stateless, const struct message *message,
	const struct era *era, const char *const *environment);

/*
 * From here on it has somebody to answer. fields: as channel_attach has it. prolongs: the listeners
 * stay open for it in the drain, since its client may have to come back (flight.h).
 */
void query_begin(
	struct query *query, struct http_connection *connection, const char *fields, bool prolongs);

/* Has it wait for a child, behind the others; and no more: what has one, or needs none. */
void query_wait(struct query *query);
void query_wait_no_more(struct query *query);

/* Each of these ends it, with the status where the answer has not begun as an event stream. */
void query_answer(struct query *query, const char *text, size_t length, unsigned status);
void query_fail(struct query *query, unsigned status, int code, const char *reason);

/* The same for one that has no end of its own: its child, if it has one, is told. */
void query_end_subscription(struct query *query);

/* Gives its client a message of the child's. */
void query_tell(struct query *query, const char *text, size_t length);

#endif
