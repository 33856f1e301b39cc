/* SPDX-License-Identifier: Apache-2.0 */
#include "http/event_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "http/parser.h"

static struct http_event_stream begin(const char *type)
{
	struct http_event_stream stream;
	struct http_parser parser;
	char text[256];
	size_t used;

	(void)snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\n%s\r\n", type);
	http_parser_init(&parser, HTTP_RESPONSES);
	http_parser_ask(&parser, (struct http_asked){0});
	assert_int_equal(http_parser_read(&parser, text, strlen(text), &used), HTTP_EVENT_HEAD);
	http_event_stream_begin(&stream, &parser.head);
	http_parser_fini(&parser);
	return stream;
}

static void knows_event_streams(void **state)
{
	(void)state;
	assert_true(begin("Content-Type: text/event-stream\r\n").is_one);
	assert_true(begin("content-type: Text/Event-Stream; charset=utf-8\r\n").is_one);
	assert_false(begin("Content-Type: text/event-strea\r\n").is_one);
	assert_false(begin("Content-Type: application/json\r\n").is_one);
	assert_false(begin("").is_one);
}

/* The same wherever it is cut. */
static void may_end_between_events(void **state)
{
	static const struct {
		const char *text;
		bool between;
	} rows[] = {
		{"", true},
		{"data: 1", false},
		{"data: 1\n", false},
		{"data: 1\r\n", false},
		{"data: 1\r", false},
		{"data: 1\n\n", true},
		{"data: 1\r\r", true},
		{"data: 1\r\n\r\n", true},
		{"data: 1\r\n\r", false},
		{"data: 1\n\nd", false},
		{"\n\n", true},
		{"\n", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t length = strlen(rows[i].text);

		for (size_t step = 1; step <= length + 1; step++) {
			struct http_event_stream stream =
				begin("Content-Type: text/event-stream\r\n");
			struct http_event_stream other = begin("");

			for (size_t at = 0; at < length; at += step) {
				size_t some = length - at < step ? length - at : step;

				http_event_stream_note(&stream, rows[i].text + at, some);
				http_event_stream_note(&other, rows[i].text + at, some);
			}
			assert_int_equal(http_event_stream_between(&stream), rows[i].between);
			assert_false(http_event_stream_between(&other));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_event_streams),
		cmocka_unit_test(may_end_between_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
