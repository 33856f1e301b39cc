/* SPDX-License-Identifier: Apache-2.0 */
/* What a connection sends, and how much of it waits. */
#include "ws/send.h"

#include "tests/allocation.h"
#include "ws/connection_script.h"

/* Every length whose form is another one, in both roles: the shortest form, masked by a client. */
static void each_length_has_its_header(void **state)
{
	static const size_t lengths[] = {
		0, 1, 125, 126, 4095, 4096, 16383, 16384, 65535, 65536, 200000};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(lengths) / sizeof(lengths[0]); i++) {
		size_t length = lengths[i / 2];
		char *bytes = pattern(length + 1);

		if (i % 2) {
			open_client();
		} else {
			open_server();
		}
		assert_int_equal(ws_send(&script.ws, WS_OPCODE_BINARY, bytes, length), 0);
		while (script.got.length < length + 4) {
			settle();
			peer_read_frames();
		}
		assert_int_equal(script.got.length, length + 4);
		assert_memory_equal(script.got.data, "b<", 2);
		assert_memory_equal(script.got.data + 2, bytes, length);
		assert_memory_equal(script.got.data + 2 + length, ">\n", 2);
		free(bytes);
		over();
	}
}

/* 5.3: another key for each frame. */
static void keys_are_not_used_twice(void **state)
{
	uint8_t bytes[16];

	(void)state;
	open_client();
	assert_int_equal(ws_send(&script.ws, WS_OPCODE_TEXT, "", 0), 0);
	assert_int_equal(ws_send(&script.ws, WS_OPCODE_TEXT, "", 0), 0);
	settle();
	assert_int_equal(recv(script.peer, bytes, sizeof(bytes), 0), 12);
	assert_memory_not_equal(bytes + 2, bytes + 8, 4);
	over();
}

static void a_message_of_parts(void **state)
{
	static const struct stream_part parts[] = {{"{\"frame\":", 9}, {"[1]", 3}, {"}", 1}};

	(void)state;
	open_server();
	assert_int_equal(ws_send_parts(&script.ws, WS_OPCODE_TEXT, parts, 3), 0);
	expect_got("t<{\"frame\":[1]}>\n");
	over();
	open_client();
	assert_int_equal(ws_send_parts(&script.ws, WS_OPCODE_TEXT, parts, 3), 0);
	expect_got("t<{\"frame\":[1]}>\n");
	over();
}

/* 5.4: the first has the opcode, the last has FIN; control frames may come between. */
static void a_message_in_pieces(void **state)
{
	static const char expected[] = "\x01\x03hel\x89\x04\1\0\0\0\x00\0\x80\x02lo\x82\x01x";
	char bytes[64];

	(void)state;
	open_server();
	assert_int_equal(ws_send_piece(&script.ws, WS_OPCODE_TEXT, "hel", 3, false), 0);
	ws_connection_ping(&script.ws);
	assert_int_equal(ws_send_piece(&script.ws, WS_OPCODE_TEXT, "", 0, false), 0);
	assert_int_equal(ws_send_piece(&script.ws, WS_OPCODE_TEXT, "lo", 2, true), 0);
	assert_int_equal(ws_send_piece(&script.ws, WS_OPCODE_BINARY, "x", 1, true), 0);
	settle();
	assert_int_equal(recv(script.peer, bytes, sizeof(bytes), 0), sizeof(expected) - 1);
	assert_memory_equal(bytes, expected, sizeof(expected) - 1);
	over();
}

/* A frame is composed once, and is the same as one that is sent. */
static void a_frame_for_many(void **state)
{
	struct buffer frame = {0}, failed = {.failed = true};

	(void)state;
	ws_prepare(&frame, WS_OPCODE_TEXT, "hello", 5);
	open_server();
	assert_int_equal(ws_send_prepared(&script.ws, &frame), 0);
	assert_int_equal(ws_send_prepared(&script.ws, &frame), 0);
	assert_int_equal(ws_send_prepared(&script.ws, &failed), -ENOMEM);
	expect_got("t<hello>\nt<hello>\n");
	ws_connection_close(&script.ws, 1000, "");
	assert_int_equal(ws_send_prepared(&script.ws, &frame), -ESHUTDOWN);
	buffer_fini(&frame);
	over();
}

/* Many messages of a round leave together. */
static void a_round_is_one_write(void **state)
{
	(void)state;
	open_server();
	for (int i = 0; i < 10; i++) {
		assert_int_equal(ws_send(&script.ws, WS_OPCODE_TEXT, "hello", 5), 0);
	}
	assert_int_equal(stream_queued(&script.ws.stream), 70);
	settle();
	assert_int_equal(stream_queued(&script.ws.stream), 0);
	over();
}

/* But for what is much: it does not wait for the end of the round. */
static void much_leaves_at_once(void **state)
{
	const size_t length = STREAM_AT_ONCE - 1;
	char *bytes = pattern(STREAM_AT_ONCE);
	size_t sent = 0;

	(void)state;
	open_server();
	assert_int_equal(ws_send(&script.ws, WS_OPCODE_BINARY, bytes, length), 0);
	assert_int_equal(stream_queued(&script.ws.stream), 4 + length);
	settle();
	assert_int_equal(ws_send(&script.ws, WS_OPCODE_BINARY, bytes, length + 1), 0);
	assert_int_equal(stream_queued(&script.ws.stream), 0);
	while (sent + length < STREAM_QUEUE_AT_ONCE) {
		assert_int_equal(ws_send(&script.ws, WS_OPCODE_BINARY, bytes, length), 0);
		sent += 4 + length;
		assert_int_equal(stream_queued(&script.ws.stream), sent);
	}
	assert_int_equal(ws_send(&script.ws, WS_OPCODE_BINARY, bytes, length), 0);
	assert_true(stream_queued(&script.ws.stream) < sent);
	free(bytes);
	over();
}

/* Its bound: length and 64 for each, the one being written included. */
static void the_outbox_has_a_bound(void **state)
{
	(void)state;
	serve();
	script.limits.outbox_most = 200;
	open_server();
	assert_int_equal(ws_connection_outbox(&script.ws), 0);
	assert_int_equal(ws_send(&script.ws, WS_OPCODE_BINARY, "", 137), -ENOBUFS);
	assert_int_equal(ws_send(&script.ws, WS_OPCODE_TEXT, "hello", 5), 0);
	assert_int_equal(ws_connection_outbox(&script.ws), 7 + 64);
	assert_int_equal(ws_send(&script.ws, WS_OPCODE_TEXT, "hello", 5), 0);
	assert_int_equal(ws_connection_outbox(&script.ws), 2 * (7 + 64));
	assert_int_equal(ws_send(&script.ws, WS_OPCODE_TEXT, "", 0), -ENOBUFS);
	ws_connection_close(&script.ws, 1011, "backlog full"); /* there is always room for it */
	expect_got("t<hello>\nt<hello>\nclose 1011 backlog full\n");
	assert_int_equal(ws_connection_outbox(&script.ws), 0);
	over();
}

static bool is_crowded;
static size_t crowd; /* what the owner was told */

static bool note_crowd(struct ws_connection *connection, size_t outbox)
{
	assert_ptr_equal(connection, &script.ws);
	crowd = outbox;
	return is_crowded;
}

/* It may refuse what the outbox has room for, where some waits already. */
static void the_owner_may_refuse(void **state)
{
	static char bytes[1000];
	struct ws_handler handler;

	(void)state;
	open_server();
	handler = *script.ws.handler;
	handler.crowded = note_crowd;
	script.ws.handler = &handler;
	is_crowded = true;
	crowd = 0;
	while (ws_connection_outbox(&script.ws) <= STREAM_QUEUE_HIGH) {
		assert_int_equal(crowd, 0);
		assert_int_equal(ws_send(&script.ws, WS_OPCODE_BINARY, bytes, sizeof(bytes)), 0);
	}
	assert_int_equal(ws_send(&script.ws, WS_OPCODE_TEXT, "", 0), -ENOBUFS);
	assert_int_equal(crowd, ws_connection_outbox(&script.ws));
	is_crowded = false;
	assert_int_equal(ws_send(&script.ws, WS_OPCODE_TEXT, "", 0), 0);
	settle();
	over();
}

/* Pongs that nobody reads count, too. */
static void pongs_count(void **state)
{
	(void)state;
	serve();
	script.limits.outbox_most = 200;
	open_server();
	for (int i = 0; i < 5; i++) {
		say_frame(PING, "a");
	}
	settle_all();
	peer_shut();
	run_until(script.closed);
	expect_heard("ended: backlog full\nclosed 1006\n");
	expect_got("pong a\npong a\npong a\nclose 1011 backlog full\n<end>\n");
	over();
}

/* Messages that are out do not count, even where the queue never becomes empty. */
static void what_is_out_does_not_count(void **state)
{
	static char bytes[16384];
	const int small = 65536; /* of the kernel's, so that it never takes all */

	(void)state;
	open_server();
	script.limits.outbox_most = SIZE_MAX;
	assert_int_equal(
		setsockopt(script.ws.stream.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	while (!stream_queued(&script.ws.stream)) {
		assert_int_equal(ws_send(&script.ws, WS_OPCODE_BINARY, bytes, sizeof(bytes)), 0);
	}
	for (int i = 0; i < 100; i++) {
		while (stream_queued(&script.ws.stream) < MEGABYTE) {
			assert_int_equal(
				ws_send(&script.ws, WS_OPCODE_BINARY, bytes, sizeof(bytes)), 0);
		}
		while (stream_queued(&script.ws.stream) >= MEGABYTE / 2) {
			(void)recv(script.peer, bytes, sizeof(bytes), 0);
			round_now();
		}
		assert_true(stream_queued(&script.ws.stream) > 0);
		assert_in_range(ws_connection_outbox(&script.ws), stream_queued(&script.ws.stream),
			stream_queued(&script.ws.stream) + 64 * 3 * (MEGABYTE / sizeof(bytes)));
		(void)recv(script.peer, bytes, sizeof(bytes), 0);
	}
	ws_connection_cut(&script.ws);
	over();
}

/* Without memory it ends; nothing else is lost, and nothing leaks. */
static void memory_may_be_short(void **state)
{
	struct buffer bytes = {0};
	bool failed = true;

	(void)state;
	append_frame(&bytes, TEXT, "hello", 5, true);
	append_frame(&bytes, PING, "", 0, true);
	for (int n = 1; failed; n++) {
		open_server();
		script.takes = 2;
		while (worker->spare_count) {
			buffer_fini(&worker->spares[--worker->spare_count]);
		}
		send_bytes(bytes.data, bytes.length);
		(void)buffer_reserve(&script.heard, 4096);
		(void)buffer_reserve(&script.got, 4096);
		(void)buffer_reserve(&script.raw, 4096);
		allocation_fail(n);
		settle();
		for (int i = 0; i < 4 && !script.closed; i++) {
			ws_connection_resume(&script.ws);
			(void)ws_send(&script.ws, WS_OPCODE_TEXT, "you", 3);
			settle();
		}
		failed = allocation_failed();
		settle_all();
		if (!failed) {
			assert_string_equal(buffer_text(&script.heard), "t<hello>\n");
			assert_non_null(strstr(buffer_text(&script.got), "pong \n"));
		} else {
			assert_true(!strncmp(buffer_text(&script.heard), "t<he", 4) ||
				!strncmp(buffer_text(&script.heard), "ended", 5));
		}
		over();
	}
	buffer_fini(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		worker_test(each_length_has_its_header),
		worker_test(keys_are_not_used_twice),
		worker_test(a_message_of_parts),
		worker_test(a_message_in_pieces),
		worker_test(a_frame_for_many),
		worker_test(a_round_is_one_write),
		worker_test(much_leaves_at_once),
		worker_test(the_outbox_has_a_bound),
		worker_test(the_owner_may_refuse),
		worker_test(pongs_count),
		worker_test(what_is_out_does_not_count),
		worker_test(memory_may_be_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
