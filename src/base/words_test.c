/* SPDX-License-Identifier: Apache-2.0 */
#include "base/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"

static void holds_so_many_and_no_more(void **state)
{
	struct words words = {.count = 0};

	(void)state;
	for (size_t i = 0; i < WORDS_MOST; i++) {
		assert_true(words_add(&words, "word"));
	}
	assert_false(words_add(&words, "word"));
	assert_int_equal(words.count, WORDS_MOST);
}

/* The items of one or two words, each behind a bar. */
static void walks(const char *first, const char *second, const char *expected)
{
	struct words words = {.word = {first, second}, .count = second ? 2 : 1};
	struct words_walk walk = {0};
	struct buffer items = {0};
	char item[8];

	while (words_next(&words, &walk, item, sizeof(item))) {
		buffer_appendf(&items, "|%s", item);
	}
	assert_string_equal(buffer_text(&items), expected);
	assert_false(words_next(&words, &walk, item, sizeof(item)));
	buffer_fini(&items);
}

static void items_stand_between_commas(void **state)
{
	(void)state;
	walks("a", NULL, "|a");
	walks("a,bc,d", NULL, "|a|bc|d");
	walks("a,b", "c,d", "|a|b|c|d");
	walks(" a , b c ,\td\t", NULL, "|a|b c|d");
}

static void empty_items_are_passed_over(void **state)
{
	(void)state;
	walks("", NULL, "");
	walks(",", "a", "|a");
	walks(",,a,, ,b,", ",", "|a|b");
}

static void an_item_that_does_not_fit_is_empty(void **state)
{
	(void)state;
	walks("1234567,12345678,12", NULL, "|1234567||12");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_so_many_and_no_more),
		cmocka_unit_test(items_stand_between_commas),
		cmocka_unit_test(empty_items_are_passed_over),
		cmocka_unit_test(an_item_that_does_not_fit_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
