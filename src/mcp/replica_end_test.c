/* SPDX-License-Identifier: Apache-2.0 */
/* How passing on ends early, and how each side makes the other wait. */
#include "mcp/replica_script.h"

#define EVENTS                                                                                     \
	"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"                                   \
	"Transfer-Encoding: chunked\r\n\r\n"
#define EVENTS_PASSED                                                                              \
	"HTTP/1.1 200 OK\nContent-Type: text/event-stream\nTransfer-Encoding: chunked\n\n"

static void begin_post(void)
{
	serve_replica();
	say(POST("{}", "2"));
	other_accept();
	other_expect(PASSED_POST("{}", "2"));
}

static void begin_events(const char *method_and_rest, const char *passed)
{
	serve_replica();
	say(method_and_rest);
	other_accept();
	other_expect(passed);
	other_say(EVENTS "9\r\ndata: 1\n\n\r\n");
	expect(EVENTS_PASSED "9\ndata: 1\n\n\n");
}

/* The owner goes. */

static void an_owner_that_breaks_off_is_502(void **state)
{
	(void)state;
	begin_post();
	other_reset();
	expect(BROKEN);
	say(POST("{}", "2"));
	other_accept();
	other_expect(PASSED_POST("{}", "2"));
	other_say("HTTP/1.1 200 OK\r\nConte");
	other_close();
	expect(BROKEN);
	say(POST("{}", "2"));
	other_accept();
	other_expect(PASSED_POST("{}", "2"));
	other_say("SSH-2.0 hello\r\n\r\n");
	expect(BROKEN);
}

static void half_an_answer_does_not_look_whole(void **state)
{
	(void)state;
	begin_post();
	other_say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n{}");
	expect("HTTP/1.1 200 OK\nContent-Length: 4\n\n{}");
	other_close();
	read_to_end();
	assert_string_equal(buffer_text(&got), "<reset>");
}

/* An idle connection that the owner resets: nothing of the request went there. */
static void tries_again_where_nothing_was_sent(void **state)
{
	(void)state;
	begin_post();
	for (int turn = 0; turn < 2; turn++) {
		other_say("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
		expect("HTTP/1.1 202 Accepted\nContent-Length: 0\n\n");
		if (turn) { /* the worker hears of the request first, and takes the connection */
			say(POST("{}", "2"));
			other_reset();
		} else {
			other_reset();
			say(POST("{}", "2"));
		}
		other_accept();
		other_expect(PASSED_POST("{}", "2"));
	}
	other_say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	expect(OK);
}

/* One that ends without a word, as idle ones do: what has no body is asked again, once. */
static void tries_again_what_may_be_asked_twice(void **state)
{
	(void)state;
	begin_post();
	other_say("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
	expect("HTTP/1.1 202 Accepted\nContent-Length: 0\n\n");
	say(GET("/mcp"));
	other_expect(PASSED_GET);
	other_close();
	other_accept();
	other_expect(PASSED_GET);
	other_close();
	expect(BROKEN);
	say(POST("{}", "2"));
	other_accept();
	other_expect(PASSED_POST("{}", "2"));
	other_say("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
	expect("HTTP/1.1 202 Accepted\nContent-Length: 0\n\n");
	say(POST("{}", "2"));
	other_expect(PASSED_POST("{}", "2"));
	other_close();
	expect(BROKEN); /* the owner may have done it */
}

/* The client goes. */

static void the_owner_hears_that_the_client_is_gone(void **state)
{
	(void)state;
	begin_events(GET("/mcp"), PASSED_GET);
	client_reset();
	other_expect("<reset>");
	assert_null(pass_now());
}

static void nobody_is_dialled_for_a_client_that_is_gone(void **state)
{
	(void)state;
	other_fill();
	serve_replica();
	say(GET("/mcp"));
	run_until(pass_now());
	settle();
	assert_non_null(pass_now()->dial);
	client_reset();
	run_until(!pass_now());
	pass_ms(6000);
	other_empty();
}

/* The process ends. */

static void idle_streams_end_between_two_events(void **state)
{
	(void)state;
	begin_events(GET("/mcp"), PASSED_GET);
	other_say("5\r\ndata:\r\n");
	expect("5\ndata:\n");
	replica_announce(&mcp);
	assert_non_null(pass_now());
	other_say("4\r\n 2\n\n\r\n");
	expect("4\n 2\n\n\n0\n\n");
	assert_null(pass_now());
	other_expect("<reset>");
	other_close();
	say(GET("/mcp"));
	other_accept();
	other_expect(PASSED_GET);
	replica_announce(&mcp);
	other_say(EVENTS);
	expect(EVENTS_PASSED "0\n\n");
	say(GET("/mcp"));
	other_close();
	other_accept();
	other_expect(PASSED_GET);
	other_say(EVENTS);
	expect(EVENTS_PASSED);
	replica_announce(&mcp);
	expect("0\n\n");
}

static void calls_go_on_to_their_end(void **state)
{
	(void)state;
	begin_events(POST("{}", "2"), PASSED_POST("{}", "2"));
	replica_announce(&mcp);
	other_say("9\r\ndata: 2\n\n\r\n0\r\n\r\n");
	expect("9\ndata: 2\n\n\n0\n\n");
}

static void cut_answers_or_ends_between_events(void **state)
{
	(void)state;
	begin_post();
	handler.cut(script.connection);
	read_until("the server is shutting down\"}}");
	assert_non_null(strstr(buffer_text(&got), "HTTP/1.1 503 "));
	buffer_consume(&got, got.length);
	other_expect("<reset>");
	other_close();
	say(GET("/mcp"));
	other_accept();
	other_expect(PASSED_GET);
	other_say(EVENTS "9\r\ndata: 1\n\n\r\n");
	expect(EVENTS_PASSED "9\ndata: 1\n\n\n");
	handler.cut(script.connection);
	expect("0\n\n");
}

static void cut_resets_half_an_answer(void **state)
{
	(void)state;
	begin_events(GET("/mcp"), PASSED_GET);
	other_say("5\r\ndata:\r\n");
	expect("5\ndata:\n");
	handler.cut(script.connection);
	read_to_end();
	assert_string_equal(buffer_text(&got), "<reset>");
}

/* Nothing is kept of what one side does not take. */

static void a_slow_client_makes_the_owner_wait(void **state)
{
	static char piece[65536];
	size_t sent = 0, length = 0;
	ssize_t n;

	(void)state;
	memset(piece, 'x', sizeof(piece));
	begin_post();
	other_say("HTTP/1.1 200 OK\r\nContent-Length: 33554432\r\n\r\n");
	for (int quiet = 0; quiet < 10; quiet++) {
		while ((n = send(other, piece, sizeof(piece), MSG_NOSIGNAL)) > 0) {
			sent += (size_t)n;
			quiet = 0;
		}
		settle();
		assert_true(http_queued(script.connection) <
			(size_t)STREAM_QUEUE_HIGH + WORKER_SCRATCH);
	}
	assert_true(sent < 33554432);
	assert_true(pass_now()->rests);
	while (sent < 33554432 || script.open) {
		n = send(other, piece,
			33554432 - sent < sizeof(piece) ? 33554432 - sent : sizeof(piece),
			MSG_NOSIGNAL);
		sent += n > 0 ? (size_t)n : 0;
		round_now();
		(void)client_read();
		length += got.length;
		buffer_consume(&got, got.length);
	}
	while (length < 33554432) {
		assert_true(client_wait());
		length += got.length;
		buffer_consume(&got, got.length);
	}
}

static void a_slow_owner_is_waited_for(void **state)
{
	const size_t size = (size_t)8 << 20;
	char *large = malloc(size);
	size_t sent = 0, length = 0;

	(void)state;
	assert_non_null(large);
	memset(large, 'y', size);
	serve_replica();
	say("POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: 8388608\r\n\r\n");
	while (sent < size) {
		ssize_t n = send(client, large + sent, size - sent, MSG_NOSIGNAL);

		sent += n > 0 ? (size_t)n : 0;
		round_now();
	}
	other_accept();
	settle();
	run_until(pass_now()->owner);
	settle();
	assert_true(pass_now()->body_sent < size);
	assert_int_equal(mcp.gathered, size);
	assert_true(http_client_queued(&pass_now()->owner->client) < 2 * STREAM_QUEUE_HIGH);
	while (!strstr(buffer_text(&other_got), "\r\n\r\n")) {
		assert_true(other_read());
		round_now();
	}
	length = (size_t)(strstr(buffer_text(&other_got), "\r\n\r\n") + 4 - other_got.data) + size;
	while (other_got.length < length) {
		assert_true(other_read());
		round_now();
	}
	assert_int_equal(other_got.length, length);
	buffer_consume(&other_got, other_got.length);
	assert_null(pass_now()->body.data);
	assert_int_equal(mcp.gathered, 0);
	other_say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	expect(OK);
	free(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		replica_test(an_owner_that_breaks_off_is_502),
		replica_test(half_an_answer_does_not_look_whole),
		replica_test(tries_again_where_nothing_was_sent),
		replica_test(tries_again_what_may_be_asked_twice),
		replica_test(the_owner_hears_that_the_client_is_gone),
		replica_test(nobody_is_dialled_for_a_client_that_is_gone),
		replica_test(idle_streams_end_between_two_events),
		replica_test(calls_go_on_to_their_end),
		replica_test(cut_answers_or_ends_between_events),
		replica_test(cut_resets_half_an_answer),
		replica_test(a_slow_client_makes_the_owner_wait),
		replica_test(a_slow_owner_is_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
