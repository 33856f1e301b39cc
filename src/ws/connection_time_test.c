/* SPDX-License-Identifier: Apache-2.0 */
/* The deadlines of a connection, on a clock that the test moves. */
#include "ws/connection.h"

#include "ws/connection_script.h"

/* Time that passes when the test says so. */

static int64_t clock_now;

static int clock_setup(void **state)
{
	clock_now = curfew_now();
	clock_fake(&clock_now);
	return worker_setup(state);
}

static int clock_teardown(void **state)
{
	clock_fake(NULL);
	return worker_teardown(state);
}

static void pass_ms(int64_t ms)
{
	settle();
	clock_now += ms * NS_PER_MS;
	loop_wake(worker->loop);
	settle();
}

#define clock_test(test) cmocka_unit_test_setup_teardown(test, clock_setup, clock_teardown)

static void serve_with_pings(void)
{
	serve();
	script.limits.ping_ms = 30000;
	open_server();
}

/* Answers a ping: takes it out of what the peer got. */
static void answer_ping(void)
{
	struct buffer pong = {0};
	uint8_t ping[6];

	assert_int_equal(recv(script.peer, ping, sizeof(ping), 0), sizeof(ping));
	assert_int_equal(ping[0], PING);
	append_frame(&pong, PONG, ping + 2, 4, true);
	send_bytes(pong.data, pong.length);
	settle();
	buffer_fini(&pong);
}

static void a_peer_that_answers_stays(void **state)
{
	(void)state;
	serve_with_pings();
	pass_ms(14900);
	expect_got(""); /* the first one comes in the second half, by chance */
	pass_ms(15200);
	for (int i = 0; i < 5; i++) {
		answer_ping();
		expect_heard("pong\n");
		pass_ms(30000);
	}
	over();
}

static void silence_ends_it(void **state)
{
	(void)state;
	serve_with_pings();
	pass_ms(30100);
	expect_got("ping\n");
	say_frame(TEXT, "I am here"); /* which is no pong */
	expect_heard("t<I am here>\n");
	pass_ms(29800);
	expect_heard("");
	pass_ms(300);
	expect_heard("ended: heartbeat timeout\n");
	settle_all();
	assert_non_null(strstr(buffer_text(&script.got), "close 1011 heartbeat timeout\n"));
	peer_shut();
	run_until(script.closed);
	expect_heard("closed 1006\n");
	over();
}

/* What came in time, and was not read since we were held up, counts. */
static void a_pong_that_waits_is_read(void **state)
{
	struct buffer pong = {0};
	uint8_t ping[6];

	(void)state;
	serve_with_pings();
	pass_ms(30100);
	assert_int_equal(recv(script.peer, ping, sizeof(ping), 0), sizeof(ping));
	append_frame(&pong, PONG, ping + 2, 4, true);
	clock_now += 30100 * NS_PER_MS;
	send_bytes(pong.data, pong.length);
	pass_ms(0);
	pass_ms(200);
	assert_non_null(strstr(buffer_text(&script.heard), "pong\n"));
	assert_null(strstr(buffer_text(&script.heard), "ended"));
	buffer_fini(&pong);
	over();
}

/* An owner that takes nothing is no fault of the peer. */
static void nobody_is_silent_who_is_not_read(void **state)
{
	(void)state;
	serve_with_pings();
	script.takes = 0;
	say_frame(TEXT, "hello");
	for (int i = 0; i < 5; i++) {
		pass_ms(30000);
	}
	expect_heard("");
	script.takes = SIZE_MAX;
	ws_connection_resume(&script.ws);
	expect_heard("t<hello>\n");
	pass_ms(29900);
	expect_heard("");
	pass_ms(200);
	expect_heard("ended: heartbeat timeout\n");
	peer_shut();
	over();
}

static void messages_have_their_time(void **state)
{
	(void)state;
	open_server();
	say_frame(WS_OPCODE_TEXT, "one ");
	pass_ms(20000);
	say_frame(FIN | WS_OPCODE_CONTINUATION, "whole");
	say_frame(WS_OPCODE_TEXT, "two ");
	pass_ms(29000); /* of its own time */
	say_frame(WS_OPCODE_CONTINUATION, "more ");
	say_frame(PING, "");
	pass_ms(900);
	expect_heard("t<one whole>\nt<two more ");
	pass_ms(200);
	expect_heard("ended: message too slow\n");
	peer_shut();
	run_until(script.closed);
	expect_got("pong \nclose 1000 message too slow\n<end>\n");
	over();
	open_server();
	send_bytes("\x81", 1); /* half a header counts, too */
	pass_ms(30100);
	expect_heard("ended: message too slow\n");
	peer_shut();
	over();
}

static void one_that_waits_for_its_owner_is_not_slow(void **state)
{
	(void)state;
	open_server();
	script.takes = 0;
	say_frame(WS_OPCODE_TEXT, "one ");
	pass_ms(100000);
	script.takes = SIZE_MAX;
	ws_connection_resume(&script.ws);
	pass_ms(29000);
	say_frame(FIN | WS_OPCODE_CONTINUATION, "whole");
	expect_heard("t<one whole>\n");
	pass_ms(100000);
	expect_heard("");
	over();
}

/* Sends until the kernel takes no more. */
static void stuff(void)
{
	static char bytes[256 * 1024];

	do {
		assert_int_equal(ws_send(&script.ws, WS_OPCODE_BINARY, bytes, sizeof(bytes)), 0);
		settle();
	} while (!stream_queued(&script.ws.stream));
}

static void a_stalled_peer_is_cut(void **state)
{
	(void)state;
	open_server();
	script.limits.outbox_most = SIZE_MAX;
	stuff();
	pass_ms(9900);
	expect_heard("");
	pass_ms(200);
	if (!script.closed) { /* the kernel had taken some of the last one */
		pass_ms(10100);
	}
	run_until(script.closed);
	expect_heard("ended: write failed\nclosed 1006\n");
	over();
}

static void a_slow_one_is_not(void **state)
{
	(void)state;
	open_server();
	script.limits.outbox_most = SIZE_MAX;
	for (int i = 0; i < 5; i++) {
		stuff();
		pass_ms(9000);
		peer_read();
		settle();
		peer_read();
		buffer_consume(&script.raw, script.raw.length);
		pass_ms(9000);
	}
	assert_null(strstr(buffer_text(&script.heard), "ended"));
	pass_ms(100000);
	over();
}

/* Five seconds from the first close frame on, whatever the peer does. */
static void the_close_is_bounded(void **state)
{
	(void)state;
	open_server();
	ws_connection_close(&script.ws, 1001, "shutting down");
	for (int i = 0; i < 4; i++) {
		pass_ms(1200);
		say_frame(TEXT, "a");
	}
	expect_heard("t<a>\nt<a>\nt<a>\nt<a>\n");
	pass_ms(300);
	run_until(script.closed);
	expect_heard("ended: closed\nclosed 1006\n");
	expect_got("close 1001 shutting down\n<end>\n");
	over();
}

/* The peer has closed in order, and does not read. */
static void what_is_queued_is_bounded_too(void **state)
{
	(void)state;
	open_server();
	script.limits.outbox_most = SIZE_MAX;
	stuff();
	say_close(1000, "");
	expect_heard("ended: the peer closed it\n");
	pass_ms(4900);
	assert_false(script.closed);
	pass_ms(200);
	run_until(script.closed);
	expect_heard("closed 1000\n");
	over();
}

/* A client waits for the server's end no longer, either. */
static void a_clients_wait_is_bounded(void **state)
{
	(void)state;
	open_client();
	say_close(1000, "");
	settle();
	pass_ms(5100);
	run_until(script.closed);
	expect_heard("ended: the peer closed it\nclosed 1000 clean\n");
	over();
}

/* With nothing under way, and no pings, nothing is waited for. */
static void idle_ones_wait_for_nothing(void **state)
{
	(void)state;
	open_server();
	say_frame(TEXT, "hello");
	settle();
	assert_int_equal(ws_send(&script.ws, WS_OPCODE_TEXT, "hello", 5), 0);
	pass_ms(60000);
	assert_int_equal(script.ws.deadline.due, CURFEW_NEVER);
	assert_false(timer_started(&script.ws.deadline.timer));
	over();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		clock_test(a_peer_that_answers_stays),
		clock_test(silence_ends_it),
		clock_test(a_pong_that_waits_is_read),
		clock_test(nobody_is_silent_who_is_not_read),
		clock_test(messages_have_their_time),
		clock_test(one_that_waits_for_its_owner_is_not_slow),
		clock_test(a_stalled_peer_is_cut),
		clock_test(a_slow_one_is_not),
		clock_test(the_close_is_bounded),
		clock_test(what_is_queued_is_bounded_too),
		clock_test(a_clients_wait_is_bounded),
		clock_test(idle_ones_wait_for_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
