/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/forward.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A client's connection of which only the head and the peer matter. */
static struct gate gate;
static struct http_server server;
static struct http_connection client;
static struct socket_address peer;

static const struct socket_address *known_peer(const struct stream_filter *filter)
{
	(void)filter;
	return &peer;
}

static const struct stream_filter_ops filter_ops = {.peer = known_peer};
static struct stream_filter filter = {.ops = &filter_ops};

static void come_from(const char *host)
{
	struct address address = {.port = 1};

	(void)snprintf(address.host, sizeof(address.host), "%s", host);
	assert_true(address_literal(&address, &peer));
	client.stream.filter = &filter;
	client.peer[0] = '\0';
}

static int setup(void **state)
{
	(void)state;
	memset(&gate, 0, sizeof(gate));
	memset(&client, 0, sizeof(client));
	server = (struct http_server){.scheme = "http"};
	client.server = &server;
	come_from("192.0.2.7");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	http_parser_fini(&client.parser);
	return 0;
}

static void trust(const char *range)
{
	assert_null(address_range_parse(range, &gate.trusted.ranges[gate.trusted.count++]));
}

static void read_head(
	struct http_parser *parser, enum http_side side, struct http_asked asked, const char *text)
{
	size_t used;

	http_parser_init(parser, side);
	if (side == HTTP_RESPONSES) {
		http_parser_ask(parser, asked);
	}
	assert_int_equal(http_parser_read(parser, text, strlen(text), &used), HTTP_EVENT_HEAD);
}

static void assert_request(const char *comes, const char *goes)
{
	struct buffer out = {0};

	read_head(&client.parser, HTTP_REQUESTS, (struct http_asked){0}, comes);
	forward_request(&gate, &client, &out);
	assert_string_equal(buffer_text(&out), goes);
	buffer_fini(&out);
}

static void test_fields_pass_as_they_came(void **state)
{
	(void)state;
	assert_request("GET /a?b HTTP/1.1\r\nhOST: x:80\r\nX-Odd:  a  b \r\nCookie: 1\r\n"
		       "Cookie: 2\r\n\r\n",
		"GET /a?b HTTP/1.1\r\nhOST: x:80\r\nX-Odd: a  b\r\nCookie: 1\r\nCookie: 2\r\n"
		"X-Forwarded-For: 192.0.2.7\r\n"
		"Forwarded: for=192.0.2.7;proto=http;host=\"x:80\"\r\n"
		"X-Forwarded-Proto: http\r\nVia: 1.1 curfew\r\n");
}

static void test_what_is_for_one_hop_stays_here(void **state)
{
	(void)state;
	assert_request("GET / HTTP/1.1\r\nHost: x\r\nConnection: close, x-mine\r\nX-Mine: 1\r\n"
		       "Keep-Alive: 5\r\nTE: trailers\r\nProxy-Connection: close\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.7\r\n"
		"Forwarded: for=192.0.2.7;proto=http;host=\"x\"\r\n"
		"X-Forwarded-Proto: http\r\nVia: 1.1 curfew\r\n");
}

static void test_a_stranger_says_nothing_of_others(void **state)
{
	(void)state;
	assert_request("GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 10.0.0.1\r\n"
		       "forwarded: for=10.0.0.1\r\nX-Forwarded-Proto: https\r\n"
		       "X-Forwarded-Host: y\r\nX-Real-IP: 10.0.0.1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.7\r\n"
		"Forwarded: for=192.0.2.7;proto=http;host=\"x\"\r\n"
		"X-Forwarded-Proto: http\r\nVia: 1.1 curfew\r\n");
}

static void test_a_trusted_proxy_is_added_to(void **state)
{
	(void)state;
	trust("192.0.2.0/24");
	assert_request("GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 10.0.0.1\r\n"
		       "X-Forwarded-For: 10.0.0.2, 10.0.0.3\r\nForwarded: for=10.0.0.1\r\n"
		       "X-Forwarded-Proto: https\r\nX-Forwarded-Host: y\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: y\r\n"
		"X-Forwarded-For: 10.0.0.1, 10.0.0.2, 10.0.0.3, 192.0.2.7\r\n"
		"Forwarded: for=10.0.0.1, for=192.0.2.7;proto=http;host=\"x\"\r\n"
		"Via: 1.1 curfew\r\n");
}

static void test_one_outside_the_ranges_is_not_trusted(void **state)
{
	(void)state;
	trust("192.0.2.0/24");
	come_from("2001:db8::1");
	assert_request("GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 2001:db8::1\r\n"
		"Forwarded: for=\"[2001:db8::1]\";proto=http;host=\"x\"\r\n"
		"X-Forwarded-Proto: http\r\nVia: 1.1 curfew\r\n");
}

static void test_a_length_is_written_by_who_frames(void **state)
{
	(void)state;
	assert_request("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.7\r\n"
		"Forwarded: for=192.0.2.7;proto=http;host=\"x\"\r\n"
		"X-Forwarded-Proto: http\r\nVia: 1.1 curfew\r\n");
	http_parser_fini(&client.parser);
	assert_request("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nX-Forwarded-For: 192.0.2.7\r\n"
		"Forwarded: for=192.0.2.7;proto=http;host=\"x\"\r\n"
		"X-Forwarded-Proto: http\r\nVia: 1.1 curfew\r\n");
}

static void test_an_upgrade_is_asked_for_again(void **state)
{
	(void)state;
	assert_request("GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\n"
		       "Upgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nSec-WebSocket-Key: k\r\n"
		"X-Forwarded-For: 192.0.2.7\r\nForwarded: for=192.0.2.7;proto=http;host=\"x\"\r\n"
		"X-Forwarded-Proto: http\r\nVia: 1.1 curfew\r\n"
		"Connection: upgrade\r\nUpgrade: websocket\r\n");
}

static void test_a_response(void **state)
{
	struct http_parser parser;
	struct buffer out = {0};
	bool has_date;

	(void)state;
	read_head(&parser, HTTP_RESPONSES, (struct http_asked){0},
		"HTTP/1.1 200 OK\r\nServer: s\r\nConnection: keep-alive\r\n"
		"Keep-Alive: timeout=5\r\nContent-Length: 2\r\nDate: today\r\n\r\n");
	forward_response(&parser.head, &out, &has_date);
	assert_string_equal(buffer_text(&out), "Server: s\r\nDate: today\r\nVia: 1.1 curfew\r\n");
	assert_true(has_date);
	buffer_fini(&out);
	http_parser_fini(&parser);
}

static void test_the_length_of_what_head_asked_for(void **state)
{
	struct http_parser parser;
	struct buffer out = {0};
	bool has_date;

	(void)state;
	read_head(&parser, HTTP_RESPONSES, (struct http_asked){.head = true},
		"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n");
	forward_response(&parser.head, &out, &has_date);
	assert_string_equal(buffer_text(&out), "Content-Length: 2\r\nVia: 1.0 curfew\r\n");
	assert_false(has_date);
	buffer_fini(&out);
	http_parser_fini(&parser);
}

#define forward_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		forward_test(test_fields_pass_as_they_came),
		forward_test(test_what_is_for_one_hop_stays_here),
		forward_test(test_a_stranger_says_nothing_of_others),
		forward_test(test_a_trusted_proxy_is_added_to),
		forward_test(test_one_outside_the_ranges_is_not_trusted),
		forward_test(test_a_length_is_written_by_who_frames),
		forward_test(test_an_upgrade_is_asked_for_again),
		forward_test(test_a_response),
		forward_test(test_the_length_of_what_head_asked_for),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
