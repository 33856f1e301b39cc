/* SPDX-License-Identifier: Apache-2.0 */
/* Streamable HTTP: what sessions are asked, and what is refused without asking. */
#include "mcp/endpoint_script.h"

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

static void long_batches_are_refused(void **state)
{
	struct buffer batch = {0};

	(void)state;
	config.max_message = 65536;
	buffer_append_text(&batch, "[0");
	for (int i = 1; i < 1000; i++) {
		buffer_append_text(&batch, ",0");
	}
	ask(POST, with_session(BOTH JSON_TYPE), (buffer_append_text(&batch, " ]"), batch.data));
	expect_answer("HTTP/1.1 200 ", "");
	batch.length -= 2;
	ask(POST, with_session(BOTH JSON_TYPE), (buffer_append_text(&batch, ",0]"), batch.data));
	expect_answer("HTTP/1.1 400 ", "more than 1000");
	buffer_fini(&batch);
}

static void the_stateless_era_has_post_only(void **state)
{
	(void)state;
	ask(GET_MCP, EVENTS_TYPE "MCP-Protocol-Version: 2026-07-28\r\n", NULL);
	expect_answer("HTTP/1.1 405 ", "\nAllow: POST, OPTIONS\n");
	ask(DELETE_MCP, with_session("MCP-Protocol-Version: 2026-07-28\r\n"), NULL);
	expect_answer("HTTP/1.1 405 ", "\nAllow: POST, OPTIONS\n");
	expect_asked("");
}

static void batches_are_of_one_version(void **state)
{
	(void)state;
	ask(POST, with_session(BOTH JSON_TYPE), "[" TOOL "," NOTE "]");
	expect_answer("HTTP/1.1 200 ", "");
	ask(POST, with_session(BOTH JSON_TYPE "MCP-Protocol-Version: 2025-03-26\r\n"),
		"[" TOOL "]");
	expect_answer("HTTP/1.1 200 ", "");
	expect_asked("post [" TOOL "," NOTE "]\npost [" TOOL "]\n");
	ask(POST, with_session(BOTH JSON_TYPE "MCP-Protocol-Version: 2025-06-18\r\n"),
		"[" TOOL "]");
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
		endpoint_test(long_batches_are_refused),
		endpoint_test(the_stateless_era_has_post_only),
		endpoint_test(versions_are_checked),
		endpoint_test(the_stateless_era_needs_no_session),
		endpoint_test(the_owner_gets_what_is_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
