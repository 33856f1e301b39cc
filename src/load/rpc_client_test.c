/* SPDX-License-Identifier: Apache-2.0 */
/* Questions and their answers. */
#include "load/rpc_client.h"

#include "load/rpc_client_script.h"

static void a_question_has_its_answer(void **state)
{
	struct node_question *question;

	(void)state;
	ask(&asked[3], LATER);
	question = question_of(&asked[3]);
	assert_true(!strncmp(buffer_text(&question->peer->in), "", 1));
	node_result(question, "\"0x10\"");
	expect(&asked[3], "\"0x10\"");
	assert_int_equal(asked[3].verdict, RPC_RESULT);
	node_expect_asked("a_question [3]\n");
}

static void one_connection_is_kept_for_the_next(void **state)
{
	(void)state;
	node_can("a_question", "null");
	for (int i = 0; i < 5; i++) {
		ask(&asked[0], LATER);
		expect(&asked[0], "null");
	}
	assert_int_equal(node.accepted, 1);
}

/* Eight at a time, each with its own answer, in whatever order these come; the rest waits. */
static void answers_come_in_any_order(void **state)
{
	(void)state;
	for (int i = 0; i < CALLS; i++) {
		ask(&asked[i], LATER);
	}
	for (int left = CALLS; left > 0; left -= RPC_CONNECTIONS) {
		int first = CALLS - left;

		for (int i = RPC_CONNECTIONS - 1; i >= 0; i--) {
			struct asking *asking = &asked[first + (i * 5 + 3) % RPC_CONNECTIONS];
			char result[32];

			(void)snprintf(result, sizeof(result), "\"of %d\"", (int)(asking - asked));
			node_result(question_of(asking), result);
			expect(asking, result);
		}
	}
	assert_int_equal(node.accepted, RPC_CONNECTIONS);
}

static void an_error_is_an_answer(void **state)
{
	(void)state;
	ask(&asked[0], LATER);
	node_error(question_of(&asked[0]), -32601, "the method does not exist");
	expect(&asked[0], "\"the method does not exist\"");
	assert_int_equal(asked[0].verdict, RPC_ERROR);
	ask(&asked[0], LATER);
	node_status(question_of(&asked[0]), 400,
		"{\"id\":null,\"error\":{\"code\":-32700,\"message\":\"no\"}}");
	expect(&asked[0], "\"no\"");
	assert_int_equal(node.accepted, 1);
}

static void what_is_no_answer_is_told_as_such(void **state)
{
	static const struct {
		int status;
		const char *body, *said;
	} cases[] = {
		{200, "", "does not answer with JSON-RPC"},
		{200, "{", "does not answer with JSON-RPC"},
		{200, "[]", "does not answer with JSON-RPC"},
		{200, "{\"id\":77,\"result\":1}", "does not answer with JSON-RPC"},
		{200, "\xff\xfe", "does not answer with JSON-RPC"},
		{500, "<html>", "answers with status 500"},
		{429, "", "answers with status 429"},
		{301, "", "does not answer with JSON-RPC"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ask(&asked[0], LATER);
		node_status(question_of(&asked[0]), cases[i].status, cases[i].body);
		expect(&asked[0], cases[i].said);
	}
	assert_int_equal(node.accepted, 1);
}

/* Another call is on the connection by then. */
static void a_status_is_told_while_others_wait(void **state)
{
	(void)state;
	for (int i = 0; i <= RPC_CONNECTIONS; i++) {
		ask(&asked[i], LATER);
	}
	node_status(question_of(&asked[0]), 503, "busy");
	expect(&asked[0], "answers with status 503");
	for (int i = 1; i <= RPC_CONNECTIONS; i++) {
		node_result(question_of(&asked[i]), "1");
		expect(&asked[i], "1");
	}
}

/* What comes is read to its end, but not kept. */
static void an_answer_that_is_too_long(void **state)
{
	struct node_question *question;
	static char piece[65536];
	char head[100];
	struct node_peer *peer;

	(void)state;
	ask(&asked[0], LATER);
	question = question_of(&asked[0]);
	peer = question->peer;
	node_forget(question);
	memset(piece, ' ', sizeof(piece));
	(void)snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
		RPC_ANSWER_MOST + sizeof(piece));
	node_send(peer, head, strlen(head));
	for (size_t sent = 0; sent < RPC_ANSWER_MOST + sizeof(piece); sent += sizeof(piece)) {
		node_send(peer, piece, sizeof(piece));
	}
	expect(&asked[0], "answers with more than 64 MB");
	node_can("a_question", "1");
	ask(&asked[0], LATER);
	expect(&asked[0], "1");
	assert_int_equal(node.accepted, 1);
}

static void an_answer_that_never_comes(void **state)
{
	(void)state;
	ask(&asked[0], 100);
	ask(&asked[1], LATER);
	(void)question_of(&asked[0]);
	(void)question_of(&asked[1]);
	pass_ms(99);
	assert_int_equal(asked[0].done, 0);
	pass_ms(1);
	expect(&asked[0], "does not answer in time");
	node_result(question_of(&asked[1]), "1");
	expect(&asked[1], "1");
	/* An answer that comes now is nobody's: that connection is gone. */
	run_until(node_connections() == 1);
	node_forget(question_of(&asked[0]));
	ask(&asked[0], LATER);
	node_result(question_of(&asked[0]), "2");
	expect(&asked[0], "2");
	assert_int_equal(node.accepted, 2);
}

/* Of which half has come. */
static void an_answer_that_does_not_end(void **state)
{
	static const char half[] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"id\":";
	struct node_question *question;

	(void)state;
	ask(&asked[0], 100);
	question = question_of(&asked[0]);
	node_send(question->peer, half, sizeof(half) - 1);
	pass_ms(100);
	expect(&asked[0], "does not answer in time");
	node_can("a_question", "{\"whole\":true}");
	ask(&asked[0], LATER);
	expect(&asked[0], "{\"whole\":true}");
}

static void a_connection_that_breaks_off(void **state)
{
	static const char half[] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"id\":";
	static const char garbage[] = "SSH-2.0-x\r\n";
	struct node_question *question;

	(void)state;
	ask(&asked[0], LATER);
	node_close(question_of(&asked[0])->peer);
	expect(&asked[0], "closed the connection before it answered");
	node_forget(node_first());
	ask(&asked[0], LATER);
	node_reset(question_of(&asked[0])->peer);
	expect(&asked[0], "reset the connection before it answered");
	node_forget(node_first());
	ask(&asked[0], LATER);
	question = question_of(&asked[0]);
	node_send(question->peer, half, sizeof(half) - 1);
	node_close(question->peer);
	expect(&asked[0], "ended the connection within its answer");
	node_forget(node_first());
	ask(&asked[0], LATER);
	question = question_of(&asked[0]);
	node_send(question->peer, garbage, sizeof(garbage) - 1);
	expect(&asked[0], "answered with what is not HTTP");
	node_forget(node_first());
	ask(&asked[0], LATER);
	node_result(question_of(&asked[0]), "1");
	expect(&asked[0], "1");
	assert_int_equal(node.accepted, 5);
}

/* A kept connection may be closed by its server at any time: that is no failure of the call. */
static void a_kept_connection_that_is_closed_under_it(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct node_question *question;

		ask(&asked[0], LATER);
		node_result(question_of(&asked[0]), "1");
		expect(&asked[0], "1");
		ask(&asked[0], LATER);
		question = question_of(&asked[0]);
		if (i) {
			node_reset(question->peer);
		} else {
			node_close(question->peer);
		}
		node_forget(question);
		node_result(question_of(&asked[0]), "2"); /* asked again, by itself */
		expect(&asked[0], "2");
		node_expect_asked("a_question [0]\na_question [0]\na_question [0]\n");
	}
}

static void an_idle_connection_that_is_closed(void **state)
{
	(void)state;
	node_can("a_question", "1");
	ask(&asked[0], LATER);
	expect(&asked[0], "1");
	node_close(&node.peers[0]);
	node_settle();
	ask(&asked[0], LATER);
	expect(&asked[0], "1");
	assert_int_equal(node.accepted, 2);
}

static void an_answer_that_says_close(void **state)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: "
				     "17\r\n\r\n{\"id\":1,\"result\":1}";
	struct node_question *question;

	(void)state;
	ask(&asked[0], LATER);
	question = question_of(&asked[0]);
	node_send(question->peer, answer, sizeof(answer) - 1);
	expect(&asked[0], "does not answer with JSON-RPC"); /* one byte is missing */
	node_forget(question);
	node_can("a_question", "2");
	ask(&asked[0], LATER);
	expect(&asked[0], "2");
	assert_int_equal(node.accepted, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		client_test(a_question_has_its_answer),
		client_test(one_connection_is_kept_for_the_next),
		client_test(answers_come_in_any_order),
		client_test(an_error_is_an_answer),
		client_test(what_is_no_answer_is_told_as_such),
		client_test(a_status_is_told_while_others_wait),
		client_test(an_answer_that_is_too_long),
		client_test(an_answer_that_never_comes),
		client_test(an_answer_that_does_not_end),
		client_test(a_connection_that_breaks_off),
		client_test(a_kept_connection_that_is_closed_under_it),
		client_test(an_idle_connection_that_is_closed),
		client_test(an_answer_that_says_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
