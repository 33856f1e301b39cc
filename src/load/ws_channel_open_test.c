/* SPDX-License-Identifier: Apache-2.0 */
/* The handshake of a WebSocket channel: what leaves, and what counts as what. */
#include "load/ws_channel_script.h"

static void opens(void **state)
{
	char expected[512], *key;

	(void)state;
	crew_begin();
	crew_runs();
	assert_int_equal(script.peer_count, 1);
	key = strstr(script.peers[0].got, "Sec-WebSocket-Key: ");
	assert_non_null(key);
	(void)snprintf(expected, sizeof(expected), "%.*s", WS_KEY_CHARS,
		key + strlen("Sec-WebSocket-Key: "));
	assert_int_equal(strspn(expected,
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				 "0123456789+/="),
		WS_KEY_CHARS);
	assert_memory_equal(script.peers[0].got, "GET /chat?a HTTP/1.1\r\n", 22);
	assert_non_null(strstr(script.peers[0].got, "\r\n" FIELDS));
	assert_non_null(strstr(script.peers[0].got, "\r\nUpgrade: websocket\r\n"));
	assert_non_null(strstr(script.peers[0].got, "\r\nConnection: Upgrade\r\n"));
	assert_non_null(strstr(script.peers[0].got, "\r\nSec-WebSocket-Version: 13\r\n"));
	/* Nothing more before the answer, and the time until then is the connection's. */
	pass_ms(20);
	assert_memory_equal(script.peers[0].got + script.peers[0].length - 4, "\r\n\r\n", 4);
	assert_int_equal(crew.tally->connect.total, 0);
	assert_false(crew.lanes[0]->channels[0]->open);
	accept_handshake(0, "");
	assert_true(crew.lanes[0]->channels[0]->open);
	assert_int_equal(crew.tally->connect.total, 1);
	assert_true(histogram_percentile(&crew.tally->connect, 100) >= 20000);
	assert_asked(0, "hello");
	pass_ms(5);
	say_text(0, "anything");
	assert_counted(LOAD_OK, 0);
	assert_true(histogram_percentile(&crew.tally->actual, 100) < 20000); /* without it */
	assert_asked(0, "hello");                                            /* the next one */
}

static void what_opens_nothing_has_its_count(void **state)
{
	static const struct {
		const char *text;
		bool closes;
		enum load_outcome outcome;
		unsigned status;
	} cases[] = {
		{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, LOAD_MALFORMED, 200},
		{"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", false, LOAD_MALFORMED, 302},
		{"HTTP/1.1 404 X\r\nContent-Length: 9\r\n\r\n", false, LOAD_CLIENT_ERROR, 404},
		{"HTTP/1.1 500 X\r\n\r\n", false, LOAD_SERVER_ERROR, 500},
		{"HTTP/1.1 503 X\r\n\r\n", false, LOAD_SERVER_ERROR, 503},
		{"HTTP/1.1 503 X\r\nRetry-After: 1\r\n\r\n", false, LOAD_UNAVAILABLE, 503},
		{"HTTP/1.1 500 X\r\nRetry-After: 1\r\n\r\n", false, LOAD_SERVER_ERROR, 500},
		{"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		 "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
			false, LOAD_MALFORMED, 101},
		{"SSH-2.0-OpenSSH\r\n", false, LOAD_MALFORMED, 0},
		{"HTTP/1.1 1", true, LOAD_RESET_UNSENT, 0},
		{"", true, LOAD_RESET_UNSENT, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		script.ends_at = 1;
		crew_begin();
		crew_runs();
		if (*cases[i].text) {
			say(0, cases[i].text);
		}
		if (cases[i].closes) {
			peer_close(0);
		}
		settle();
		assert_counted(cases[i].outcome, cases[i].status);
		assert_true(cases[i].closes || script.peers[0].ended);
		assert_int_equal(crew.tally->bytes_in, strlen(cases[i].text));
		assert_int_equal(crew.tally->bytes_out, script.peers[0].length);
		assert_int_equal(crew.channels, 0);
		assert_int_equal(crew.tally->connect.total, 0);
		script_teardown(state);
		ws_setup(state);
	}
}

/* In the handshake, for which there is the time that a request has. */
static void a_handshake_that_hangs_is_given_up(void **state)
{
	(void)state;
	script.plan.timeout_ms = 100;
	script.ends_at = 1;
	crew_begin();
	crew_runs();
	pass_ms(99);
	assert_int_equal(script.ended, 0);
	pass_ms(1);
	assert_int_equal(script.ended, 1);
	assert_int_equal(outcomes(LOAD_CONNECT_TIMEOUT), 1);
	assert_true(script.peers[0].ended);
}

static void is_cut_in_its_handshake(void **state)
{
	(void)state;
	crew_begin();
	crew_runs();
	crew_cut(&crew);
	settle();
	assert_true(script.peers[0].ended);
	assert_int_equal(script.let_go, 1);
}

static void cut_now(struct timer *timer)
{
	(void)timer;
	crew_cut(&crew);
}

/* Between the answer and what is done at the end of that round: where timers stand. */
static void is_cut_in_the_round_of_its_answer(void **state)
{
	struct timer timer = {.fired = cut_now};

	(void)state;
	crew_begin();
	crew_runs();
	agenda_start(&worker->loop->agenda, &timer, script.now);
	accept_handshake(0, "");
	assert_true(script.peers[0].ended);
	assert_int_equal(script.let_go, 1);
	assert_int_equal(crew.tally->connect.total, 0);
}

/* It opens, and ends at once: the request has not been sent. */
static void is_ended_in_the_round_of_its_answer(void **state)
{
	(void)state;
	script.ends_at = 1;
	crew_begin();
	crew_runs();
	accept_handshake(0, CLOSED_1000);
	assert_counted(LOAD_CLOSED, 0);
	assert_heard(0, WS_FIN | WS_OPCODE_CLOSE, "\x03\xe8");
	assert_int_equal(script.peers[0].length, 0);
	assert_int_equal(crew.tally->connect.total, 0);
}

/* The stage of what works is closed already: it is opened all the same, for what was admitted. */
static void opens_while_the_process_ends(void **state)
{
	(void)state;
	crew_begin();
	crew_runs();
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	settle();
	accept_handshake(0, "");
	assert_asked(0, "hello");
	say_text(0, "ok");
	assert_counted(LOAD_OK, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ws_test(opens),
		ws_test(what_opens_nothing_has_its_count),
		ws_test(a_handshake_that_hangs_is_given_up),
		ws_test(is_cut_in_its_handshake),
		ws_test(is_cut_in_the_round_of_its_answer),
		ws_test(is_ended_in_the_round_of_its_answer),
		ws_test(opens_while_the_process_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
