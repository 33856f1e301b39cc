/* SPDX-License-Identifier: Apache-2.0 */
/* Another protocol on the connection, after a 101. */
#include "http/server.h"

#include "http/server_script.h"

#define UPGRADE "GET /a HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
#define SWITCHED "HTTP/1.1 101 Switching Protocols\nUpgrade: x\nConnection: upgrade\n\n"
#define BEGUN "request GET /a\nend\n"

static void answer_later(struct http_connection *connection)
{
	(void)connection;
}

static void switch_protocols(struct http_connection *connection)
{
	assert_true(connection->parser.head.upgrade);
	http_compose_field(http_answer(connection, 101), "Upgrade", "x");
	http_tunnel(connection, false);
}

static void begin_tunnel(void)
{
	serve();
	script.on_end = switch_protocols;
	say(UPGRADE);
	expect(SWITCHED);
	expect_heard(BEGUN);
	assert_int_equal(script.dates, 1);
}

static void bytes_pass_in_both_directions(void **state)
{
	(void)state;
	begin_tunnel();
	say(GET("/not-http"));
	expect_heard("tunnel " GET("/not-http") "\n");
	http_tunnel_write(script.connection, "HTTP/", 5);
	expect("HTTP/");
	say("a");
	expect_heard("tunnel a\n");
	http_tunnel_close(script.connection, true);
	expect_heard("over 101\n");
	expect("<end>");
	served();
}

/* From request() too, where end() is not called any more: the request is over. */
static void it_may_begin_at_once(void **state)
{
	(void)state;
	serve();
	script.on_request = switch_protocols;
	say(UPGRADE "ahead");
	expect(SWITCHED);
	expect_heard("request GET /a\ntunnel ahead\n");
	http_tunnel_close(script.connection, false);
	expect_heard("over 101 not whole\n");
	served();
}

/* Wherever it is cut, and however little is taken at once. */
static void what_is_sent_ahead_comes_first(void **state)
{
	static const char bytes[] = UPGRADE "ahead";

	(void)state;
	for (size_t cut = 1; cut < sizeof(bytes) - 1; cut++) {
		for (size_t takes = 1; takes < 4; takes++) {
			serve();
			script.on_end = answer_later;
			script.takes = takes;
			send_bytes(bytes, cut);
			settle();
			send_bytes(bytes + cut, sizeof(bytes) - 1 - cut);
			expect("");
			expect_heard(BEGUN);
			switch_protocols(script.connection);
			say(", behind");
			while (script.heard.length < sizeof("tunnel ahead, behind") - 1) {
				settle();
				http_resume(script.connection);
			}
			expect(SWITCHED);
			expect_heard("tunnel ahead, behind\n");
			http_tunnel_close(script.connection, true);
			served();
		}
	}
}

static void it_may_be_refused(void **state)
{
	(void)state;
	serve();
	say(UPGRADE GET("/b"));
	expect(OK OK);
	expect_heard(BEGUN "over 200\nrequest GET /b\nend\nover 200\n");
	served();
}

static void each_side_ends_by_itself(void **state)
{
	(void)state;
	begin_tunnel();
	client_shut();
	expect_heard("tunnel's end\n");
	http_tunnel_write(script.connection, "more", 4);
	expect("more");
	http_tunnel_shut(script.connection);
	http_tunnel_write(script.connection, "too late", 8);
	expect("<end>");
	assert_int_equal(script.open, 1); /* its owner closes it */
	http_tunnel_close(script.connection, true);
	expect_heard("over 101\n");
	served();

	begin_tunnel();
	http_tunnel_write(script.connection, "last", 4);
	http_tunnel_shut(script.connection);
	expect("last<end>");
	say("more");
	expect_heard("tunnel more\n");
	client_shut();
	expect_heard("tunnel's end\n");
	http_tunnel_close(script.connection, true);
	served();
}

/* The client has sent all before there is a tunnel: its owner hears of it, behind what was sent. */
static void an_end_may_come_before_it(void **state)
{
	static const struct {
		const char *says, *heard;
	} rows[] = {
		{UPGRADE, "tunnel's end\n"},
		{UPGRADE "ahead", "tunnel ahead\ntunnel's end\n"},
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		serve();
		script.on_end = answer_later;
		say(rows[i].says);
		client_shut();
		expect_heard(BEGUN);
		switch_protocols(script.connection);
		assert_int_equal(script.heard.length, 0); /* not within the call */
		expect_heard(rows[i].heard);
		expect(SWITCHED);
		http_tunnel_write(script.connection, "hello", 5);
		expect("hello");
		http_tunnel_close(script.connection, true);
		expect("<end>");
		served();
	}
}

static void what_is_not_taken_waits(void **state)
{
	size_t sent = 0;
	ssize_t n;

	(void)state;
	begin_tunnel();
	script.takes = 0;
	do {
		static const char bytes[65536];

		n = send(client, bytes, sizeof(bytes), MSG_NOSIGNAL);
		if (n < 0) {
			settle();
			n = send(client, bytes, sizeof(bytes), MSG_NOSIGNAL);
		}
		sent += n > 0 ? (size_t)n : 0;
	} while (n > 0 && sent < 64 * MEGABYTE);
	assert_true(sent < 64 * MEGABYTE);
	expect_heard("");
	http_tunnel_close(script.connection, false);
	served();
}

static void there_is_room_again(void **state)
{
	char *bytes = pattern(16 * MEGABYTE);

	(void)state;
	begin_tunnel();
	http_tunnel_write(script.connection, bytes, 16 * MEGABYTE);
	assert_true(http_queued(script.connection) > STREAM_QUEUE_HIGH);
	expect_heard("");
	while (got.length < 16 * MEGABYTE) {
		assert_true(client_wait());
	}
	assert_memory_equal(got.data, bytes, got.length);
	expect_heard("writable\n");
	http_tunnel_close(script.connection, true);
	free(bytes);
	served();
}

static void clients_may_be_gone(void **state)
{
	(void)state;
	begin_tunnel();
	client_reset();
	run_until(script.left);
	expect_heard("over 101 not whole\n");
	served();
}

/* Now: what is queued for a client that does not read is lost. */
static void it_may_be_cut(void **state)
{
	char *bytes = pattern(16 * MEGABYTE);

	(void)state;
	begin_tunnel();
	http_tunnel_write(script.connection, bytes, 16 * MEGABYTE);
	http_tunnel_cut(script.connection);
	expect_heard("over 101 not whole\n");
	assert_int_equal(script.left, 1);
	read_to_end();
	assert_true(got.length < 16 * MEGABYTE);
	free(bytes);
	served();
}

static void switch_dated(struct http_connection *connection)
{
	struct buffer *head = http_answer(connection, 101);

	http_compose_field(head, "Upgrade", "x");
	http_compose_field(head, "Date", "Sun, 06 Nov 1994 08:49:37 GMT");
	http_tunnel(connection, true);
}

static void it_may_have_a_date(void **state)
{
	(void)state;
	serve();
	script.on_end = switch_dated;
	say(UPGRADE);
	expect(SWITCHED);
	assert_int_equal(script.dates, 1);
	http_tunnel_close(script.connection, true);
	served();
}

/* What takes it over: bare, without anything of HTTP. */

static struct stream taken;
static struct buffer taken_got;
static bool taken_arrived, taken_closed;

static size_t taken_received(struct stream *stream, char *bytes, size_t length)
{
	assert_ptr_equal(stream, &taken);
	buffer_append(&taken_got, bytes, length);
	return length;
}

static void taken_ended(struct stream *stream)
{
	buffer_append_text(&taken_got, "<end>");
	stream_close(stream, false);
}

static void taken_failed(struct stream *stream, int error)
{
	(void)error;
	stream_close(stream, false);
}

static void taken_gone(struct stream *stream)
{
	(void)stream;
	taken_closed = true;
}

static void taken_there(struct stream *stream)
{
	assert_ptr_equal(stream, &taken);
	taken_arrived = true;
}

static const struct stream_ops taken_ops = {
	.arrived = taken_there,
	.received = taken_received,
	.ended = taken_ended,
	.failed = taken_failed,
	.closed = taken_gone,
};

static void hand_over(struct http_connection *connection)
{
	switch_protocols(connection);
	http_tunnel_hand_over(connection, &taken, worker, &taken_ops);
}

/* From request(), where what was sent ahead is in the parser's input, and later. */
static void it_may_be_handed_over(void **state)
{
	(void)state;
	for (int late = 0; late < 2; late++) {
		taken_arrived = taken_closed = false;
		serve();
		script.on_request = late ? NULL : hand_over;
		script.on_end = answer_later;
		say(UPGRADE "ahead, ");
		if (late) {
			settle();
			hand_over(script.connection);
		}
		run_until(taken_arrived);
		assert_int_equal(server.connections, 0); /* its memory is gone */
		assert_int_equal(curfew_drain_count(&worker->drain), 0);
		assert_int_equal(script.left, 0); /* but not its place */
		expect_heard(late ? BEGUN "over 101\n" : "request GET /a\nover 101\n");
		expect(SWITCHED);
		stream_write(&taken, "hello", 5);
		expect("hello");
		say("behind");
		client_shut();
		run_until(taken_closed);
		assert_string_equal(buffer_text(&taken_got), "ahead, behind<end>");
		buffer_fini(&taken_got);
		script_left(&server);
		served();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		worker_test(bytes_pass_in_both_directions),
		worker_test(it_may_begin_at_once),
		worker_test(what_is_sent_ahead_comes_first),
		worker_test(it_may_be_refused),
		worker_test(each_side_ends_by_itself),
		worker_test(an_end_may_come_before_it),
		worker_test(what_is_not_taken_waits),
		worker_test(there_is_room_again),
		worker_test(clients_may_be_gone),
		worker_test(it_may_be_cut),
		worker_test(it_may_have_a_date),
		worker_test(it_may_be_handed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
