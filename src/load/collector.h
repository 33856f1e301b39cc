/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Follows a chain while there is load on it: learns of each new block (over a WebSocket, or by
 * asking for the newest number), reads it, looks which of our transactions it has, and how those
 * went. On one worker, in its thread.
 *
 * A node that is away is asked again until it is there; then the blocks between are asked for. One
 * that has other blocks than before was reorganized, or begins anew (load/chain.h).
 */
#ifndef LOAD_COLLECTOR_H
#define LOAD_COLLECTOR_H

#include "load/chain.h"
#include "load/inclusion.h"
#include "load/rpc_client.h"

struct collector;

/* What it has come to know besides; the owner's, and its thread's. */
struct collector_counts {
	uint64_t unknown; /* of ours in a block, whose receipt could not be read */
	uint64_t outages; /* times at which the node was away */
};

struct collector_config {
	struct worker *worker;
	struct rpc_client *client;        /* borrowed; closed after the collector */
	const struct endpoint *websocket; /* NULL: the newest number is asked for */
	struct tls_client *tls;
	int64_t poll_ms; /* between two such questions, without a WebSocket, or while it is away */
	bool receipts;
	struct inclusion *inclusion;
	struct chain *chain;
	struct collector_counts *counts;
	/*
	 * It has begun (NULL), or cannot: why fits behind "the node". Once, never before _new
	 * returns. The collector may be freed where it cannot.
	 */
	void (*started)(void *arg, const char *why);
	/* The chain is another than it was, so that nonces are not what they were. */
	void (*reorganized)(void *arg);
	void *arg;
};

/* Begins at the newest block there is. NULL with errno. */
struct collector *collector_new(const struct collector_config *config);

/* Nothing is called any more. NULL is fine. */
void collector_free(struct collector *collector);

/* Whether it has read all blocks that it knows of, receipts included. */
bool collector_is_quiet(const struct collector *collector);

/* Asks now for the newest block, whatever it would wait for. */
void collector_hurry(struct collector *collector);

#endif
