/* SPDX-License-Identifier: Apache-2.0 */
/* Transfers that are signed as they are sent, and what their ends mean. */
#include "load/evm_source_script.h"

#define LOOK_MS 20

static void a_request_is_a_call_with_a_transfer(void **state)
{
	struct transfer transfer = {0};
	char head[200], body[1200];

	(void)state;
	prepare_all(1);
	next(&transfer, 17);
	assert_signed(&transfer, 0, 5);
	(void)snprintf(head, sizeof(head),
		"POST /rpc HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n",
		node.port);
	(void)snprintf(body, sizeof(body),
		"{\"jsonrpc\":\"2.0\",\"id\":17,\"method\":\"eth_sendRawTransaction\",\"params\":["
		"\"%s\"]}",
		raw_of(&transfer));
	assert_int_equal(transfer.request.head_length, strlen(head));
	assert_memory_equal(transfer.request.head, head, strlen(head));
	assert_int_equal(transfer.request.body_length, strlen(body));
	assert_memory_equal(transfer.request.body, body, strlen(body));
	assert_true(transfer.request.keeps_answer);
	assert_int_equal(transfer.request.scenario, 3);
	assert_int_equal(accept_it(&transfer), LOAD_OK);
	buffer_fini(&transfer.room);
}

/* Each has one in flight, in turn, and its nonces in order. */
static void accounts_take_turns(void **state)
{
	struct transfer transfers[ACCOUNTS + 1] = {0};

	(void)state;
	prepare_all(1);
	for (uint64_t round = 0; round < 3; round++) {
		for (size_t i = 0; i < ACCOUNTS; i++) {
			next(&transfers[i], round * 10 + i);
			assert_signed(&transfers[i], i, 5 + round);
		}
		assert_int_equal(next_of(0, &transfers[ACCOUNTS], 99), SOURCE_BUSY);
		assert_int_equal(evm->in_flight, ACCOUNTS);
		for (size_t i = 0; i < ACCOUNTS; i++) {
			assert_int_equal(accept_it(&transfers[i]), LOAD_OK);
		}
	}
	assert_int_equal(evm->in_flight, 0);
	assert_int_equal(counted().accepted, 12);
	for (size_t i = 0; i <= ACCOUNTS; i++) {
		buffer_fini(&transfers[i].room);
	}
}

/* One account, whose next transfer shows what is known of its nonce. */
static void what_an_answer_means_for_the_nonce(void **state)
{
	static const struct {
		const char *error; /* NULL: it is over by: */
		enum load_outcome outcome, counted;
		bool is_used, is_asked, is_away;
		uint64_t nonce, known, funds; /* what is counted */
	} cases[] = {
		{"nonce too low", LOAD_OK, LOAD_RPC_ERROR, false, true, false, 1, 0, 0},
		{"replacement transaction underpriced", LOAD_OK, LOAD_RPC_ERROR, false, true, false,
			1, 0, 0},
		{"already known", LOAD_OK, LOAD_RPC_ERROR, true, false, false, 0, 1, 0},
		{"insufficient funds for gas * price + value", LOAD_OK, LOAD_RPC_ERROR, false, true,
			false, 0, 0, 1},
		{"txpool is full", LOAD_OK, LOAD_RPC_ERROR, false, true, false, 0, 0, 0},
		{NULL, LOAD_REFUSED, LOAD_REFUSED, false, true, true, 0, 0, 0},
		{NULL, LOAD_RESET_SENT, LOAD_RESET_SENT, false, true, true, 0, 0, 0},
		{NULL, LOAD_TIMED_OUT, LOAD_TIMED_OUT, false, true, false, 0, 0, 0},
		{NULL, LOAD_OK, LOAD_MALFORMED, false, true, false, 0, 0, 0}, /* no body */
		{NULL, LOAD_LOCAL, LOAD_LOCAL, false, false, false, 0, 0, 0},
	};
	struct transfer transfer = {0};
	uint64_t nonce = 5;

	(void)state;
	evm->account_count = 1;
	prepare_all(1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t refused = evm->nonce_refused, known = evm->known, epoch = evm->epoch;
		uint64_t funds = evm->funds_refused, resyncs = evm->resyncs;
		enum load_outcome outcome;

		next(&transfer, i);
		assert_signed(&transfer, 0, nonce);
		outcome = cases[i].error ? refuse(&transfer, cases[i].error)
					 : end_with(&transfer, cases[i].outcome, NULL);
		assert_int_equal(outcome, cases[i].counted);
		assert_int_equal(evm->nonce_refused - refused, cases[i].nonce);
		assert_int_equal(evm->known - known, cases[i].known);
		assert_int_equal(evm->funds_refused - funds, cases[i].funds);
		assert_int_equal(evm->epoch - epoch, cases[i].is_away);
		assert_int_equal(evm->resyncs - resyncs, cases[i].is_asked);
		nonce += cases[i].is_used;
		if (cases[i].is_asked) {
			char result[16];

			assert_int_equal(next_of(0, &transfer, 99), SOURCE_BUSY);
			nonce = 20 + i;
			(void)snprintf(
				result, sizeof(result), "\"0x%llx\"", (unsigned long long)nonce);
			node_result(node_await(NONCE), result);
			node_settle();
		}
	}
	buffer_fini(&transfer.room);
}

/* One that was dropped has not been sent, and its nonce is the next one's. */
static void what_was_not_sent_is_forgotten(void **state)
{
	struct transfer transfer = {0};

	(void)state;
	evm->account_count = 1;
	prepare_all(1);
	next(&transfer, 1);
	(void)sources[0]->ops->over(sources[0], &transfer.request, NULL);
	assert_int_equal(evm->in_flight, 0);
	next(&transfer, 2);
	assert_signed(&transfer, 0, 5);
	assert_int_equal(accept_it(&transfer), LOAD_OK);
	assert_int_equal(counted().accepted, 1);
	assert_int_equal(counted().waiting, 1);
	buffer_fini(&transfer.room);
}

/* They ask for what every node says, and are counted nowhere. */
static void those_that_warm_up_send_nothing(void **state)
{
	struct transfer transfer = {0};

	(void)state;
	prepare_all(1);
	next(&transfer, LOAD_WARMING_FROM + 7);
	assert_string_equal(id_of(&transfer), "4503599627370503"); /* exact in every reader */
	assert_non_null(strstr(transfer.request.body, "\"method\":\"eth_chainId\""));
	assert_int_equal(accept_it(&transfer), LOAD_OK);
	assert_int_equal(evm->resyncs, 0);
	assert_int_equal(evm->in_flight, 0);
	assert_int_equal(counted().accepted, 0);
	next(&transfer, 0);
	assert_signed(&transfer, 0, 5);
	assert_int_equal(accept_it(&transfer), LOAD_OK);
	buffer_fini(&transfer.room);
}

/* From when it was sent until its block was seen; also of those whose answer is lost. */
static void inclusion_is_timed(void **state)
{
	struct transfer transfers[2] = {0};

	(void)state;
	prepare_all(1);
	for (int i = 0; i < 2; i++) {
		next(&transfers[i], (uint64_t)i);
	}
	assert_int_equal(accept_it(&transfers[0]), LOAD_OK);
	assert_int_equal(end_with(&transfers[1], LOAD_RESET_SENT, NULL), LOAD_RESET_SENT);
	assert_int_equal(counted().unknown, 1);
	chain_grow(1);
	chain_put(hash_of(&transfers[0]));
	chain_put(hash_of(&transfers[1]));
	pass_ms(POLL_MS);
	run_until(counted().included == 2);
	run_until(evm->chain.succeeded == 2);
	assert_int_equal(counted().of_unknown, 1);
	assert_int_equal(evm->inclusion.latency.most_us, 250000);
	for (int i = 0; i < 2; i++) {
		buffer_fini(&transfers[i].room);
	}
}

/* The end. */

static void finish(int64_t within_ms)
{
	sources[0]->ops->finish(sources[0], curfew_after_ms(within_ms), note_finished, &sources[0]);
	assert_int_equal(finished[0], 0);
}

static void the_end_waits_for_what_was_accepted(void **state)
{
	struct transfer transfer = {0};

	(void)state;
	prepare_all(1);
	next(&transfer, 1);
	finish(60000);
	for (int i = 0; i < 10; i++) {
		pass_ms(LOOK_MS); /* it is in flight: on another thread, as here nothing is */
	}
	assert_int_equal(finished[0], 0);
	assert_int_equal(accept_it(&transfer), LOAD_OK);
	for (int i = 0; i < 50; i++) {
		pass_ms(LOOK_MS);
	}
	assert_int_equal(finished[0], 0);
	chain_grow(1);
	chain_put(hash_of(&transfer));
	node_chain.holds = "eth_getBlockReceipts";
	pass_ms(POLL_MS);
	(void)node_await("eth_getBlockReceipts");
	pass_ms(LOOK_MS);
	assert_int_equal(finished[0], 0); /* its receipt is missing */
	node_chain.holds = NULL;
	assert_true(chain_answer(node_await("eth_getBlockReceipts")));
	run_until(evm->chain.succeeded);
	for (int i = 0; i < 5; i++) {
		pass_ms(LOOK_MS);
	}
	assert_int_equal(finished[0], 1);
	buffer_fini(&transfer.room);
}

/* Before it would be time for a poll. */
static void the_end_asks_at_once(void **state)
{
	struct transfer transfer = {0};

	(void)state;
	prepare_all(1);
	next(&transfer, 1);
	assert_int_equal(accept_it(&transfer), LOAD_OK);
	chain_grow(1);
	chain_put(hash_of(&transfer));
	finish(60000);
	run_until(counted().included);
	run_until(evm->chain.succeeded);
	pass_ms(LOOK_MS);
	run_until(finished[0]);
	buffer_fini(&transfer.room);
}

static void the_end_has_a_bound(void **state)
{
	struct transfer transfer = {0};

	(void)state;
	prepare_all(1);
	next(&transfer, 1);
	assert_int_equal(accept_it(&transfer), LOAD_OK);
	finish(1000);
	for (int i = 0; i < 99; i++) {
		pass_ms(10);
	}
	assert_int_equal(finished[0], 0);
	pass_ms(10);
	assert_int_equal(finished[0], 1);
	assert_int_equal(counted().waiting, 1);
	buffer_fini(&transfer.room);
}

static void without_a_collector_the_end_comes_at_once(void **state)
{
	(void)state;
	evm->collects = false;
	prepare_all(1);
	finish(60000);
	run_until(finished[0]);
	assert_int_equal(node_count_asked("eth_blockNumber"), 0);
}

static void the_end_may_be_cut(void **state)
{
	struct transfer transfer = {0};

	(void)state;
	prepare_all(1);
	next(&transfer, 1);
	assert_int_equal(accept_it(&transfer), LOAD_OK);
	finish(60000);
	sources[0]->ops->stop(sources[0]);
	node_settle();
	assert_int_equal(finished[0], 1);
	pass_ms(60000);
	assert_int_equal(finished[0], 1);
	buffer_fini(&transfer.room);
}

/* None is made, and the next one is as if nothing had been. */
static void a_request_for_which_there_is_no_memory(void **state)
{
	struct transfer transfer = {0};
	bool failed = true;
	int without = 0;

	(void)state;
	evm->account_count = 1;
	prepare_all(1);
	for (int n = 1; failed; n++) {
		int result;

		buffer_fini(&transfer.room);
		allocation_fail(n);
		result = next_of(0, &transfer, 1);
		failed = allocation_failed();
		assert_true(result == 0 || result == -ENOMEM);
		without += result != 0;
		if (result == 0) {
			(void)sources[0]->ops->over(sources[0], &transfer.request, NULL);
		}
		next(&transfer, 2);
		assert_signed(&transfer, 0, 5);
		(void)sources[0]->ops->over(sources[0], &transfer.request, NULL);
	}
	assert_true(without > 1);
	buffer_fini(&transfer.room);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		source_test(a_request_is_a_call_with_a_transfer),
		source_test(accounts_take_turns),
		source_test(what_an_answer_means_for_the_nonce),
		source_test(what_was_not_sent_is_forgotten),
		source_test(those_that_warm_up_send_nothing),
		source_test(inclusion_is_timed),
		source_test(the_end_waits_for_what_was_accepted),
		source_test(the_end_asks_at_once),
		source_test(the_end_has_a_bound),
		source_test(without_a_collector_the_end_comes_at_once),
		source_test(the_end_may_be_cut),
		source_test(a_request_for_which_there_is_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
