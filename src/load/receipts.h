/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The receipts of ours in the newest block of a chain, for the collector: asked for in one go
 * (eth_getBlockReceipts), or, once the node has refused that, one after the other
 * (eth_getTransactionReceipt).
 */
#ifndef LOAD_RECEIPTS_H
#define LOAD_RECEIPTS_H

#include "load/chain.h"
#include "load/rpc_client.h"

struct receipts {
	struct chain *chain;
	uint64_t *missing; /* counts those that could not be read */
	bool are_awaited;  /* to be read */

	/* Private from here on. */
	bool one_by_one;
	unsigned denied; /* questions in a row that had no answer, while others had */
	size_t next;     /* of ours in the block */
};

/* The newest block has some of ours, which are to be read. */
void receipts_begin(struct receipts *receipts);

/* Asks the next question. The call is the caller's, and not under way. */
void receipts_ask(const struct receipts *receipts, struct rpc_client *client, struct rpc_call *call,
	int64_t deadline);

/* Its answer, of whatever verdict. */
void receipts_take(struct receipts *receipts, const struct rpc_answer *answer);

/*
 * It had no answer. Returns whether to go on with other questions, since it is this one that is
 * denied to us (by a proxy, say, or its answer is too long); else it is to be asked again, for the
 * node is away.
 */
bool receipts_miss(struct receipts *receipts, bool node_is_away);

#endif
