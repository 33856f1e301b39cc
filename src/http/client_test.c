/* SPDX-License-Identifier: Apache-2.0 */
/* A client's exchanges as they should be. */
#include "http/client_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <curfew/time.h>

#define OK_5 "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define HEARD_5 "head 200\nbody hello\nend reusable\n"

static const struct http_asked head_asked = {.head = true};
static const struct http_asked upgrade_asked = {.upgrade = true};

static void one_request_after_the_other(void **state)
{
	(void)state;
	script_begin();
	assert_true(script.client->reusable);
	for (int i = 0; i < 3; i++) {
		script_request("GET", (struct http_asked){0});
		assert_false(script.client->reusable);
		http_client_head_end(script.client, HTTP_FRAMING_NONE, 0);
		assert_string_equal(script_got(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
		assert_int_equal(script.client->reused, i > 0);
		assert_false(script.client->answered);
		script_say(OK_5);
		assert_string_equal(script_heard(), HEARD_5);
		assert_true(script.client->reusable);
		assert_true(http_parser_is_idle(&script.client->parser)); /* the head is gone */
		assert_int_equal(script.client->idle_ms, CURFEW_NEVER);
	}
	http_client_close(script.client);
	script_rounds();
	assert_string_equal(script_heard(), "closed\n");
	script_over();
}

static void a_body_of_a_length(void **state)
{
	(void)state;
	script_begin();
	script_request("POST", (struct http_asked){0});
	http_client_head_end(script.client, HTTP_FRAMING_LENGTH, 10);
	assert_string_equal(
		script_got(), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n");
	http_client_write(script.client, "01234", 5);
	http_client_write(script.client, "", 0);
	http_client_write(script.client, "56789", 5);
	http_client_end(script.client, NULL);
	assert_string_equal(script_got(), "0123456789");
	script_say(OK_5);
	assert_string_equal(script_heard(), HEARD_5);
	script_request("POST", (struct http_asked){0});
	http_client_head_end(script.client, HTTP_FRAMING_LENGTH, 0);
	assert_string_equal(
		script_got(), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
	script_say(OK_5);
	assert_string_equal(script_heard(), HEARD_5);
	script_over();
}

/* Reads a head with trailers, to have some. */
static void trailers_make(struct http_parser *parser)
{
	static const char message[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
				      "0\r\nX-Sum: 7\r\n\r\n";
	size_t used, at = 0;

	http_parser_init(parser, HTTP_RESPONSES);
	assert_int_equal(http_parser_read(parser, message, strlen(message), &at), HTTP_EVENT_HEAD);
	assert_int_equal(http_parser_read(parser, message + at, strlen(message) - at, &used),
		HTTP_EVENT_END);
}

static void chunks_and_trailers_both_ways(void **state)
{
	struct http_parser parser;

	(void)state;
	trailers_make(&parser);
	script_begin();
	script_request("POST", (struct http_asked){0});
	http_client_head_end(script.client, HTTP_FRAMING_CHUNKED, 0);
	http_client_write(script.client, "hello", 5);
	http_client_write(script.client, "", 0); /* which would be the last chunk */
	http_client_write(script.client, "0123456789abcdefg", 17);
	http_client_end(script.client, &parser.head);
	assert_string_equal(script_got(),
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
		"5\r\nhello\r\n11\r\n0123456789abcdefg\r\n0\r\nX-Sum: 7\r\n\r\n");
	script_say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		   "5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nX-A: 1\r\nX-B: 2\r\n\r\n");
	assert_string_equal(
		script_heard(), "head 200\nbody hello world\nend X-A=1 X-B=2 reusable\n");
	script_get();
	script_say(OK_5);
	assert_string_equal(script_heard(), HEARD_5);
	http_parser_fini(&parser);
	script_over();
}

static void answers_without_a_body(void **state)
{
	(void)state;
	script_begin();
	script_request("HEAD", head_asked);
	http_client_head_end(script.client, HTTP_FRAMING_NONE, 0);
	script_rounds();
	script_say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
	assert_string_equal(script_heard(), "head 200\nend reusable\n");
	script_get();
	script_say("HTTP/1.1 204 No Content\r\n\r\n");
	assert_string_equal(script_heard(), "head 204\nend reusable\n");
	script_get();
	script_say("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n");
	assert_string_equal(script_heard(), "head 304\nend reusable\n");
	script_get();
	script_say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	assert_string_equal(script_heard(), "head 200\nend reusable\n");
	script_get();
	script_say(OK_5);
	assert_string_equal(script_heard(), HEARD_5);
	script_over();
}

static void interim_responses(void **state)
{
	struct http_client_handler silent = script_handler;

	(void)state;
	script_begin();
	script_get();
	script_say("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n");
	assert_string_equal(script_heard(), "interim 103\n");
	assert_true(script.client->answered);
	script_say("\r\n" OK_5);
	assert_string_equal(script_heard(), "interim 102\n" HEARD_5);
	silent.interim = NULL;
	script.client->handler = &silent;
	script_get();
	script_say("HTTP/1.1 103 Early Hints\r\n\r\n" OK_5);
	assert_string_equal(script_heard(), HEARD_5);
	script_over();
}

/* Goes on with the body when it may. */
static void continue_after(struct script *each, const char *event)
{
	if (!strcmp(event, "interim")) {
		http_client_write(each->client, "hello", 5);
		http_client_end(each->client, NULL);
	}
}

static void a_body_that_waits_for_its_100(void **state)
{
	(void)state;
	script_begin();
	script_request("PUT", (struct http_asked){0});
	http_client_head_end(script.client, HTTP_FRAMING_LENGTH, 5);
	(void)script_got();
	script.act = continue_after;
	script_say("HTTP/1.1 100 Continue\r\n\r\n");
	assert_string_equal(script_got(), "hello");
	script_say(OK_5);
	assert_string_equal(script_heard(), "interim 100\n" HEARD_5);
	script_over();
}

static void a_body_until_the_end(void **state)
{
	(void)state;
	script_begin();
	script_get();
	script_say("HTTP/1.0 200 OK\r\n\r\nhello");
	script_say(" world");
	assert_string_equal(script_heard(), "head 200\nbody hello world\n");
	(void)script_got(); /* closing with something unread would be a reset */
	script_close_peer();
	script_rounds();
	assert_string_equal(script_heard(), "end\n");
	http_client_close(script.client);
	script_rounds();
	assert_string_equal(script_heard(), "closed\n");
	script_over();
}

static void a_server_that_says_close(void **state)
{
	static const char *const answers[] = {
		"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		script_begin();
		script_get();
		(void)script_got();
		script_say(answers[i]);
		assert_string_equal(script_heard(), "head 200\nbody hello\nend\n");
		script_say("what it says now is passed over, as is its end");
		script_close_peer();
		script_rounds();
		assert_string_equal(script_heard(), "");
		http_client_close(script.client);
		script_rounds();
		assert_string_equal(script_heard(), "closed\n");
		script_over();
	}
}

static void how_long_the_server_waits(void **state)
{
	static const struct {
		const char *fields;
		int64_t ms;
	} cases[] = {
		{"Keep-Alive: timeout=5\r\n", 5000},
		{"", 5000}, /* as it said before */
		{"Keep-Alive: max=3, TIMEOUT=75\r\n", 75000},
		{"Keep-Alive: timeout=x\r\n", 75000},
		{"Keep-Alive: timeout=, timeouts=3, timeou=4, time, 6\r\n", 75000},
		{"Keep-Alive: timeout=-1\r\n", 75000},
		{"Keep-Alive: max=3\r\nkeep-alive: timeout=0\r\n", 0},
		{"Keep-Alive: timeout=99999999999999999999999999\r\n", INT64_C(9999999999000)},
	};

	(void)state;
	script_begin();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		script_get();
		script_say("HTTP/1.1 204 No Content\r\n");
		script_say(cases[i].fields);
		script_say("\r\n");
		assert_string_equal(script_heard(), "head 204\nend reusable\n");
		assert_int_equal(script.client->idle_ms, cases[i].ms);
	}
	script_over();
}

/* Writes into the tunnel as soon as it is there. */
static void greet(struct script *each, const char *event)
{
	if (!strcmp(event, "head")) {
		http_client_tunnel_write(each->client, "greeting", 8);
	}
}

static void a_tunnel(void **state)
{
	(void)state;
	script_begin();
	script_request("GET", upgrade_asked);
	http_client_head_end(script.client, HTTP_FRAMING_NONE, 0);
	(void)script_got();
	script.act = greet;
	script_say("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
		   "Upgrade: websocket\r\n\r\nright behind");
	assert_string_equal(script_got(), "greeting");
	assert_string_equal(script_heard(), "head 101\ntunnel right behind\n");
	assert_null(script.client->parser.head.text.data); /* a tunnel keeps no head */
	script.most = 3;
	script_say("in pieces");
	assert_string_equal(script_heard(), "tunnel in \n");
	for (int i = 0; i < 2; i++) {
		http_client_resume(script.client);
		script_rounds();
	}
	assert_string_equal(script_heard(), "tunnel pieces\n");
	shutdown(script.peer, SHUT_WR);
	script_rounds();
	assert_string_equal(script_heard(), "tunnel_end\n");
	http_client_tunnel_write(script.client, "still", 5);
	http_client_tunnel_shut(script.client);
	assert_string_equal(script_got(), "still");
	assert_int_equal(recv(script.peer, script.log, 1, 0), 0);
	http_client_close(script.client);
	script_rounds();
	assert_string_equal(script_heard(), "closed\n");
	script_over();
}

static void what_is_asked_may_be_refused(void **state)
{
	(void)state;
	script_begin();
	script_request("GET", upgrade_asked);
	http_client_head_end(script.client, HTTP_FRAMING_NONE, 0);
	script_rounds();
	script_say(OK_5);
	assert_string_equal(script_heard(), HEARD_5);
	script_over();
}

static void an_answer_before_the_request_is_whole(void **state)
{
	(void)state;
	script_begin();
	for (int i = 0; i < 2; i++) {
		script_request("POST", (struct http_asked){0});
		http_client_head_end(script.client, HTTP_FRAMING_CHUNKED, 0);
		http_client_write(script.client, "1", 1);
		script_rounds();
		script_say(OK_5);
		assert_string_equal(script_heard(), "head 200\nbody hello\nend\n");
		http_client_write(script.client, "2", 1);
		assert_false(script.client->reusable);
		http_client_end(script.client, NULL);
		assert_true(script.client->reusable);
		assert_non_null(strstr(script_got(), "1\r\n1\r\n1\r\n2\r\n0\r\n\r\n"));
	}
	script_request("POST", (struct http_asked){0});
	http_client_head_end(script.client, HTTP_FRAMING_LENGTH, 2);
	http_client_write(script.client, "1", 1);
	script_rounds();
	script_say("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
	assert_string_equal(script_heard(), "head 413\nend\n");
	http_client_write(script.client, "2", 1);
	http_client_end(script.client, NULL);
	assert_false(script.client->reusable);
	http_client_close(script.client);
	script_rounds();
	assert_string_equal(script_heard(), "closed\n");
	script_over();
}

/* Asks again from within end(). */
static void ask_again(struct script *each, const char *event)
{
	if (!strcmp(event, "end")) {
		each->act = NULL;
		script_request("GET", (struct http_asked){0});
		http_client_head_end(each->client, HTTP_FRAMING_NONE, 0);
	}
}

static void the_next_request_from_within_the_end(void **state)
{
	(void)state;
	script_begin();
	script_get();
	(void)script_got();
	script.act = ask_again;
	script_say(OK_5);
	assert_string_equal(script_heard(), HEARD_5);
	assert_string_equal(script_got(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_true(script.client->reused);
	script_say(OK_5);
	assert_string_equal(script_heard(), HEARD_5);
	script_over();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_request_after_the_other),
		cmocka_unit_test(a_body_of_a_length),
		cmocka_unit_test(chunks_and_trailers_both_ways),
		cmocka_unit_test(answers_without_a_body),
		cmocka_unit_test(interim_responses),
		cmocka_unit_test(a_body_that_waits_for_its_100),
		cmocka_unit_test(a_body_until_the_end),
		cmocka_unit_test(a_server_that_says_close),
		cmocka_unit_test(how_long_the_server_waits),
		cmocka_unit_test(a_tunnel),
		cmocka_unit_test(what_is_asked_may_be_refused),
		cmocka_unit_test(an_answer_before_the_request_is_whole),
		cmocka_unit_test(the_next_request_from_within_the_end),
	};

	return cmocka_run_group_tests(tests, script_setup, script_teardown);
}
