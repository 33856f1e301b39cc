/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is asked of a node once, by the first source, before all of them begin: which chain it is
 * of, what gas costs, and where the accounts have no money and somebody has, transfers to them;
 * then the collector is begun.
 */
#ifndef LOAD_EVM_PREPARE_H
#define LOAD_EVM_PREPARE_H

#include "load/evm.h"
#include "load/rpc_client.h"

enum evm_step {
	EVM_ASK_CHAIN,
	EVM_ASK_PRICE,
	EVM_ASK_RICH,     /* the nonce of who funds */
	EVM_ASK_BALANCE,  /* of each account */
	EVM_FUND,         /* one that has too little */
	EVM_AWAIT_FUNDED, /* the last of these transfers */
	EVM_COLLECT,
	EVM_PREPARED,
};

struct evm_prepare {
	struct evm *evm;
	struct worker *worker;
	struct rpc_client *client;
	struct collector *collector; /* its owner's, once it is there */
	/* Once, never before evm_prepare_start returns. failure: as source.h wants it. */
	void (*done)(struct evm_prepare *prepare, const char *failure);

	/* Private from here on. */
	enum evm_step step;
	struct rpc_call call;
	struct deadline again;
	int64_t until;
	size_t account; /* the next one that is looked at */
	uint64_t rich_nonce;
	bool has_funded;
	uint8_t funded[ETHEREUM_HASH]; /* the last one */
	char failure[SOURCE_FAILURE_MOST];
};

/* Set the first part, zero the rest. */
void evm_prepare_start(struct evm_prepare *prepare);

/* done() does not come any more. */
void evm_prepare_stop(struct evm_prepare *prepare);
void evm_prepare_fini(struct evm_prepare *prepare);

#endif
