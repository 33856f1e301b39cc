/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buffer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void starts_empty(void **state)
{
	struct buffer buffer;
	char *taken;

	(void)state;
	buffer_init(&buffer);
	assert_string_equal(buffer_text(&buffer), "");
	buffer_consume(&buffer, 0);
	buffer_append(&buffer, NULL, 0);
	assert_int_equal(buffer.length, 0);
	taken = buffer_take(&buffer);
	assert_string_equal(taken, "");
	free(taken);
	buffer_fini(&buffer);
	buffer_fini(&buffer);
}

/* In memory that was somebody else's. */
static void is_a_string_before_anything_is_in_it(void **state)
{
	struct buffer before = {0}, buffer = {0};

	(void)state;
	buffer_append_text(&before, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	buffer_fini(&before);
	buffer_append_text(&buffer, "");
	assert_string_equal(buffer_text(&buffer), "");
	buffer_fini(&buffer);
}

static void grows_by_every_kind_of_append(void **state)
{
	struct buffer buffer = {0};
	char *taken;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		buffer_append(&buffer, "ab", 2);
		buffer_append_char(&buffer, '-');
		buffer_append_text(&buffer, "cd");
		buffer_appendf(&buffer, "%03d;", i);
		assert_int_equal(strlen(buffer_text(&buffer)), buffer.length);
	}
	assert_int_equal(buffer.length, 9000);
	assert_memory_equal(buffer_text(&buffer) + 8991, "ab-cd999;", 10);
	buffer_consume(&buffer, 8991);
	assert_string_equal(buffer_text(&buffer), "ab-cd999;");
	taken = buffer_take(&buffer);
	assert_string_equal(taken, "ab-cd999;");
	assert_int_equal(buffer.length, 0);
	buffer_append_text(&buffer, "anew");
	assert_string_equal(buffer_text(&buffer), "anew");
	assert_string_equal(taken, "ab-cd999;");
	free(taken);
	buffer_fini(&buffer);
}

static void reserves_and_commits(void **state)
{
	struct buffer buffer = {0};
	char *room;

	(void)state;
	buffer_append_text(&buffer, "x");
	room = buffer_reserve(&buffer, 5000);
	assert_non_null(room);
	memset(room, 'y', 5000);
	buffer_commit(&buffer, 3);
	assert_string_equal(buffer_text(&buffer), "xyyy");
	buffer_commit(&buffer, 0);
	buffer_consume(&buffer, 4);
	assert_string_equal(buffer_text(&buffer), "");
	buffer_fini(&buffer);
}

static void remembers_that_memory_ran_out(void **state)
{
	struct buffer buffer = {0};

	(void)state;
	buffer_append_text(&buffer, "before");
	assert_null(buffer_reserve(&buffer, SIZE_MAX));
	assert_true(buffer.failed);
	buffer_append_text(&buffer, "after");
	buffer_appendf(&buffer, "%d", 1);
	buffer_append_json(&buffer, "x", 1);
	assert_null(buffer_reserve(&buffer, 0));
	assert_string_equal(buffer_text(&buffer), "before");
	errno = 0;
	assert_null(buffer_take(&buffer));
	assert_int_equal(errno, ENOMEM);
	buffer_append_text(&buffer, "taken, so well again");
	assert_false(buffer.failed);
	buffer_fini(&buffer);
	assert_null(buffer_reserve(&buffer, PTRDIFF_MAX));
	assert_true(buffer.failed);
	buffer_fini(&buffer);
	assert_false(buffer.failed);
}

/* With the memory that it had. */
static void is_well_again_when_it_was_cleared(void **state)
{
	struct buffer buffer = {0};
	const char *data;

	(void)state;
	buffer_clear(&buffer);
	assert_string_equal(buffer_text(&buffer), "");
	buffer_append_text(&buffer, "before");
	data = buffer.data;
	assert_null(buffer_reserve(&buffer, SIZE_MAX));
	buffer_clear(&buffer);
	assert_int_equal(buffer.length, 0);
	assert_string_equal(buffer_text(&buffer), "");
	buffer_append_text(&buffer, "after");
	assert_string_equal(buffer_text(&buffer), "after");
	assert_ptr_equal(buffer.data, data);
	assert_false(buffer.failed);
	buffer_fini(&buffer);
}

static void assert_json(const char *bytes, size_t length, const char *expected)
{
	struct buffer buffer = {0};

	buffer_append_json(&buffer, bytes, length);
	assert_string_equal(buffer_text(&buffer), expected);
	buffer_fini(&buffer);
}

#define REPLACED "\xef\xbf\xbd"

static void escapes_json(void **state)
{
	(void)state;
	assert_json("", 0, "\"\"");
	assert_json("a/b", 3, "\"a/b\"");
	assert_json("\"\\\b\f\n\r\t", 7, "\"\\\"\\\\\\b\\f\\n\\r\\t\"");
	assert_json("\0\x1f\x7f", 3, "\"\\u0000\\u001f\\u007f\"");
	assert_json("\xc2\x80\xc2\x9f\xc2\xa0", 6, "\"\\u0080\\u009f\xc2\xa0\"");
}

static void keeps_utf8_and_replaces_the_rest(void **state)
{
	static const struct {
		const char *bytes, *expected;
	} cases[] = {
		{"\xc3\xa4", "\"\xc3\xa4\""},
		{"\xe2\x82\xac", "\"\xe2\x82\xac\""},
		{"\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\""},
		{"\xed\x9f\xbf", "\"\xed\x9f\xbf\""},
		{"\xf4\x8f\xbf\xbf", "\"\xf4\x8f\xbf\xbf\""},
		{"\x80", "\"" REPLACED "\""},
		{"\xc0\xaf", "\"" REPLACED REPLACED "\""},              /* overlong */
		{"\xe0\x80\x80", "\"" REPLACED REPLACED REPLACED "\""}, /* overlong */
		{"\xed\xa0\x80", "\"" REPLACED REPLACED REPLACED "\""}, /* surrogate */
		{"\xf4\x90\x80\x80",
			"\"" REPLACED REPLACED REPLACED REPLACED "\""}, /* above U+10FFFF */
		{"\xf5", "\"" REPLACED "\""},
		{"\xe2\x82", "\"" REPLACED "\""}, /* cut: one maximal part */
		{"\xe2\x82x", "\"" REPLACED "x\""},
		{"\xf0\x9f\x98\xc3\xa4", "\"" REPLACED "\xc3\xa4\""},
		{"\xc3\"", "\"" REPLACED "\\\"\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_json(cases[i].bytes, strlen(cases[i].bytes), cases[i].expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_empty),
		cmocka_unit_test(is_a_string_before_anything_is_in_it),
		cmocka_unit_test(grows_by_every_kind_of_append),
		cmocka_unit_test(reserves_and_commits),
		cmocka_unit_test(remembers_that_memory_ran_out),
		cmocka_unit_test(is_well_again_when_it_was_cleared),
		cmocka_unit_test(escapes_json),
		cmocka_unit_test(keeps_utf8_and_replaces_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
