/* SPDX-License-Identifier: Apache-2.0 */
/* Messages and control frames of a connection that is open (RFC 6455, 5). */
#include "ws/connection.h"

#include "ws/connection_script.h"

static void messages_come_and_go(void **state)
{
	(void)state;
	open_server();
	say_frame(TEXT, "hello");
	say_frame(BINARY, "");
	expect_heard("t<hello>\nb<>\n");
	assert_int_equal(ws_send(&script.ws, WS_OPCODE_TEXT, "you", 3), 0);
	assert_int_equal(ws_send(&script.ws, WS_OPCODE_BINARY, "", 0), 0);
	expect_got("t<you>\nb<>\n");
	over();
	open_client();
	say_frame(TEXT, "hello");
	expect_heard("t<hello>\n");
	assert_int_equal(ws_send(&script.ws, WS_OPCODE_TEXT, "you", 3), 0);
	expect_got("t<you>\n"); /* a parser of the server's side has read it: it is masked */
	over();
}

/* 5.4, 5.5: control frames between the fragments of a message; text that is cut within a letter. */
static void append_conversation(struct buffer *bytes)
{
	append_frame(bytes, WS_OPCODE_TEXT, "h\xc3", 2, true);
	append_frame(bytes, PING, "are you there", 13, true);
	append_frame(bytes, WS_OPCODE_CONTINUATION, "", 0, true);
	append_frame(bytes, PONG, "unasked", 7, true);
	append_frame(bytes, FIN | WS_OPCODE_CONTINUATION, "\xa9llo", 4, true);
	append_frame(bytes, PING, "", 0, true);
	append_frame(bytes, BINARY, "\xff\xfe", 2, true);
	append_frame(bytes, CLOSE, "\x03\xe9over", 6, true);
	append_frame(bytes, TEXT, "never heard", 11, true);
}

#define CONVERSATION_HEARD                                                                         \
	"t<h\xc3\xa9llo>\nb<\xff\xfe>\nended: the peer closed it\nclosed 1001 clean\n"
#define CONVERSATION_GOT "pong are you there\npong \nclose 1001 \n<end>\n"

static void every_cut_of_the_same_bytes_is_the_same(void **state)
{
	struct buffer bytes = {0};

	(void)state;
	append_conversation(&bytes);
	for (size_t cut = 1; cut < bytes.length; cut++) {
		open_server();
		send_bytes(bytes.data, cut);
		settle();
		send_bytes(bytes.data + cut, bytes.length - cut);
		run_until(script.closed);
		expect_heard(CONVERSATION_HEARD);
		expect_got(CONVERSATION_GOT);
		over();
	}
	open_server();
	for (size_t at = 0; at < bytes.length; at++) { /* each by itself */
		if (!script.closed) {
			send_bytes(bytes.data + at, 1);
			settle();
		}
	}
	run_until(script.closed);
	expect_heard(CONVERSATION_HEARD);
	over();
	buffer_fini(&bytes);
}

/* Back-pressure: however little is taken at once, nothing is lost, and nothing comes twice. */
static void what_is_not_taken_comes_again(void **state)
{
	struct buffer bytes = {0};

	(void)state;
	append_conversation(&bytes);
	for (size_t takes = 1; takes < 4; takes++) {
		open_server();
		script.takes = takes;
		send_bytes(bytes.data, bytes.length);
		settle();
		while (!script.closed) {
			ws_connection_resume(&script.ws);
			round_now();
		}
		expect_heard(CONVERSATION_HEARD);
		expect_got(CONVERSATION_GOT);
		over();
	}
	open_server();
	script.takes = 0;
	say_frame(TEXT, "hello");
	expect_heard("");
	say_frame(TEXT, "you");
	expect_heard(""); /* it is not even asked */
	script.takes = SIZE_MAX;
	ws_connection_resume(&script.ws);
	assert_int_equal(script.heard.length, 0); /* not within the call */
	expect_heard("t<hello>\nt<you>\n");
	over();
	buffer_fini(&bytes);
}

/* The peer feels it, too. */
static void back_pressure_reaches_the_peer(void **state)
{
	static char bytes[65536];
	struct buffer frame = {0};
	size_t sent = 0;
	ssize_t n = 0;

	(void)state;
	open_server();
	script.takes = 0;
	append_frame(&frame, BINARY, bytes, sizeof(bytes), true);
	do {
		n = send(script.peer, frame.data, frame.length, MSG_NOSIGNAL);
		if (n < 0) {
			settle();
			n = send(script.peer, frame.data, frame.length, MSG_NOSIGNAL);
		}
		sent += n > 0 ? (size_t)n : 0;
	} while (n > 0 && sent < 64 * MEGABYTE);
	assert_true(sent < 64 * MEGABYTE);
	buffer_fini(&frame);
	ws_connection_cut(&script.ws);
	over();
}

/* Each MUST of 5.1 to 5.8 and 8.1, broken, as a server sees it, and what it says (7.1.7). */
static void faults_end_it(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		const char *says;
	} rows[] = {
#define ROW(text, says) {text, sizeof(text) - 1, says}
		ROW("\x81\x05hello", "close 1002 unmasked frame from a client\n"),
		ROW("\xc1\x80\0\0\0\0", "close 1002 reserved bit without an extension\n"),
		ROW("\xa1\x80\0\0\0\0", "close 1002 reserved bit without an extension\n"),
		ROW("\x91\x80\0\0\0\0", "close 1002 reserved bit without an extension\n"),
		ROW("\x83\x80\0\0\0\0", "close 1002 reserved opcode\n"),
		ROW("\x8b\x80\0\0\0\0", "close 1002 reserved opcode\n"),
		ROW("\x09\x80\0\0\0\0", "close 1002 fragmented control frame\n"),
		ROW("\x89\xfe\0\x7e\0\0\0\0", "close 1002 control frame of more than 125 bytes\n"),
		ROW("\x82\xfe\0\x7d\0\0\0\0", "close 1002 length not in its shortest form\n"),
		ROW("\x82\xff\x80\0\0\0\0\1\0\0\0\0\0\0",
			"close 1002 length of more than 63 bits\n"),
		ROW("\x80\x80\0\0\0\0", "close 1002 continuation of no message\n"),
		ROW("\x01\x80\0\0\0\0\x81\x80\0\0\0\0",
			"close 1002 message inside a fragmented message\n"),
		ROW("\x81\x81\0\0\0\0\xff", "close 1007 text that is not UTF-8\n"),
		ROW("\x81\x81\0\0\0\0\xc3", "close 1007 text that is not UTF-8\n"),
		ROW("\x88\x81\0\0\0\0\x03", "close 1002 close frame with half a code\n"),
		ROW("\x88\x82\0\0\0\0\x03\xed", "close 1002 close code that is not for the wire\n"),
		ROW("\x88\x82\0\0\0\0\x03\xe7", "close 1002 close code that is not for the wire\n"),
		ROW("\x88\x83\0\0\0\0\x03\xe8\xff", "close 1007 close reason that is not UTF-8\n"),
		ROW("\x82\xff\0\0\0\0\0\4\0\1\0\0\0\0", "close 1009 message too big\n"),
#undef ROW
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buffer expected = {0};

		open_server();
		say_frame(TEXT, "before");
		settle();
		send_bytes(rows[i].bytes, rows[i].length);
		say_frame(TEXT, "behind"); /* is not looked at */
		settle();
		peer_read_frames();
		assert_true(!strncmp(buffer_text(&script.got), rows[i].says, strlen(rows[i].says)));
		peer_shut();
		run_until(script.closed);
		assert_true(!strncmp(buffer_text(&script.heard), "t<before>\n", 10));
		assert_non_null(strstr(buffer_text(&script.heard),
			"ended: the peer broke the protocol\nclosed 1006\n"));
		assert_null(strstr(buffer_text(&script.heard), "behind"));
		buffer_fini(&expected);
		over();
	}
}

static void a_client_takes_no_masks(void **state)
{
	(void)state;
	open_client();
	send_bytes("\x81\x81\0\0\0\0a", 7);
	settle_all();
	peer_shut();
	run_until(script.closed);
	expect_heard("ended: the peer broke the protocol\nclosed 1006\n");
	expect_got("close 1002 masked frame from a server\n<end>\n");
	over();
}

/* What is longer is refused by its length alone; what is as long is not. */
static void messages_have_a_bound(void **state)
{
	(void)state;
	serve();
	script.limits.message_most = 5;
	open_server();
	say_frame(TEXT, "hello");
	say_frame(WS_OPCODE_TEXT, "hel");
	say_frame(FIN | WS_OPCODE_CONTINUATION, "lo!");
	settle_all();
	expect_heard("t<hello>\nt<helended: the peer broke the protocol\n");
	expect_got("close 1009 message too big\n<end>\n");
	over();
}

/* 5.5.2, 5.5.3: pings are answered with what they say; a pong counts that says what ours did. */
static void pings_and_pongs(void **state)
{
	struct buffer pong = {0};
	uint8_t ping[6];

	(void)state;
	open_server();
	say_frame(PING, "one");
	say_frame(PING, "");
	say_frame(PONG, "unasked");
	expect_got("pong one\npong \n");
	ws_connection_ping(&script.ws);
	settle();
	assert_int_equal(recv(script.peer, ping, sizeof(ping), 0), sizeof(ping));
	assert_int_equal(ping[0], PING);
	say_frame(PONG, "else");
	expect_heard("");
	append_frame(&pong, PONG, ping + 2, 4, true);
	send_bytes(pong.data, pong.length);
	expect_heard("pong\n");
	buffer_fini(&pong);
	over();
}

static void cut_inside(void)
{
	ws_connection_cut(&script.ws);
}

static void close_inside(void)
{
	ws_connection_close(&script.ws, 4000, "enough");
}

/* The handler may end it from anywhere. */
static void it_may_be_ended_from_inside(void **state)
{
	(void)state;
	open_server();
	script.on_data = cut_inside;
	say_frame(TEXT, "one");
	say_frame(TEXT, "two");
	run_until(script.closed);
	expect_heard("t<one>\nended: cut\nclosed 1006\n");
	over();
	open_server();
	script.on_data = close_inside;
	say_frame(TEXT, "one");
	say_frame(TEXT, "two");
	say_close(4000, "");
	run_until(script.closed);
	expect_heard("t<one>\nt<two>\nended: closed\nclosed 4000 clean\n");
	expect_got("close 4000 enough\n<end>\n");
	over();
	open_server();
	script.on_ended = cut_inside;
	say_close(1000, "");
	run_until(script.closed);
	assert_non_null(
		strstr(buffer_text(&script.heard), "ended: the peer closed it\nclosed 1000"));
	over();
}

/* While nothing is under way it keeps no memory besides its own, which is less than 1 kB. */
static void idle_ones_are_small(void **state)
{
	(void)state;
	assert_true(sizeof(struct ws_connection) < 1000);
	open_server();
	say_frame(TEXT, "hello");
	settle();
	assert_int_equal(ws_send(&script.ws, WS_OPCODE_TEXT, "hello", 5), 0);
	settle();
	assert_null(script.ws.stream.queue.data);
	assert_null(script.ws.stream.unread.data);
	assert_int_equal(script.server.connections, 0);
	over();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		worker_test(messages_come_and_go),
		worker_test(every_cut_of_the_same_bytes_is_the_same),
		worker_test(what_is_not_taken_comes_again),
		worker_test(back_pressure_reaches_the_peer),
		worker_test(faults_end_it),
		worker_test(a_client_takes_no_masks),
		worker_test(messages_have_a_bound),
		worker_test(pings_and_pongs),
		worker_test(it_may_be_ended_from_inside),
		worker_test(idle_ones_are_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
