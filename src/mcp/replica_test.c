/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/replica_script.h"

/* What goes there, and what comes back. */

static void passes_on_a_request_and_its_answer(void **state)
{
	(void)state;
	serve_replica();
	say("POST http://a/mcp?b HTTP/1.1\r\nHost: a\r\nMcp-Session-Id: s\r\n"
	    "Connection: keep-alive, x-hop\r\nX-Hop: 1\r\nExpect: 100-continue\r\n"
	    "Authorization: Bearer t\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "3\r\n{\"a\r\n3\r\n\":1\r\n1\r\n}\r\n0\r\n\r\n");
	other_accept();
	other_expect("POST /mcp?b HTTP/1.1\nHost: a\nMcp-Session-Id: s\nAuthorization: Bearer t\n"
		     "Curfew-Replica: 1\nVia: 1.1 curfew\nContent-Length: 7\n\n{\"a\":1}");
	other_say("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nMcp-Session-Id: s\r\n"
		  "Connection: x-hop\r\nX-Hop: 1\r\nContent-Length: 2\r\n\r\n{}");
	expect("HTTP/1.1 200 OK\nContent-Type: application/json\nMcp-Session-Id: s\n"
	       "Content-Length: 2\n\n{}");
	assert_int_equal(script.open, 0);
	assert_int_equal(mcp.counts.passed_on, 1);
}

/* And uses the connection for the next one. */
static void keeps_connections(void **state)
{
	(void)state;
	serve_replica();
	say(POST("{}", "2"));
	other_accept();
	other_expect(PASSED_POST("{}", "2"));
	other_say("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
	expect("HTTP/1.1 202 Accepted\nContent-Length: 0\n\n");
	say("DELETE /mcp HTTP/1.1\r\nHost: a\r\n\r\n");
	other_expect("DELETE /mcp HTTP/1.1\nHost: a\n" MARKED "\n");
	other_say("HTTP/1.1 204 No Content\r\n\r\n");
	expect("HTTP/1.1 204 No Content\n\n");
	say(POST("", "0"));
	other_expect(PASSED_POST("", "0"));
	other_say("HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nits");
	expect("HTTP/1.1 404 Not Found\nContent-Length: 3\n\nits");
	assert_int_equal(mcp.peer_count, 1);
}

/* Each event as it comes. */
static void passes_on_event_streams(void **state)
{
	(void)state;
	serve_replica();
	say(GET("/mcp"));
	other_accept();
	other_expect(PASSED_GET);
	other_say("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
		  "Transfer-Encoding: chunked\r\n\r\n");
	expect("HTTP/1.1 200 OK\nContent-Type: text/event-stream\n"
	       "Transfer-Encoding: chunked\n\n");
	other_say("9\r\ndata: 1\n\n\r\n");
	expect("9\ndata: 1\n\n\n");
	other_say("5\r\ndata:\r\n4\r\n 2\n\n\r\n0\r\n\r\n");
	read_until("0\r\n\r\n");
	assert_int_equal(script.open, 0);
}

/* One that ends with its connection. */
static void frames_what_is_not_framed(void **state)
{
	(void)state;
	serve_replica();
	say(POST("{}", "2"));
	other_accept();
	other_expect(PASSED_POST("{}", "2"));
	other_say("HTTP/1.0 200 OK\r\n\r\n{}");
	other_close();
	expect("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\n{}\n0\n\n");
}

/* What leads nowhere. */

static void a_gone_owner_is_404(void **state)
{
	(void)state;
	close(listener);
	other_listen(-1); /* bound, and refuses */
	serve_replica();
	say(POST("{}", "2"));
	expect(GONE);
	config.peer_url = "http://unix:/nowhere/{replica}.socket";
	(void)snprintf(name, sizeof(name), "r-0");
	say(GET("/mcp"));
	expect(GONE);
}

static void no_answer_in_five_seconds_is_404(void **state)
{
	(void)state;
	other_fill();
	serve_replica();
	say(POST("{}", "2"));
	run_until(pass_now());
	pass_ms(4900);
	assert_non_null(pass_now());
	pass_ms(200);
	expect(GONE);
	other_empty();
}

/* Neither a name that is none, nor one that was passed on already. */
static void asks_nobody_without_need(void **state)
{
	static const char *const names[] = {"", "a.b", "1/2", "1@a", "-1", "65536", "0",
		"1234567890123456789012345678901234567890123456789012345678901234"};

	(void)state;
	serve_replica();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(name, sizeof(name), "%s", names[i]);
		say(POST("{}", "2"));
		expect(GONE);
		assert_int_equal(mcp.peer_count, 0);
	}
	config.peer_url = "http://unix:/nowhere/{replica}.socket";
	(void)snprintf(name, sizeof(name), "../r-0");
	say(GET("/mcp"));
	expect(GONE);
	assert_int_equal(mcp.peer_count, 0);
	config.peer_url = "http://127.0.0.1:{replica}";
	close(listener);
	other_listen(8);
	say("GET /mcp HTTP/1.1\r\nHost: a\r\nConnection: curfew-replica\r\n"
	    "curfew-replica:\r\n\r\n");
	expect(GONE);
	config.peer_url = NULL;
	say(GET("/mcp"));
	expect(GONE);
	assert_false(other_accepts());
}

static void there_are_not_too_many(void **state)
{
	(void)state;
	config.peer_url = "http://unix:/nowhere/{replica}.socket";
	serve_replica();
	for (int i = 0; i < REPLICA_PEERS_MOST; i++) {
		(void)snprintf(name, sizeof(name), "r-%d", i);
		say(GET("/mcp"));
		expect(GONE);
	}
	(void)snprintf(name, sizeof(name), "r-more");
	say(GET("/mcp"));
	expect(UNABLE);
	assert_int_equal(mcp.peer_count, REPLICA_PEERS_MOST);
	pass_ms(REPLICA_PEER_IDLE_MS);
	assert_int_equal(mcp.peer_count, 0);
	say(GET("/mcp"));
	expect(GONE);
}

/* Their connections go first. */
static void idle_ones_go(void **state)
{
	(void)state;
	serve_replica();
	say(GET("/mcp"));
	other_accept();
	other_expect(PASSED_GET);
	pass_now()->peer->pool.idle_ms = 3L * REPLICA_PEER_IDLE_MS / 2;
	pass_ms(2 * REPLICA_PEER_IDLE_MS);
	assert_int_equal(mcp.peer_count, 1); /* it is used */
	other_say("HTTP/1.1 204 No Content\r\n\r\n");
	expect("HTTP/1.1 204 No Content\n\n");
	pass_ms(REPLICA_PEER_IDLE_MS);
	assert_int_equal(mcp.peer_count, 1);
	pass_ms(REPLICA_PEER_IDLE_MS / 2);
	other_expect("<end>");
	other_close();
	pass_ms(REPLICA_PEER_IDLE_MS / 2);
	assert_int_equal(mcp.peer_count, 0);
}

/* No memory at one place or another, while it is passed on. */
static void lack_of_memory_is_answered(void **state)
{
	(void)state;
	fail_at = 1;
	do {
		serve_replica();
		say(GET("/mcp"));
		run_until(script.connection && (pass_now() || !script.open));
		settle();
		if (!pass_now()) { /* else it was passed on all the same */
			(void)client_read();
			assert_non_null(has_failed ? strstr(buffer_text(&got), "503 ") : NULL);
		}
		client_reset();
		served();
		fail_at++;
	} while (has_failed && fail_at < 40);
	assert_in_range(fail_at, 3, 39);
	fail_at = 0;
	serve_replica();
}

static void checks_the_url(void **state)
{
	static const struct {
		const char *url, *wrong;
	} rows[] = {
		{"http://curfew-{replica}.curfew:8080", NULL},
		{"http://{replica}", NULL},
		{"http://127.0.0.1:{replica}", NULL},
		{"http://unix:/run/{replica}.sock", NULL},
		{"http://curfew:8080", "does not say where the replica's name goes, {replica}"},
		{"http://{replica}.{replica}", "has {replica} twice"},
		{"https://{replica}", "is https, where only http is spoken"},
		{"{replica}:80", "does not begin with http://"},
		{"http://{replica}/mcp", ""},
		{"http://a:8{replica}x", ""},
	};

	(void)state;
	serve_replica();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *wrong = replica_check(rows[i].url);

		if (!rows[i].wrong) {
			assert_null(wrong);
		} else if (*rows[i].wrong) {
			assert_string_equal(wrong, rows[i].wrong);
		} else {
			assert_non_null(wrong);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		replica_test(passes_on_a_request_and_its_answer),
		replica_test(keeps_connections),
		replica_test(passes_on_event_streams),
		replica_test(frames_what_is_not_framed),
		replica_test(a_gone_owner_is_404),
		replica_test(no_answer_in_five_seconds_is_404),
		replica_test(asks_nobody_without_need),
		replica_test(there_are_not_too_many),
		replica_test(idle_ones_go),
		replica_test(lack_of_memory_is_answered),
		replica_test(checks_the_url),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
