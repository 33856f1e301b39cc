/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections to one server, on one worker: idle ones are kept for the next request, the one that
 * was used last goes first. An idle one is given up after idle_ms, or a second before the server
 * itself would end it (Keep-Alive: timeout), so that a request does not meet its end on the way.
 *
 *	pooled = http_pool_take(&pool)		an idle one; or dial_start(&pool.target, ...) and
 *	pooled = http_pool_add(&pool, fd, ...)
 *	pooled->client ... a request, its response ...
 *	http_pool_give(pooled)			in end(); or http_pool_discard, in failed()
 *
 * The pool is a hold on worker->peers: when all work is done it closes what is idle, and is
 * released when the last of its connections is closed. All of it in the worker's thread.
 */
#ifndef HTTP_POOL_H
#define HTTP_POOL_H

#include "http/client.h"
#include "net/dial.h"

#define HTTP_POOL_IDLE_MS 4000

struct http_pool {
	struct worker *worker;
	struct dial_target target;
	int64_t idle_ms; /* HTTP_POOL_IDLE_MS; may be set after the init */

	/* Private from here on. */
	struct curfew_link idle;
	struct curfew_link leaving; /* those that are being closed */
	size_t count;               /* of all connections: these, and those in use */
	bool finishing;             /* the end has come: none is kept any more */
	struct curfew_hold hold;
	char name[ADDRESS_TEXT]; /* the hold's */
};

/* A connection of a pool's. client.handler and client.arg are the user's while it is in use. */
struct http_pooled {
	struct http_client client;
	struct http_pool *pool;
	struct curfew_link link; /* zero: in use */
	struct deadline expiry;
};

/* Returns 0, or -ESHUTDOWN if the end has come. The address is copied. Any thread. */
int http_pool_init(struct http_pool *pool, struct worker *worker, const struct address *address);
/* All of its connections are closed. */
void http_pool_fini(struct http_pool *pool);

/* Returns an idle connection, for the caller to set handler and arg; NULL: there is none. */
struct http_pooled *http_pool_take(struct http_pool *pool);

/* Makes a connection of a socket that was dialled. NULL with errno: the socket is closed. */
struct http_pooled *http_pool_add(
	struct http_pool *pool, int fd, const struct http_client_handler *handler, void *arg);

/*
 * Gives one back: it is kept if it is reusable, else closed in order. Outside callbacks or in one
 * of the client's, as the last thing that is done with it: its handler hears nothing more, closed()
 * neither.
 */
void http_pool_give(struct http_pooled *pooled);

/* Closes one that is of no more use: in order, or with a reset. The same. */
void http_pool_discard(struct http_pooled *pooled, bool reset);

#endif
