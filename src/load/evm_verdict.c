/* SPDX-License-Identifier: Apache-2.0 */
#include "load/evm_verdict.h"

#include <string.h>

/*
 * An answer over HTTP that is none of JSON-RPC: of a proxy that has passed nothing on (4xx), or of
 * one that may have (5xx).
 */
static struct evm_verdict verdict_of(enum load_outcome outcome)
{
	switch (outcome) {
	case LOAD_LOCAL:
		return (struct evm_verdict){outcome, ACCOUNT_UNUSED, INCLUSION_REFUSED, 0, false};
	case LOAD_REFUSED:
	case LOAD_UNREACHABLE:
	case LOAD_CONNECT_TIMEOUT:
	case LOAD_TLS:
	case LOAD_RESET_UNSENT:
		return (struct evm_verdict){outcome, ACCOUNT_DOUBTED, INCLUSION_REFUSED, 0, true};
	case LOAD_CLIENT_ERROR:
	case LOAD_UNAVAILABLE:
		return (struct evm_verdict){outcome, ACCOUNT_DOUBTED, INCLUSION_REFUSED, 0, false};
	case LOAD_RESET_SENT:
	case LOAD_CLOSED:
	case LOAD_TRUNCATED:
		return (struct evm_verdict){outcome, ACCOUNT_DOUBTED, INCLUSION_UNKNOWN, 0, true};
	default:
		return (struct evm_verdict){outcome, ACCOUNT_DOUBTED, INCLUSION_UNKNOWN, 0, false};
	}
}

/* What the node accepts it calls by its hash. */
static bool is_hash(const struct rpc_answer *answer, const uint8_t hash[ETHEREUM_HASH])
{
	uint8_t found[ETHEREUM_HASH];

	return rpc_bytes(answer->text, &answer->result, found, ETHEREUM_HASH) &&
		!memcmp(found, hash, ETHEREUM_HASH);
}

static struct evm_verdict verdict_of_error(const struct rpc_answer *answer)
{
	struct evm_verdict verdict = {
		.outcome = LOAD_RPC_ERROR,
		.account = ACCOUNT_DOUBTED,
		.inclusion = INCLUSION_REFUSED,
		.refusal = rpc_refusal_of(answer),
	};

	if (verdict.refusal == RPC_KNOWN) {
		verdict.account = ACCOUNT_USED;
		verdict.inclusion = INCLUSION_ACCEPTED;
	}
	return verdict;
}

struct evm_verdict evm_judge(
	uint64_t id, const uint8_t hash[ETHEREUM_HASH], const struct load_answer *answer)
{
	struct rpc_answer read;

	if (!answer) {
		return verdict_of(LOAD_LOCAL);
	}
	if (answer->outcome != LOAD_OK) {
		return verdict_of(answer->outcome);
	}
	rpc_answer_read(&read, id, answer->body, answer->length);
	if (read.verdict == RPC_ERROR) {
		return verdict_of_error(&read);
	}
	if (read.verdict != RPC_RESULT || !is_hash(&read, hash)) {
		return verdict_of(LOAD_MALFORMED);
	}
	return (struct evm_verdict){LOAD_OK, ACCOUNT_USED, INCLUSION_ACCEPTED, 0, false};
}
