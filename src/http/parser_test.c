/* SPDX-License-Identifier: Apache-2.0 */
/* The parser's bounds, its memory, and how it goes from message to message. */
#include "http/parser.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "http/transcript_script.h"
#include "tests/allocation.h"

#define GET "GET / HTTP/1.1\r\nHost: a\r\n"
#define CHUNKED "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

/* Texts that are put together: a beginning, some bytes many times, an end. */
static struct buffer made;

static struct buffer *make(const char *front, const char *part, size_t times, const char *back)
{
	buffer_consume(&made, made.length);
	buffer_append_text(&made, front);
	for (size_t i = 0; i < times; i++) {
		buffer_append_text(&made, part);
	}
	buffer_append_text(&made, back);
	return &made;
}

static void assert_bounded(const struct buffer *text, enum http_error error)
{
	struct transcript script;
	const char *whole;

	transcript_begin(&script, HTTP_REQUESTS, (struct http_asked){0});
	transcript_feed(&script, text->data, text->length);
	whole = transcript_end(&script);
	if (script.parser.error != error) {
		fail_msg("expected: %s\nis: %.2000s", http_error_text(error), whole);
	}
	for (size_t step = 1; step < 2000; step = step * 3 + 1) {
		assert_true(transcript_same_cut(
			whole, &script, text->data, text->length, step / 2, step));
	}
	assert_true(script.parser.head.text.capacity <= 65536);
	transcript_fini(&script);
}

static void bounds_are_exact(void **state)
{
	const size_t get = sizeof(GET "X: \r\n\r\n") - 1, start = sizeof(GET) - 1;

	(void)state;
	assert_bounded(make(GET "X: ", "x", HTTP_HEAD_MOST - get, "\r\n\r\n"), HTTP_OK);
	assert_bounded(
		make(GET "X: ", "x", HTTP_HEAD_MOST - get + 1, "\r\n\r\n"), HTTP_HEAD_TOO_LARGE);
	assert_bounded(make(GET "X: ", "x", 100000, ""), HTTP_HEAD_TOO_LARGE);
	assert_bounded(make(GET, "X: y\r\n", (HTTP_HEAD_MOST - start) / 6 + 1, "\r\n"),
		HTTP_HEAD_TOO_LARGE);
	assert_bounded(
		make("GET /", "a", HTTP_TARGET_MOST - 1, " HTTP/1.1\r\nHost: a\r\n\r\n"), HTTP_OK);
	assert_bounded(make("GET /", "a", HTTP_TARGET_MOST, " HTTP/1.1\r\nHost: a\r\n\r\n"),
		HTTP_TARGET_TOO_LONG);
	assert_bounded(make("GET /", "a", 100000, ""), HTTP_TARGET_TOO_LONG);
	assert_bounded(make("", "A", 100000, ""), HTTP_TARGET_TOO_LONG);
	assert_bounded(make(GET, "X: y\r\n", HTTP_FIELDS_MOST - 1, "\r\n"), HTTP_OK);
	assert_bounded(make(GET, "X: y\r\n", HTTP_FIELDS_MOST, "\r\n"), HTTP_TOO_MANY_FIELDS);
	assert_bounded(make(GET "Connection: ", "a,", HTTP_OPTIONS_MOST, "\r\n\r\n"), HTTP_OK);
	assert_bounded(make(GET "Connection: ", "a,", HTTP_OPTIONS_MOST + 1, "\r\n\r\n"),
		HTTP_TOO_MANY_OPTIONS);
}

static void bounds_of_chunks_are_exact(void **state)
{
	char line[2 * HTTP_CHUNK_LINE_MOST];

	(void)state;
	assert_bounded(make(CHUNKED, "0", HTTP_CHUNK_LINE_MOST - 2, "\r\n\r\n"), HTTP_OK);
	assert_bounded(
		make(CHUNKED, "0", HTTP_CHUNK_LINE_MOST - 1, "\r\n\r\n"), HTTP_CHUNK_TOO_LONG);
	assert_bounded(make(CHUNKED, "0", 100000, ""), HTTP_CHUNK_TOO_LONG);
	assert_bounded(make(CHUNKED "0;", "a", 100000, ""), HTTP_CHUNK_TOO_LONG);
	/* Each line is short, and all of them together are not. */
	snprintf(line, sizeof(line), "1;%.*d\r\nx\r\n", 127, 0);
	assert_bounded(make(CHUNKED, line, HTTP_EXTENSIONS_MOST / 128, "0\r\n\r\n"), HTTP_OK);
	assert_bounded(make(CHUNKED, line, HTTP_EXTENSIONS_MOST / 128, "0;a\r\n\r\n"),
		HTTP_CHUNK_TOO_LONG);
	/* Those of each body by themselves. */
	snprintf(line, sizeof(line), "1;%.*d\r\nx\r\n0\r\n\r\n" CHUNKED, 127, 0);
	assert_bounded(make(CHUNKED, line, HTTP_EXTENSIONS_MOST / 128 + 1, "0\r\n\r\n"), HTTP_OK);
	assert_bounded(make(CHUNKED, "1\r\nx\r\n", 5000, "0\r\n\r\n"), HTTP_OK);
	assert_bounded(make(CHUNKED "0\r\nX: ", "x", HTTP_TRAILERS_MOST - 7, "\r\n\r\n"), HTTP_OK);
	assert_bounded(make(CHUNKED "0\r\nX: ", "x", HTTP_TRAILERS_MOST - 6, "\r\n\r\n"),
		HTTP_TRAILERS_TOO_LARGE);
	assert_bounded(make(CHUNKED "0\r\n", "X: y\r\n", HTTP_FIELDS_MOST - 2, "\r\n"), HTTP_OK);
	assert_bounded(make(CHUNKED "0\r\n", "X: y\r\n", HTTP_FIELDS_MOST - 1, "\r\n"),
		HTTP_TOO_MANY_FIELDS);
	buffer_fini(&made);
}

static enum http_event read_text(struct http_parser *parser, const char *text, size_t *used)
{
	return http_parser_read(parser, text, strlen(text), used);
}

/* The second request is not touched before the first one is answered. */
static void stops_at_the_end_of_a_message(void **state)
{
	static const char first[] = GET "Content-Length: 2\r\n\r\n", both[] = "ab" GET "\r\n";
	struct http_parser parser;
	size_t used;

	(void)state;
	http_parser_init(&parser, HTTP_REQUESTS);
	assert_true(http_parser_is_idle(&parser));
	assert_int_equal(read_text(&parser, first, &used), HTTP_EVENT_HEAD);
	assert_int_equal(used, sizeof(first) - 1);
	assert_false(http_parser_is_idle(&parser));
	assert_int_equal(read_text(&parser, both, &used), HTTP_EVENT_BODY);
	assert_ptr_equal(parser.body.bytes, both); /* a range of what was given */
	assert_int_equal(parser.body.length, 2);
	assert_int_equal(used, 2);
	assert_int_equal(read_text(&parser, both + 2, &used), HTTP_EVENT_END);
	assert_int_equal(used, 0);
	assert_int_equal(read_text(&parser, both + 2, &used), HTTP_EVENT_END);
	assert_int_equal(used, 0);
	assert_int_equal(http_parser_close(&parser), HTTP_EVENT_END);
	http_parser_next(&parser);
	assert_true(http_parser_is_idle(&parser));
	assert_int_equal(http_parser_close(&parser), HTTP_EVENT_MORE);
	assert_int_equal(read_text(&parser, both + 2, &used), HTTP_EVENT_HEAD);
	assert_int_equal(used, sizeof(both) - 3);
	assert_int_equal(read_text(&parser, "", &used), HTTP_EVENT_END);
	http_parser_fini(&parser);
}

/* What was asked holds for the final response, and for no other. */
static void interim_responses_answer_nothing(void **state)
{
	struct http_parser parser;
	size_t used;

	(void)state;
	http_parser_init(&parser, HTTP_RESPONSES);
	http_parser_ask(&parser, (struct http_asked){.head = true});
	assert_int_equal(
		read_text(&parser, "HTTP/1.1 100 Continue\r\n\r\n", &used), HTTP_EVENT_HEAD);
	assert_int_equal(read_text(&parser, "", &used), HTTP_EVENT_END);
	http_parser_next(&parser);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
			read_text(&parser, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", &used),
			HTTP_EVENT_HEAD);
		assert_int_equal(parser.head.framing, i ? HTTP_FRAMING_LENGTH : HTTP_FRAMING_NONE);
		assert_int_equal(read_text(&parser, i ? "a" : "", &used),
			i ? HTTP_EVENT_BODY : HTTP_EVENT_END);
		if (!i) {
			http_parser_next(&parser);
		}
	}
	http_parser_fini(&parser);
}

static void a_refusal_stays(void **state)
{
	struct http_parser parser;
	size_t used;

	(void)state;
	http_parser_init(&parser, HTTP_REQUESTS);
	assert_int_equal(read_text(&parser, "GET / HTTP/3.0\r\n\r\n", &used), HTTP_EVENT_REFUSED);
	assert_int_equal(http_parser_status(&parser), 505);
	assert_int_equal(read_text(&parser, GET "\r\n", &used), HTTP_EVENT_REFUSED);
	assert_int_equal(used, 0);
	assert_int_equal(http_parser_close(&parser), HTTP_EVENT_REFUSED);
	assert_int_equal(http_parser_status(&parser), 505);
	http_parser_fini(&parser);
}

/* A connection that waits for its next request costs little, whatever the last one was. */
static void gives_memory_back(void **state)
{
	struct buffer *large = make(GET, "X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n", 100, "\r\n");
	struct http_parser parser;
	size_t used;

	(void)state;
	http_parser_init(&parser, HTTP_REQUESTS);
	assert_int_equal(
		http_parser_read(&parser, large->data, large->length, &used), HTTP_EVENT_HEAD);
	assert_int_equal(parser.head.count, 101);
	assert_int_equal(read_text(&parser, "", &used), HTTP_EVENT_END);
	http_parser_next(&parser);
	assert_true(sizeof(parser) + parser.head.text.capacity +
			parser.head.capacity * sizeof(struct http_field) <
		1700);
	http_parser_fini(&parser);
	buffer_fini(&made);
}

static void lack_of_memory_is_refused(void **state)
{
	bool failed = true;

	(void)state;
	for (int n = 1; failed; n++) {
		struct buffer *text =
			make(CHUNKED "0\r\n", "X: yyyyyyyyyyyyyyyyyyyyy\r\n", 90, "\r\n");
		struct http_parser parser;
		enum http_event event;
		size_t at = 0, used;

		http_parser_init(&parser, HTTP_REQUESTS);
		allocation_fail(n);
		do {
			event = http_parser_read(
				&parser, text->data + at, text->length - at, &used);
			at += used;
		} while (event == HTTP_EVENT_HEAD);
		failed = allocation_failed();
		assert_int_equal(event, failed ? HTTP_EVENT_REFUSED : HTTP_EVENT_END);
		assert_int_equal(parser.error, failed ? HTTP_NO_MEMORY : HTTP_OK);
		http_parser_fini(&parser);
		assert_true(n > 4 || failed);
	}
	buffer_fini(&made);
}

static void every_error_has_a_status(void **state)
{
	(void)state;
	for (int error = HTTP_OK + 1; error <= HTTP_NO_MEMORY; error++) {
		assert_true(http_error_status((enum http_error)error) >= 400);
		assert_true(strlen(http_error_text((enum http_error)error)) > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bounds_are_exact),
		cmocka_unit_test(bounds_of_chunks_are_exact),
		cmocka_unit_test(stops_at_the_end_of_a_message),
		cmocka_unit_test(interim_responses_answer_nothing),
		cmocka_unit_test(a_refusal_stays),
		cmocka_unit_test(gives_memory_back),
		cmocka_unit_test(lack_of_memory_is_refused),
		cmocka_unit_test(every_error_has_a_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
