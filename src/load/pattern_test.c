/* SPDX-License-Identifier: Apache-2.0 */
#include "load/pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/allocation.h"

/* What a text becomes with number 7, key 42 and a fill of "abc"; free it. */
static char *written(const char *text, bool is_json)
{
	struct random random;
	struct pattern pattern = {0};
	struct pattern_values values = {
		.number = 7, .key = 42, .fill = "abc", .fill_length = 3, .random = &random};
	struct buffer refusal = {0}, out = {0};
	bool read = (is_json ? pattern_read_json : pattern_read)(
		&pattern, text, strlen(text), &refusal);

	assert_string_equal(buffer_text(&refusal), "");
	assert_true(read);
	random_init(&random, 1, 7);
	pattern_write(&out, &pattern, &values);
	pattern_fini(&pattern);
	buffer_append(&out, "", 0);
	return out.data ? buffer_take(&out) : strdup("");
}

static void becomes(const char *text, const char *expected)
{
	char *found = written(text, false);

	assert_string_equal(found, expected);
	free(found);
}

static void becomes_json(const char *text, const char *expected)
{
	char *found = written(text, true);

	assert_string_equal(found, expected);
	free(found);
}

static void refused(const char *text, bool is_json, const char *expected)
{
	struct pattern pattern = {0};
	struct buffer refusal = {0};

	assert_false((is_json ? pattern_read_json : pattern_read)(
		&pattern, text, strlen(text), &refusal));
	assert_string_equal(buffer_text(&refusal), expected);
	buffer_fini(&refusal);
	pattern_fini(&pattern);
}

static void fills_its_places(void **state)
{
	(void)state;
	becomes("", "");
	becomes("/items", "/items");
	becomes("${number}", "7");
	becomes("/a/${key}/b?n=${number}&k=${key}", "/a/42/b?n=7&k=42");
	becomes("${number:4}${key:1}", "000742");
	becomes("x${fill}y", "xabcy");
	becomes("${number:64}", "0000000000000000000000000000000000000000000000000000000000000007");
}

static void leaves_other_dollars(void **state)
{
	(void)state;
	becomes("$", "$");
	becomes("$$", "$$");
	becomes("5$ {x}", "5$ {x}");
	becomes("$${key}", "${key}");
	becomes("$$${key}", "$${key}");
	becomes("${key}$${key}$", "42${key}$");
}

static void draws_numbers(void **state)
{
	char *text = written("${random:100} ${random:100} ${random:5-5} ${hex:20} ${hex:1}", false);
	struct random random;
	struct buffer expected = {0};
	unsigned long first, second;

	(void)state;
	random_init(&random, 1, 7);
	first = random_below(&random, 100);
	second = random_below(&random, 100);
	(void)random_below(&random, 1);
	buffer_appendf(&expected, "%lu %lu 5 ", first, second);
	buffer_appendf(&expected, "%016lx", random_bits(&random));
	buffer_appendf(&expected, "%04lx ", random_bits(&random) >> 48);
	buffer_appendf(&expected, "%lx", random_bits(&random) >> 60);
	assert_string_equal(text, buffer_text(&expected));
	buffer_fini(&expected);
	free(text);
}

/* All of a range comes, its ends included, and nothing else. */
static void draws_all_of_a_range(void **state)
{
	struct random random;
	struct pattern pattern = {0};
	struct pattern_values values = {.random = &random};
	struct buffer refusal = {0}, out = {0};
	unsigned seen = 0;

	(void)state;
	assert_true(pattern_read(&pattern, "${random:10-13}", 15, &refusal));
	random_init(&random, 1, 0);
	for (int i = 0; i < 200; i++) {
		long drawn;

		out.length = 0;
		pattern_write(&out, &pattern, &values);
		drawn = strtol(buffer_text(&out), NULL, 10);
		assert_in_range(drawn, 10, 13);
		seen |= 1U << (drawn - 10);
	}
	assert_int_equal(seen, 15);
	buffer_fini(&out);
	pattern_fini(&pattern);
}

static void takes_the_largest_numbers(void **state)
{
	char *text = written("${random:9223372036854775807-9223372036854775807}", false);

	(void)state;
	assert_string_equal(text, "9223372036854775807");
	free(text);
	free(written("${random:0-9223372036854775807} ${random:9223372036854775807}", false));
}

static void becomes_json_numbers(void **state)
{
	(void)state;
	becomes_json("[\"${#key}\",{\"n\":\"${#number}\"}]", "[42,{\"n\":7}]");
	becomes_json("[\"0x${key}\"]", "[\"0x42\"]");
	becomes_json("{\"${key}\":\"${#random:1}\"}", "{\"42\":0}");
	becomes_json("[\"$${#key}\"]", "[\"${#key}\"]");
}

static void refuses_numbers_that_are_not_alone(void **state)
{
	static const char alone[] =
		"has a ${#key} that is not all of a string's value (without # it may stand "
		"anywhere)";

	(void)state;
	refused("[\"a${#key}\"]", true, alone);
	refused("[\"${#key} \"]", true, alone);
	refused("{\"${#key}\":1}", true, alone);
	refused("[\"\\\"${#key}\"]", true, alone);
	refused("[\"${#key:3}\"]", true, "has a ${#key} that need not be a JSON number");
	refused("[\"${#hex:3}\"]", true, "has a ${#hex} that need not be a JSON number");
	refused("[\"${#fill}\"]", true, "has a ${#fill} that need not be a JSON number");
}

static void refuses_what_is_no_place(void **state)
{
	static const char open[] = "has a ${ without its } ($${ for ${ itself)";

	(void)state;
	refused("${kee}", false, "has ${kee}, which is no place (did you mean ${key}?)");
	refused("${user}", false,
		"has ${user}, which is no place: there are ${number} ${key} ${random:100} "
		"${hex:40} ${fill} ($${ for ${ itself)");
	refused("a ${", false, open);
	refused("${key", false, open);
	refused("${key ${key}", false, open);
	refused("${k\x01y}", false, open);
	refused("${0123456789012345678901234567890123456789012345678901234567890123456789}", false,
		open);
	refused("${#key}", false, "has ${#key}, which is no place (did you mean ${key}?)");
}

static void refuses_wrong_arguments(void **state)
{
	(void)state;
	refused("${random}", false,
		"has ${random} without its bound: ${random:100} is a number below 100");
	refused("${random:0}", false,
		"has ${random:0}, where a bound above 0 or a range such as 10-20 belongs");
	refused("${random:20-10}", false,
		"has ${random:20-10}, where a bound above 0 or a range such as 10-20 belongs");
	refused("${random:x}", false,
		"has ${random:x}, where a bound above 0 or a range such as 10-20 belongs");
	refused("${hex}", false, "has ${hex} without its digits: ${hex:40} has 40");
	refused("${hex:1025}", false,
		"has ${hex:1025}, where a number of digits from 1 to 1024 belongs");
	refused("${hex:0}", false, "has ${hex:0}, where a number of digits from 1 to 1024 belongs");
	refused("${key:65}", false, "has ${key:65}, where a number of digits from 1 to 64 belongs");
	refused("${number:}", false,
		"has ${number:}, where a number of digits from 1 to 64 belongs");
	refused("${fill:3}", false, "has ${fill:3}, but ${fill} takes nothing");
}

static void tells_what_it_has(void **state)
{
	struct pattern pattern = {0};
	struct buffer refusal = {0};

	(void)state;
	pattern_add(&pattern, "${key}", 6);
	assert_true(pattern_is_fixed(&pattern));
	assert_true(pattern_read(&pattern, "${hex:2}", 8, &refusal));
	assert_false(pattern_is_fixed(&pattern));
	assert_true(pattern_has(&pattern, PATTERN_HEX));
	assert_false(pattern_has(&pattern, PATTERN_KEY));
	pattern_add_number(&pattern);
	assert_true(pattern_has(&pattern, PATTERN_NUMBER));
	assert_false(pattern_failed(&pattern));
	pattern_fini(&pattern);
}

static void tells_when_there_is_no_memory(void **state)
{
	bool failed = true;

	(void)state;
	for (int n = 1; failed; n++) {
		struct pattern pattern = {0};
		struct buffer refusal = {0};

		allocation_fail(n);
		assert_true(pattern_read(&pattern, "a${key}b", 8, &refusal));
		failed = allocation_failed();
		assert_int_equal(pattern_failed(&pattern), failed);
		pattern_fini(&pattern);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fills_its_places),
		cmocka_unit_test(leaves_other_dollars),
		cmocka_unit_test(draws_numbers),
		cmocka_unit_test(draws_all_of_a_range),
		cmocka_unit_test(takes_the_largest_numbers),
		cmocka_unit_test(becomes_json_numbers),
		cmocka_unit_test(refuses_numbers_that_are_not_alone),
		cmocka_unit_test(refuses_what_is_no_place),
		cmocka_unit_test(refuses_wrong_arguments),
		cmocka_unit_test(tells_what_it_has),
		cmocka_unit_test(tells_when_there_is_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
