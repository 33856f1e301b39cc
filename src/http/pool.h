/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections to one server, on one worker: idle ones are kept for the next request, the one that
 * was used last goes first. An idle one is given up after idle_ms, or a second before the server
 * itself would end it (Keep-Alive: timeout), so that a request does not meet its end on the way.
 *
 * The pool is a hold on worker->peers: when all work is done it closes what is idle, and is released
 * when the last of its connections is closed.
 */
#ifndef HTTP_POOL_H
#define HTTP_POOL_H

#include "http/client.h"
#include "net/dial.h"

struct http_pool {
	struct worker *worker;
	struct dial_target target;
	int64_t idle_ms; /* 4 000 */

	/* Private from here on. */
	struct curfew_link idle;
	size_t count; /* of all connections, idle and in use */
	struct curfew_hold hold;
};

/* A connection of a pool's; client.arg is the user's while it is in use. */
struct http_pooled {
	struct http_client client;
	struct http_pool *pool;
	struct curfew_link link;
	struct deadline expiry;
};

/* Returns 0, or -ESHUTDOWN if the end has come. The target's address is copied. */
int http_pool_init(struct http_pool *pool, struct worker *worker, const struct address *address);
/* All of its connections are closed. */
void http_pool_fini(struct http_pool *pool);

/* Returns an idle connection, for the caller to set handler and arg; NULL: there is none. */
struct http_pooled *http_pool_take(struct http_pool *pool);

/* Makes a connection of a socket that was dialled. NULL with errno: the socket is closed. */
struct http_pooled *http_pool_add(
	struct http_pool *pool, int fd, const struct http_client_handler *handler, void *arg);

/*
 * Gives one back: it is kept if it is reusable, else closed. From a callback of the client's, the
 * last thing that is done with it; its handler hears nothing more.
 */
void http_pool_give(struct http_pooled *pooled);

/* Closes one that is of no more use: in order, or with a reset. The same. */
void http_pool_discard(struct http_pooled *pooled, bool reset);

#endif
