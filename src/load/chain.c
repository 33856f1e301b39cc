/* SPDX-License-Identifier: Apache-2.0 */
#include "load/chain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int chain_init(struct chain *chain, struct inclusion *inclusion)
{
	*chain = (struct chain){.inclusion = inclusion};
	return histogram_init(&chain->times);
}

static struct chain_block *block_at(const struct chain *chain, size_t index)
{
	return (struct chain_block *)&chain->ring[(chain->first + index) % CHAIN_DEPTH];
}

static void block_fini(struct chain_block *block)
{
	free(block->ours);
	*block = (struct chain_block){0};
}

void chain_fini(struct chain *chain)
{
	for (size_t i = 0; i < CHAIN_DEPTH; i++) {
		block_fini(&chain->ring[i]);
	}
	histogram_fini(&chain->times);
}

const struct chain_block *chain_newest(const struct chain *chain)
{
	return chain->count ? block_at(chain, chain->count - 1) : NULL;
}

uint64_t chain_next(const struct chain *chain)
{
	return chain->count ? chain_newest(chain)->number + 1 : chain->fresh;
}

static struct chain_block *push(struct chain *chain, const struct chain_head *head)
{
	struct chain_block *block;

	if (chain->count == CHAIN_DEPTH) {
		block_fini(block_at(chain, 0));
		chain->first = (chain->first + 1) % CHAIN_DEPTH;
		chain->count--;
	}
	block = block_at(chain, chain->count++);
	*block = (struct chain_block){
		.number = head->number,
		.gas_used = head->gas_used,
		.transactions = head->transactions,
	};
	memcpy(block->hash, head->hash, ETHEREUM_HASH);
	return block;
}

void chain_begin(struct chain *chain, const struct chain_head *head)
{
	(void)push(chain, head);
}

/* Gives the newest block up. */
static void pop(struct chain *chain)
{
	struct chain_block *block = block_at(chain, chain->count - 1);

	if (!chain->is_back) {
		chain->is_back = true;
		chain->reorganizations++;
	}
	for (size_t i = 0; i < block->our_count; i++) {
		inclusion_lost(chain->inclusion, &block->ours[i]);
	}
	if (block->is_counted) {
		chain->blocks--;
		chain->gas_used -= block->gas_used;
		chain->transactions -= block->transactions;
		chain->succeeded -= block->succeeded;
		chain->failed -= block->failed;
		chain->first_gas = chain->blocks ? chain->first_gas : 0;
	}
	chain->fresh = block->number;
	block_fini(block);
	chain->count--;
}

double chain_gas_per_second(const struct chain *chain)
{
	int64_t ns = chain->last_ns - chain->first_ns;

	return ns > 0 ? (double)(chain->gas_used - chain->first_gas) * 1e9 / (double)ns : 0;
}

bool chain_contradicts(const struct chain *chain, const struct chain_head *head)
{
	for (size_t i = 0; i < chain->count; i++) {
		const struct chain_block *block = block_at(chain, i);

		if (block->number == head->number) {
			return memcmp(block->hash, head->hash, ETHEREUM_HASH) != 0;
		}
	}
	return true;
}

static void count(struct chain *chain, struct chain_block *block, int64_t seen_ns)
{
	block->is_counted = true;
	if (chain->last_ns) {
		histogram_record(
			&chain->times, seen_ns > chain->last_ns ? seen_ns - chain->last_ns : 0);
	} else {
		chain->first_ns = seen_ns;
		chain->first_gas = block->gas_used;
	}
	chain->last_ns = seen_ns > chain->last_ns ? seen_ns : chain->last_ns;
	chain->blocks++;
	chain->gas_used += block->gas_used;
	chain->transactions += block->transactions;
}

bool chain_append(struct chain *chain, const struct chain_head *head, int64_t seen_ns)
{
	const struct chain_block *newest = chain_newest(chain);

	if (newest && memcmp(newest->hash, head->parent, ETHEREUM_HASH) != 0) {
		pop(chain);
		return false;
	}
	count(chain, push(chain, head), seen_ns);
	chain->is_back = false;
	return true;
}

void chain_back(struct chain *chain, uint64_t number)
{
	while (chain->count && chain_newest(chain)->number >= number) {
		pop(chain);
	}
	if (!chain->count) {
		chain->fresh = number >= CHAIN_DEPTH ? number - CHAIN_DEPTH + 1 : 0;
	}
}

int chain_add_ours(struct chain *chain, const struct inclusion_entry *entry)
{
	struct chain_block *block = block_at(chain, chain->count - 1);

	if (block->our_count == block->our_capacity) {
		size_t capacity = block->our_capacity ? 2 * block->our_capacity : 16;
		struct inclusion_entry *ours =
			realloc(block->ours, capacity * sizeof(*block->ours));

		if (!ours) {
			return -ENOMEM;
		}
		block->ours = ours;
		block->our_capacity = capacity;
	}
	block->ours[block->our_count++] = *entry;
	return 0;
}

void chain_add_receipt(struct chain *chain, bool succeeded)
{
	struct chain_block *block = block_at(chain, chain->count - 1);

	block->succeeded += succeeded;
	block->failed += !succeeded;
	chain->succeeded += succeeded;
	chain->failed += !succeeded;
}
