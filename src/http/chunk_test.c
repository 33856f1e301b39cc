/* SPDX-License-Identifier: Apache-2.0 */
#include "http/chunk.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "http/parser.h"

static void the_line_is_that_of_printf(void **state)
{
	(void)state;
	for (unsigned bit = 0; bit < 64; bit++) {
		const uint64_t lengths[] = {1ULL << bit, (1ULL << bit) - 1, UINT64_MAX >> bit};

		for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
			char line[HTTP_CHUNK_HEAD_MOST], expected[HTTP_CHUNK_HEAD_MOST + 1];
			int length =
				snprintf(expected, sizeof(expected), "%" PRIx64 "\r\n", lengths[i]);

			if (!lengths[i]) {
				continue;
			}
			assert_int_equal(http_chunk_head(line, lengths[i]), length);
			assert_memory_equal(line, expected, (size_t)length);
		}
	}
}

static void the_last_may_have_trailers(void **state)
{
	static const char message[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
				      "0\r\nX-Sum: 7\r\nX-Rest:\r\n\r\n";
	struct http_parser parser;
	struct buffer out = {0};
	size_t used, offset = 0;

	(void)state;
	http_chunk_last(&out, NULL);
	assert_string_equal(buffer_text(&out), "0\r\n\r\n");
	buffer_consume(&out, out.length);
	http_parser_init(&parser, HTTP_RESPONSES);
	assert_int_equal(
		http_parser_read(&parser, message, strlen(message), &offset), HTTP_EVENT_HEAD);
	http_chunk_last(&out, &parser.head);
	assert_string_equal(buffer_text(&out), "0\r\n\r\n");
	buffer_consume(&out, out.length);
	assert_int_equal(
		http_parser_read(&parser, message + offset, strlen(message) - offset, &used),
		HTTP_EVENT_END);
	http_chunk_last(&out, &parser.head);
	assert_string_equal(buffer_text(&out), "0\r\nX-Sum: 7\r\nX-Rest: \r\n\r\n");
	http_parser_fini(&parser);
	buffer_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_line_is_that_of_printf),
		cmocka_unit_test(the_last_may_have_trailers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
