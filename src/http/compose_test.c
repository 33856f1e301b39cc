/* SPDX-License-Identifier: Apache-2.0 */
#include "http/compose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "http/date.h"
#include "http/parser.h"
#include "http/status.h"

static void passes_on_what_is_for_everybody(void **state)
{
	static const char text[] = "GET /a HTTP/1.1\r\nhost:  a \r\nConnection: x-a, close\r\n"
				   "Keep-Alive: timeout=5\r\nX-A: 1\r\nX-B: 2\r\nTE: trailers\r\n"
				   "X-Forwarded-For: 6\r\nTransfer-Encoding: chunked\r\n\r\n"
				   "0\r\nX-C: 3\r\n\r\n";
	static const char *const dropped[] = {"x-forwarded-for", NULL};
	struct http_parser parser;
	struct buffer out = {0};
	enum http_event event;
	size_t used, at = 0;

	(void)state;
	http_parser_init(&parser, HTTP_REQUESTS);
	do {
		event = http_parser_read(&parser, text + at, sizeof(text) - 1 - at, &used);
		at += used;
	} while (event == HTTP_EVENT_HEAD);
	assert_int_equal(event, HTTP_EVENT_END);
	http_compose_request(&out, http_head_text(&parser.head, parser.head.method),
		http_head_text(&parser.head, parser.head.path));
	http_compose_passed(&out, &parser.head, dropped);
	http_compose_length(&out, 18446744073709551615U);
	http_compose_end(&out);
	http_compose_trailers(&out, &parser.head);
	assert_string_equal(buffer_text(&out),
		"GET /a HTTP/1.1\r\nhost: a\r\nX-B: 2\r\n"
		"Content-Length: 18446744073709551615\r\n\r\nX-C: 3\r\n");
	buffer_consume(&out, out.length);
	http_compose_passed(&out, &parser.head, NULL);
	assert_non_null(strstr(buffer_text(&out), "X-Forwarded-For: 6"));
	http_parser_fini(&parser);
	buffer_fini(&out);
}

static void assert_request_line(const char *comes, const char *goes)
{
	struct http_parser parser;
	struct buffer out = {0};
	size_t used;

	http_parser_init(&parser, HTTP_REQUESTS);
	assert_int_equal(http_parser_read(&parser, comes, strlen(comes), &used), HTTP_EVENT_HEAD);
	http_compose_passed_request(&out, &parser.head);
	assert_string_equal(buffer_text(&out), goes);
	http_parser_fini(&parser);
	buffer_fini(&out);
}

static void every_form_of_a_target_is_passed_on_as_origin(void **state)
{
	(void)state;
	assert_request_line("GET http://x/a HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a HTTP/1.1\r\n");
	assert_request_line("GET http://x HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\n");
	assert_request_line("GET http://x?q HTTP/1.1\r\nHost: x\r\n\r\n", "GET /?q HTTP/1.1\r\n");
	assert_request_line("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "OPTIONS * HTTP/1.1\r\n");
	assert_request_line("GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: \r\n");
}

static void statuses_have_their_reasons(void **state)
{
	struct buffer out = {0};

	(void)state;
	http_compose_status(&out, 503);
	http_compose_field(&out, "Retry-After", "1");
	http_compose_status(&out, 299);
	assert_string_equal(buffer_text(&out),
		"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nHTTP/1.1 299 \r\n");
	assert_string_equal(
		http_status_line(431), "HTTP/1.1 431 Request Header Fields Too Large\r\n");
	assert_null(http_status_line(0));
	assert_null(http_status_line(600));
	buffer_fini(&out);
}

static void dates_are_made_once_a_second(void **state)
{
	struct http_date date = {0};

	(void)state;
	assert_string_equal(http_date_line(&date, 0), "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n");
	assert_string_equal(
		http_date_line(&date, 784111777), "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
	assert_string_equal(
		http_date_line(&date, 1709210096), "Date: Thu, 29 Feb 2024 12:34:56 GMT\r\n");
	date.line[6] = 'X'; /* seen, so it is not made anew */
	assert_string_equal(
		http_date_line(&date, 1709210096), "Date: Xhu, 29 Feb 2024 12:34:56 GMT\r\n");
	assert_string_equal(
		http_date_line(&date, 253402300799), "Date: Fri, 31 Dec 9999 23:59:59 GMT\r\n");
	assert_string_equal(
		http_date_line(&date, INT64_MAX), "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passes_on_what_is_for_everybody),
		cmocka_unit_test(every_form_of_a_target_is_passed_on_as_origin),
		cmocka_unit_test(statuses_have_their_reasons),
		cmocka_unit_test(dates_are_made_once_a_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
