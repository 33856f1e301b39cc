/* SPDX-License-Identifier: Apache-2.0 */
/* The forms of an answer, and what turns one into another. */
#include "mcp/channel.h"

#include "mcp/channel_script.h"

#define DATA_SEGMENTS_OUT 39
#define PRIMING "id: 1-0\nretry: 1000\ndata: \n\n"

static void an_answer_that_comes_first_is_all_of_it(void **state)
{
	struct peer *peer = ask(POST_REQUEST);

	(void)state;
	channel_begin(&channel, CHANNEL_POST, 1);
	attach(&channel);
	assert_int_equal(channel.state, CHANNEL_QUIET);
	answer("{\"id\":1}");
	assert_true(channel_is_done(&channel));
	channel_fini(&channel);
	expect_of(peer, JSON_HEAD "Content-Length: 8\n\n{\"id\":1}");
	assert_int_equal(replay.count, 0);
	peer_ask(peer, POST_REQUEST); /* on the same connection */
	channel_begin(&channel, CHANNEL_POST, 2);
	channel_attach(&channel, arrived, "");
	answer("{}");
	channel_fini(&channel);
	expect_of(peer, "HTTP/1.1 200 OK\nContent-Type: application/json\nContent-Length: 2\n\n{}");
}

/* tcpi_data_segs_out: the kernel tells more than libc's struct tcp_info has. */
static uint32_t segments_of(const struct http_connection *connection)
{
	uint32_t info[64] = {0};
	socklen_t length = sizeof(info);

	assert_int_equal(
		getsockopt(connection->stream.fd, IPPROTO_TCP, TCP_INFO, info, &length), 0);
	return info[DATA_SEGMENTS_OUT];
}

static void head_and_body_leave_together(void **state)
{
	static const size_t lengths[] = {10, 3000, 20000};
	struct peer *peer = peer_new();

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		uint32_t before;

		peer_ask(peer, POST_REQUEST);
		before = segments_of(arrived);
		channel_begin(&channel, CHANNEL_POST, 1);
		attach(&channel);
		send_large(&channel, '1', lengths[i], true);
		channel_fini(&channel);
		settle();
		assert_int_equal(segments_of(arrived) - before, 1);
	}
}

static void events_come_where_something_precedes_the_answer(void **state)
{
	struct peer *peer = ask(POST_REQUEST);

	(void)state;
	channel_begin(&channel, CHANNEL_POST, 1);
	attach(&channel);
	notify("{\"a\":1}");
	assert_int_equal(channel.state, CHANNEL_EVENTS);
	expect_of(peer, EVENTS_HEAD PRIMING "id: 1-1\ndata: {\"a\":1}\n\n");
	notify("{\"a\":2}");
	answer("{\"id\":1}");
	channel_fini(&channel);
	expect_of(peer,
		"id: 1-2\ndata: {\"a\":2}\n\n"
		"id: 1-3\ndata: {\"id\":1}\n\n<over>");
	assert_int_equal(replay.count, 3);
	peer_ask(peer, POST_REQUEST); /* on the same connection */
	channel_begin(&channel, CHANNEL_POST, 2);
	attach(&channel);
	answer("{}");
	channel_fini(&channel);
	expect_of(peer, JSON_HEAD "Content-Length: 2\n\n{}");
}

static void each_event_is_one_chunk(void **state)
{
	struct peer *peer = ask(POST_REQUEST);

	(void)state;
	channel_begin(&channel, CHANNEL_POST, 1);
	channel.primes = false;
	attach(&channel);
	notify("{}");
	answer("[]");
	channel_fini(&channel);
	expect_of(peer, EVENTS_HEAD "id: 1-1\ndata: {}\n\nid: 1-2\ndata: []\n\n<over>");
	assert_non_null(strstr(buffer_text(&peer->got),
		"\r\n\r\n12\r\nid: 1-1\ndata: {}\n\n\r\n12\r\nid: 1-2\ndata: []\n\n\r\n"
		"0\r\n\r\n"));
}

static void where_the_protocol_has_none_nothing_primes(void **state)
{
	struct peer *peer = ask(POST_REQUEST);

	(void)state;
	channel_begin(&channel, CHANNEL_POST, 1);
	channel.primes = false;
	attach(&channel);
	pass_ms(CHANNEL_QUIET_MS);
	expect_of(peer, EVENTS_HEAD);
	answer("{}");
	channel_fini(&channel);
	expect_of(peer, "id: 1-1\ndata: {}\n\n<over>");
}

static void events_begin_after_a_while(void **state)
{
	struct peer *peer = ask(POST_REQUEST);

	(void)state;
	channel_begin(&channel, CHANNEL_POST, 1);
	attach(&channel);
	pass_ms(CHANNEL_QUIET_MS - 1);
	expect_of(peer, "");
	pass_ms(1);
	expect_of(peer, EVENTS_HEAD PRIMING);
	assert_null(channel.fields.data);
	pass_ms(CHANNEL_PING_MS - 1);
	expect_of(peer, "");
	pass_ms(1);
	expect_of(peer, ": ping\n\n");
	pass_ms(CHANNEL_PING_MS);
	expect_of(peer, ": ping\n\n");
	answer("{}");
	channel_fini(&channel);
	expect_of(peer, "id: 1-1\ndata: {}\n\n<over>");
}

static void an_event_puts_the_next_ping_off(void **state)
{
	struct peer *peer = ask(GET("/mcp"));

	(void)state;
	channel_begin(&channel, CHANNEL_GET, 0);
	attach(&channel);
	expect_of(peer, EVENTS_HEAD "id: 0-0\nretry: 1000\ndata: \n\n");
	pass_ms(CHANNEL_PING_MS - 1);
	notify("{}");
	expect_of(peer, "id: 0-1\ndata: {}\n\n");
	pass_ms(CHANNEL_PING_MS - 1);
	expect_of(peer, "");
	pass_ms(1);
	expect_of(peer, ": ping\n\n");
	channel_end(&channel, 0);
	pass_ms(2 * CHANNEL_PING_MS);
	expect_of(peer, "<over>");
	channel_fini(&channel);
}

static void an_end_may_say_when_to_come_again(void **state)
{
	struct peer *peer = ask(GET("/mcp"));

	(void)state;
	channel_begin(&channel, CHANNEL_GET, 0);
	channel_end(&channel, 700); /* nothing carries it */
	attach(&channel);
	channel_end(&channel, 700);
	channel_end(&channel, 700);
	assert_int_equal(channel.state, CHANNEL_AWAY);
	expect_of(peer, EVENTS_HEAD "id: 0-0\nretry: 1000\ndata: \n\nretry: 700\n\n<over>");
	expect_told("");
	channel_fini(&channel);
}

static void the_older_transport_has_names_and_no_ids(void **state)
{
	struct peer *peer = ask(GET("/sse"));

	(void)state;
	channel_begin(&channel, CHANNEL_PLAIN, 0);
	channel.primes = true; /* without ids there is nothing to prime with */
	notify("{\"lost\":1}");
	attach(&channel);
	channel_send_event(&channel, "endpoint", "/messages?session_id=s", 22);
	expect_of(peer, EVENTS_HEAD "event: endpoint\ndata: /messages?session_id=s\n\n");
	notify("{\"a\":1}");
	pass_ms(CHANNEL_PING_MS);
	expect_of(peer, "event: message\ndata: {\"a\":1}\n\n: ping\n\n");
	assert_false(channel_resume(&channel, arrived, "", 0));
	channel_end(&channel, 0);
	expect_of(peer, "<over>");
	channel_fini(&channel);
}

static void a_stateless_answer_has_no_ids(void **state)
{
	struct peer *peer = ask(POST_REQUEST);

	(void)state;
	channel_begin(&channel, CHANNEL_ONCE, 1);
	channel.primes = true;
	attach(&channel);
	notify("{\"a\":1}");
	answer("{}");
	channel_fini(&channel);
	expect_of(peer, EVENTS_HEAD "data: {\"a\":1}\n\ndata: {}\n\n<over>");
	peer_ask(peer, POST_REQUEST);
	channel_begin(&channel, CHANNEL_ONCE, 2);
	attach(&channel);
	answer("{}");
	channel_fini(&channel);
	expect_of(peer, JSON_HEAD "Content-Length: 2\n\n{}");
	peer_ask(peer, POST_REQUEST);
	channel_begin(&channel, CHANNEL_ONCE, 3);
	attach(&channel);
	channel.status = 404;
	channel_send(&channel, "{}", 2, true);
	channel_fini(&channel);
	expect_of(peer,
		"HTTP/1.1 404 Not Found\nContent-Type: application/json\nMcp-Session-Id: s\n"
		"Content-Length: 2\n\n{}");
}

static void old_clients_get_the_same_without_chunks(void **state)
{
	struct peer *peer = ask("POST /mcp HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}");
	struct peer *other = ask("POST /mcp HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}");

	(void)state;
	channel_begin(&channel, CHANNEL_POST, 1);
	channel_attach(&channel, peer->connection, FIELDS);
	notify("{\"a\":1}");
	answer("{}");
	channel_fini(&channel);
	expect_of(peer,
		EVENTS_FIELDS "Connection: close\n\n" PRIMING
			      "id: 1-1\ndata: {\"a\":1}\n\nid: 1-2\ndata: {}\n\n<end>");
	channel_begin(&channel, CHANNEL_POST, 2);
	channel_attach(&channel, other->connection, FIELDS);
	answer("{}");
	channel_fini(&channel);
	expect_of(other, JSON_HEAD "Content-Length: 2\nConnection: close\n\n{}<end>");
}

/* Whoever waits for messages, perhaps for hours, and thousands of them. */
static void a_stream_that_waits_keeps_no_buffers(void **state)
{
	struct peer *peer = ask(GET("/mcp"));

	(void)state;
	channel_begin(&channel, CHANNEL_GET, 0);
	attach(&channel);
	notify("{}");
	expect_of(peer, EVENTS_HEAD "id: 0-0\nretry: 1000\ndata: \n\nid: 0-1\ndata: {}\n\n");
	assert_null(channel.fields.data);
	assert_null(channel.batch.data);
	assert_null(channel.connection->stream.queue.data);
	assert_true(sizeof(channel) <= 400);
	channel_end(&channel, 0);
	expect_of(peer, "<over>");
	channel_fini(&channel);
}

/* Batches. */

static void batch_begin(unsigned expected)
{
	channel_begin(&channel, CHANNEL_POST, 1);
	channel.is_batch = true;
	channel.expected = expected;
	attach(&channel);
}

static void answers_of_a_batch_are_one_array(void **state)
{
	struct peer *peer = ask(POST_REQUEST);

	(void)state;
	batch_begin(3);
	answer("{\"id\":1}");
	pass_ms(CHANNEL_QUIET_MS - 1);
	answer("{\"id\":2}");
	expect_of(peer, "");
	answer("{\"id\":3}");
	assert_true(channel_is_done(&channel));
	channel_fini(&channel);
	expect_of(peer, JSON_HEAD "Content-Length: 30\n\n[{\"id\":1},\n{\"id\":2},\n{\"id\":3}]");
	peer_ask(peer, POST_REQUEST);
	batch_begin(1);
	answer("{\"id\":1}");
	channel_fini(&channel);
	expect_of(peer, JSON_HEAD "Content-Length: 10\n\n[{\"id\":1}]");
	assert_int_equal(replay.count, 0);
}

static void or_events_where_something_else_comes_before_the_last(void **state)
{
	struct peer *peer = ask(POST_REQUEST);

	(void)state;
	batch_begin(3);
	answer("{\"id\":1}");
	answer("{\"id\":[2,3]}");
	notify("{\"a\":1}");
	expect_of(peer,
		EVENTS_HEAD PRIMING "id: 1-1\ndata: {\"id\":1}\n\nid: 1-2\ndata: {\"id\":[2,3]}\n\n"
				    "id: 1-3\ndata: {\"a\":1}\n\n");
	assert_false(channel_is_done(&channel));
	answer("{\"id\":3}");
	assert_true(channel_is_done(&channel));
	channel_fini(&channel);
	expect_of(peer, "id: 1-4\ndata: {\"id\":3}\n\n<over>");
}

/* The time is counted from the request: a proxy waits for a head. */
static void or_where_the_last_one_takes_long(void **state)
{
	struct peer *peer = ask(POST_REQUEST);

	(void)state;
	batch_begin(2);
	pass_ms(CHANNEL_QUIET_MS - 1);
	answer("{\"id\":1}");
	pass_ms(1);
	expect_of(peer, EVENTS_HEAD PRIMING "id: 1-1\ndata: {\"id\":1}\n\n");
	answer("{\"id\":2}");
	channel_fini(&channel);
	expect_of(peer, "id: 1-2\ndata: {\"id\":2}\n\n<over>");
}

static void or_where_they_are_large(void **state)
{
	struct peer *peer = ask(POST_REQUEST);

	(void)state;
	batch_begin(4);
	send_large(&channel, '1', CHANNEL_BATCH_MOST / 2, true);
	send_large(&channel, '2', CHANNEL_BATCH_MOST / 4, true);
	assert_int_equal(channel.state, CHANNEL_QUIET);
	send_large(&channel, '3', CHANNEL_BATCH_MOST / 2, true);
	assert_int_equal(channel.state, CHANNEL_EVENTS);
	assert_int_equal(replay.count, 3);
	assert_null(channel.batch.data);
	channel_end(&channel, 0);
	channel_fini(&channel);
	peer_leave(peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		channel_test(an_answer_that_comes_first_is_all_of_it),
		channel_test(head_and_body_leave_together),
		channel_test(events_come_where_something_precedes_the_answer),
		channel_test(each_event_is_one_chunk),
		channel_test(where_the_protocol_has_none_nothing_primes),
		channel_test(events_begin_after_a_while),
		channel_test(an_event_puts_the_next_ping_off),
		channel_test(an_end_may_say_when_to_come_again),
		channel_test(the_older_transport_has_names_and_no_ids),
		channel_test(a_stateless_answer_has_no_ids),
		channel_test(old_clients_get_the_same_without_chunks),
		channel_test(a_stream_that_waits_keeps_no_buffers),
		channel_test(answers_of_a_batch_are_one_array),
		channel_test(or_events_where_something_else_comes_before_the_last),
		channel_test(or_where_the_last_one_takes_long),
		channel_test(or_where_they_are_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
