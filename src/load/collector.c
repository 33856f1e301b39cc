/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One question at a time is under way (call); step() asks the next one:
 *
 *	the newest number	eth_blockNumber, when it is time for it (due)
 *	a block			eth_getBlockByNumber: the next one up to the newest; or, where the
 *				newest is before the last one that we have seen, or we are told of
 *				one that we have, that one, to see whether it is still what it was
 *	its receipts		of ours in it (load/receipts.h)
 *
 * When there is nothing to ask it rests until the poll's time, or until the feed tells of a block.
 *
 * An answer may be older than what the feed has told meanwhile: a number below the newest one is
 * believed when it comes twice. The feed's are not believed then, but are a reason to ask.
 */
#include "load/collector.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/list.h"
#include "load/block.h"
#include "load/head_feed.h"
#include "load/receipts.h"

#define QUESTION_MS 10000
#define SEEN 16384 /* newest blocks of which it is known when they were seen */

struct collector {
	struct collector_config config;
	struct rpc_call newest_call;
	struct rpc_call call; /* that reads */
	bool of_receipts;     /* the question is; else it is for a block: */
	uint64_t asked;       /* the number of that */
	struct receipts receipts;
	struct head_feed *feed;
	struct deadline poll;
	bool is_fed;    /* the feed is subscribed */
	bool started;   /* so that blocks are counted */
	bool is_told;   /* that it has begun, which needs the feed, too */
	bool failed;    /* it did not start */
	bool due;       /* the newest number is to be asked for */
	bool is_away;   /* the last question was not answered */
	bool is_behind; /* the last answer was below newest: either it is stale, or we are */
	bool has_doubt; /* whether the block with that number is what it was */
	uint64_t doubt;
	uint64_t newest; /* number */
	uint64_t seen_numbers[SEEN];
	int64_t seen_ns[SEEN];
	int64_t newest_ns; /* when newest was seen */
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
	int64_t seen_ns = known ? collector->seen_ns[number % SEEN] : collector->newest_ns;

	return seen_ns ? seen_ns : curfew_now(); /* since then it has become another */
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
	return !collector->receipts.are_awaited && !collector->due && !collector->has_doubt &&
		!rpc_under_way(&collector->call) &&
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
	if (collector->config.receipts && chain_newest(chain)->our_count) {
		receipts_begin(&collector->receipts);
	}
}

/* It is not there yet, or no more. */
static void miss_block(struct collector *collector)
{
	collector->newest = chain_next(collector->config.chain) - 1;
	deadline_set(&collector->poll, curfew_after_ms(collector->config.poll_ms));
}

/* Of the block that was asked for, and no other. */
static bool read_block(const struct collector *collector, const struct rpc_answer *answer,
	struct chain_head *head, struct json_value *transactions)
{
	return answer->verdict == RPC_RESULT &&
		block_read(answer->text, &answer->result, head, transactions) &&
		head->number == collector->asked;
}

/* The newest is an old one, or we are told of one: either we have it, or it is another. */
static void compare(struct collector *collector, const struct chain_head *head)
{
	struct chain *chain = collector->config.chain;

	if (collector->newest + 1 < chain_next(chain)) {
		collector->newest = chain_next(chain) - 1;
	}
	if (chain_contradicts(chain, head)) {
		chain_back(chain, head->number);
		tell_reorganized(collector);
		collector->due = true;
	}
}

static void take_block(struct collector *collector, const struct rpc_answer *answer)
{
	struct chain *chain = collector->config.chain;
	struct json_value transactions;
	struct chain_head head;

	if (!read_block(collector, answer, &head, &transactions)) {
		miss_block(collector);
	} else if (head.number < chain_next(chain)) {
		compare(collector, &head);
	} else if (chain_append(chain, &head, when_seen(collector, head.number))) {
		find_ours(collector, answer->text, &transactions);
	} else {
		tell_reorganized(collector);
	}
}

/* Questions. */

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

/* Once; it may be the end of it. */
static void not_started(struct collector *collector, const char *why)
{
	if (!collector->failed) {
		collector->failed = true;
		collector->config.started(collector->config.arg, why);
	}
}

static void tell_started(struct collector *collector)
{
	bool is_ready = collector->started && (collector->is_fed || !collector->config.websocket);

	if (is_ready && !collector->is_told && !collector->failed) {
		collector->is_told = true;
		collector->config.started(collector->config.arg, NULL);
	}
}

static void begin(struct collector *collector, const struct rpc_answer *answer, const char *failure)
{
	struct json_value transactions;
	struct chain_head head;

	if (!answer || answer->verdict == RPC_ERROR) {
		not_started(collector, answer ? "answers with an error" : failure);
	} else if (!read_block(collector, answer, &head, &transactions)) {
		not_started(collector, "has no newest block");
	} else {
		chain_begin(collector->config.chain, &head);
		collector->started = true;
		step(collector);
		tell_started(collector);
	}
}

static void go_on(struct collector *collector, const struct rpc_answer *answer)
{
	if (collector->of_receipts && answer) {
		receipts_take(&collector->receipts, answer);
	} else if (answer) {
		take_block(collector, answer);
	} else if (!collector->of_receipts ||
		!receipts_miss(&collector->receipts, collector->is_away)) {
		miss(collector);
		return;
	}
	step(collector);
}

static void answered(struct rpc_call *call, const struct rpc_answer *answer, const char *failure)
{
	struct collector *collector = container_of(call, struct collector, call);

	if (collector->started) {
		go_on(collector, answer);
	} else if (!collector->failed) {
		begin(collector, answer, failure);
	}
}

static void take_newest(struct collector *collector, uint64_t number)
{
	bool is_believed = number >= collector->newest || collector->is_behind;

	collector->is_away = false;
	collector->is_behind = !is_believed;
	collector->due = !is_believed;
	if (is_believed) {
		see(collector, number);
		rest(collector);
	}
}

static void newest_answered(
	struct rpc_call *call, const struct rpc_answer *answer, const char *failure)
{
	struct collector *collector = container_of(call, struct collector, newest_call);
	uint64_t number;

	if (answer && answer->verdict == RPC_RESULT &&
		block_number(answer->text, &answer->result, &number)) {
		take_newest(collector, number);
		step(collector);
	} else if (!collector->started) {
		not_started(collector, answer ? "answers with an error" : failure);
	} else {
		miss(collector);
	}
}

static void ask_block(struct collector *collector, uint64_t number)
{
	collector->of_receipts = false;
	collector->asked = number;
	rpc_call(collector->config.client, &collector->call, curfew_after_ms(QUESTION_MS),
		"eth_getBlockByNumber", "\"0x%llx\",false", (unsigned long long)number);
}

static void read_on(struct collector *collector)
{
	const struct chain *chain = collector->config.chain;

	if (collector->receipts.are_awaited) {
		collector->of_receipts = true;
		receipts_ask(&collector->receipts, collector->config.client, &collector->call,
			curfew_after_ms(QUESTION_MS));
	} else if (!collector->started || collector->newest + 1 < chain_next(chain)) {
		ask_block(collector, collector->newest);
	} else if (collector->has_doubt) {
		collector->has_doubt = false;
		ask_block(collector, collector->doubt);
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
	tell_started(collector);
}

static void fed(void *arg, uint64_t number)
{
	struct collector *collector = arg;

	if (number < collector->newest) {
		collector->due = true;
	} else {
		see(collector, number);
	}
	if (collector->started && number < chain_next(collector->config.chain)) {
		collector->has_doubt = true;
		collector->doubt = number;
	}
	step(collector);
}

static void lost(void *arg, const char *why)
{
	struct collector *collector = arg;

	if (!collector->is_told) {
		not_started(collector, why);
		return;
	}
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
	collector->receipts.chain = config->chain;
	collector->receipts.missing = &config->counts->unknown;
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
