/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The newest blocks of a chain as we have seen it, and what is known of it as a whole. Blocks are
 * appended one after the other; one whose parent is not the newest shows that the chain was
 * reorganized: then the newest is none any more, and the one before it is tried, CHAIN_DEPTH deep
 * at most. A chain that begins anew (a node without its state) is the same.
 */
#ifndef LOAD_CHAIN_H
#define LOAD_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ethereum/ethereum.h"
#include "load/histogram.h"
#include "load/inclusion.h"

#define CHAIN_DEPTH 64

/* A block as it was read. */
struct chain_head {
	uint64_t number;
	uint8_t hash[ETHEREUM_HASH], parent[ETHEREUM_HASH];
	uint64_t gas_used;
	uint64_t transactions;
};

/* And as it is remembered. */
struct chain_block {
	uint64_t number;
	uint8_t hash[ETHEREUM_HASH];
	uint64_t gas_used, transactions;
	uint64_t succeeded, failed;   /* of ours */
	bool is_counted;              /* it came in our time */
	struct inclusion_entry *ours; /* in the order of the block; owned */
	size_t our_count, our_capacity;
};

struct chain {
	struct inclusion *inclusion;
	/* All of these are of blocks that are in the chain. */
	uint64_t blocks, gas_used, transactions;
	uint64_t succeeded, failed; /* of ours, by the status of their receipts */
	uint64_t reorganizations;   /* however deep */
	int64_t first_ns, last_ns;  /* when the first and the last block that count were seen */
	uint64_t first_gas;         /* of that first one, which began before that */
	struct histogram times;     /* between two blocks, as they were seen */
	/* Private from here on. */
	struct chain_block ring[CHAIN_DEPTH];
	size_t first, count;
	uint64_t fresh; /* where it begins when the ring is empty */
	bool is_back;   /* blocks are being given up */
};

/* Returns 0 or -ENOMEM; fini is to be called anyway. */
int chain_init(struct chain *chain, struct inclusion *inclusion);
void chain_fini(struct chain *chain);

/* Begins behind this block: blocks that come are counted. */
void chain_begin(struct chain *chain, const struct chain_head *head);

/* The number of the block that is to come next. */
uint64_t chain_next(const struct chain *chain);

/* The newest block; NULL: none. */
const struct chain_block *chain_newest(const struct chain *chain);

/* What the blocks behind the first one used, a second; 0 where there was no time between two. */
double chain_gas_per_second(const struct chain *chain);

/*
 * Whether a block of ours with this number is another one. One that we do not remember is taken
 * for another.
 */
bool chain_contradicts(const struct chain *chain, const struct chain_head *head);

/* Appends chain_next's. False: the newest block was given up instead, and chain_next is another. */
bool chain_append(struct chain *chain, const struct chain_head *head, int64_t seen_ns);

/* The chain's newest block is this one: blocks from there on are given up. */
void chain_back(struct chain *chain, uint64_t number);

/* A transaction of ours is in the newest block. Returns 0 or -ENOMEM. */
int chain_add_ours(struct chain *chain, const struct inclusion_entry *entry);

/* The receipt of one of these. */
void chain_add_receipt(struct chain *chain, bool succeeded);

#endif
