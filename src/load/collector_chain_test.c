/* SPDX-License-Identifier: Apache-2.0 */
/* A chain that becomes another one, and one whose blocks are told of over a WebSocket. */
#include "load/collector.h"

#include "load/collector_script.h"

/* Those that were in the old blocks wait again, and are found in the new ones. */
static void a_chain_that_forks_between_two_polls(void **state)
{
	(void)state;
	collect_started(NULL);
	chain_grow(1);
	for (int i = 0; i < 3; i++) {
		send_one(i);
		chain_grow(1);
		chain_put(chain_hash((uint64_t)i));
	}
	poll_now();
	assert_int_equal(chain.blocks, 4);
	assert_int_equal(counted().included, 3);
	pass_ms(100);
	send_one(7);
	chain_fork(8, 1);
	chain_put(chain_hash(2));
	chain_grow(2);
	chain_put(chain_hash(7));
	poll_now();
	assert_int_equal(reorganized, 2); /* 9 and 8 were given up */
	assert_int_equal(chain.reorganizations, 1);
	assert_int_equal(chain.blocks, 5);
	assert_int_equal(chain.transactions, 3);
	assert_int_equal(chain.succeeded, 3);
	assert_int_equal(counted().included, 3);
	assert_int_equal(counted().waiting, 1); /* 1, which is in no block now */
	assert_int_equal(counted().reorganized, 2);
}

/* Its time is that of the poll that has found the fork, not the old block's, and not none. */
static void what_a_fork_includes_has_its_time(void **state)
{
	(void)state;
	collect_started(NULL);
	chain_grow(2);
	poll_now();
	pass_ms(50);
	send_one(1);
	chain_fork(6, 1);
	chain_put(chain_hash(1));
	chain_grow(2);
	pass_ms(POLL_MS - 50);
	run_until(reorganized == 2);
	run_until(collector_is_quiet(collector));
	assert_int_equal(inclusion.latency.total, 1);
	assert_int_equal(inclusion.latency.most_us, 200000);
}

/* A node that has lost its state, or a part of it. */
static void a_number_that_goes_backwards(void **state)
{
	(void)state;
	collect_started(NULL);
	chain_grow(5);
	poll_now();
	assert_int_equal(chain.blocks, 5);
	chain_fork(3, 1);
	poll_now();
	assert_true(reorganized > 0);
	assert_int_equal(chain.reorganizations, 1);
	assert_int_equal(chain_next(&chain), 4);
	send_one(1);
	chain_grow(4);
	chain_put(chain_hash(1));
	poll_now();
	assert_int_equal(chain_next(&chain), 8);
	assert_int_equal(counted().included, 1);
	assert_int_equal(chain.reorganizations, 1);
}

static void a_node_that_begins_anew(void **state)
{
	(void)state;
	collect_started(NULL);
	chain_grow(100);
	poll_now();
	send_one(1);
	chain_fork(1, 1);
	chain_put(chain_hash(1));
	node_chain.blocks[0].fork = 9;
	poll_now();
	assert_int_equal(chain.reorganizations, 1);
	assert_int_equal(chain_next(&chain), 2);
	assert_int_equal(counted().included, 1);
	assert_int_equal(chain.succeeded, 1);
}

/* Behind a balancer: its blocks are the same ones. */
static void a_node_that_lags_behind_is_no_other_chain(void **state)
{
	(void)state;
	collect_started(NULL);
	chain_grow(5);
	poll_now();
	node_chain.newest -= 3;
	poll_now();
	poll_now();
	assert_int_equal(reorganized, 0);
	assert_int_equal(chain.blocks, 5);
	chain_grow(4);
	poll_now();
	assert_int_equal(chain.blocks, 6);
	assert_int_equal(reorganized, 0);
}

/* Of one that had the block before, and has another in the end. */
static void a_fork_that_is_older_than_what_we_remember(void **state)
{
	(void)state;
	collect_started(NULL);
	chain_grow(CHAIN_DEPTH + 20);
	poll_now();
	chain_fork(7, CHAIN_DEPTH + 30);
	poll_now();
	assert_int_equal(chain.reorganizations, 1);
	assert_int_equal(chain_next(&chain), node_chain.newest + 1);
}

/* The feed. */

static void blocks_are_told_of(void **state)
{
	(void)state;
	collect_started(&node.websocket);
	send_one(1);
	pass_ms(40);
	chain_grow(1);
	chain_put(chain_hash(1));
	chain_tell(6);
	run_until(chain.blocks == 1);
	run_until(collector_is_quiet(collector));
	assert_int_equal(inclusion.latency.most_us, 40000);
	assert_int_equal(chain.succeeded, 1);
	for (int i = 0; i < 8; i++) {
		pass_ms(POLL_MS);
	}
	node_expect_asked("eth_getBlockByNumber [\"0x6\",false]\n"
			  "eth_getBlockReceipts [\"0x6\"]\n");
}

/* Nobody told of those between. */
static void a_gap_is_filled(void **state)
{
	(void)state;
	collect_started(&node.websocket);
	chain_grow(4);
	chain_tell(9);
	run_until(chain.blocks == 4);
	chain_tell(9);
	node_settle();
	assert_int_equal(chain.blocks, 4);
	assert_int_equal(reorganized, 0);
}

/* The same number with another hash: seen at once, not only when the next block comes. */
static void a_block_that_is_told_of_again_is_another(void **state)
{
	(void)state;
	collect_started(&node.websocket);
	send_one(1);
	send_one(2);
	chain_grow(1);
	chain_put(chain_hash(1));
	chain_tell(6);
	run_until(chain.blocks == 1 && collector_is_quiet(collector));
	pass_ms(70);
	chain_fork(6, 1);
	chain_put(chain_hash(2));
	chain_tell(6);
	run_until(reorganized);
	run_until(collector_is_quiet(collector));
	assert_int_equal(chain.blocks, 1);
	assert_int_equal(chain.reorganizations, 1);
	assert_int_equal(counted().waiting, 1);
	assert_int_equal(counted().included, 1);
	assert_int_equal(inclusion.latency.most_us, 70000);
}

/* As nodes tell of a new branch: each of its blocks, from the fork on. */
static void a_branch_is_told_of(void **state)
{
	(void)state;
	collect_started(&node.websocket);
	for (uint64_t i = 6; i < 10; i++) {
		chain_grow(1);
		chain_tell(i);
	}
	run_until(chain.blocks == 4);
	chain_fork(8, 3);
	for (uint64_t i = 8; i < 11; i++) {
		chain_tell(i);
	}
	run_until(chain.blocks == 5);
	run_until(collector_is_quiet(collector));
	assert_int_equal(chain.reorganizations, 1);
	assert_int_equal(chain_next(&chain), 11);
}

/* Until it is there again the newest is asked for. */
static void a_subscription_that_is_lost(void **state)
{
	(void)state;
	collect_started(&node.websocket);
	node.refuses_ws = true;
	node_close(node_ws());
	run_until(counts.outages == 1);
	chain_grow(2);
	poll_now();
	assert_int_equal(chain.blocks, 2);
	chain_grow(1);
	poll_now();
	assert_int_equal(chain.blocks, 3);
	assert_int_equal(counts.outages, 1);
	node.refuses_ws = false;
	pass_ms(1000);
	run_until(node_ws() && node_count_asked("eth_subscribe") == 1);
	run_until(collector_is_quiet(collector));
	buffer_consume(&node.asked, node.asked.length);
	chain_grow(2);
	chain_tell(7); /* of which we know already */
	chain_tell(10);
	run_until(chain.blocks == 5 && collector_is_quiet(collector));
	for (int i = 0; i < 8; i++) {
		pass_ms(POLL_MS);
	}
	assert_int_equal(node_count_asked("eth_blockNumber"), 1); /* for 7: there may be a fork */
	assert_int_equal(counts.outages, 1);
	assert_int_equal(reorganized, 0);
}

/* What came while nobody listened is asked for when it has subscribed. */
static void blocks_before_the_subscription_are_read(void **state)
{
	(void)state;
	collect(&node.websocket);
	node_chain.holds = "eth_subscribe";
	(void)node_await("eth_subscribe");
	run_until(chain_next(&chain) == 6);
	assert_int_equal(started, 0);
	chain_grow(3);
	release();
	await_started();
	run_until(chain.blocks == 3);
}

static void a_node_that_dies_while_it_tells(void **state)
{
	(void)state;
	collect_started(&node.websocket);
	node_die();
	run_until(counts.outages);
	for (int i = 0; i < 10; i++) {
		pass_ms(POLL_MS);
	}
	chain_fork(2, 1);
	node_listen();
	pass_ms(1000);
	run_until(chain_next(&chain) == 3 && collector_is_quiet(collector));
	assert_int_equal(counts.outages, 1);
	assert_true(reorganized > 0);
	run_until(node_ws());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		collector_test(a_chain_that_forks_between_two_polls),
		collector_test(what_a_fork_includes_has_its_time),
		collector_test(a_number_that_goes_backwards),
		collector_test(a_node_that_begins_anew),
		collector_test(a_node_that_lags_behind_is_no_other_chain),
		collector_test(a_fork_that_is_older_than_what_we_remember),
		collector_test(blocks_are_told_of),
		collector_test(a_gap_is_filled),
		collector_test(a_block_that_is_told_of_again_is_another),
		collector_test(a_branch_is_told_of),
		collector_test(a_subscription_that_is_lost),
		collector_test(blocks_before_the_subscription_are_read),
		collector_test(a_node_that_dies_while_it_tells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
