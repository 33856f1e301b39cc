/* SPDX-License-Identifier: Apache-2.0 */
/* What is looked at before anything else; and who hears of the end. */
#include <netinet/tcp.h>

#include "mcp/endpoint_script.h"

/* Heads. */

static void both_types_have_to_be_accepted(void **state)
{
	static const char *const wrong[] = {"", "Accept: application/json\r\n", EVENTS_TYPE,
		"Accept: text/html\r\n", "Accept: application/json, text/event-stream;q=0\r\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char fields[256];

		(void)snprintf(fields, sizeof(fields), JSON_TYPE "%s", wrong[i]);
		ask(POST, with_session(fields), "");
		expect_answer("HTTP/1.1 406 ", "text/event-stream");
	}
	ask(GET_MCP, with_session("Accept: application/json\r\n"), NULL);
	expect_answer("HTTP/1.1 406 ", "text/event-stream");
	ask(POST, with_session(JSON_TYPE "Accept: */*\r\n"), TOOL);
	expect_answer("HTTP/1.1 200 ", "");
	expect_asked("post " TOOL "\n");
}

static void bodies_have_to_be_json(void **state)
{
	static const char *const wrong[] = {"", "Content-Type: text/plain\r\n",
		"Content-Type: application/jsonp\r\n", "Content-Type: ;application/json\r\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char fields[256];

		(void)snprintf(fields, sizeof(fields), BOTH "%s", wrong[i]);
		ask(POST, with_session(fields), "");
		expect_answer("HTTP/1.1 415 ", "Content-Type");
	}
	expect_asked("");
}

static void other_methods_are_not_allowed(void **state)
{
	(void)state;
	ask("PUT /mcp HTTP/1.1\r\nHost: localhost\r\n", "", NULL);
	expect_answer("HTTP/1.1 405 ", "\nAllow: GET, POST, DELETE, OPTIONS\n");
	ask("POST /sse HTTP/1.1\r\nHost: localhost\r\n", "", NULL);
	expect_answer("HTTP/1.1 405 ", "\nAllow: GET, OPTIONS\n");
	ask("GET /messages HTTP/1.1\r\nHost: localhost\r\n", "", NULL);
	expect_answer("HTTP/1.1 405 ", "\nAllow: POST, OPTIONS\n");
	ask("GET /mcp/ HTTP/1.1\r\nHost: localhost\r\n", "", NULL);
	expect_answer("HTTP/1.1 404 ", "");
}

static void people_are_told_what_this_is(void **state)
{
	(void)state;
	ask("GET / HTTP/1.1\r\nHost: localhost\r\n", "", NULL);
	expect_answer("HTTP/1.1 200 ", "\nStreamable HTTP: /mcp\n");
	ask("HEAD /?x HTTP/1.1\r\nHost: localhost\r\n", "", NULL);
	expect_answer("HTTP/1.1 200 ", "");
}

static void long_messages_are_refused(void **state)
{
	char body[1500];

	(void)state;
	memset(body, ' ', sizeof(body));
	body[sizeof(body) - 1] = '\0';
	ask(POST, with_session(BOTH JSON_TYPE "Origin: http://localhost:1\r\n"), body);
	expect_answer("HTTP/1.1 413 ", "\nAccess-Control-Allow-Origin: http://localhost:1\n");
	expect_asked("");
}

static void long_messages_in_pieces_are_refused(void **state)
{
	char body[1500];

	(void)state;
	(void)snprintf(body, sizeof(body), "400\r\n%01024d\r\n1\r\n0\r\n0\r\n\r\n", 0);
	ask(POST, with_session(BOTH JSON_TYPE "Transfer-Encoding: chunked\r\n"), NULL);
	say(body);
	expect_answer("HTTP/1.1 413 ", "--max-message");
	expect_asked("");
}

static void long_messages_of_others_are_not_looked_at(void **state)
{
	(void)state;
	ask("POST /mcp HTTP/1.1\r\nHost: attacker.example\r\n", "Content-Length: 1025\r\n", NULL);
	expect_answer("HTTP/1.1 403 ", "--allow-host");
}

static void bodies_are_not_gathered_without_end(void **state)
{
	(void)state;
	mcp.gathered = ((size_t)64 << 20) - strlen(TOOL);
	ask(POST, with_session(BOTH JSON_TYPE), TOOL);
	expect_answer("HTTP/1.1 200 ", "");
	ask(POST, with_session(BOTH JSON_TYPE), TOOL " ");
	expect_answer("HTTP/1.1 503 ", "\nRetry-After: 1\n");
	expect_asked("post " TOOL "\n");
	mcp.gathered -= ((size_t)64 << 20) - strlen(TOOL);
}

static void what_was_passed_on_is_not_kept(void **state)
{
	(void)state;
	answers_at_once = false;
	ask(POST, with_session(BOTH JSON_TYPE), TOOL);
	run_until(script.connection);
	assert_int_equal(mcp.gathered, 0);
	client_reset();
	run_until(script.left == 1);
}

static void dead_peers_are_found_out(void **state)
{
	int value = 0;
	socklen_t size = sizeof(value);
	int fd;

	(void)state;
	answers_at_once = false;
	ask(POST, with_session(BOTH JSON_TYPE), TOOL);
	run_until(script.connection);
	fd = script.connection->stream.fd;
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, &size), 0);
	assert_int_equal(value, 1);
	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &value, &size), 0);
	assert_true(value * 1000 < CHANNEL_PING_MS); /* else it would never come to it */
	client_reset();
	run_until(script.left == 1);
}

static void who_waits_for_100_gets_it(void **state)
{
	(void)state;
	ask(POST, with_session(BOTH JSON_TYPE "Expect: 100-continue\r\nContent-Length: 46\r\n"),
		NULL);
	expect_answer("HTTP/1.1 100 Continue\n", "");
	say(TOOL);
	expect_answer("HTTP/1.1 200 ", "");
	ask(POST, BOTH JSON_TYPE "Expect: 100-continue\r\nMcp-Session-Id: x\r\n", TOOL);
	expect_answer("HTTP/1.1 404 ", "");
}

/* Who may ask. */

static void hosts_and_origins_are_checked_first(void **state)
{
	(void)state;
	ask("GET / HTTP/1.1\r\nHost: attacker.example\r\n", "", NULL);
	expect_answer("HTTP/1.1 403 ", "--allow-host");
	ask("GET / HTTP/1.1\r\nHost: localhost\r\n", "Origin: https://attacker.example\r\n", NULL);
	expect_answer("HTTP/1.1 403 ", "--allow-origin");
}

static void the_token_is_asked_for(void **state)
{
	(void)state;
	buffer_append_text(&mcp.token, "secret");
	ask(GET_MCP, with_session(EVENTS_TYPE), NULL);
	expect_answer("HTTP/1.1 401 ", "\nWWW-Authenticate: Bearer realm=\"curfew\"\n");
	ask(GET_MCP, with_session(EVENTS_TYPE "Authorization: Bearer other\r\n"), NULL);
	expect_answer("HTTP/1.1 401 ", "");
	expect_asked("");
	ask(GET_MCP, with_session(EVENTS_TYPE "Authorization: Bearer secret\r\n"), NULL);
	expect_answer("HTTP/1.1 200 ", "");
	ask("GET / HTTP/1.1\r\nHost: localhost\r\n", "", NULL);
	expect_answer("HTTP/1.1 200 ", "");
	ask("OPTIONS /mcp HTTP/1.1\r\nHost: localhost\r\n", "Origin: http://localhost:1\r\n", NULL);
	expect_answer("HTTP/1.1 204 ", "");
}

static void pages_may_read_answers(void **state)
{
	(void)state;
	ask("OPTIONS /mcp HTTP/1.1\r\nHost: localhost\r\n",
		"Origin: http://localhost:3000\r\nAccess-Control-Request-Method: POST\r\n"
		"Access-Control-Request-Headers: mcp-session-id, content-type\r\n",
		NULL);
	expect_answer("HTTP/1.1 204 No Content\nAllow: GET, POST, DELETE, OPTIONS\n"
		      "Access-Control-Allow-Origin: http://localhost:3000\n"
		      "Access-Control-Expose-Headers: Mcp-Session-Id\nVary: Origin\n",
		"\nAccess-Control-Allow-Headers: mcp-session-id, content-type\n");
	ask(POST, BOTH JSON_TYPE "Origin: http://localhost:3000\r\n", INITIALIZE);
	expect_answer("HTTP/1.1 200 ",
		"\nAccess-Control-Allow-Origin: http://localhost:3000\n"
		"Access-Control-Expose-Headers: Mcp-Session-Id\nVary: Origin\nMcp-Session-Id: ");
	ask(GET_MCP, EVENTS_TYPE "Origin: http://localhost:3000\r\n", NULL);
	expect_answer("HTTP/1.1 400 ", "\nAccess-Control-Allow-Origin: http://localhost:3000\n");
}

/* Back-pressure, and ends. */

static void a_body_waits_for_its_session(void **state)
{
	(void)state;
	is_full = true;
	ask(POST, with_session(BOTH JSON_TYPE), TOOL);
	run_until(waiter);
	expect_asked("");
	is_full = false;
	waiter->room(waiter);
	expect_answer("HTTP/1.1 200 ", "");
	expect_asked("post " TOOL "\n");
	waiter = NULL;
}

static void a_session_may_end_while_a_body_waits(void **state)
{
	(void)state;
	is_full = true;
	ask(POST, with_session(BOTH JSON_TYPE), TOOL);
	run_until(waiter);
	is_there = false;
	waiter->room(waiter);
	expect_answer("HTTP/1.1 404 ", "-32001");
	waiter = NULL;
}

static struct carrier carrier;
static struct buffer heard;

static void carrier_writable(struct carrier *of)
{
	assert_ptr_equal(of, &carrier);
	buffer_append_text(&heard, "writable ");
}

static void carrier_left(struct carrier *of, bool whole)
{
	assert_ptr_equal(of, &carrier);
	buffer_append_text(&heard, whole ? "left whole " : "left ");
}

static void carrier_cut(struct carrier *of)
{
	assert_ptr_equal(of, &carrier);
	buffer_append_text(&heard, "cut ");
	http_answer_end(script.connection, NULL);
}

static const struct carrier_ops carrier_ops = {
	.writable = carrier_writable,
	.left = carrier_left,
	.cut = carrier_cut,
};

/* A GET whose answer is on its way. */
static void begin_stream(const struct carrier_ops *ops)
{
	carrier.ops = ops;
	heard = (struct buffer){0};
	answers_at_once = false;
	ask(GET_MCP, with_session(EVENTS_TYPE), NULL);
	run_until(script.connection);
	exchange_carry(script.connection, &carrier);
	(void)http_answer(script.connection, 200);
	http_answer_chunked(script.connection, false);
}

static void expect_heard_by_carrier(const char *expected)
{
	assert_string_equal(buffer_text(&heard), expected);
	buffer_fini(&heard);
}

static void carriers_hear_that_the_client_left(void **state)
{
	(void)state;
	begin_stream(&carrier_ops);
	client_reset();
	run_until(script.left == 1);
	expect_heard_by_carrier("left ");
}

static void carriers_hear_of_room_and_of_the_end(void **state)
{
	static char bytes[4 * MEGABYTE];

	(void)state;
	begin_stream(&carrier_ops);
	while (http_queued(script.connection) <=
		STREAM_QUEUE_HIGH) { /* however much the kernel takes */
		http_answer_write(script.connection, bytes, sizeof(bytes));
	}
	while (!heard.length) {
		(void)client_wait();
	}
	http_answer_end(script.connection, NULL);
	expect_heard_by_carrier("writable left whole ");
}

static void carriers_have_the_last_word(void **state)
{
	(void)state;
	begin_stream(&carrier_ops);
	curfew_drain_cut(&worker->drain);
	run_until(script.left == 1);
	expect_heard_by_carrier("cut left whole ");
}

static void without_one_the_end_is_503(void **state)
{
	(void)state;
	is_full = true;
	ask(POST, with_session(BOTH JSON_TYPE), TOOL);
	run_until(waiter);
	curfew_drain_cut(&worker->drain);
	expect_answer("HTTP/1.1 503 ", "\"message\":\"the server is shutting down\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		endpoint_test(both_types_have_to_be_accepted),
		endpoint_test(bodies_have_to_be_json),
		endpoint_test(other_methods_are_not_allowed),
		endpoint_test(people_are_told_what_this_is),
		endpoint_test(long_messages_are_refused),
		endpoint_test(long_messages_in_pieces_are_refused),
		endpoint_test(long_messages_of_others_are_not_looked_at),
		endpoint_test(bodies_are_not_gathered_without_end),
		endpoint_test(what_was_passed_on_is_not_kept),
		endpoint_test(dead_peers_are_found_out),
		endpoint_test(who_waits_for_100_gets_it),
		endpoint_test(hosts_and_origins_are_checked_first),
		endpoint_test(the_token_is_asked_for),
		endpoint_test(pages_may_read_answers),
		endpoint_test(a_body_waits_for_its_session),
		endpoint_test(a_session_may_end_while_a_body_waits),
		endpoint_test(carriers_hear_that_the_client_left),
		endpoint_test(carriers_hear_of_room_and_of_the_end),
		endpoint_test(carriers_have_the_last_word),
		endpoint_test(without_one_the_end_is_503),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
