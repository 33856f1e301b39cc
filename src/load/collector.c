/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One question at a time is under way (call); step() asks the next one:
 *
 *	the newest number	eth_blockNumber, when it is time for it (due)
 *	a block			eth_getBlockByNumber: the next one up to the newest; or, where the
 *				newest is before the last one that we have seen, that one, to see
 *				whether it is still what it was
 *	its receipts		eth_getBlockReceipts, or eth_getTransactionReceipt for each of ours
 *				where the node has not the former
 *
 * When there is nothing to ask it rests until the poll's time, or until the feed tells of a block.
 */
#include "load/collector.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/list.h"
#include "load/block.h"
#include "load/head_feed.h"

#define QUESTION_MS 10000
#define SEEN 16384 /* newest blocks of which it is known when they were seen */

enum question { BLOCK, RECEIPTS, RECEIPT };

struct collector {
	struct collector_config config;
	struct rpc_call newest_call;
	struct rpc_call call; /* that reads */
	enum question question;
	struct head_feed *feed;
	struct deadline poll;
	bool is_fed;     /* the feed is subscribed */
	bool started;    /* so that blocks are counted */
	bool failed;     /* it did not start */
	bool due;        /* the newest number is to be asked for */
	bool is_away;    /* the last question was not answered */
	bool one_by_one; /* receipts */
	uint64_t newest; /* number */
	uint64_t seen_numbers[SEEN];
	int64_t seen_ns[SEEN];
	int64_t newest_ns; /* when newest was seen */
	size_t receipt;    /* the next one of ours that is to be read, in the newest block */
	bool awaits_receipts;
};

static void step(struct collector *collector);

static void note_seen(struct collector *collector, uint64_t number, int64_t now)
{
	if (collector->seen_numbers[number % SEEN] != number ||
		!collector->seen_ns[number % SEEN]) {
		collector->seen_numbers[number % SEEN] = number;
		collector->seen_ns[number % SEEN] = now;
	}
}

/* The node has this block, and so all between it and what was the newest. */
static void see(struct collector *collector, uint64_t number)
{
	int64_t now = curfew_now();
	uint64_t from = number;

	if (collector->newest_ns && collector->newest < number) {
		from = collector->newest + 1;
		from = number - from < SEEN ? from : number - SEEN + 1;
	}
	for (uint64_t i = from; i <= number; i++) {
		note_seen(collector, i, now);
	}
	collector->newest = number;
	collector->newest_ns = now;
}

static int64_t when_seen(const struct collector *collector, uint64_t number)
{
	bool known = collector->seen_numbers[number % SEEN] == number;

	return known ? collector->seen_ns[number % SEEN] : collector->newest_ns;
}

/* Time for the newest number again, after a pause. */
static void rest(struct collector *collector)
{
	if (!collector->is_fed || collector->is_away) {
		deadline_set(&collector->poll, curfew_after_ms(collector->config.poll_ms));
	}
}

static void polled(struct deadline *deadline)
{
	struct collector *collector = container_of(deadline, struct collector, poll);

	collector->due = true;
	step(collector);
}

void collector_hurry(struct collector *collector)
{
	deadline_set(&collector->poll, CURFEW_NEVER);
	collector->due = true;
	step(collector);
}

bool collector_is_quiet(const struct collector *collector)
{
	return !collector->awaits_receipts && !collector->due &&
		collector->newest < chain_next(collector->config.chain);
}

/* Blocks. */

/* Blocks of those numbers are seen anew. */
static void tell_reorganized(struct collector *collector)
{
	memset(collector->seen_ns, 0, sizeof(collector->seen_ns));
	collector->config.reorganized(collector->config.arg);
}

static void find_ours(
	struct collector *collector, const char *text, const struct json_value *transactions)
{
	struct chain *chain = collector->config.chain;
	int64_t seen_ns = when_seen(collector, chain_newest(chain)->number);
	struct json_value element = {0};
	uint8_t hash[ETHEREUM_HASH];
	struct inclusion_entry entry;

	while (block_transaction_next(text, transactions, &element, hash)) {
		if (inclusion_found(collector->config.inclusion, hash, seen_ns, &entry) &&
			chain_add_ours(chain, &entry) < 0) {
			collector->config.counts->unknown++;
		}
	}
	collector->receipt = 0;
	collector->awaits_receipts =
		collector->config.receipts && chain_newest(chain)->our_count > 0;
}

static void start_with(struct collector *collector, const struct chain_head *head)
{
	chain_begin(collector->config.chain, head);
	collector->started = true;
	collector->config.started(collector->config.arg, NULL);
}

/* It is not there yet, or no more. */
static void miss_block(struct collector *collector)
{
	if (collector->started) {
		collector->newest = chain_next(collector->config.chain) - 1;
		deadline_set(&collector->poll, curfew_after_ms(collector->config.poll_ms));
	} else {
		collector->failed = true;
		collector->config.started(collector->config.arg, "has no newest block");
	}
}

static void take_block(struct collector *collector, const struct rpc_answer *answer)
{
	struct chain *chain = collector->config.chain;
	struct json_value transactions;
	struct chain_head head;

	if (!block_read(answer->text, &answer->result, &head, &transactions)) {
		miss_block(collector);
	} else if (!collector->started) {
		start_with(collector, &head);
	} else if (head.number < chain_next(chain)) {
		/* The newest is an old one: either we asked one who is behind, or it is another. */
		collector->newest = chain_next(chain) - 1;
		if (chain_contradicts(chain, &head)) {
			chain_back(chain, head.number);
			tell_reorganized(collector);
			collector->due = true;
		}
	} else if (head.number == chain_next(chain)) {
		if (chain_append(chain, &head, when_seen(collector, head.number))) {
			find_ours(collector, answer->text, &transactions);
		} else {
			tell_reorganized(collector);
		}
	}
}

/* Receipts. */

static void end_block(struct collector *collector)
{
	collector->awaits_receipts = false;
}

/* Whether it is of one of ours; in a block they stand in the same order as we have them. */
static bool is_ours(struct collector *collector, const uint8_t *hash)
{
	const struct chain_block *block = chain_newest(collector->config.chain);

	for (size_t i = 0; i < block->our_count; i++) {
		size_t at = (collector->receipt + i) % block->our_count;

		if (!memcmp(block->ours[at].hash, hash, ETHEREUM_HASH)) {
			collector->receipt = at + 1;
			return true;
		}
	}
	return false;
}

static bool count_receipt(
	struct collector *collector, const char *text, const struct json_value *value)
{
	uint8_t hash[ETHEREUM_HASH];
	bool succeeded;

	if (!receipt_read(text, value, hash, &succeeded) || !is_ours(collector, hash)) {
		return false;
	}
	chain_add_receipt(collector->config.chain, succeeded);
	return true;
}

/* In one go. */
static void take_receipts(struct collector *collector, const struct rpc_answer *answer)
{
	size_t expected = chain_newest(collector->config.chain)->our_count, found = 0;
	struct json_value element = {0};

	while (json_element_next(answer->text, &answer->result, &element)) {
		found += count_receipt(collector, answer->text, &element);
	}
	collector->config.counts->unknown += found < expected ? expected - found : 0;
	end_block(collector);
}

static void take_receipt(struct collector *collector, const struct rpc_answer *answer)
{
	size_t at = collector->receipt;

	if (!count_receipt(collector, answer->text, &answer->result)) {
		collector->config.counts->unknown++;
	}
	collector->receipt = at + 1;
	if (collector->receipt == chain_newest(collector->config.chain)->our_count) {
		end_block(collector);
	}
}

/* An error, where there should be receipts. */
static void refuse_receipts(struct collector *collector, const struct rpc_answer *answer)
{
	if (collector->question == RECEIPTS) {
		collector->one_by_one = true;
		collector->receipt = 0;
	} else {
		take_receipt(collector, answer);
	}
}

/* Questions. */

static void take(struct collector *collector, const struct rpc_answer *answer)
{
	switch (collector->question) {
	case BLOCK:
		take_block(collector, answer);
		break;
	case RECEIPTS:
		take_receipts(collector, answer);
		break;
	case RECEIPT:
		take_receipt(collector, answer);
		break;
	}
}

static void note_away(struct collector *collector)
{
	if (!collector->is_away) {
		collector->is_away = true;
		collector->config.counts->outages++;
	}
}

/* Asked again, by and by. */
static void miss(struct collector *collector)
{
	note_away(collector);
	collector->due = true;
	rest(collector);
}

static void not_started(struct collector *collector, const char *why)
{
	collector->failed = true;
	collector->config.started(collector->config.arg, why);
}

static void answered(struct rpc_call *call, const struct rpc_answer *answer, const char *failure)
{
	struct collector *collector = container_of(call, struct collector, call);
	bool is_error = answer && answer->verdict == RPC_ERROR;

	if (!collector->started && (!answer || is_error)) {
		not_started(collector, answer ? "answers with an error" : failure);
		return;
	}
	if (is_error && collector->question != BLOCK) {
		refuse_receipts(collector, answer);
	} else if (!answer || is_error) {
		miss(collector);
		return;
	} else {
		take(collector, answer);
	}
	step(collector);
}

static void newest_answered(
	struct rpc_call *call, const struct rpc_answer *answer, const char *failure)
{
	struct collector *collector = container_of(call, struct collector, newest_call);
	uint64_t number;

	if (answer && answer->verdict == RPC_RESULT &&
		rpc_quantity(answer->text, &answer->result, &number)) {
		collector->due = false;
		collector->is_away = false;
		see(collector, number);
		rest(collector);
		step(collector);
	} else if (!collector->started) {
		not_started(collector, answer ? "answers with an error" : failure);
	} else {
		miss(collector);
	}
}

static void ask_receipts(struct collector *collector)
{
	const struct chain_block *block = chain_newest(collector->config.chain);
	struct buffer hash = {0};

	if (!collector->one_by_one) {
		collector->question = RECEIPTS;
		rpc_call(collector->config.client, &collector->call, curfew_after_ms(QUESTION_MS),
			"eth_getBlockReceipts", "\"0x%llx\"", (unsigned long long)block->number);
		return;
	}
	collector->question = RECEIPT;
	ethereum_hex(&hash, block->ours[collector->receipt].hash, ETHEREUM_HASH);
	rpc_call(collector->config.client, &collector->call, curfew_after_ms(QUESTION_MS),
		"eth_getTransactionReceipt", "\"%s\"", buffer_text(&hash));
	buffer_fini(&hash);
}

static void ask_block(struct collector *collector, uint64_t number)
{
	collector->question = BLOCK;
	rpc_call(collector->config.client, &collector->call, curfew_after_ms(QUESTION_MS),
		"eth_getBlockByNumber", "\"0x%llx\",false", (unsigned long long)number);
}

static void read_on(struct collector *collector)
{
	const struct chain *chain = collector->config.chain;

	if (collector->awaits_receipts) {
		ask_receipts(collector);
	} else if (!collector->started || collector->newest + 1 < chain_next(chain)) {
		ask_block(collector, collector->newest);
	} else if (collector->newest >= chain_next(chain)) {
		ask_block(collector, chain_next(chain));
	}
}

static void step(struct collector *collector)
{
	if (collector->failed) {
		return;
	}
	if (collector->due && !rpc_under_way(&collector->newest_call)) {
		rpc_call(collector->config.client, &collector->newest_call,
			curfew_after_ms(QUESTION_MS), "eth_blockNumber", "%s", "");
	}
	if (collector->newest_ns && !rpc_under_way(&collector->call)) {
		read_on(collector);
	}
}

/* The feed. */

static void subscribed(void *arg)
{
	struct collector *collector = arg;

	collector->is_fed = true;
	collector_hurry(collector);
}

static void fed(void *arg, uint64_t number)
{
	struct collector *collector = arg;

	if (number < collector->newest) {
		memset(collector->seen_ns, 0, sizeof(collector->seen_ns));
	}
	see(collector, number);
	step(collector);
}

static void lost(void *arg, const char *why)
{
	struct collector *collector = arg;

	(void)why;
	if (collector->is_fed) {
		collector->is_fed = false;
		note_away(collector);
	}
	rest(collector);
}

static const struct head_feed_handler feed_handler = {
	.subscribed = subscribed,
	.head = fed,
	.lost = lost,
};

struct collector *collector_new(const struct collector_config *config)
{
	struct collector *collector = calloc(1, sizeof(*collector));

	if (!collector) {
		errno = ENOMEM;
		return NULL;
	}
	collector->config = *config;
	collector->call.done = answered;
	collector->newest_call.done = newest_answered;
	deadline_init(&collector->poll, &config->worker->loop->agenda, polled);
	if (config->websocket) {
		collector->feed = head_feed_new(
			config->worker, config->websocket, config->tls, &feed_handler, collector);
		if (!collector->feed) {
			collector_free(collector);
			return NULL;
		}
	}
	collector->due = true;
	step(collector);
	return collector;
}

void collector_free(struct collector *collector)
{
	if (collector) {
		head_feed_close(collector->feed);
		rpc_cancel(&collector->newest_call);
		rpc_cancel(&collector->call);
		rpc_call_fini(&collector->newest_call);
		rpc_call_fini(&collector->call);
		deadline_fini(&collector->poll);
		free(collector);
	}
}
