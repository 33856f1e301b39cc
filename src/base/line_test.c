/* SPDX-License-Identifier: Apache-2.0 */
#include "base/line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"

/* Writes each piece as [bytes], with ~ where its line began before, and + where it goes on. */
static void note(const struct line *line, void *arg)
{
	struct buffer *seen = arg;

	buffer_append_text(seen, line->starts ? "[" : "~[");
	buffer_append(seen, line->bytes, line->length);
	buffer_append_text(seen, line->ends ? "]" : "]+");
}

static void split(struct buffer *seen, size_t bound, const char *text, size_t length, size_t step)
{
	struct line_splitter splitter;

	assert_int_equal(line_splitter_init(&splitter, bound, note, seen), 0);
	for (size_t at = 0; at < length; at += step) {
		/*
		 * A copy of the exact size, so that a sanitizer sees every byte that is read too
		 * far.
		 */
		size_t part = length - at < step ? length - at : step;
		char *copy = malloc(part);

		assert_non_null(copy);
		memcpy(copy, text + at, part);
		line_splitter_feed(&splitter, copy, part);
		free(copy);
	}
	line_splitter_finish(&splitter);
	line_splitter_fini(&splitter);
}

static void gives_the_same_lines_in_steps_of_any_size(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{"", ""},
		{"\n", "[]"},
		{"\n\n", "[][]"},
		{"ab\n", "[ab]"},
		{"ab", "[ab]"},
		{"ab\n\ncd", "[ab][][cd]"},
		{"abcd\nef\n", "[abcd][ef]"},
		{"abcd", "[abcd]"},
		{"abcde\nx", "[abcd]+~[e][x]"},
		{"abcdefgh\n\n", "[abcd]+~[efgh][]"},
		{"abcdefghi", "[abcd]+~[efgh]+~[i]"},
		{"a\r\nb\r", "[a\r][b\r]"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t step = 1; step <= 11; step++) {
			struct buffer seen = {0};

			split(&seen, 4, cases[i].text, strlen(cases[i].text), step);
			assert_string_equal(buffer_text(&seen), cases[i].expected);
			buffer_fini(&seen);
		}
	}
}

static void works_with_a_bound_of_one(void **state)
{
	struct buffer seen = {0};

	(void)state;
	split(&seen, 1, "ab\n\nc", 5, 5);
	assert_string_equal(buffer_text(&seen), "[a]+~[b][][c]");
	buffer_fini(&seen);
}

static void goes_on_after_a_finish(void **state)
{
	struct line_splitter splitter;
	struct buffer seen = {0};

	(void)state;
	assert_int_equal(line_splitter_init(&splitter, 2, note, &seen), 0);
	line_splitter_feed(&splitter, "abc", 3);
	line_splitter_finish(&splitter);
	line_splitter_finish(&splitter);
	line_splitter_feed(&splitter, "d\n", 2);
	assert_string_equal(buffer_text(&seen), "[ab]+~[c][d]");
	line_splitter_fini(&splitter);
	buffer_fini(&seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_the_same_lines_in_steps_of_any_size),
		cmocka_unit_test(works_with_a_bound_of_one),
		cmocka_unit_test(goes_on_after_a_finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
