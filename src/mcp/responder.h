/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child that answers requests of the stateless era, one at a time.
 *
 *	STARTING -> IDLE <-> BUSY -> ENDING -> freed
 *	               ^     | ^
 *	               |     v |
 *	               `-- ASIDE
 *
 *	STARTING  it was not initialized, or it is not known of which era it is
 *	IDLE      of a pool, waits for a request
 *	BUSY      has a request, and somebody who waits for its answer
 *	ASIDE     has a request, and nobody: it asked for input, with which a client may come back;
 *	          or the client has gone, and it was told to cancel
 *	ENDING    the ladder runs
 */
#ifndef MCP_RESPONDER_H
#define MCP_RESPONDER_H

#include "mcp/backend.h"
#include "mcp/era.h"
#include "mcp/flight.h"
#include "mcp/host.h"
#include "mcp/inquiry.h"

#define RESPONDER_PROBE_MS 5000     /* to answer server/discover, before it gets initialize */
#define RESPONDER_CANCEL_MS 5000    /* to answer what was cancelled, before a pooled one ends */
#define RESPONDER_INQUIRY_MS 300000 /* for a client to come back with what the child asked for */

struct responder;
struct query;

enum responder_state {
	RESPONDER_STARTING,
	RESPONDER_IDLE,
	RESPONDER_BUSY,
	RESPONDER_ASIDE,
	RESPONDER_ENDING
};

struct responder {
	struct stateless *stateless;
	struct curfew_link link; /* of all there are */
	enum responder_state state;
	bool is_pooled;
	bool is_lent;        /* it was of the pool */
	bool is_probed;      /* it was asked of which era it is, and has not answered */
	bool is_of_era;      /* nothing is adapted */
	struct query *query; /* STARTING: for which it starts, if that still waits; BUSY */
	struct backend backend;
	struct buffer welcome; /* its answer to initialize, where it is of the session era */
	struct call greeting;  /* server/discover, or initialize */
	struct call level;     /* logging/setLevel */
	struct call call;      /* the request */
	struct deadline patience;
	bool may_ask[ERA_INPUT_KINDS]; /* what the client of its request can be asked */
	struct inquiries inquiries;
	struct buffer origin; /* what the request was that it has: method and name */
	struct buffer kept;   /* its answer, which came before the client did */
	struct flight flight; /* while it waits for input */
};

/*
 * Starts one for a query: it says what that query's client can where it is the query's own, and
 * nothing where it is of the pool. Returns 0 or a negative errno.
 */
int responder_start(struct stateless *stateless, struct query *query);

/* Has an idle one answer a query. */
void responder_take(struct responder *responder, struct query *query);

/*
 * Nobody waits for the query's answer any more. One of the pool is told to cancel, and is idle when
 * its answer has come; others end.
 */
void responder_abandon(struct responder *responder, const char *reason);

/* The one that waits for the input with which a request comes back; NULL: there is none. */
struct responder *responder_find(struct stateless *stateless, const struct message *message,
	const char *ticket, size_t length);

/* A client has come back with input: the query is to get what the request gets. */
void responder_return(struct responder *responder, struct query *query);

/* Ends it; the query that it has, if any, is not answered by it any more. */
void responder_stop(struct responder *responder, const char *reason);

#endif
