/* SPDX-License-Identifier: Apache-2.0 */
/* What a node says to a call of JSON-RPC 2.0. */
#ifndef LOAD_RPC_ANSWER_H
#define LOAD_RPC_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json/value.h"

enum rpc_verdict {
	RPC_RESULT,
	RPC_ERROR,   /* code and message */
	RPC_GARBAGE, /* no answer of JSON-RPC, or one to another call */
};

struct rpc_answer {
	enum rpc_verdict verdict;
	const char *text;          /* borrowed: what the values below are ranges of */
	struct json_value result;  /* of a RESULT: perhaps null */
	struct json_value message; /* of an ERROR: a string, or absent */
	int64_t code;              /* of an ERROR; 0: it has none */
};

/* Reads the answer to the call with this id. An error may have the id null (5.1). */
void rpc_answer_read(struct rpc_answer *answer, uint64_t id, const char *text, size_t length);

/* What is written to nobody's call: a notification of a subscription (eth_subscription). */
struct rpc_notice {
	const char *text;
	struct json_value subscription, result;
};

/* Returns whether it is one. */
bool rpc_notice_read(struct rpc_notice *notice, const char *text, size_t length);

/*
 * What an error of eth_sendRawTransaction means; the words are those of the nodes that there are,
 * since the codes say nothing (-32000 for most).
 */
enum rpc_refusal {
	RPC_OTHER,
	RPC_KNOWN, /* the node has this transaction already */
	RPC_NONCE, /* its number is not the one that the node awaits, or taken */
	RPC_FUNDS, /* the account cannot pay for it */
};

enum rpc_refusal rpc_refusal_of(const struct rpc_answer *answer);

/* A quantity ("0x41") of 64 bits; false if the value is none. */
bool rpc_quantity(const char *text, const struct json_value *value, uint64_t *number);

/* Exactly so many bytes as a hex string; false if it is none. */
bool rpc_bytes(const char *text, const struct json_value *value, uint8_t *bytes, size_t length);

#endif
