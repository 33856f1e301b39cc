/* SPDX-License-Identifier: Apache-2.0 */
/* What an HTTP answer counts as, what leaves, and which connections are kept. */
#include "load/crew_script.h"

#define LENGTH_0 "Content-Length: 0\r\n\r\n"

/* One request, and so much of an answer; then the server closes its end, if it is to. */
static void exchange(const char *text, bool closes)
{
	crew_begin();
	crew_runs();
	if (*text) {
		say(script.peer_count - 1, text);
	}
	if (closes) {
		peer_close(script.peer_count - 1);
	}
	settle();
}

/* In exactly one count, with this status. */
static void assert_counted(enum load_outcome outcome, unsigned status)
{
	const struct tally *tally = crew.tally;

	for (int i = 0; i < LOAD_OUTCOME_COUNT; i++) {
		assert_int_equal(tally->outcomes[i], i == (int)outcome);
	}
	assert_int_equal(tally->statuses[status], 1);
	assert_int_equal(script.answer.status, status);
	assert_int_equal(tally->actual.total, outcome == LOAD_OK);
	assert_int_equal(tally->failed.total, outcome != LOAD_OK);
}

static void each_answer_has_its_count(void **state)
{
	static const struct {
		const char *text;
		bool closes;
		enum load_outcome outcome;
		unsigned status;
	} cases[] = {
		{"HTTP/1.1 200 OK\r\n" LENGTH_0, false, LOAD_OK, 200},
		{"HTTP/1.1 204 No Content\r\n\r\n", false, LOAD_OK, 204},
		{"HTTP/1.1 302 Found\r\n" LENGTH_0, false, LOAD_OK, 302},
		{"HTTP/1.1 404 Not Found\r\n" LENGTH_0, false, LOAD_CLIENT_ERROR, 404},
		{"HTTP/1.1 500 X\r\n" LENGTH_0, false, LOAD_SERVER_ERROR, 500},
		{"HTTP/1.1 503 X\r\n" LENGTH_0, false, LOAD_SERVER_ERROR, 503},
		{"HTTP/1.1 503 X\r\nRetry-After: 1\r\n" LENGTH_0, false, LOAD_UNAVAILABLE, 503},
		{"HTTP/1.1 500 X\r\nRetry-After: 1\r\n" LENGTH_0, false, LOAD_SERVER_ERROR, 500},
		{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n" LENGTH_0, false, LOAD_OK, 200},
		/* Whole with the end of the connection; and not. */
		{"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end", true, LOAD_OK, 200},
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfour", true, LOAD_TRUNCATED, 0},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n", true,
			LOAD_TRUNCATED, 0},
		{"HTTP/1.1 200 O", true, LOAD_TRUNCATED, 0},
		{"HTTP/1.1 100 Continue\r\n\r\n", true, LOAD_TRUNCATED, 0},
		{"", true, LOAD_RESET_SENT, 0},
		{"SSH-2.0-OpenSSH\r\n", false, LOAD_MALFORMED, 0},
		{"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", false, LOAD_MALFORMED, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		exchange(cases[i].text, cases[i].closes);
		assert_counted(cases[i].outcome, cases[i].status);
		script_teardown(state);
		script_setup(state);
	}
}

/* What was said before the connection was lost does not count as an answer's status. */
static void a_truncated_answer_has_no_status(void **state)
{
	(void)state;
	exchange("HTTP/1.1 500 X\r\nContent-Length: 5\r\n\r\n", false);
	assert_int_equal(script.ended, 0);
	peer_close(0);
	settle();
	assert_counted(LOAD_TRUNCATED, 0);
}

static enum load_outcome other(const struct load_answer *given)
{
	return given->outcome == LOAD_OK ? LOAD_RPC_ERROR : given->outcome;
}

static void the_source_has_the_last_word(void **state)
{
	(void)state;
	script.judges = other;
	script.keeps = true;
	exchange("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"error\":1}", false);
	assert_counted(LOAD_RPC_ERROR, 200);
	assert_string_equal(script.answer_body, "{\"error\":1}");
}

/* Bodies that are for the source. */

static void keeps_a_body_in_pieces(void **state)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
				   "4\r\nfour\r\n1\r\n,\r\n6\r\n more!\r\n0\r\n\r\n";

	(void)state;
	script.keeps = true;
	exchange("", false);
	for (size_t i = 0; text[i]; i++) {
		const char piece[] = {text[i], '\0'};

		assert_int_equal(script.ended, 0);
		say(0, piece);
		settle();
	}
	assert_string_equal(script.answer_body, "four, more!");
	say(0, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2");
	settle();
	assert_string_equal(script.answer_body, "2");
	script.keeps = false;
	say(0, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n3");
	settle();
	assert_string_equal(script.answer_body, "3"); /* made before */
	say(0, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n4");
	settle();
	assert_null(script.answer.body);
}

static void a_body_without_bytes_is_one(void **state)
{
	(void)state;
	script.keeps = true;
	exchange("HTTP/1.1 200 OK\r\n" LENGTH_0, false);
	assert_non_null(script.answer.body);
	assert_int_equal(script.answer.length, 0);
}

static void says_body_of(size_t length)
{
	char head[64];

	(void)snprintf(
		head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", length);
	say(0, head);
	say_long(0, length);
}

static void keeps_no_more_than_there_may_be(void **state)
{
	(void)state;
	script.keeps = true;
	exchange("", false);
	says_body_of(LOAD_ANSWER_MOST);
	assert_int_equal(outcomes(LOAD_OK), 1);
	assert_int_equal(strlen(script.answer_body), LOAD_ANSWER_MOST);
	says_body_of(LOAD_ANSWER_MOST + 1);
	assert_int_equal(outcomes(LOAD_MALFORMED), 1);
	assert_null(script.answer.body);
	assert_true(crew.lanes[0]->channels[0]->open); /* the connection is as good as it was */
	says_body_of(3);
	assert_int_equal(outcomes(LOAD_OK), 2);
	assert_int_equal(strlen(script.answer_body), 3);
}

/* What there is no memory for is our own failure, and is over with that request. */
static void has_no_memory_for_a_body(void **state)
{
	char body[200];

	(void)state;
	script.keeps = true;
	exchange("", false);
	memset(body, 'x', sizeof(body) - 1);
	body[sizeof(body) - 1] = '\0';
	say(0, "HTTP/1.1 200 OK\r\nContent-Length: 199\r\n\r\n");
	settle();
	say(0, body);
	allocation_fail(1);
	round_now();
	assert_true(allocation_failed());
	settle();
	assert_int_equal(outcomes(LOAD_LOCAL), 1);
	assert_null(script.answer.body);
	pass_ms(LANE_PAUSE_MS);
	settle();
	says_body_of(300);
	assert_int_equal(outcomes(LOAD_OK), 1);
	assert_int_equal(strlen(script.answer_body), 300);
}

/* What leaves. */

static void assert_asked(const char *expected)
{
	script.raw = true;
	exchange("", false);
	assert_string_equal(script.peers[0].got, expected);
}

static void asks(void **state)
{
	(void)state;
	assert_asked("GET /0 HTTP/1.1\r\nHost: a\r\n\r\n");
}

static void asks_once_on_each_connection(void **state)
{
	(void)state;
	script.plan.fresh = true;
	assert_asked("GET /0 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
}

static void asks_with_a_body(void **state)
{
	(void)state;
	script.body = "{\"a\":1}";
	assert_asked("GET /0 HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\n{\"a\":1}");
}

static void asks_once_with_a_body(void **state)
{
	(void)state;
	script.body = "x";
	script.plan.fresh = true;
	assert_asked("GET /0 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
		     "Content-Length: 1\r\n\r\nx");
}

static void asks_with_a_body_of_no_bytes(void **state)
{
	(void)state;
	script.body = "";
	assert_asked("GET /0 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
}

/* Around the length up to which a request is put together: the same bytes. */
static void asks_at_length(void **state)
{
	char body[5001], head[5001], expected[11000];

	for (size_t length = 1900; length <= 5000; length += length < 2100 ? 1 : 2900) {
		memset(body, 'b', length);
		body[length] = '\0';
		script.body = body;
		(void)snprintf(expected, sizeof(expected),
			"GET /0 HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n%s", length,
			body);
		assert_asked(expected);
		script_teardown(state);
		script_setup(state);
	}
	(void)snprintf(head, sizeof(head), "X: %04990d\r\n", 0);
	script.head = head;
	(void)snprintf(expected, sizeof(expected), "GET /0 HTTP/1.1\r\nHost: a\r\n%s\r\n", head);
	assert_asked(expected);
}

static void the_answer_to_head_has_no_body(void **state)
{
	(void)state;
	script.is_head = true;
	exchange("", false);
	script.is_head = false;
	answer(0, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
	assert_int_equal(outcomes(LOAD_OK), 1);
	answer(0, OK);
	assert_int_equal(outcomes(LOAD_OK), 2);
	answer(0, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
	assert_int_equal(outcomes(LOAD_OK), 2);
	say(0, "12345");
	settle();
	assert_int_equal(outcomes(LOAD_OK), 3);
}

/* Which connections are kept. */

static void keeps_its_connection(void **state)
{
	(void)state;
	exchange("", false);
	for (int i = 0; i < 10; i++) {
		answer(0, i % 2 ? OK : "HTTP/1.1 500 X\r\n" LENGTH_0);
	}
	assert_int_equal(script.peer_count, 1);
	assert_int_equal(crew.tally->connections, 1);
	assert_int_equal(crew.tally->connect.total, 1);
}

static void takes_another_where_the_server_says_so(void **state)
{
	(void)state;
	exchange("", false);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(script.peer_count, i + 1);
		answer(i, OK_CLOSE);
		assert_true(script.peers[i].ended);
	}
	answer(3, "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(script.peer_count, 5);
	assert_int_equal(outcomes(LOAD_OK), 4);
	assert_int_equal(crew.channels, 1);
}

static void takes_a_fresh_one_for_each_request(void **state)
{
	(void)state;
	script.plan.fresh = true;
	exchange("", false);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(script.peer_count, i + 1);
		answer(i, OK);
		assert_true(script.peers[i].ended);
		assert_int_equal(script.peers[i].asked, 1);
	}
	assert_int_equal(outcomes(LOAD_OK), 5);
	assert_int_equal(crew.tally->connections, 6);
	assert_int_equal(crew.tally->connect.total, 6);
	assert_int_equal(crew.channels, 1);
}

/* Every byte is counted once: of what was answered, and of what was not. */
static void counts_its_bytes(void **state)
{
	const size_t asked = strlen("GET /0 HTTP/1.1\r\nHost: a\r\n\r\n");

	(void)state;
	exchange("", false);
	answer(0, OK);
	answer(0, OK_CLOSE);
	assert_int_equal(crew.tally->bytes_in, strlen(OK) + strlen(OK_CLOSE));
	say(1, "HTTP/1.1 200 O");
	settle();
	crew_cut(&crew);
	settle();
	assert_int_equal(crew.tally->bytes_in, strlen(OK) + strlen(OK_CLOSE) + 14);
	assert_int_equal(crew.tally->bytes_out, 3 * asked);
}

/* A connection that closes in order may take its time; the crew is not gone before. */
static void outlives_nothing_that_it_needs(void **state)
{
	(void)state;
	script.plan.connections = 2;
	exchange("", false);
	crew_finish(&crew, script.now);
	settle();
	answer(0, OK_CLOSE);
	answer(1, OK);
	assert_int_equal(stage(), CREW_OVER);
	assert_true(crew_left());
	assert_int_equal(crew.channels, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		crew_test(each_answer_has_its_count),
		crew_test(a_truncated_answer_has_no_status),
		crew_test(the_source_has_the_last_word),
		crew_test(keeps_a_body_in_pieces),
		crew_test(a_body_without_bytes_is_one),
		crew_test(keeps_no_more_than_there_may_be),
		crew_test(has_no_memory_for_a_body),
		crew_test(asks),
		crew_test(asks_once_on_each_connection),
		crew_test(asks_with_a_body),
		crew_test(asks_once_with_a_body),
		crew_test(asks_with_a_body_of_no_bytes),
		crew_test(asks_at_length),
		crew_test(the_answer_to_head_has_no_body),
		crew_test(keeps_its_connection),
		crew_test(takes_another_where_the_server_says_so),
		crew_test(takes_a_fresh_one_for_each_request),
		crew_test(counts_its_bytes),
		crew_test(outlives_nothing_that_it_needs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
