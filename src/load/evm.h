/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Load on an Ethereum node: transfers of many accounts, each with its nonces in order, and what
 * becomes of them in the chain. This is what all threads share: what the profile says, the
 * accounts, and what was counted; each worker has a source of its own (load/evm_source.c).
 */
#ifndef LOAD_EVM_H
#define LOAD_EVM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ethereum/ethereum.h"
#include "ethereum/wei.h"
#include "load/chain.h"
#include "load/collector.h"
#include "load/inclusion.h"
#include "load/plan.h"
#include "load/result.h"

#define EVM_ACCOUNTS_MOST 100000
#define EVM_GAS_OF_TRANSFER 21000
#define EVM_DATA_MOST 65536               /* bytes */
#define EVM_PRIORITY UINT64_C(1000000000) /* wei for a unit of gas, unless that is above the fee */

enum evm_receiver { EVM_TO_ACCOUNTS, EVM_TO_RANDOM, EVM_TO_SELF, EVM_TO_ADDRESS };
enum evm_collecting {
	EVM_COLLECT_AUTO,
	EVM_COLLECT_WEBSOCKET,
	EVM_COLLECT_POLLING,
	EVM_COLLECT_NOT
};

/* What the profile says; then, of what it leaves out, what the node does (evm_prepare.c). */
struct evm_setting {
	uint64_t account_count;
	uint64_t account_seed;
	uint64_t chain_id; /* 0: the node's, whatever it is */
	enum ethereum_kind kind;
	uint64_t gas_limit;
	uint64_t gas_price, max_fee, max_priority; /* 0: what the node asks for */
	uint64_t first_nonce;                      /* of pre-signed transactions */
	struct wei value;
	struct wei fund; /* what an account gets that has less than half of it */
	enum evm_receiver receiver;
	uint8_t to[ETHEREUM_ADDRESS];
	uint8_t *data; /* owned */
	size_t data_length;
	char *presigned; /* a file; NULL: transactions are signed as they are sent. Owned */
	bool has_rich;
	struct ethereum_account rich; /* funds the others */
	enum evm_collecting collecting;
	int64_t poll_ms;
	bool receipts;
};

struct evm {
	struct evm_setting setting;
	uint64_t seed;
	uint32_t scenario;
	const struct plan *plan;
	uint32_t endpoints[PLAN_ENDPOINTS_MOST]; /* of the plan: where transactions go */
	size_t endpoint_count;
	uint32_t rpc;       /* the one that is asked */
	uint32_t websocket; /* the one that tells of blocks, if it is collected so */
	struct ethereum *ethereum;
	struct ethereum_account *accounts;
	size_t account_count;

	/* What was counted. */
	struct inclusion inclusion;
	struct chain chain; /* worker 0's, as the next is */
	struct collector_counts collected;
	bool collects;
	_Atomic uint64_t resyncs;       /* nonces that were asked for again */
	_Atomic uint64_t nonce_refused; /* transactions, because of theirs */
	_Atomic uint64_t known;         /* those that the node had already */
	_Atomic uint64_t funds_refused; /* and those whose account could not pay */
	_Atomic uint64_t in_flight;
	/*
	 * Rises whenever nonces may be others than we know, of all accounts: the node was away, or
	 * its chain is another one.
	 */
	_Atomic uint64_t epoch;

	/* Whether the first source has prepared what is for all (evm_prepare.h). */
	pthread_mutex_t lock;
	struct curfew_link awaiting;
	bool is_ready;
	char failure[SOURCE_FAILURE_MOST]; /* why it is not */

	struct result_section section; /* as it was told last */
};

/* A zeroed setting with its defaults; seed: the plan's. NULL with errno ENOMEM. */
struct evm *evm_new(const struct plan *plan);
void evm_free(struct evm *evm);

/* Derives the accounts of the setting. Returns 0 or -ENOMEM. */
int evm_derive_accounts(struct evm *evm);

/*
 * Reads the accounts from a file of keys, hexadecimal, one a line; empty lines and what follows a #
 * are left out. Returns 0, -ENOMEM, or -EINVAL with a refusal, which never shows a key.
 */
int evm_read_keys(struct evm *evm, const char *path, struct buffer *refusal);

/* Takes the key, or where it is none the first one of the file at path. */
int evm_read_rich(struct evm *evm, const char *key, const char *path, struct buffer *refusal);

/* Signs the number-th transfer of the run. Returns 0 or -ENOMEM. */
int evm_sign(const struct evm *evm, const struct ethereum_account *from, uint64_t nonce,
	uint64_t number, struct buffer *raw, uint8_t hash[ETHEREUM_HASH]);

/* Who gets the number-th transfer of the run, where this account sends it. */
void evm_choose_receiver(const struct evm *evm, const struct ethereum_account *from,
	uint64_t number, uint8_t to[ETHEREUM_ADDRESS]);

/*
 * Who sends the number-th transfer where no node is asked: the accounts in turn, each with its
 * nonces from first_nonce on.
 */
const struct ethereum_account *evm_turn(const struct evm *evm, uint64_t number, uint64_t *nonce);

/*
 * Whether a node would have to be asked before anything is signed; names: what the profile would
 * have to say instead, "\"chain_id\" and \"max_fee\"".
 */
bool evm_lacks(const struct evm *evm, struct buffer *names);

/* What a transaction can cost at most: its value, and all of its gas. */
struct wei evm_cost(const struct evm *evm);

/* Signs so many into a file, and sends none. Returns 0, or -EINVAL with a refusal. */
int evm_presign(const struct evm *evm, uint64_t count, const char *path, struct buffer *refusal);

/* The row of a plan whose `shared` is an evm. */
extern const struct source_kind evm_source_kind;

/* For its row; worker 0's thread. */
struct load_source *evm_source_new(const struct plan *plan, struct worker *worker, int thread);
void evm_tell(void *shared, struct result_section **sections);
int evm_show(const void *shared, struct buffer *out, uint64_t count);

#endif
