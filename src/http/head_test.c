/* SPDX-License-Identifier: Apache-2.0 */
#include "http/head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "http/parser.h"

static struct http_parser parser;

static const struct http_head *read_head(const char *text)
{
	size_t used;

	http_parser_init(&parser, HTTP_REQUESTS);
	assert_int_equal(http_parser_read(&parser, text, strlen(text), &used), HTTP_EVENT_HEAD);
	return &parser.head;
}

static void finds_fields_by_name(void **state)
{
	const struct http_head *head = read_head("GET / HTTP/1.1\r\nHost: a\r\nX-Y: 1\r\n"
						 "x-y:\r\nX-YZ: 3\r\nX-Y: 2 \r\n\r\n");
	const struct http_field *field = NULL;
	static const char *const values[] = {"1", "", "2"};

	(void)state;
	for (int i = 0; i < 3; i++) {
		field = http_head_find(head, "x-Y", field);
		assert_non_null(field);
		assert_true(http_head_says(head, field->value, values[i]));
	}
	assert_null(http_head_find(head, "x-Y", field));
	assert_null(http_head_find(head, "X", NULL));
	assert_null(http_head_find(head, "", NULL));
	assert_true(http_head_says(head, head->method, "GET"));
	assert_false(http_head_says(head, head->method, "get"));
	http_parser_fini(&parser);
}

static void finds_tokens_in_lists(void **state)
{
	const struct http_head *head = read_head(
		"GET / HTTP/1.1\r\nHost: a\r\nAccept: a, \"b, c\" ,d\r\nAccept: ,,e\t,\r\n\r\n");

	(void)state;
	assert_true(http_head_lists(head, "accept", "A"));
	assert_true(http_head_lists(head, "accept", "d"));
	assert_true(http_head_lists(head, "accept", "e"));
	assert_true(http_head_lists(head, "accept", "\"b, c\""));
	assert_false(http_head_lists(head, "accept", "c\""));
	assert_false(http_head_lists(head, "accept", ""));
	assert_false(http_head_lists(head, "accept-x", "a"));
	http_parser_fini(&parser);
}

static void lists_are_taken_apart(void **state)
{
	static const struct {
		const char *list;
		const char *elements[4];
	} rows[] = {
		{"", {NULL}},
		{" , ,\t", {NULL}},
		{"a", {"a"}},
		{" a b , c", {"a b", "c"}},
		{"\"a\\\",b\",c", {"\"a\\\",b\"", "c"}},
		{"\"a,b", {"\"a,b"}},
		{"\"a\\", {"\"a\\"}},
		{"a;q=\"1,2\";x, b", {"a;q=\"1,2\";x", "b"}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_text list = {rows[i].list, strlen(rows[i].list)}, element;

		for (int each = 0; rows[i].elements[each]; each++) {
			assert_true(http_list_next(&list, &element));
			assert_int_equal(element.length, strlen(rows[i].elements[each]));
			assert_memory_equal(element.bytes, rows[i].elements[each], element.length);
		}
		assert_false(http_list_next(&list, &element));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_fields_by_name),
		cmocka_unit_test(finds_tokens_in_lists),
		cmocka_unit_test(lists_are_taken_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
