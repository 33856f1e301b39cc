/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever a node says: an answer, a notification, a block, receipts. What is read lies within the
 * text; a hash is taken only whole; and a chain that is told anything counts in order.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "load/block.h"
#include "load/evm_verdict.h"
#include "load/rpc_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_within(const struct json_value *value, size_t size)
{
	assert(value->kind == JSON_ABSENT || value->start + value->length <= size);
}

static void check_block(const char *text, const struct json_value *value)
{
	struct json_value transactions, element = {0};
	struct chain_head head;
	uint8_t hash[ETHEREUM_HASH];
	uint64_t count = 0;

	if (!block_read(text, value, &head, &transactions)) {
		return;
	}
	while (block_transaction_next(text, &transactions, &element, hash)) {
		count++;
	}
	assert(count <= head.transactions);
}

static void check_receipts(const char *text, const struct json_value *value)
{
	struct json_value element = {0};
	uint8_t hash[ETHEREUM_HASH];
	bool succeeded;

	(void)receipt_read(text, value, hash, &succeeded);
	while (json_element_next(text, value, &element)) {
		(void)receipt_read(text, &element, hash, &succeeded);
	}
}

static void check_verdict(const char *text, size_t size)
{
	const struct load_answer answer = {.outcome = LOAD_OK, .body = text, .length = size};
	uint8_t hash[ETHEREUM_HASH];
	struct evm_verdict verdict;

	memset(hash, 0x11, sizeof(hash));
	verdict = evm_judge(1, hash, &answer);
	assert(verdict.outcome == LOAD_OK || verdict.outcome == LOAD_RPC_ERROR ||
		verdict.outcome == LOAD_MALFORMED);
	assert(verdict.outcome != LOAD_OK || verdict.inclusion == INCLUSION_ACCEPTED);
	assert(!verdict.node_is_away);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1); /* of its own: that nothing behind it is read is seen */
	struct rpc_answer answer;
	struct rpc_notice notice;
	uint64_t number;

	assert(text);
	memcpy(text, data, size);
	text[size] = '\0';
	rpc_answer_read(&answer, 1, text, size);
	check_within(&answer.result, size);
	check_within(&answer.message, size);
	(void)rpc_refusal_of(&answer);
	if (answer.verdict == RPC_RESULT) {
		check_block(text, &answer.result);
		check_receipts(text, &answer.result);
		(void)rpc_quantity(text, &answer.result, &number);
	}
	if (rpc_notice_read(&notice, text, size)) {
		(void)block_read_number(text, &notice.result, &number);
	}
	check_verdict(text, size);
	free(text);
	return 0;
}
