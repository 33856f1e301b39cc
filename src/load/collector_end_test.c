/* SPDX-License-Identifier: Apache-2.0 */
/* A collector that cannot begin, ends in the middle, or has no memory. */
#include "load/collector.h"

#include "load/collector_script.h"

#define QUESTION_MS 10000

static void await_failure(const char *why)
{
	run_until(started);
	node_settle();
	assert_string_equal(why_not, why);
	assert_int_equal(started, 1);
}

/* With the answer to the method, and the question that goes on behind it, if there is one. */
static void fails_to_begin(
	const char *method, void (*answer)(struct node_question *question), const char *why)
{
	for (int freed = 0; freed < 2; freed++) {
		frees_itself = freed;
		node_chain.holds = method;
		collect(NULL);
		answer(node_await(method));
		await_failure(why);
		for (int i = 0; i < 4; i++) {
			pass_ms(POLL_MS);
		}
		assert_int_equal(started, 1);
		collector_free(collector);
		collector = NULL;
		node_settle();
	}
}

static void answer_error(struct node_question *question)
{
	node_error(question, -32000, "no");
}

static void answer_null(struct node_question *question)
{
	node_result(question, "null");
}

static void answer_garbage(struct node_question *question)
{
	node_say(question, "nonsense");
}

static void answer_503(struct node_question *question)
{
	node_status(question, 503, "");
}

static void answer_nothing(struct node_question *question)
{
	node_forget(question);
	pass_ms(QUESTION_MS);
}

static void break_off(struct node_question *question)
{
	node_close(question->peer);
	node_forget(question);
}

static void a_node_that_does_not_know_its_newest_block(void **state)
{
	static const char *const methods[] = {"eth_blockNumber", "eth_getBlockByNumber"};

	(void)state;
	for (int i = 0; i < 2; i++) {
		fails_to_begin(methods[i], answer_error, "answers with an error");
		fails_to_begin(methods[i], answer_garbage, "does not answer with JSON-RPC");
		fails_to_begin(methods[i], answer_503, "answers with status 503");
		fails_to_begin(methods[i], answer_nothing, "does not answer in time");
		fails_to_begin(methods[i], answer_null,
			i ? "has no newest block" : "answers with an error");
	}
}

static void a_connection_that_breaks_off_at_the_begin(void **state)
{
	(void)state;
	fails_to_begin("eth_blockNumber", break_off, "closed the connection before it answered");
}

static void nobody_listens(void **state)
{
	(void)state;
	node_die();
	collect(NULL);
	await_failure("refuses connections");
}

/* Two questions are under way by then: it is told once that it has failed. */
static void it_fails_once(void **state)
{
	(void)state;
	for (int first = 0; first < 2; first++) {
		node_chain.holds = "eth_getBlockByNumber eth_subscribe";
		collect(&node.websocket);
		(void)node_await("eth_getBlockByNumber");
		(void)node_await("eth_subscribe");
		node_chain.holds = "eth_blockNumber eth_getBlockByNumber";
		node_result(node_await("eth_subscribe"), "\"0x7\"");
		(void)node_await("eth_blockNumber");
		node_error(node_await(first ? "eth_blockNumber" : "eth_getBlockByNumber"), 1, "no");
		await_failure("answers with an error");
		node_error(node_await(first ? "eth_getBlockByNumber" : "eth_blockNumber"), 1, "no");
		node_settle();
		assert_int_equal(started, 1);
		collector_free(collector);
		collector = NULL;
		node_settle();
	}
}

/* Whatever it is doing. */
static void it_may_end_at_any_point(void **state)
{
	static const char *const held[] = {"eth_blockNumber", "eth_getBlockByNumber",
		"eth_getBlockReceipts", "eth_getTransactionReceipt", "eth_subscribe"};

	(void)state;
	for (size_t i = 0; i < sizeof(held) / sizeof(held[0]); i++) {
		node_chain.holds = held[i];
		node_chain.lacks_block_receipts = i == 3;
		if (i != 4) {
			node_chain.holds = NULL;
			collect_started(NULL);
			send_one((int)i);
			chain_grow(1);
			chain_put(chain_hash(i));
			node_chain.holds = held[i];
			pass_ms(POLL_MS);
		} else {
			collect(&node.websocket);
		}
		node_forget(node_await(held[i]));
		collector_free(collector);
		collector = NULL;
		node_settle();
	}
	for (int point = 0; point < 12; point++) {
		node_chain.holds = NULL;
		collect(&node.websocket);
		for (int i = 0; i < point; i++) {
			round_now();
		}
		collector_free(collector);
		collector = NULL;
		node_settle();
	}
}

/* It begins or does not; what it knows in the end is right, but for counts of what is missing. */
static void one_for_which_there_is_no_memory(void **state)
{
	bool failed = true;

	(void)state;
	for (int n = 1; failed; n++) {
		uint64_t blocks = chain.blocks;

		started = 0;
		allocation_fail(n);
		config.websocket = n % 2 ? &node.websocket : NULL;
		collector = collector_new(&config);
		assert_true(collector || errno == ENOMEM);
		for (int i = 0; collector && !started && i < 100; i++) {
			pass_ms(100);
		}
		assert_true(started || !collector);
		if (collector && !why_not[0]) {
			allocation_spare(true);
			chain_grow(2);
			send_one(n);
			chain_put(chain_hash((uint64_t)n));
			allocation_spare(false);
			for (int i = 0; i < 6; i++) {
				pass_ms(POLL_MS);
				collector_hurry(collector);
			}
			failed = allocation_failed();
			collector_hurry(collector);
			run_until(collector_is_quiet(collector));
			assert_int_equal(chain.blocks, blocks + 2);
			assert_int_equal(chain.reorganizations, 0);
			assert_int_equal(chain_next(&chain), node_chain.newest + 1);
		} else {
			assert_true(allocation_failed());
		}
		why_not[0] = '\0';
		collector_free(collector);
		collector = NULL;
		run_until(!node_ws());
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		collector_test(a_node_that_does_not_know_its_newest_block),
		collector_test(a_connection_that_breaks_off_at_the_begin),
		collector_test(nobody_listens),
		collector_test(it_fails_once),
		collector_test(it_may_end_at_any_point),
		collector_test(one_for_which_there_is_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
