/* SPDX-License-Identifier: Apache-2.0 */
#include "json/pointer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "json/reader.h"

/* The example of RFC 6901, 5, and more. */
static const char text[] = " {\"foo\": [\"bar\", \"baz\"], \"\": 0, \"a/b\": 1, \"c%d\": 2,"
			   "\"e^f\": 3, \"g|h\": 4, \"i\\\\j\": 5, \"k\\\"l\": 6, \" \": 7,"
			   "\"m~n\": 8, \"l\\u0069st\": [[], {\"x\": [1, 2, {\"y\": null}]}],"
			   "\"options\": {\"x\": 1}, \"options\": {\"y\": \"last\"},"
			   "\"~1\": 9, \"10\": 10, \"\\ud83d\\ude00\": 11, \"\\ud800\": 12} ";

static const struct {
	const char *pointer, *found; /* NULL: nothing */
} cases[] = {
	{"/foo", "[\"bar\", \"baz\"]"},
	{"/foo/0", "\"bar\""},
	{"/foo/1", "\"baz\""},
	{"/", "0"},
	{"/a~1b", "1"},
	{"/c%d", "2"},
	{"/e^f", "3"},
	{"/g|h", "4"},
	{"/i\\j", "5"},
	{"/k\"l", "6"},
	{"/ ", "7"},
	{"/m~0n", "8"},
	{"/list/1/x/2/y", "null"},
	{"/list/0", "[]"},
	{"/options/y", "\"last\""},
	{"/~01", "9"},
	{"/10", "10"},
	{"/\xf0\x9f\x98\x80", "11"},
	{"foo", NULL},
	{"/fo", NULL},
	{"/fooo", NULL},
	{"/foo/2", NULL},
	{"/foo/-", NULL},
	{"/foo/00", NULL},
	{"/foo/01", NULL},
	{"/foo/", NULL},
	{"/foo/+1", NULL},
	{"/foo/1x", NULL},
	{"/foo/18446744073709551616", NULL},
	{"/foo/0/", NULL},
	{"/foo/0/0", NULL},
	{"/list/0/0", NULL},
	{"/options/x", NULL},
	{"/m~n", NULL},
	{"/m~2n", NULL},
	{"/m~", NULL},
	{"/a/b", NULL},
	{"/\xef\xbf\xbd", NULL},
	{"//", NULL},
};

static void follows_pointers(void **state)
{
	struct json_reader reader = {0};
	struct json_value found;

	(void)state;
	assert_int_equal(json_read(&reader, text, strlen(text)), JSON_OK);
	assert_true(json_point(text, &reader.root, "", &found));
	assert_int_equal(found.start, reader.root.start);
	assert_int_equal(found.length, reader.root.length);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		found = (struct json_value){0};
		if (json_point(text, &reader.root, cases[i].pointer, &found) !=
			(cases[i].found != NULL)) {
			fail_msg("%s", cases[i].pointer);
		}
		if (cases[i].found) {
			assert_int_equal(found.length, strlen(cases[i].found));
			assert_memory_equal(text + found.start, cases[i].found, found.length);
		} else {
			assert_int_equal(found.kind, JSON_ABSENT);
		}
	}
	assert_false(json_point("", &(struct json_value){0}, "", &found));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows_pointers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
