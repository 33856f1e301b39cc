/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP+SSE: where messages go, and whose they are. */
#include "mcp/endpoint_script.h"

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
		"POST /messages?a=b&session_ids=x&session_id=%s&c HTTP/1.1\r\nHost: localhost\r\n",
		session.id);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		endpoint_test(sse_says_where_messages_go),
		endpoint_test(messages_of_sse_are_accepted),
		endpoint_test(a_session_is_of_one_transport),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
