/* SPDX-License-Identifier: Apache-2.0 */
#include "load/receipts.h"

#include <string.h>

#include "ethereum/ethereum.h"
#include "load/block.h"

#define DENIED_MOST 1 /* in a row: perhaps the node has gone since it answered last */

static const struct chain_block *block_of(const struct receipts *receipts)
{
	return chain_newest(receipts->chain);
}

void receipts_begin(struct receipts *receipts)
{
	receipts->are_awaited = true;
	receipts->next = 0;
}

void receipts_ask(const struct receipts *receipts, struct rpc_client *client, struct rpc_call *call,
	int64_t deadline)
{
	const struct chain_block *block = block_of(receipts);
	struct buffer hash = {0};

	if (!receipts->one_by_one) {
		rpc_call(client, call, deadline, "eth_getBlockReceipts", "\"0x%llx\"",
			(unsigned long long)block->number);
		return;
	}
	ethereum_hex(&hash, block->ours[receipts->next].hash, ETHEREUM_HASH);
	rpc_call(client, call, deadline, "eth_getTransactionReceipt", "\"%s\"", buffer_text(&hash));
	buffer_fini(&hash);
}

/* Whether it is of one of ours; in a block they stand in the same order as we have them. */
static bool is_ours(struct receipts *receipts, const uint8_t *hash)
{
	const struct chain_block *block = block_of(receipts);

	for (size_t i = 0; i < block->our_count; i++) {
		size_t at = (receipts->next + i) % block->our_count;

		if (!memcmp(block->ours[at].hash, hash, ETHEREUM_HASH)) {
			receipts->next = at + 1;
			return true;
		}
	}
	return false;
}

static bool count(struct receipts *receipts, const char *text, const struct json_value *value)
{
	uint8_t hash[ETHEREUM_HASH];
	bool succeeded;

	if (!receipt_read(text, value, hash, &succeeded) || !is_ours(receipts, hash)) {
		return false;
	}
	chain_add_receipt(receipts->chain, succeeded);
	return true;
}

static void take_all(struct receipts *receipts, const struct rpc_answer *answer)
{
	size_t expected = block_of(receipts)->our_count, found = 0;
	struct json_value element = {0};

	while (found < expected && json_element_next(answer->text, &answer->result, &element)) {
		found += count(receipts, answer->text, &element);
	}
	*receipts->missing += expected - found;
	receipts->are_awaited = false;
}

/* One is done with; answer NULL: it is not to be had. */
static void take_one(struct receipts *receipts, const struct rpc_answer *answer)
{
	size_t at = receipts->next;

	if (!answer || !count(receipts, answer->text, &answer->result)) {
		++*receipts->missing;
	}
	receipts->next = at + 1;
	receipts->are_awaited = receipts->next < block_of(receipts)->our_count;
}

static void refuse(struct receipts *receipts)
{
	if (receipts->one_by_one) {
		take_one(receipts, NULL);
	} else {
		receipts->one_by_one = true;
		receipts->denied = 0;
	}
}

void receipts_take(struct receipts *receipts, const struct rpc_answer *answer)
{
	receipts->denied = 0;
	if (answer->verdict != RPC_RESULT) {
		refuse(receipts);
	} else if (receipts->one_by_one) {
		take_one(receipts, answer);
	} else {
		take_all(receipts, answer);
	}
}

bool receipts_miss(struct receipts *receipts, bool node_is_away)
{
	receipts->denied = node_is_away ? 0 : receipts->denied + 1;
	if (receipts->denied <= DENIED_MOST) {
		return false;
	}
	refuse(receipts);
	return true;
}
