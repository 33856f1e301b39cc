/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of our transactions are in a block by now: a table by hash, of those that are not. All
 * threads send; one collects blocks. Each call takes one short lock: against a signature, of which
 * there is one for each transaction, it costs nothing.
 *
 *	inclusion_sent		before it leaves, since its block may be known before its answer
 *	inclusion_answered	the node has it, or has not, or nobody knows
 *	inclusion_found		it is in a block; and inclusion_lost: that block is none any more
 */
#ifndef LOAD_INCLUSION_H
#define LOAD_INCLUSION_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ethereum/ethereum.h"
#include "load/histogram.h"

#define INCLUSION_MOST (1U << 20) /* transactions that wait; more are not followed */

enum inclusion_answer {
	INCLUSION_ACCEPTED,
	INCLUSION_REFUSED, /* or it never left: it is forgotten */
	INCLUSION_UNKNOWN, /* its answer was lost; it may be included yet */
};

/* One that waits, or did. */
struct inclusion_entry {
	uint8_t hash[ETHEREUM_HASH];
	int64_t sent_ns;
	uint32_t next;  /* in its row; the free ones are a list, too */
	uint8_t answer; /* enum inclusion_answer, once that is known */
	bool is_answered;
	bool was_found; /* its latency was told: its block is none any more */
};

struct inclusion_counts {
	uint64_t accepted;    /* answered by the node with their hash */
	uint64_t unknown;     /* whose answer was lost */
	uint64_t included;    /* in a block, as of now */
	uint64_t of_unknown;  /* of those, whose answer was lost */
	uint64_t reorganized; /* were in a block that is none any more */
	uint64_t waiting;     /* accepted, and in no block */
	uint64_t unfollowed;  /* too many waited */
};

struct inclusion {
	pthread_mutex_t lock;
	struct inclusion_counts counts;
	struct histogram latency; /* from when it was sent until its block was seen */
	/* Private from here on. */
	struct inclusion_entry *entries;
	uint32_t *rows;
	uint32_t capacity; /* entries, a power of two; and as many rows */
	uint32_t free;     /* the first free entry */
};

/* Returns 0 or -ENOMEM; fini is to be called anyway. */
int inclusion_init(struct inclusion *inclusion);
void inclusion_fini(struct inclusion *inclusion);

/* It is about to be sent. One that waits already stays as it is: the same transaction again. */
void inclusion_sent(struct inclusion *inclusion, const uint8_t hash[ETHEREUM_HASH], int64_t now);
void inclusion_answered(struct inclusion *inclusion, const uint8_t hash[ETHEREUM_HASH],
	enum inclusion_answer answer);

/* A block has it, which was seen at that time. Returns whether it waited: *entry, then. */
bool inclusion_found(struct inclusion *inclusion, const uint8_t hash[ETHEREUM_HASH],
	int64_t seen_ns, struct inclusion_entry *entry);
/* The block of one that was found so is none any more: it waits again. */
void inclusion_lost(struct inclusion *inclusion, const struct inclusion_entry *entry);

void inclusion_counts_now(struct inclusion *inclusion, struct inclusion_counts *counts);

#endif
