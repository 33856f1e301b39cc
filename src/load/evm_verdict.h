/* SPDX-License-Identifier: Apache-2.0 */
/* What the end of a request that sent a transaction means: for counts, account and chain. */
#ifndef LOAD_EVM_VERDICT_H
#define LOAD_EVM_VERDICT_H

#include "load/account_pool.h"
#include "load/inclusion.h"
#include "load/rpc_answer.h"
#include "load/source.h"

struct evm_verdict {
	enum load_outcome outcome;
	enum account_end account;
	enum inclusion_answer inclusion;
	enum rpc_refusal refusal; /* of an RPC_ERROR */
	bool node_is_away;        /* so that it may come back as another one */
};

/* The request's id was its number. answer NULL: it was not sent. */
struct evm_verdict evm_judge(
	uint64_t id, const uint8_t hash[ETHEREUM_HASH], const struct load_answer *answer);

#endif
