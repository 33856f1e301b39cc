/* SPDX-License-Identifier: Apache-2.0 */
/* Calls without a connection, calls and clients that are given up, and no memory for them. */
#include "load/rpc_client.h"

#include "load/rpc_client_script.h"

static void nobody_listens(void **state)
{
	(void)state;
	node_die();
	ask(&asked[0], LATER);
	ask(&asked[1], LATER);
	expect(&asked[0], "refuses connections");
	expect(&asked[1], "refuses connections");
	node_listen();
	node_can("a_question", "1");
	ask(&asked[0], LATER);
	expect(&asked[0], "1");
}

/* A patient one waits for the next dial: after 50 ms, then twice as long, a second at most. */
static void a_patient_call_is_made_when_the_node_is_back(void **state)
{
	static const int pauses[] = {50, 100, 200, 400, 800, 1000, 1000};

	(void)state;
	node_die();
	asked[0].call.patient = true;
	ask(&asked[0], 60000);
	node_settle();
	for (size_t i = 0; i < sizeof(pauses) / sizeof(pauses[0]); i++) {
		node_listen();
		pass_ms(pauses[i] - 1);
		assert_int_equal(node.accepted, 0);
		node_die();
		pass_ms(1);
		assert_int_equal(asked[0].done, 0);
	}
	node_listen();
	pass_ms(1000);
	node_result(question_of(&asked[0]), "1");
	expect(&asked[0], "1");
	assert_int_equal(node.accepted, 1);
	/* And then the pauses begin anew. */
	node_die();
	node_settle();
	ask(&asked[0], 60000);
	node_settle();
	node_listen();
	pass_ms(50);
	node_result(question_of(&asked[0]), "2");
	expect(&asked[0], "2");
}

/* However many of them wait. */
static void many_patient_calls_wait_as_long_as_one(void **state)
{
	(void)state;
	node_die();
	for (int i = 0; i < CALLS; i++) {
		asked[i].call.patient = true;
		ask(&asked[i], 60000);
	}
	node_settle();
	node_listen();
	node_can("a_question", "1");
	pass_ms(50);
	for (int i = 0; i < CALLS; i++) {
		expect(&asked[i], "1");
	}
}

static void patience_has_an_end(void **state)
{
	(void)state;
	node_die();
	asked[0].call.patient = true;
	ask(&asked[0], 1000);
	ask(&asked[1], 60000);
	expect(&asked[1], "refuses connections");
	pass_ms(999);
	assert_int_equal(asked[0].done, 0);
	pass_ms(1);
	expect(&asked[0], "does not answer in time");
}

static void ask_next(struct asking *asking)
{
	asking->done = 0;
	asking->then = NULL;
	ask(asking, LATER);
}

static void a_call_may_be_made_again_where_it_ended(void **state)
{
	(void)state;
	asked[0].then = ask_next;
	ask(&asked[0], LATER);
	node_result(question_of(&asked[0]), "1");
	node_result(question_of(&asked[0]), "2");
	expect(&asked[0], "2");
	asked[0].then = ask_next;
	ask(&asked[0], LATER);
	node_close(question_of(&asked[0])->peer);
	node_forget(node_first());
	node_result(question_of(&asked[0]), "3");
	node_result(question_of(&asked[0]), "4");
	expect(&asked[0], "4");
}

static void a_call_may_be_given_up_anywhere(void **state)
{
	(void)state;
	ask(&asked[0], LATER); /* it is dialled for */
	rpc_cancel(&asked[0].call);
	rpc_cancel(&asked[0].call);
	node_settle();
	ask(&asked[0], LATER);
	node_forget(question_of(&asked[0])); /* it was asked */
	rpc_cancel(&asked[0].call);
	node_settle();
	for (int i = 0; i <= RPC_CONNECTIONS; i++) {
		ask(&asked[i], LATER);
	}
	rpc_cancel(&asked[RPC_CONNECTIONS].call); /* it waits */
	node_can("a_question", "1");
	for (int i = 0; i < RPC_CONNECTIONS; i++) {
		struct node_question *waits = node_find("a_question");

		if (waits) {
			node_result(waits, "1");
		}
		expect(&asked[i], "1");
	}
	node_settle();
	assert_int_equal(asked[RPC_CONNECTIONS].done, 0);
}

static void close_client(struct asking *asking)
{
	(void)asking;
	rpc_client_close(client);
	client = NULL;
}

/* What is under way is given up, and nothing is left: teardown sees to that. */
static void a_client_may_be_closed_at_any_point(void **state)
{
	for (int point = 0; point < 8; point++) {
		for (int i = 0; i < CALLS; i++) {
			asked[i].then = NULL;
			asked[i].done = 0;
			ask(&asked[i], LATER);
		}
		for (int i = 0; i < point; i++) {
			round_now();
		}
		close_client(NULL);
		node_settle();
		for (int i = 0; i < CALLS; i++) {
			assert_int_equal(asked[i].done, 0);
			assert_false(rpc_under_way(&asked[i].call));
		}
		teardown(state);
		setup(state);
	}
}

static void a_client_may_be_closed_by_whom_it_calls(void **state)
{
	(void)state;
	ask(&asked[0], LATER);
	ask(&asked[1], LATER);
	asked[0].then = close_client;
	node_result(question_of(&asked[0]), "1");
	await_end(&asked[0]);
	node_settle();
	assert_int_equal(asked[1].done, 0);
}

static void a_client_may_be_closed_by_the_first_that_fails(void **state)
{
	(void)state;
	node_die();
	for (int i = 0; i < CALLS; i++) {
		ask(&asked[i], LATER);
	}
	asked[0].then = close_client;
	await_end(&asked[0]);
	node_settle();
	for (int i = 1; i < CALLS; i++) {
		assert_int_equal(asked[i].done, 0);
	}
}

/* The end has come: no connections any more, and the calls that there are wait for their time. */
static void a_client_that_is_cut_is_closed_all_the_same(void **state)
{
	(void)state;
	ask(&asked[0], LATER);
	node_forget(question_of(&asked[0]));
	asked[1].call.patient = true;
	ask(&asked[1], 60000);
	curfew_drain_close(&worker->peers, curfew_now());
	run_until(!node_connections());
	assert_null(rpc_client_new(worker, &node.endpoint, NULL));
	assert_int_equal(errno, ESHUTDOWN);
	pass_ms(LATER);
	expect(&asked[0], "does not answer in time");
	assert_int_equal(asked[1].done, 0);
}

static void close_connections(void)
{
	for (int i = 0; i < NODE_PEERS; i++) {
		node_close(&node.peers[i]);
	}
	node_settle();
}

/* Each ends, in one way or the other, and the next one is answered as if nothing had been. */
static void a_call_for_which_there_is_no_memory(void **state)
{
	(void)state;
	node_can("a_question", "\"0x10\"");
	for (int fresh = 0; fresh < 2; fresh++) {
		bool failed = true;
		int without = 0;

		for (int n = 1; failed; n++) {
			if (fresh) {
				close_connections();
			}
			allocation_fail(n);
			ask(&asked[0], LATER);
			run_until(asked[0].done);
			failed = allocation_failed();
			without += strcmp(asked[0].said, "\"0x10\"") != 0;
			asked[0].done = 0;
			ask(&asked[0], LATER);
			expect(&asked[0], "\"0x10\"");
			rpc_call_fini(&asked[0].call);
		}
		assert_true(without > 1);
	}
}

static void a_client_for_which_there_is_no_memory(void **state)
{
	(void)state;
	allocation_fail(1);
	assert_null(rpc_client_new(worker, &node.endpoint, NULL));
	assert_int_equal(errno, ENOMEM);
	assert_true(allocation_failed());
	rpc_client_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		client_test(nobody_listens),
		client_test(a_patient_call_is_made_when_the_node_is_back),
		client_test(many_patient_calls_wait_as_long_as_one),
		client_test(patience_has_an_end),
		client_test(a_call_may_be_made_again_where_it_ended),
		client_test(a_call_may_be_given_up_anywhere),
		client_test(a_client_may_be_closed_at_any_point),
		client_test(a_client_may_be_closed_by_whom_it_calls),
		client_test(a_client_may_be_closed_by_the_first_that_fails),
		client_test(a_client_that_is_cut_is_closed_all_the_same),
		client_test(a_call_for_which_there_is_no_memory),
		client_test(a_client_for_which_there_is_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
