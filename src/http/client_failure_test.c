/* SPDX-License-Identifier: Apache-2.0 */
/* Answers cut at every place: in pieces, where nothing changes, and off, where it is told how. */
#include "http/client_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define OK_5 "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static const struct {
	const char *bytes;
	struct http_asked asked;
	const char *heard;
	bool until_close;
} answers[] = {
	{OK_5, {0}, "head 200\nbody hello\nend reusable\n", false},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nKeep-Alive: timeout=5\r\n\r\n"
	 "5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nX-A: 1\r\n\r\n",
		{0}, "head 200\nbody hello world\nend X-A=1 reusable\n", false},
	{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" OK_5, {0},
		"interim 100\ninterim 103\nhead 200\nbody hello\nend reusable\n", false},
	{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", {.head = true}, "head 200\nend reusable\n",
		false},
	{"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n", {0}, "head 304\nend reusable\n",
		false},
	{"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", {0},
		"head 200\nbody hello\nend\n", false},
	{"HTTP/1.1 200 OK\r\n\r\nhello", {0}, "head 200\nbody hello\nend\n", true},
	{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
	 "Upgrade: websocket\r\n\r\nhello",
		{.upgrade = true}, "interim 100\nhead 101\ntunnel hello\n", false},
};

#define ANSWERS (sizeof(answers) / sizeof(answers[0]))

static void ask(struct http_asked asked)
{
	script_request(asked.head ? "HEAD" : "GET", asked);
	http_client_head_end(script.client, HTTP_FRAMING_NONE, 0);
	(void)script_got();
}

static void say_some(const char *bytes, size_t length)
{
	if (length) {
		script_say_bytes(bytes, length);
	}
	script_rounds();
}

/* Says an answer in pieces: up to cut, and then step by step. */
static void pieces_are_heard(size_t answer, size_t cut, size_t step)
{
	const char *bytes = answers[answer].bytes;
	size_t length = strlen(bytes);

	script_begin();
	ask(answers[answer].asked);
	say_some(bytes, cut);
	for (size_t at = cut; at < length; at += step) {
		say_some(bytes + at, length - at < step ? length - at : step);
	}
	if (answers[answer].until_close) {
		script_close_peer();
		script_rounds();
	}
	assert_string_equal(script_heard(), answers[answer].heard);
	script_over();
}

static void pieces_make_no_difference(void **state)
{
	(void)state;
	for (size_t i = 0; i < ANSWERS; i++) {
		size_t length = strlen(answers[i].bytes);

		for (size_t cut = 0; cut <= length; cut++) {
			pieces_are_heard(i, cut, length);
		}
		pieces_are_heard(i, 0, 1);
		pieces_are_heard(i, 0, 2);
	}
}

/* Each byte of a body is handed out again and again, and taken one at a time. */
static void bytes_taken_one_by_one(size_t answer, size_t cut)
{
	const char *bytes = answers[answer].bytes;

	script_begin();
	ask(answers[answer].asked);
	script.most = 0;
	say_some(bytes, cut);
	say_some(bytes + cut, strlen(bytes) - cut);
	if (answers[answer].until_close) {
		script_close_peer();
	}
	script.most = 1;
	for (int i = 0; i < 16; i++) {
		http_client_resume(script.client);
		script_rounds();
	}
	assert_string_equal(script_heard(), answers[answer].heard);
	script_over();
}

static void body_and_tunnel_may_take_less(void **state)
{
	(void)state;
	for (size_t i = 0; i < ANSWERS; i++) {
		for (size_t cut = 0; cut <= strlen(answers[i].bytes); cut++) {
			bytes_taken_one_by_one(i, cut);
		}
	}
}

enum ending { CLOSES, RESETS };

/* What is told of an answer that ends behind so many bytes. */
static const char *failure_expected(size_t cut, enum ending ending, bool reused)
{
	static char text[64];
	const char *why = cut ? "TRUNCATED" : ending == CLOSES ? "CLOSED" : "RESET";

	(void)snprintf(text, sizeof(text), "failed %s sent%s%s\nclosed\n", why,
		cut ? " answered" : "", reused ? " reused" : "");
	return text;
}

static void cut_off(size_t answer, size_t cut, enum ending ending, bool reused)
{
	const char *heard, *tail;

	script_begin_tcp();
	if (reused) {
		ask((struct http_asked){0});
		script_say_bytes(OK_5, strlen(OK_5));
		script_until("end");
		(void)script_heard();
	}
	ask(answers[answer].asked);
	say_some(answers[answer].bytes, cut);
	if (ending == CLOSES) {
		(void)script_got();
		script_close_peer();
	} else {
		script_reset_peer();
	}
	script_until("closed");
	heard = script_heard();
	tail = strstr(heard, "failed");
	assert_non_null(tail);
	assert_string_equal(tail, failure_expected(cut, ending, reused));
	script_over();
}

static void truncation_is_told_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < ANSWERS; i++) {
		size_t whole = strlen(answers[i].bytes);

		if (answers[i].asked.upgrade || answers[i].until_close) {
			continue;
		}
		for (size_t cut = 0; cut < whole; cut++) {
			cut_off(i, cut, CLOSES, cut % 2);
			cut_off(i, cut, RESETS, cut % 2 == 0);
		}
	}
}

/* Of a body until the end, the head is cut, and a reset is no end. */
static void a_body_until_the_end_that_is_reset(void **state)
{
	size_t head = strlen(answers[6].bytes) - 5;

	(void)state;
	for (size_t cut = 0; cut < head; cut++) {
		cut_off(6, cut, CLOSES, false);
	}
	for (size_t cut = 0; cut < head + 5; cut++) {
		cut_off(6, cut, RESETS, true);
	}
}

static void a_tunnel_that_is_reset(void **state)
{
	(void)state;
	script_begin_tcp();
	ask(answers[7].asked);
	say_some(answers[7].bytes, strlen(answers[7].bytes));
	script_until("tunnel hello");
	(void)script_heard();
	script_reset_peer();
	script_until("closed");
	assert_string_equal(script_heard(), "failed TRUNCATED sent answered\nclosed\n");
	script_over();
}

/* What a connection hears that is given up, or spoken on, while it is idle. */
static void idle_hears(bool reused, const char *unasked, enum ending ending)
{
	char expected[64];

	script_begin_tcp();
	if (reused) {
		ask((struct http_asked){0});
		script_say_bytes(OK_5, strlen(OK_5));
		script_until("end");
		(void)script_heard();
	}
	(void)script_got();
	if (unasked) {
		script_say_bytes(unasked, strlen(unasked));
	} else if (ending == CLOSES) {
		script_close_peer();
	} else {
		script_reset_peer();
	}
	script_until("closed");
	/* sent and answered are those of the exchange before. */
	(void)snprintf(expected, sizeof(expected), "failed CLOSED%s\nclosed\n",
		reused ? " sent answered" : "");
	assert_string_equal(script_heard(), expected);
	script_over();
}

static void an_idle_connection_that_is_given_up(void **state)
{
	(void)state;
	for (int reused = 0; reused < 2; reused++) {
		idle_hears(reused, NULL, CLOSES);
		idle_hears(reused, NULL, RESETS);
		idle_hears(reused, OK_5, CLOSES);
		idle_hears(reused, "x", CLOSES);
	}
}

/* In the round in which the server's end is found too, and in front of that. */
static void ask_in_round(struct source *trigger, uint32_t events)
{
	assert(events);
	loop_unwatch(script.worker->loop, trigger);
	script_request("POST", (struct http_asked){0});
	http_client_head_end(script.client, HTTP_FRAMING_LENGTH, 5);
	http_client_write(script.client, "hello", 5);
}

/* The server gives up an idle connection when a request is on its way to the kernel. */
static void not_sent(const char *unasked)
{
	struct source trigger = {.ready = ask_in_round};
	int pair[2];

	script_begin();
	ask((struct http_asked){0});
	script_say(OK_5);
	(void)script_heard();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	trigger.fd = pair[0];
	assert_int_equal(loop_watch(script.worker->loop, &trigger, EPOLLIN), 0);
	script_rounds(); /* from now on the kernel tells in the order in which things happen */
	assert_int_equal(write(pair[1], "x", 1), 1);
	if (unasked) {
		script_say_bytes(unasked, strlen(unasked));
	} else {
		shutdown(script.peer, SHUT_WR);
	}
	assert_string_equal(script_got(), "");
	assert_string_equal(script_heard(), "failed CLOSED reused\nclosed\n");
	close(pair[0]);
	close(pair[1]);
	script_over();
}

static void a_request_that_was_not_sent(void **state)
{
	(void)state;
	not_sent(NULL);
	not_sent("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
}

/* Nothing can be written any more, which is found out by trying. */
static void a_request_to_nobody(void **state)
{
	static char body[STREAM_AT_ONCE];

	(void)state;
	for (size_t length = 1; length <= sizeof(body); length += sizeof(body) - 1) {
		script_begin();
		script_close_peer();
		script_request("POST", (struct http_asked){0});
		http_client_head_end(script.client, HTTP_FRAMING_LENGTH, length);
		http_client_write(script.client, body, length);
		http_client_end(script.client, NULL);
		script_until("closed");
		assert_non_null(strstr(script_heard(), "failed "));
		assert_null(strstr(script.log, "sent"));
		script_over();
	}
}

/* It says why it does not want the rest, and resets what is still on its way. */
static void an_answer_in_front_of_a_reset(void **state)
{
	static char body[STREAM_AT_ONCE];

	(void)state;
	for (size_t length = 1; length <= sizeof(body); length += sizeof(body) - 1) {
		script_begin_tcp();
		script_request("POST", (struct http_asked){0});
		http_client_head_end(script.client, HTTP_FRAMING_LENGTH, 2 * sizeof(body));
		script_rounds();
		script_say_bytes("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n", 45);
		script_close_peer();
		http_client_write(script.client, body, length);
		script_until("closed");
		assert_string_equal(
			script_heard(), "head 413\nend\nfailed CLOSED sent answered\nclosed\n");
		script_over();
	}
}

static void garbage_is_no_answer(void **state)
{
	static const char *const garbage[] = {
		"x",
		"SSH-2.0-OpenSSH\r\n",
		"HTTP/2.0 200 OK\r\n\r\n",
		"HTTP/1.1 999 OK\r\n\r\n",
		"\r\n",
		"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: a\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx",
		"HTTP/1.1 204 OK\r\nContent-Length: 1\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		script_begin();
		ask((struct http_asked){0});
		script_say(garbage[i]);
		assert_non_null(strstr(script_heard(), "failed MALFORMED sent answered\nclosed\n"));
		script_over();
	}
}

static void bytes_behind_an_answer(void **state)
{
	(void)state;
	script_begin();
	ask((struct http_asked){0});
	script_say(OK_5 OK_5);
	assert_string_equal(script_heard(), "head 200\nbody hello\nend\n");
	http_client_close(script.client); /* which drops them, and waits for nobody */
	script_rounds();
	assert_string_equal(script_heard(), "closed\n");
	script_over();
}

/* While the request is not whole, nothing but its own answer may come. */
static void bytes_behind_an_early_answer(void **state)
{
	(void)state;
	for (int at_once = 0; at_once < 2; at_once++) {
		script_begin();
		script_request("POST", (struct http_asked){0});
		http_client_head_end(script.client, HTTP_FRAMING_CHUNKED, 0);
		script_rounds();
		script_say(at_once ? OK_5 "x" : OK_5);
		assert_string_equal(script_heard(), "head 200\nbody hello\nend\n");
		if (!at_once) {
			script_say("x");
			assert_string_equal(
				script_heard(), "failed CLOSED sent answered\nclosed\n");
		} else {
			http_client_end(script.client, NULL);
			assert_false(script.client->reusable);
		}
		script_over();
	}
}

static void a_change_of_protocol_needs_a_whole_request(void **state)
{
	(void)state;
	script_begin();
	script_request("GET", (struct http_asked){.upgrade = true});
	script_rounds(); /* the head has no end yet, and goes nowhere */
	script_say("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: a\r\n\r\n");
	assert_string_equal(script_heard(), "failed CLOSED\nclosed\n");
	script_over();
}

static void failures_have_words(void **state)
{
	(void)state;
	for (int i = HTTP_CLIENT_CLOSED; i <= HTTP_CLIENT_NO_MEMORY; i++) {
		assert_true(strlen(http_client_failure_text((enum http_client_failure)i)) > 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_make_no_difference),
		cmocka_unit_test(body_and_tunnel_may_take_less),
		cmocka_unit_test(truncation_is_told_apart),
		cmocka_unit_test(a_body_until_the_end_that_is_reset),
		cmocka_unit_test(a_tunnel_that_is_reset),
		cmocka_unit_test(an_idle_connection_that_is_given_up),
		cmocka_unit_test(a_request_that_was_not_sent),
		cmocka_unit_test(a_request_to_nobody),
		cmocka_unit_test(an_answer_in_front_of_a_reset),
		cmocka_unit_test(garbage_is_no_answer),
		cmocka_unit_test(bytes_behind_an_answer),
		cmocka_unit_test(bytes_behind_an_early_answer),
		cmocka_unit_test(a_change_of_protocol_needs_a_whole_request),
		cmocka_unit_test(failures_have_words),
	};

	return cmocka_run_group_tests(tests, script_setup, script_teardown);
}
