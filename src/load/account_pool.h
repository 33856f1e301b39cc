/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The accounts of one worker: those that may send, in turn, each with the nonce of its next
 * transaction; and those of which the node has to be asked first. An account has one transaction in
 * flight at most, so that its nonces are answered in order.
 *
 *	FREE -> TAKEN -> FREE		its transaction was accepted, or never left
 *	            `--> STALE		nobody knows, or the node disagrees about the nonce
 *	FREE ----------> STALE		the epoch has risen (load/evm.h)
 *	STALE -> ASKED -> FREE		eth_getTransactionCount, "pending", until it is answered
 *
 * At first all are STALE, and asked for their balance, too. All of it in the worker's thread.
 */
#ifndef LOAD_ACCOUNT_POOL_H
#define LOAD_ACCOUNT_POOL_H

#include <curfew/link.h>

#include "load/evm.h"
#include "load/rpc_client.h"

#define ACCOUNT_POOL_QUESTIONS 8 /* at a time */

struct account {
	const struct ethereum_account *keys;
	uint64_t nonce; /* of its next transaction */
	uint64_t epoch; /* in which that was true */
	bool is_known;  /* the node was asked, once at least */
	struct curfew_link link;
};

struct account_pool;

struct account_question {
	struct account_pool *pool;
	struct account *account;
	uint64_t epoch;
	bool of_balance;
	struct rpc_call call;
};

struct account_pool {
	struct evm *evm;
	struct rpc_client *client; /* borrowed */
	struct account *accounts;
	size_t count;
	struct curfew_link free, stale;
	struct account_question questions[ACCOUNT_POOL_QUESTIONS];
	struct deadline again; /* after a question that was not answered */
	int away; /* why the last one was not: nobody was there, a negative errno; or 0 */

	/* Of the first questions; NULL: they are answered. */
	void (*loaded)(void *arg, const char *failure);
	void *arg;
	size_t unknown;
	size_t poor;           /* have not the money for one transaction */
	struct buffer poorest; /* the first of these, and what it has not */
	char failure[SOURCE_FAILURE_MOST];
	struct task tell; /* loaded() of none */
};

/* The share of a thread. Returns 0 or -ENOMEM; fini is to be called anyway. */
int account_pool_init(
	struct account_pool *pool, struct evm *evm, struct worker *worker, int thread, int threads);
void account_pool_fini(struct account_pool *pool);

/* Asks for all of them; loaded() is called once, never before this returns. */
void account_pool_load(struct account_pool *pool, struct rpc_client *client,
	void (*loaded)(void *arg, const char *failure), void *arg);

/* Nothing is asked any more, and loaded() does not come. */
void account_pool_stop(struct account_pool *pool);

/* The account that sends next; NULL: none may. */
struct account *account_pool_take(struct account_pool *pool);

enum account_end {
	ACCOUNT_UNUSED, /* its nonce was not used */
	ACCOUNT_USED,   /* it was */
	ACCOUNT_DOUBTED,
};

void account_pool_give(struct account_pool *pool, struct account *account, enum account_end end);

#endif
