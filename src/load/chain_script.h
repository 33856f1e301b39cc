/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: the chain of a scripted node, whose blocks come when the test says so. With
 * node.answer = chain_answer the node answers questions for blocks and receipts of it.
 */
#ifndef LOAD_CHAIN_SCRIPT_H
#define LOAD_CHAIN_SCRIPT_H

#include "ethereum/ethereum.h"
#include "ethereum/keccak.h"
#include "load/node_script.h"

#define CHAIN_MOST 256
#define CHAIN_GAS 21000 /* of each transaction */

struct scripted_block {
	unsigned fork;              /* tells it from others with its number */
	struct buffer transactions; /* their hashes, in quotes and with a comma behind each */
};

struct scripted_chain {
	struct scripted_block blocks[CHAIN_MOST];
	uint64_t newest;
	unsigned fork;
	const char *failed;  /* a transaction whose receipt says so; NULL: none */
	const char *missing; /* one that has none */
	const char *holds;   /* methods that are not answered; NULL: none */
	bool lacks_block_receipts;
};

static struct scripted_chain node_chain;

/* The number-th transaction of a test. */
static inline const uint8_t *chain_hash(uint64_t number)
{
	static uint8_t digest[ETHEREUM_HASH];

	keccak256(&number, sizeof(number), digest);
	return digest;
}

static inline void chain_grow(int count)
{
	while (count--) {
		struct scripted_block *block = &node_chain.blocks[++node_chain.newest];

		assert_true(node_chain.newest < CHAIN_MOST);
		block->fork = node_chain.fork;
		block->transactions.length = 0;
	}
}

/* From this number on there are other blocks, so many; a transaction may be put into the newest. */
static inline void chain_fork(uint64_t number, int count)
{
	node_chain.fork++;
	node_chain.newest = number - 1;
	chain_grow(count);
}

static inline void chain_put(const uint8_t hash[ETHEREUM_HASH])
{
	struct buffer *transactions = &node_chain.blocks[node_chain.newest].transactions;

	buffer_append_char(transactions, '"');
	ethereum_hex(transactions, hash, ETHEREUM_HASH);
	buffer_append_text(transactions, "\",");
}

static inline const char *chain_list(uint64_t number)
{
	const struct buffer *transactions = &node_chain.blocks[number].transactions;

	return transactions->length ? buffer_text(transactions) : "";
}

static inline void chain_append_receipt(struct buffer *out, const char *hash)
{
	bool failed = node_chain.failed && !strncmp(hash, node_chain.failed, 66);

	buffer_appendf(out, "{\"transactionHash\":\"%.66s\",\"status\":\"0x%d\"}", hash, !failed);
}

static inline bool chain_is_missing(const char *hash)
{
	return node_chain.missing && !strncmp(hash, node_chain.missing, 66);
}

static inline void chain_append_block(struct buffer *out, uint64_t number)
{
	const struct scripted_block *block = &node_chain.blocks[number];
	size_t count = block->transactions.length / 69, length = block->transactions.length;

	buffer_appendf(out,
		"{\"number\":\"0x%llx\",\"hash\":\"0x%056llx%08x\",\"parentHash\":\"0x%056llx%"
		"08x\","
		"\"gasUsed\":\"0x%zx\",\"transactions\":[%.*s]}",
		(unsigned long long)number, (unsigned long long)number, block->fork,
		(unsigned long long)number - 1, number ? block[-1].fork : 0, count * CHAIN_GAS,
		(int)(length ? length - 1 : 0), chain_list(number));
}

static inline void chain_append_receipts(struct buffer *out, uint64_t number)
{
	buffer_append_char(out, '[');
	for (const char *hash = chain_list(number); *hash; hash += 69) {
		if (!chain_is_missing(hash + 1)) {
			buffer_append_text(out, out->length > 1 ? "," : "");
			chain_append_receipt(out, hash + 1);
		}
	}
	buffer_append_char(out, ']');
}

/* Of one transaction: of whichever block it is in. */
static inline void chain_find_receipt(struct buffer *out, const char *hash)
{
	for (uint64_t i = 0; i <= node_chain.newest; i++) {
		const char *found = strstr(chain_list(i), hash);

		if (found && !chain_is_missing(found)) {
			chain_append_receipt(out, found);
			return;
		}
	}
	buffer_append_text(out, "null");
}

static inline bool chain_is_asked(const struct node_question *question, const char *method)
{
	return !strcmp(question->method, method);
}

/* The answer of the node whose chain it is; false: it has none. */
static inline bool chain_compose(struct buffer *out, const struct node_question *question)
{
	uint64_t number = strtoull(question->params + 2, NULL, 16);
	bool is_there = number <= node_chain.newest;

	if (chain_is_asked(question, "eth_blockNumber")) {
		buffer_appendf(out, "\"0x%llx\"", (unsigned long long)node_chain.newest);
	} else if (chain_is_asked(question, "eth_getBlockByNumber") && is_there) {
		chain_append_block(out, number);
	} else if (chain_is_asked(question, "eth_getBlockReceipts") && is_there) {
		chain_append_receipts(out, number);
	} else if (chain_is_asked(question, "eth_getTransactionReceipt")) {
		char hash[67];

		(void)snprintf(hash, sizeof(hash), "%.66s", question->params + 2);
		chain_find_receipt(out, hash);
	} else if (chain_is_asked(question, "eth_subscribe")) {
		buffer_append_text(out, "\"0x7\"");
	} else if (chain_is_asked(question, "eth_getBlockByNumber")) {
		buffer_append_text(out, "null");
	}
	return out->length;
}

static inline bool chain_answer(struct node_question *question)
{
	struct buffer out = {0};
	bool known = !(node_chain.holds && strstr(node_chain.holds, question->method));

	if (known && node_chain.lacks_block_receipts &&
		chain_is_asked(question, "eth_getBlockReceipts")) {
		node_error(question, -32601, "the method eth_getBlockReceipts does not exist");
		return true;
	}
	known = known && chain_compose(&out, question);
	if (known) {
		node_result(question, buffer_text(&out));
	}
	buffer_fini(&out);
	return known;
}

/* What it tells who has subscribed: of this block. */
static inline void chain_tell(uint64_t number)
{
	char text[200];

	(void)snprintf(text, sizeof(text),
		"{\"jsonrpc\":\"2.0\",\"method\":\"eth_subscription\",\"params\":"
		"{\"subscription\":\"0x7\",\"result\":{\"number\":\"0x%llx\"}}}",
		(unsigned long long)number);
	node_say_frame(node_ws(), text);
}

static inline void chain_setup(uint64_t newest)
{
	node_chain = (struct scripted_chain){0};
	chain_grow((int)newest);
	node.answer = chain_answer;
}

static inline void chain_teardown(void)
{
	for (int i = 0; i < CHAIN_MOST; i++) {
		buffer_fini(&node_chain.blocks[i].transactions);
	}
}

#endif
