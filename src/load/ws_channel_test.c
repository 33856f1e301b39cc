/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request and its answer as WebSocket messages: what counts as what, which connections are kept,
 * the end.
 */
#include "load/ws_channel_script.h"

/* Answers. */

static void each_end_has_its_count(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		bool closes;
		enum load_outcome outcome;
	} cases[] = {
#define BYTES(text) text, sizeof(text) - 1
		{BYTES("\x81\x00"), false, LOAD_OK},
		{BYTES("\x82\x02\xff\xfe"), false, LOAD_OK}, /* binary */
		{BYTES("\x89\x00\x8a\x00\x81\x02ok"), false, LOAD_OK},
		{BYTES("\x01\x01o\x89\x00\x80\x01k"), false, LOAD_OK},
		{BYTES(CLOSED_1000), false, LOAD_CLOSED},
		{BYTES("\x88\x00"), false, LOAD_CLOSED},
		{BYTES("\x88\x02\x03\xf3"), true, LOAD_CLOSED},   /* 1011 */
		{BYTES("\x01\x01o\x88\x00"), false, LOAD_CLOSED}, /* in a message */
		{BYTES("\xc1\x00"), false, LOAD_MALFORMED},       /* a reserved bit */
		{BYTES("\x81\x80...."), false, LOAD_MALFORMED},   /* masked */
		{BYTES("\x80\x00"), false, LOAD_MALFORMED},       /* of no message */
		{BYTES("\x81\x01\xff"), false, LOAD_MALFORMED},   /* no UTF-8 */
		{BYTES("HTTP/1.1 400 X\r\n\r\n"), false, LOAD_MALFORMED},
		{BYTES("\x01\x04part"), true, LOAD_TRUNCATED},
		{BYTES("\x81\x04par"), true, LOAD_TRUNCATED},
		{BYTES("\x89\x00"), true, LOAD_RESET_SENT},
		{BYTES(""), true, LOAD_RESET_SENT},
#undef BYTES
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		script.ends_at = 1;
		begin();
		say_bytes(0, cases[i].bytes, cases[i].length);
		if (cases[i].closes) {
			settle();
			peer_close(0);
		}
		settle();
		assert_counted(cases[i].outcome, 0);
		script_teardown(state);
		ws_setup(state);
	}
}

/* One byte at a time, and with what has to be answered between. */
static void keeps_an_answer_in_pieces(void **state)
{
	static const char bytes[] = "\x01\x04\x66our\x89\x01p\x00\x00\x80\x02, ";

	(void)state;
	script.keeps = true;
	begin();
	for (size_t i = 0; i < sizeof(bytes) - 1; i++) {
		assert_int_equal(script.ended, 0);
		say_bytes(0, bytes + i, 1);
		settle();
	}
	assert_string_equal(script.answer_body, "four, ");
	assert_heard(0, WS_FIN | WS_OPCODE_PONG, "p");
	assert_asked(0, "hello");
	say_text(0, "2"); /* nothing of the one before */
	assert_string_equal(script.answer_body, "2");
	say_text(0, "");
	assert_non_null(script.answer.body);
	assert_int_equal(script.answer.length, 0);
	script.keeps = false;
	say_text(0, "4"); /* of one that was made before */
	assert_string_equal(script.answer_body, "4");
	say_text(0, "5");
	assert_null(script.answer.body);
	assert_int_equal(outcomes(LOAD_OK), 5);
	assert_int_equal(script.peer_count, 1);
}

/* A frame of so many x. */
static void says_frame_of(uint8_t first, size_t length)
{
	uint8_t header[10] = {first, WS_LENGTH_64};

	for (int i = 0; i < 8; i++) {
		header[2 + i] = (uint8_t)((uint64_t)length >> (56 - 8 * i));
	}
	say_bytes(0, header, sizeof(header));
	say_long(0, length);
}

static void keeps_no_more_than_there_may_be(void **state)
{
	(void)state;
	script.keeps = true;
	begin();
	says_frame_of(WS_FIN | WS_OPCODE_TEXT, LOAD_ANSWER_MOST);
	assert_int_equal(outcomes(LOAD_OK), 1);
	assert_int_equal(script.answer.length, LOAD_ANSWER_MOST);
	says_frame_of(WS_FIN | WS_OPCODE_TEXT, LOAD_ANSWER_MOST + 1);
	assert_int_equal(outcomes(LOAD_MALFORMED), 1);
	assert_null(script.answer.body);
	says_frame_of(WS_FIN | WS_OPCODE_TEXT, 70000);
	assert_int_equal(outcomes(LOAD_OK), 2);
	assert_int_equal(script.answer.length, 70000);
	assert_int_equal(script.peer_count, 1);
	script.keeps = false;
	say_text(0, "of one that was made before");
	says_frame_of(WS_FIN | WS_OPCODE_TEXT, LOAD_ANSWER_MOST + 1);
	assert_int_equal(outcomes(LOAD_OK), 4);
}

/* Our own failure, over with that request. */
static void has_no_memory_for_an_answer(void **state)
{
	char payload[121];

	(void)state;
	script.keeps = true;
	begin();
	memset(payload, 'x', sizeof(payload) - 1);
	payload[sizeof(payload) - 1] = '\0';
	say_frame(0, WS_FIN | WS_OPCODE_TEXT, payload);
	allocation_fail(1);
	round_now();
	assert_true(allocation_failed());
	settle();
	assert_int_equal(outcomes(LOAD_LOCAL), 1);
	assert_null(script.answer.body);
	pass_ms(LANE_PAUSE_MS);
	say_text(0, payload);
	assert_int_equal(outcomes(LOAD_OK), 1);
	assert_string_equal(script.answer_body, payload);
}

/* Whatever there is no memory for on the way, it is counted, and the next one has its turn. */
static void withstands_each_lack_of_memory(void **state)
{
	bool failed = true;

	for (int n = 1; failed; n++) {
		script.plan.connections = 1;
		script.keeps = true;
		crew_begin();
		crew_runs();
		if (script.peer_count) {
			allocation_fail(n);
			accept_handshake(0, "");
			failed = allocation_failed();
		}
		pass_ms(LANE_PAUSE_MS);
		for (int i = 0; i < script.peer_count; i++) {
			if (strstr(script.peers[i].got, "GET ")) {
				accept_handshake(i, "");
			}
			if (script.peers[i].length && !script.peers[i].ended) {
				assert_asked(i, "hello");
				say_text(i, "ok");
			}
		}
		assert_true(outcomes(LOAD_OK) > 0);
		assert_int_equal(script.ended, outcomes(LOAD_OK) + outcomes(LOAD_LOCAL));
		assert_int_equal(outcomes(LOAD_LOCAL) > 0, failed);
		script_teardown(state);
		ws_setup(state);
	}
}

/* Messages that are no answer. */

static void what_comes_unasked_is_dropped(void **state)
{
	(void)state;
	open_loop(100, NS_PER_S);
	crew_begin();
	crew_runs();
	accept_handshake(0, "\x81\x07welcome"); /* with the answer to the handshake */
	assert_int_equal(script.ended, 0);
	assert_asked(0, "hello");
	say_text(0, "ok");
	assert_int_equal(script.ended, 1);
	say_text(0, "news");                                         /* while nothing waits */
	say_frame(0, WS_OPCODE_TEXT, "begins before the request, "); /* and ends behind it */
	settle();
	assert_int_equal(script.ended, 1);
	pass_ms(10);
	assert_asked(0, "hello");
	say_frame(0, WS_FIN | WS_OPCODE_CONTINUATION, "so it is none");
	settle();
	assert_int_equal(script.ended, 1);
	say_text(0, "ok");
	assert_int_equal(script.ended, 2);
	script.keeps = true;
	say_frame(0, WS_OPCODE_TEXT, "and one that is long");
	pass_ms(10);
	says_frame_of(WS_FIN | WS_OPCODE_CONTINUATION, LOAD_ANSWER_MOST + 1);
	say_text(0, "ok");
	assert_string_equal(script.answer_body, "ok");
	assert_int_equal(outcomes(LOAD_OK), 3);
	assert_int_equal(crew.in_flight, 0);
}

/* Nothing of it has left, whatever was said before on that connection. */
static void what_did_not_leave_is_told_apart(void **state)
{
	(void)state;
	open_loop(100, NS_PER_S);
	crew_begin();
	crew_runs();
	accept_handshake(0, "");
	assert_asked(0, "hello");
	say_text(0, "ok");
	assert_int_equal(shutdown(script.peers[0].fd, SHUT_RD), 0);
	pass_ms(10);
	assert_int_equal(script.ended, 2);
	assert_int_equal(outcomes(LOAD_OK), 1);
	assert_int_equal(outcomes(LOAD_RESET_UNSENT), 1);
}

/* Which connections are kept. */

static void a_connection_that_ends_idle_costs_nothing(void **state)
{
	size_t asked;

	(void)state;
	open_loop(100, NS_PER_S);
	crew_begin();
	crew_runs();
	asked = script.peers[0].length;
	accept_handshake(0, "");
	assert_asked(0, "hello");
	say_text(0, "ok");
	say_bytes(0, CLOSED_1000, 4);
	settle();
	assert_heard(0, WS_FIN | WS_OPCODE_CLOSE, "\x03\xe8");
	peer_close(0);
	settle();
	assert_int_equal(crew.channels, 0);
	assert_int_equal(crew.tally->bytes_in, ACCEPTED + 4 + 4);
	assert_int_equal(crew.tally->bytes_out, asked + MESSAGE + 8);
	pass_ms(10);
	assert_int_equal(script.peer_count, 2);
	accept_handshake(1, "");
	assert_asked(1, "hello");
	peer_close(1); /* and one that breaks off is its request's */
	settle();
	assert_int_equal(outcomes(LOAD_OK), 1);
	assert_int_equal(outcomes(LOAD_RESET_SENT), 1);
	pass_ms(10);
	accept_handshake(2, "");
	say_text(2, "ok");
	pass_ms(10);
	peer_close(2); /* also behind an answer */
	settle();
	assert_int_equal(outcomes(LOAD_RESET_SENT), 2);
	assert_int_equal(script.ended, 4);
}

static void takes_a_fresh_one_for_each_request(void **state)
{
	size_t asked;

	(void)state;
	script.plan.fresh = true;
	crew_begin();
	crew_runs();
	asked = script.peers[0].length;
	for (int i = 0; i < 4; i++) {
		assert_int_equal(script.peer_count, i + 1);
		accept_handshake(i, "");
		assert_asked(i, "hello");
		say_text(i, "ok");
		assert_heard(i, WS_FIN | WS_OPCODE_CLOSE, "\x03\xe8");
		assert_int_equal(script.peers[i].length, 0);
		say_bytes(i, CLOSED_1000, 4);
		peer_close(i);
	}
	settle();
	assert_int_equal(outcomes(LOAD_OK), 4);
	assert_int_equal(crew.tally->connections, 5);
	assert_int_equal(crew.channels, 1);
	/* With the closing handshake of those that have ended. */
	assert_int_equal(crew.tally->bytes_in, 4 * (ACCEPTED + 4 + 4));
	assert_int_equal(crew.tally->bytes_out, 4 * (asked + MESSAGE + 8));
}

/* A message that may have been read is not sent again; the connection is of no use any more. */
static void one_that_hangs_is_cut(void **state)
{
	(void)state;
	script.plan.timeout_ms = 100;
	begin();
	pass_ms(100);
	assert_counted(LOAD_TIMED_OUT, 0);
	assert_true(script.peers[0].ended);
	assert_int_equal(script.peers[0].length, 0); /* without a closing frame */
	assert_int_equal(script.peer_count, 2);
	accept_handshake(1, "");
	assert_asked(1, "hello");
	say_text(1, "ok");
	assert_int_equal(outcomes(LOAD_OK), 1);
}

/* Every byte is counted once: of handshakes, frames, and of what was not answered. */
static void counts_its_bytes(void **state)
{
	uint64_t asked;

	(void)state;
	crew_begin();
	crew_runs();
	asked = script.peers[0].length;
	accept_handshake(0, "");
	say_text(0, "ok");
	assert_int_equal(crew.tally->bytes_in, ACCEPTED + 4);
	say_text(0, "ok");
	assert_int_equal(crew.tally->bytes_in, ACCEPTED + 8);
	assert_int_equal(crew.tally->bytes_out, asked + 2 * MESSAGE);
	say_frame(0, WS_OPCODE_TEXT, "part");
	settle();
	crew_cut(&crew);
	settle();
	assert_int_equal(crew.tally->bytes_in, ACCEPTED + 14);
	assert_int_equal(crew.tally->bytes_out, asked + 3 * MESSAGE);
}

/* The end. */

/* With 1000, when there are no more; a server that does not say so too has 5 s. */
static void ends_in_order(void **state)
{
	for (int answers = 0; answers < 2; answers++) {
		begin();
		crew_finish(&crew, script.now + NS_PER_S);
		settle();
		assert_int_equal(script.peers[0].length, 0); /* before its answer, nothing */
		say_text(0, "ok");
		assert_heard(0, WS_FIN | WS_OPCODE_CLOSE, "\x03\xe8");
		assert_int_equal(stage(), CREW_OVER);
		assert_false(script.peers[0].ended);
		if (answers) {
			say_bytes(0, CLOSED_1000, 4);
			peer_close(0);
			settle();
		} else {
			pass_ms(4999);
			assert_false(script.peers[0].ended);
			pass_ms(1);
			assert_true(script.peers[0].ended);
		}
		assert_int_equal(crew.channels, 0);
		assert_counted(LOAD_OK, 0);
		script_teardown(state);
		ws_setup(state);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ws_test(each_end_has_its_count),
		ws_test(keeps_an_answer_in_pieces),
		ws_test(keeps_no_more_than_there_may_be),
		ws_test(has_no_memory_for_an_answer),
		ws_test(withstands_each_lack_of_memory),
		ws_test(what_comes_unasked_is_dropped),
		ws_test(what_did_not_leave_is_told_apart),
		ws_test(a_connection_that_ends_idle_costs_nothing),
		ws_test(takes_a_fresh_one_for_each_request),
		ws_test(one_that_hangs_is_cut),
		ws_test(counts_its_bytes),
		ws_test(ends_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
