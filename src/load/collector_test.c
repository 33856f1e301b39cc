/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks and receipts of a node that is asked for the newest one (polling). */
#include "load/collector.h"

#include "load/collector_script.h"

static void begins_behind_the_newest_block(void **state)
{
	(void)state;
	collect(NULL);
	await_started();
	node_expect_asked("eth_blockNumber []\neth_getBlockByNumber [\"0x5\",false]\n");
	assert_int_equal(chain_next(&chain), 6);
	assert_int_equal(chain.blocks, 0);
	assert_true(collector_is_quiet(collector));
}

static void all_blocks_between_two_polls_are_read(void **state)
{
	(void)state;
	collect_started(NULL);
	pass_ms(POLL_MS - 1);
	node_expect_asked("");
	pass_ms(1);
	run_until(collector_is_quiet(collector));
	node_expect_asked("eth_blockNumber []\n");
	chain_grow(3);
	poll_now();
	node_expect_asked("eth_blockNumber []\n"
			  "eth_getBlockByNumber [\"0x6\",false]\n"
			  "eth_getBlockByNumber [\"0x7\",false]\n"
			  "eth_getBlockByNumber [\"0x8\",false]\n");
	assert_int_equal(chain.blocks, 3);
	assert_int_equal(chain_next(&chain), 9);
	assert_int_equal(counts.outages, 0);
}

/* From when it was sent until its block was seen, whenever it is read. */
static void inclusion_is_counted_from_the_poll(void **state)
{
	(void)state;
	collect_started(NULL);
	send_one(1);
	pass_ms(100);
	send_one(2);
	chain_grow(1);
	chain_put(chain_hash(1));
	chain_grow(1);
	chain_put(chain_hash(2));
	chain_put(chain_hash(77)); /* somebody else's */
	node_chain.holds = "eth_getBlockByNumber";
	pass_ms(150);
	(void)node_await("eth_getBlockByNumber");
	pass_ms(40);
	release();
	run_until(collector_is_quiet(collector));
	assert_int_equal(counted().included, 2);
	assert_int_equal(inclusion.latency.total, 2);
	assert_int_equal(inclusion.latency.most_us, 250000);
	assert_int_equal(histogram_percentile(&inclusion.latency, 1) / 1000, 150);
	assert_int_equal(chain.transactions, 3);
	assert_int_equal(chain.gas_used, 3 * CHAIN_GAS);
	assert_int_equal(chain.succeeded, 2);
	assert_int_equal(counts.unknown, 0);
}

static void receipts_tell_how_it_went(void **state)
{
	struct buffer failed = {0}, missing = {0};

	(void)state;
	collect_started(NULL);
	for (int i = 0; i < 5; i++) {
		send_one(i);
	}
	chain_grow(1);
	chain_put(chain_hash(76));
	for (int i = 0; i < 5; i++) {
		chain_put(chain_hash((uint64_t)(i + 2) % 5));
	}
	ethereum_hex(&failed, chain_hash(3), ETHEREUM_HASH);
	ethereum_hex(&missing, chain_hash(4), ETHEREUM_HASH);
	node_chain.failed = buffer_text(&failed);
	node_chain.missing = buffer_text(&missing);
	poll_now();
	assert_int_equal(chain.succeeded, 3);
	assert_int_equal(chain.failed, 1);
	assert_int_equal(counts.unknown, 1);
	assert_int_equal(node_count_asked("eth_getBlockReceipts"), 1);
	assert_int_equal(node_count_asked("eth_getTransactionReceipt"), 0);
	buffer_fini(&failed);
	buffer_fini(&missing);
}

/* Blocks without ours need no receipts, and where they are not wanted none are asked for. */
static void receipts_are_asked_for_where_they_are_wanted(void **state)
{
	(void)state;
	collect_started(NULL);
	chain_grow(1);
	chain_put(chain_hash(77));
	poll_now();
	assert_int_equal(node_count_asked("eth_getBlockReceipts"), 0);
	collector_free(collector);
	config.receipts = false;
	collect_started(NULL);
	send_one(1);
	chain_grow(1);
	chain_put(chain_hash(1));
	poll_now();
	assert_int_equal(counted().included, 1);
	assert_int_equal(node_count_asked("eth_getBlockReceipts"), 0);
}

/* They are asked for one by one, and the node is not asked for what it has not again. */
static void a_node_without_receipts_of_blocks(void **state)
{
	struct buffer failed = {0};

	(void)state;
	collect_started(NULL);
	node_chain.lacks_block_receipts = true;
	ethereum_hex(&failed, chain_hash(3), ETHEREUM_HASH);
	node_chain.failed = buffer_text(&failed);
	for (int block = 0; block < 2; block++) {
		chain_grow(1);
		for (int i = 0; i < 4; i++) {
			int number = 4 * block + i;

			send_one(number);
			chain_put(chain_hash((uint64_t)number));
		}
		poll_now();
	}
	assert_int_equal(chain.succeeded, 7);
	assert_int_equal(chain.failed, 1);
	assert_int_equal(counts.unknown, 0);
	assert_int_equal(node_count_asked("eth_getBlockReceipts"), 1);
	assert_int_equal(node_count_asked("eth_getTransactionReceipt"), 8);
	buffer_fini(&failed);
}

static void a_receipt_that_is_not_there_is_missing(void **state)
{
	struct buffer missing = {0};

	(void)state;
	collect_started(NULL);
	node_chain.lacks_block_receipts = true;
	ethereum_hex(&missing, chain_hash(0), ETHEREUM_HASH);
	node_chain.missing = buffer_text(&missing);
	chain_grow(1);
	for (int i = 0; i < 3; i++) {
		send_one(i);
		chain_put(chain_hash((uint64_t)i));
	}
	poll_now();
	assert_int_equal(chain.succeeded, 2);
	assert_int_equal(counts.unknown, 1);
	buffer_fini(&missing);
}

/* Says no, as a proxy does to methods that it does not know, while others are answered. */
static bool deny_receipts(struct node_question *question)
{
	bool denied = strstr(question->method, "Receipt");

	if (denied) {
		node_status(question, 403, "denied");
	}
	return denied || chain_answer(question);
}

static void receipts_that_are_denied_do_not_stop_it(void **state)
{
	(void)state;
	collect_started(NULL);
	node.answer = deny_receipts;
	for (int i = 0; i < 3; i++) {
		send_one(i);
		chain_grow(1);
		chain_put(chain_hash((uint64_t)i));
	}
	for (int i = 0; i < 20; i++) {
		pass_ms(POLL_MS);
	}
	run_until(collector_is_quiet(collector));
	assert_int_equal(counted().included, 3);
	assert_int_equal(counts.unknown, 3);
	assert_int_equal(chain.blocks, 3);
}

/* What the blocks between are, is known only then: all of them are there. */
static void a_node_that_is_away_is_asked_again(void **state)
{
	(void)state;
	collect_started(NULL);
	send_one(1);
	node_die();
	for (int i = 0; i < 10; i++) {
		pass_ms(POLL_MS);
	}
	assert_int_equal(counts.outages, 1);
	assert_false(collector_is_quiet(collector));
	chain_grow(4);
	chain_put(chain_hash(1));
	node_listen();
	poll_now();
	assert_int_equal(chain.blocks, 4);
	assert_int_equal(chain.succeeded, 1);
	assert_int_equal(counts.outages, 1);
	assert_int_equal(chain.reorganizations, 0);
	node_die();
	pass_ms(POLL_MS);
	run_until(counts.outages == 2);
}

/* In the middle of whatever it asks for. */
static void a_node_that_goes_in_the_middle(void **state)
{
	static const char *const questions[] = {
		"eth_blockNumber", "eth_getBlockByNumber", "eth_getBlockReceipts"};

	(void)state;
	collect_started(NULL);
	for (int i = 0; i < 3; i++) {
		send_one(i);
		chain_grow(1);
		chain_put(chain_hash((uint64_t)i));
		node_chain.holds = questions[i];
		pass_ms(POLL_MS);
		(void)node_await(questions[i]);
		node_die();
		node_chain.holds = NULL;
		run_until(counts.outages == (uint64_t)i + 1);
		for (int polls = 0; polls < 5; polls++) {
			pass_ms(POLL_MS);
		}
		node_listen();
		poll_now();
		assert_int_equal(chain.succeeded, i + 1);
		assert_int_equal(counts.unknown, 0);
	}
}

static void an_answer_that_does_not_come_is_asked_for_again(void **state)
{
	(void)state;
	collect_started(NULL);
	chain_grow(1);
	node_chain.holds = "eth_getBlockByNumber";
	pass_ms(POLL_MS);
	node_forget(node_await("eth_getBlockByNumber"));
	node_chain.holds = NULL;
	pass_ms(10000);
	pass_ms(POLL_MS);
	run_until(chain.blocks == 1);
}

/* The node knows of it, but has not got it yet: no matter of outages. */
static void a_block_that_is_not_there_yet(void **state)
{
	(void)state;
	collect_started(NULL);
	chain_grow(2);
	node_chain.holds = "eth_getBlockByNumber";
	pass_ms(POLL_MS);
	node_result(node_await("eth_getBlockByNumber"), "null");
	node_settle();
	assert_null(node_find("eth_getBlockByNumber"));
	pass_ms(POLL_MS);
	node_error(node_await("eth_getBlockByNumber"), -32000, "header not found");
	node_settle();
	assert_null(node_find("eth_getBlockByNumber"));
	assert_int_equal(counts.outages, 0);
	node_chain.holds = NULL;
	poll_now();
	assert_int_equal(chain.blocks, 2);
	assert_int_equal(counts.outages, 0);
}

/* Answers with a block that nobody has asked for. */
static bool answer_wrongly(struct node_question *question)
{
	struct buffer block = {0};
	bool is_block = chain_is_asked(question, "eth_getBlockByNumber");

	if (is_block) {
		chain_append_block(&block, node_chain.newest);
		node_result(question, buffer_text(&block));
	}
	buffer_fini(&block);
	return is_block || chain_answer(question);
}

/* It is asked again at the next poll, not on and on. */
static void a_block_that_was_not_asked_for_is_none(void **state)
{
	(void)state;
	collect_started(NULL);
	chain_grow(2);
	node.answer = answer_wrongly;
	for (int i = 0; i < 3; i++) {
		pass_ms(POLL_MS);
		(void)node_await_asked("eth_getBlockByNumber", i + 1);
	}
	node_settle();
	assert_int_equal(node_count_asked("eth_getBlockByNumber"), 3);
	assert_int_equal(chain.blocks, 0);
	assert_int_equal(chain.reorganizations, 0);
	node.answer = chain_answer;
	poll_now();
	assert_int_equal(chain.blocks, 2);
}

static void garbage_is_asked_for_again(void **state)
{
	static const char *const garbage[] = {"{}", "\"0x6\"", "[]",
		"{\"number\":\"0x6\",\"hash\":\"0x1\",\"parentHash\":\"0x1\",\"gasUsed\":\"0x1\"}"};

	(void)state;
	collect_started(NULL);
	chain_grow(1);
	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		node_chain.holds = "eth_getBlockByNumber";
		pass_ms(POLL_MS);
		node_result(node_await("eth_getBlockByNumber"), garbage[i]);
		node_settle();
		assert_null(node_find("eth_getBlockByNumber"));
	}
	node_chain.holds = "eth_blockNumber";
	pass_ms(POLL_MS);
	node_result(node_await("eth_blockNumber"), "6");
	node_settle();
	node_chain.holds = NULL;
	poll_now();
	assert_int_equal(chain.blocks, 1);
}

static void hurries_when_it_is_told_to(void **state)
{
	(void)state;
	collect_started(NULL);
	chain_grow(1);
	collector_hurry(collector);
	assert_false(collector_is_quiet(collector));
	run_until(collector_is_quiet(collector));
	assert_int_equal(chain.blocks, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		collector_test(begins_behind_the_newest_block),
		collector_test(all_blocks_between_two_polls_are_read),
		collector_test(inclusion_is_counted_from_the_poll),
		collector_test(receipts_tell_how_it_went),
		collector_test(receipts_are_asked_for_where_they_are_wanted),
		collector_test(a_node_without_receipts_of_blocks),
		collector_test(a_receipt_that_is_not_there_is_missing),
		collector_test(receipts_that_are_denied_do_not_stop_it),
		collector_test(a_node_that_is_away_is_asked_again),
		collector_test(a_node_that_goes_in_the_middle),
		collector_test(an_answer_that_does_not_come_is_asked_for_again),
		collector_test(a_block_that_is_not_there_yet),
		collector_test(a_block_that_was_not_asked_for_is_none),
		collector_test(garbage_is_asked_for_again),
		collector_test(hurries_when_it_is_told_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
