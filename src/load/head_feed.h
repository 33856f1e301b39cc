/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The newest blocks of a node as it tells of them: eth_subscribe newHeads over a WebSocket, which
 * is connected and subscribed anew whenever it is lost. On one worker, in its thread.
 */
#ifndef LOAD_HEAD_FEED_H
#define LOAD_HEAD_FEED_H

#include "load/plan.h"
#include "net/worker.h"

struct head_feed;

struct head_feed_handler {
	/* From now on blocks are told of: those before this moment are to be asked for. */
	void (*subscribed)(void *arg);
	/* The node has this block, and all before it. */
	void (*head)(void *arg, uint64_t number);
	/* Nothing is heard until subscribed() comes again. why fits behind "the node" */
	void (*lost)(void *arg, const char *why);
};

/* Connects. The endpoint, a WebSocket's, is borrowed. NULL with errno ENOMEM, or ESHUTDOWN. */
struct head_feed *head_feed_new(struct worker *worker, const struct endpoint *endpoint,
	struct tls_client *tls, const struct head_feed_handler *handler, void *arg);

/*
 * Nothing is heard any more. The memory goes when the connection is closed: until then the worker's
 * peers are held. NULL is fine.
 */
void head_feed_close(struct head_feed *feed);

#endif
