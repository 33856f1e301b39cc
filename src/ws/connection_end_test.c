/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a connection (RFC 6455, 7), from either side, in order or not. */
#include "ws/connection.h"

#include "ws/connection_script.h"

static void the_peer_closes(void **state)
{
	static const struct {
		unsigned code;
		const char *reason, *got, *heard;
	} rows[] = {
		{1000, "bye", "close 1000 \n<end>\n",
			"ended: the peer closed it\nclosed 1000 clean\n"},
		{4404, "", "close 4404 \n<end>\n",
			"ended: the peer closed it\nclosed 4404 clean\n"},
		{WS_CLOSE_NO_CODE, "", "close 1005 \n<end>\n",
			"ended: the peer closed it\nclosed 1005 clean\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		open_server();
		say_close(rows[i].code, rows[i].reason);
		say_frame(TEXT, "behind it");
		run_until(script.closed);
		expect_heard(rows[i].heard);
		peer_read_frames();
		assert_true(!strncmp(buffer_text(&script.got), rows[i].got,
			strlen(rows[i].got) - sizeof("<end>")));
		over();
	}
}

/* What is queued goes out before our answer to the peer's close frame. */
static void what_is_queued_goes_first(void **state)
{
	(void)state;
	open_server();
	assert_int_equal(ws_send(&script.ws, WS_OPCODE_TEXT, "one", 3), 0);
	assert_int_equal(ws_send(&script.ws, WS_OPCODE_TEXT, "two", 3), 0);
	say_close(1000, "");
	expect_got("t<one>\nt<two>\nclose 1000 \n<end>\n");
	run_until(script.closed);
	expect_heard("ended: the peer closed it\nclosed 1000 clean\n");
	over();
}

/* We close: what the peer sent before its own close frame is heard; nothing of ours goes. */
static void we_close(void **state)
{
	(void)state;
	open_server();
	assert_int_equal(ws_send(&script.ws, WS_OPCODE_TEXT, "last", 4), 0);
	ws_connection_close(&script.ws, 1001, "shutting down");
	ws_connection_close(&script.ws, 1000, "again");
	assert_int_equal(ws_send(&script.ws, WS_OPCODE_TEXT, "late", 4), -ESHUTDOWN);
	ws_connection_ping(&script.ws);
	expect_got("t<last>\nclose 1001 shutting down\n");
	say_frame(TEXT, "on its way");
	say_frame(PING, "too");
	expect_heard("t<on its way>\n");
	expect_got("");
	say_close(1001, "");
	run_until(script.closed);
	expect_heard("ended: closed\nclosed 1001 clean\n");
	expect_got("<end>\n");
	over();
}

/* A client leaves it to the server to close the socket (7.1.1). */
static void a_client_waits_for_the_server(void **state)
{
	(void)state;
	open_client();
	say_close(1000, "");
	expect_got("close 1000 \n");
	expect_heard("ended: the peer closed it\n");
	peer_shut();
	run_until(script.closed);
	expect_heard("closed 1000 clean\n");
	over();
	open_client();
	ws_connection_close(&script.ws, WS_CLOSE_NO_CODE, "");
	expect_got("close 1005 \n");
	say_frame(TEXT, "on its way");
	say_close(1000, "");
	expect_heard("t<on its way>\nended: closed\n");
	peer_shut();
	run_until(script.closed);
	expect_heard("closed 1000 clean\n");
	over();
}

/* Both at once. */
static void close_frames_cross(void **state)
{
	(void)state;
	open_server();
	say_close(4000, "");
	ws_connection_close(&script.ws, 1001, "");
	run_until(script.closed);
	expect_heard("ended: closed\nclosed 4000 clean\n");
	expect_got("close 1001 \n<end>\n");
	over();
}

/* Without a close frame: 1006, whatever we said. */
static void it_may_break_off(void **state)
{
	(void)state;
	open_server();
	say_frame(TEXT, "hello");
	peer_shut();
	run_until(script.closed);
	expect_heard("t<hello>\nended: it broke off\nclosed 1006\n");
	over();
	open_server();
	ws_connection_close(&script.ws, 1001, "");
	settle();
	peer_shut();
	run_until(script.closed);
	expect_heard("ended: closed\nclosed 1006\n");
	over();
	for (int i = 0; i < 2; i++) {
		const struct linger now = {.l_onoff = 1, .l_linger = 0};

		open_server();
		if (i) {
			ws_connection_close(&script.ws, 1001, "");
			settle();
		}
		assert_int_equal(
			setsockopt(script.peer, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
		close(script.peer);
		script.peer = -1;
		run_until(script.closed);
		expect_heard(
			i ? "ended: closed\nclosed 1006\n" : "ended: it broke off\nclosed 1006\n");
		over();
	}
}

/* Its owner is told of the end before it is told that all is gone, and never within the call. */
static void it_may_be_cut(void **state)
{
	(void)state;
	open_server();
	ws_connection_cut(&script.ws);
	assert_int_equal(script.heard.length, 0);
	assert_int_equal(ws_send(&script.ws, WS_OPCODE_TEXT, "late", 4), -ESHUTDOWN);
	ws_connection_cut(&script.ws);
	ws_connection_close(&script.ws, 1000, "");
	run_until(script.closed);
	expect_heard("ended: cut\nclosed 1006\n");
	over();
	open_server();
	ws_connection_close(&script.ws, 1001, "");
	ws_connection_cut(&script.ws);
	run_until(script.closed);
	expect_heard("ended: closed\nclosed 1006\n");
	expect_got("close 1001 \n<end>\n");
	over();
}

/* A message of which only some was sent does not keep the close frame back (5.4). */
static void within_a_message_of_ours(void **state)
{
	(void)state;
	open_server();
	assert_int_equal(ws_send_piece(&script.ws, WS_OPCODE_TEXT, "hel", 3, false), 0);
	ws_connection_close(&script.ws, 1011, "failed");
	expect_got("t<helclose 1011 failed\n");
	say_close(1011, "");
	run_until(script.closed);
	over();
}

/* What the drain asks. */

static void the_drain_closes_it(void **state)
{
	(void)state;
	open_server();
	assert_int_equal(ws_send(&script.ws, WS_OPCODE_TEXT, "queued", 6), 0);
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	expect_got("t<queued>\nclose 1001 shutting down\n");
	assert_int_equal(curfew_drain_count(&worker->drain), 1);
	say_frame(TEXT, "on its way");
	say_close(1001, "");
	run_until(script.closed);
	expect_heard("t<on its way>\nended: closed\nclosed 1001 clean\n");
	over();
}

/* Its owner puts its ends in order. */
static void the_owner_decides_when(void **state)
{
	(void)state;
	serve();
	script.finishes = true;
	open_server();
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	expect_heard("finish\n");
	assert_int_equal(ws_send(&script.ws, WS_OPCODE_TEXT, "still", 5), 0);
	expect_got("t<still>\n");
	ws_connection_close(&script.ws, 1001, "now");
	expect_got("close 1001 now\n");
	say_close(1001, "");
	run_until(script.closed);
	expect_heard("ended: closed\nclosed 1001 clean\n");
	over();
}

static void the_drain_cuts_it(void **state)
{
	(void)state;
	serve();
	script.finishes = true;
	open_server();
	curfew_drain_cut(&worker->drain);
	run_until(script.closed);
	expect_got("close 1001 shutting down\n<end>\n");
	assert_non_null(strstr(buffer_text(&script.heard), "ended: cut\nclosed 1006\n"));
	assert_int_equal(curfew_drain_count(&worker->drain), 0);
	over();
}

static const char *held_as;

static void note_holder(const struct curfew_holder *holder, void *arg)
{
	(void)arg;
	assert_string_equal(holder->kind, "websocket");
	held_as = holder->name;
}

static void the_hold_says_what_it_is(void **state)
{
	(void)state;
	open_server();
	curfew_drain_list(&worker->drain, note_holder, NULL);
	assert_string_equal(held_as, "test");
	over();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		worker_test(the_peer_closes),
		worker_test(what_is_queued_goes_first),
		worker_test(we_close),
		worker_test(a_client_waits_for_the_server),
		worker_test(close_frames_cross),
		worker_test(it_may_break_off),
		worker_test(it_may_be_cut),
		worker_test(within_a_message_of_ours),
		worker_test(the_drain_closes_it),
		worker_test(the_owner_decides_when),
		worker_test(the_drain_cuts_it),
		worker_test(the_hold_says_what_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
