/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/header_env.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "http/parser.h"
#include "tests/allocation.h"

static struct http_parser parser;
static struct header_env environment;

static void read_head(void)
{
	static const char text[] = "POST /mcp HTTP/1.1\r\nHost: x\r\nx-api-key: a=b c\r\n"
				   "X-Empty:\r\nX-Api-Key: second\r\n\r\n";
	size_t used;

	http_parser_init(&parser, HTTP_REQUESTS);
	assert_int_equal(http_parser_read(&parser, text, strlen(text), &used), HTTP_EVENT_HEAD);
}

static void headers_become_variables(void **state)
{
	const struct words words = {
		{"X-Api-Key=API_KEY", "X-Other=OTHER", "X-Empty=EMPTY", "X-API-KEY=SAME"}, 4};

	(void)state;
	read_head();
	assert_int_equal(header_env_init(&environment, &words, &parser.head), 0);
	assert_string_equal(header_env_list(&environment)[0], "API_KEY=a=b c");
	assert_string_equal(header_env_list(&environment)[1], "EMPTY=");
	assert_string_equal(header_env_list(&environment)[2], "SAME=a=b c");
	assert_null(header_env_list(&environment)[3]);
	header_env_fini(&environment);
	http_parser_fini(&parser);
}

static void there_may_be_none(void **state)
{
	const struct words words = {{NULL}, 0};

	(void)state;
	read_head();
	assert_int_equal(header_env_init(&environment, &words, &parser.head), 0);
	assert_null(header_env_list(&environment)[0]);
	header_env_fini(&environment);
	http_parser_fini(&parser);
}

static void without_memory_there_is_no_session(void **state)
{
	const struct words words = {{"X-Api-Key=API_KEY", "X-Empty=EMPTY"}, 2};
	bool failed = true;

	(void)state;
	read_head();
	for (int n = 1; failed; n++) {
		int error;

		allocation_fail(n);
		error = header_env_init(&environment, &words, &parser.head);
		failed = allocation_failed();
		assert_int_equal(error, failed ? -ENOMEM : 0);
		header_env_fini(&environment);
	}
	http_parser_fini(&parser);
}

static void pairs_are_checked(void **state)
{
	static const char *const wrong[] = {"", "=", "X-Key", "X-Key=", "=KEY", "X-Key=A B",
		"X-Key=A=B", "X Key=A", "X-Key:A", "X-Key=1A", "X-K\xc3\xa4y=A"};

	(void)state;
	assert_null(header_env_check("X-Api-Key=API_KEY"));
	assert_null(header_env_check("a=b"));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (!header_env_check(wrong[i])) {
			fail_msg("'%s' is taken", wrong[i]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_become_variables),
		cmocka_unit_test(there_may_be_none),
		cmocka_unit_test(without_memory_there_is_no_session),
		cmocka_unit_test(pairs_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
