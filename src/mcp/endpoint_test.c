/* SPDX-License-Identifier: Apache-2.0 */
/* What the endpoint asks the sessions, and how it answers by itself. */
#include "mcp/endpoint_script.h"

#define INITIALIZE "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}"
#define TOOL "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\"}"
#define NOTE "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\"}"
#define ERA                                                                                        \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\",\"params\":{\"_meta\":"                    \
	"{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}}}"
#define GET_MCP "GET /mcp HTTP/1.1\r\nHost: localhost\r\n"
#define DELETE_MCP "DELETE /mcp HTTP/1.1\r\nHost: localhost\r\n"
#define EVENTS_TYPE "Accept: text/event-stream\r\n"

/* Sessions. */

static void initialize_opens_a_session(void **state)
{
	char id[160];

	(void)state;
	config.header_env = (struct words){{"X-Key=KEY"}, 1};
	ask(POST, BOTH JSON_TYPE "X-Key: k\r\n", INITIALIZE);
	(void)snprintf(id, sizeof(id), "\nMcp-Session-Id: %s\n", session.id);
	expect_answer("HTTP/1.1 200 OK\n", id);
	expect_asked("with KEY=k\nopen\npost " INITIALIZE "\n");
}

static void a_session_that_cannot_be_opened_is_refused(void **state)
{
	(void)state;
	refusal = SESSION_NO_ROOM;
	ask(POST, BOTH JSON_TYPE, INITIALIZE);
	expect_answer("HTTP/1.1 503 ", "\nRetry-After: 1\n");
	refusal = SESSION_SHUTTING;
	ask(POST, BOTH JSON_TYPE, INITIALIZE);
	expect_answer("HTTP/1.1 503 ", "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":");
	refusal = SESSION_FAILED;
	ask(POST, BOTH JSON_TYPE, INITIALIZE);
	expect_answer("HTTP/1.1 500 ", "\"code\":-32603");
}

static void messages_go_to_their_session(void **state)
{
	(void)state;
	ask(POST, with_session(BOTH JSON_TYPE), TOOL);
	expect_answer("HTTP/1.1 200 OK\n", "{}");
	ask(POST, with_session(BOTH JSON_TYPE), NOTE);
	expect_answer("HTTP/1.1 202 Accepted\nContent-Length: 0\n", "");
	ask(POST, with_session(BOTH "Content-Type: application/json; charset=utf-8\r\n"), TOOL);
	expect_answer("HTTP/1.1 200 OK\n", "");
	expect_asked("post " TOOL "\ntake " NOTE "\npost " TOOL "\n");
}

static void a_second_initialize_is_refused(void **state)
{
	(void)state;
	ask(POST, with_session(BOTH JSON_TYPE), INITIALIZE);
	expect_answer("HTTP/1.1 400 ", "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32600");
	expect_asked("");
}

static void a_session_has_to_be_named(void **state)
{
	(void)state;
	ask(POST, BOTH JSON_TYPE, TOOL);
	expect_answer("HTTP/1.1 400 ", "{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":-32000");
	ask(GET_MCP, EVENTS_TYPE, NULL);
	expect_answer("HTTP/1.1 400 ", "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32000");
	ask(DELETE_MCP, "", NULL);
	expect_answer("HTTP/1.1 400 ", "Mcp-Session-Id");
	expect_asked("");
}

static void unknown_sessions_are_not_found(void **state)
{
	(void)state;
	ask(GET_MCP, EVENTS_TYPE "Mcp-Session-Id: here.AAAAAAAAAAAAAAAAAAAAAA.forged\r\n", NULL);
	expect_answer("HTTP/1.1 404 ", "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32001");
	(void)with_session("");
	is_there = false; /* it has ended */
	ask(GET_MCP, with_session(EVENTS_TYPE), NULL);
	is_there = false;
	expect_answer("HTTP/1.1 404 ", "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32001");
	expect_asked("");
}

static void a_refusal_does_not_wait_for_the_body(void **state)
{
	(void)state;
	ask(POST, BOTH JSON_TYPE "Mcp-Session-Id: x\r\nContent-Length: 1000\r\n", NULL);
	expect_answer("HTTP/1.1 404 ", "\nConnection: close\n");
}

static void get_listens_and_goes_on(void **state)
{
	(void)state;
	ask(GET_MCP, with_session(EVENTS_TYPE), NULL);
	expect_answer("HTTP/1.1 200 ", "");
	resumes = true;
	ask(GET_MCP, with_session(EVENTS_TYPE "Last-Event-ID: 3-1\r\n"), NULL);
	expect_answer("HTTP/1.1 200 ", "");
	expect_asked("listen\nresume 3-1\n");
	resumes = false; /* nothing is kept of it: of a session's own stream it does not matter */
	ask(GET_MCP, with_session(EVENTS_TYPE "Last-Event-ID: 0-1\r\n"), NULL);
	expect_answer("HTTP/1.1 200 ", "");
	expect_asked("resume 0-1\nlisten\n");
	ask(GET_MCP, with_session(EVENTS_TYPE "Last-Event-ID: 3-1\r\n"), NULL);
	expect_answer("HTTP/1.1 400 ", "Last-Event-ID");
	ask(GET_MCP, with_session(EVENTS_TYPE "Last-Event-ID: nonsense\r\n"), NULL);
	expect_answer("HTTP/1.1 400 ", "Last-Event-ID");
}

static void delete_ends_the_session(void **state)
{
	(void)state;
	ask(DELETE_MCP, with_session(""), NULL);
	expect_answer("HTTP/1.1 200 ", "Content-Length: 0\n");
	expect_asked("end: the client has ended the session\n");
	ask(DELETE_MCP, with_session(""), NULL);
	is_there = false;
	expect_answer("HTTP/1.1 404 ", "");
}

/* Messages. */

static void what_is_no_message_is_refused(void **state)
{
	(void)state;
	ask(POST, with_session(BOTH JSON_TYPE), "{\"a\":1,}");
	expect_answer("HTTP/1.1 400 ", "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32700,");
	ask(POST, with_session(BOTH JSON_TYPE), "");
	expect_answer("HTTP/1.1 400 ", "-32700");
	ask(POST, with_session(BOTH JSON_TYPE), "{\"jsonrpc\":\"2.0\"}");
	expect_answer("HTTP/1.1 400 ", "-32600");
	expect_asked("");
}

static void batches_are_of_one_version(void **state)
{
	(void)state;
	ask(POST, with_session(BOTH JSON_TYPE), "[" TOOL "," NOTE "]");
	expect_answer("HTTP/1.1 200 ", "");
	ask(POST, with_session(BOTH JSON_TYPE "MCP-Protocol-Version: 2025-03-26\r\n"), "[" TOOL "]");
	expect_answer("HTTP/1.1 200 ", "");
	expect_asked("post [" TOOL "," NOTE "]\npost [" TOOL "]\n");
	ask(POST, with_session(BOTH JSON_TYPE "MCP-Protocol-Version: 2025-06-18\r\n"), "[" TOOL "]");
	expect_answer("HTTP/1.1 400 ", "-32600");
	strcpy(session.protocol, "2025-06-18"); /* as agreed on, where the header does not say */
	ask(POST, with_session(BOTH JSON_TYPE), "[" TOOL "]");
	expect_answer("HTTP/1.1 400 ", "-32600");
	strcpy(session.protocol, "2025-03-26");
	ask(POST, with_session(BOTH JSON_TYPE), "[" TOOL "," INITIALIZE "]");
	expect_answer("HTTP/1.1 400 ", "initialize");
	expect_asked("");
}

static void versions_are_checked(void **state)
{
	(void)state;
	ask(POST, with_session(BOTH JSON_TYPE "MCP-Protocol-Version: 1.0\r\n"), TOOL);
	expect_answer("HTTP/1.1 400 ", "MCP-Protocol-Version");
	ask(GET_MCP, with_session(EVENTS_TYPE "MCP-Protocol-Version: 1.0\r\n"), NULL);
	expect_answer("HTTP/1.1 400 ", "MCP-Protocol-Version");
	ask(POST, BOTH JSON_TYPE "MCP-Protocol-Version: 2099-01-01\r\n", INITIALIZE);
	expect_answer("HTTP/1.1 200 ", ""); /* which is yet to be agreed on */
	expect_asked("open\npost " INITIALIZE "\n");
}

static void the_stateless_era_needs_no_session(void **state)
{
	(void)state;
	ask(POST, BOTH JSON_TYPE "MCP-Protocol-Version: 2026-07-28\r\n", ERA);
	expect_answer("HTTP/1.1 200 ", "");
	expect_asked("stateless " ERA "\n");
}

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
	ask(POST, with_session(BOTH JSON_TYPE), body);
	expect_answer("HTTP/1.1 413 ", "");
	expect_asked("");
}

static void who_waits_for_100_gets_it(void **state)
{
	(void)state;
	ask(POST, with_session(BOTH JSON_TYPE "Expect: 100-continue\r\nContent-Length: 46\r\n"), NULL);
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

/* HTTP+SSE */

static void sse_says_where_messages_go(void **state)
{
	char expected[256];

	(void)state;
	ask("GET /sse HTTP/1.1\r\nHost: localhost\r\n", EVENTS_TYPE, NULL);
	expect_answer("HTTP/1.1 200 ", "");
	(void)snprintf(expected, sizeof(expected),
		"open legacy\nlisten\nendpoint\ndata /messages?session_id=%s\n", session.id);
	expect_asked(expected);
	refusal = SESSION_SHUTTING;
	ask("GET /sse HTTP/1.1\r\nHost: localhost\r\n", EVENTS_TYPE, NULL);
	expect_answer("HTTP/1.1 503 ", "\nRetry-After: 1\n");
}

static void messages_of_sse_are_accepted(void **state)
{
	char head[256];

	(void)state;
	is_there = session.is_legacy = true;
	(void)snprintf(head, sizeof(head),
		"POST /messages?a=b&session_ids=x&session_id=%s&c HTTP/1.1\r\nHost: localhost\r\n", session.id);
	ask(head, JSON_TYPE, INITIALIZE);
	expect_answer("HTTP/1.1 202 ", "\n\nAccepted");
	strcpy(session.protocol, "2024-11-05");
	ask(head, JSON_TYPE, TOOL);
	expect_answer("HTTP/1.1 202 ", "\n\nAccepted");
	expect_asked("take " INITIALIZE "\ntake " TOOL "\n");
	ask(head, JSON_TYPE, INITIALIZE);
	expect_answer("HTTP/1.1 400 ", "initialized already");
	ask(head, JSON_TYPE, "[" TOOL "]");
	expect_answer("HTTP/1.1 400 ", "batches");
	ask("POST /messages HTTP/1.1\r\nHost: localhost\r\n", JSON_TYPE, "");
	expect_answer("HTTP/1.1 400 ", "session_id");
	expect_asked("");
}

static void a_session_is_of_one_transport(void **state)
{
	char head[256];

	(void)state;
	(void)snprintf(head, sizeof(head),
		"POST /messages?session_id=%s HTTP/1.1\r\nHost: localhost\r\n", session.id);
	is_there = true;
	ask(head, JSON_TYPE, "");
	expect_answer("HTTP/1.1 404 ", "-32001");
	session.is_legacy = true;
	ask(GET_MCP, with_session(EVENTS_TYPE), NULL);
	expect_answer("HTTP/1.1 404 ", "-32001");
	expect_asked("");
}

/* Replicas. */

static void the_owner_gets_what_is_its_own(void **state)
{
	(void)state;
	config.peer_url = "http://{replica}:8080";
	assert_int_equal(session_id_mint(session.id, &mcp.key, "there"), 0);
	ask(POST, with_session(BOTH JSON_TYPE), TOOL);
	is_there = false;
	expect_answer("HTTP/1.1 200 ", "");
	expect_asked("pass on to there\nbody " TOOL "\n");
	ask(GET_MCP, with_session(EVENTS_TYPE "Passed-On: yes\r\n"), NULL);
	is_there = false;
	expect_answer("HTTP/1.1 404 ", "");
	ask(GET_MCP, EVENTS_TYPE "Mcp-Session-Id: there.AAAAAAAAAAAAAAAAAAAAAA.forged\r\n", NULL);
	expect_answer("HTTP/1.1 404 ", "");
	config.peer_url = NULL;
	ask(GET_MCP, with_session(EVENTS_TYPE), NULL);
	is_there = false;
	expect_answer("HTTP/1.1 404 ", "");
	expect_asked("");
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

static const struct carrier_ops carrier_ops = {carrier_writable, carrier_left, carrier_cut};

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
	http_answer_write(script.connection, bytes, sizeof(bytes));
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
		endpoint_test(initialize_opens_a_session),
		endpoint_test(a_session_that_cannot_be_opened_is_refused),
		endpoint_test(messages_go_to_their_session),
		endpoint_test(a_second_initialize_is_refused),
		endpoint_test(a_session_has_to_be_named),
		endpoint_test(unknown_sessions_are_not_found),
		endpoint_test(a_refusal_does_not_wait_for_the_body),
		endpoint_test(get_listens_and_goes_on),
		endpoint_test(delete_ends_the_session),
		endpoint_test(what_is_no_message_is_refused),
		endpoint_test(batches_are_of_one_version),
		endpoint_test(versions_are_checked),
		endpoint_test(the_stateless_era_needs_no_session),
		endpoint_test(both_types_have_to_be_accepted),
		endpoint_test(bodies_have_to_be_json),
		endpoint_test(other_methods_are_not_allowed),
		endpoint_test(people_are_told_what_this_is),
		endpoint_test(long_messages_are_refused),
		endpoint_test(who_waits_for_100_gets_it),
		endpoint_test(hosts_and_origins_are_checked_first),
		endpoint_test(the_token_is_asked_for),
		endpoint_test(pages_may_read_answers),
		endpoint_test(sse_says_where_messages_go),
		endpoint_test(messages_of_sse_are_accepted),
		endpoint_test(a_session_is_of_one_transport),
		endpoint_test(the_owner_gets_what_is_its_own),
		endpoint_test(a_body_waits_for_its_session),
		endpoint_test(a_session_may_end_while_a_body_waits),
		endpoint_test(carriers_hear_that_the_client_left),
		endpoint_test(carriers_hear_of_room_and_of_the_end),
		endpoint_test(carriers_have_the_last_word),
		endpoint_test(without_one_the_end_is_503),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
