/* SPDX-License-Identifier: Apache-2.0 */
#include "json/number.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "json/reader.h"

static struct json_value whole(const char *text)
{
	struct json_reader reader = {0};

	if (json_read(&reader, text, strlen(text))) {
		fail_msg("%s: %s", text, json_error_text(reader.error));
	}
	return reader.root;
}

static void finds_whole_numbers(void **state)
{
	static const struct {
		const char *text;
		int result;
		int64_t integer;
	} cases[] = {
		{"0", 0, 0},
		{"-0", 0, 0},
		{"0.000", 0, 0},
		{"0e-99999999999999999999", 0, 0},
		{"-0.0e99", 0, 0},
		{"1", 0, 1},
		{"-17", 0, -17},
		{"1.0", 0, 1},
		{"100", 0, 100},
		{"1e2", 0, 100},
		{"1E+2", 0, 100},
		{"1.5e1", 0, 15},
		{"-1500e-2", 0, -15},
		{"0.00120e5", 0, 120},
		{"10.0e-1", 0, 1},
		{"9223372036854775807", 0, INT64_MAX},
		{"9223372036854775807.0", 0, INT64_MAX},
		{"-9223372036854775808", 0, INT64_MIN},
		{"-9.223372036854775808e18", 0, INT64_MIN},
		{"9223372036854775808", -ERANGE, 0},
		{"-9223372036854775809", -ERANGE, 0},
		{"1e99", -ERANGE, 0},
		{"1e99999999999999999999", -ERANGE, 0},
		{"123456789012345678901234567890", -ERANGE, 0},
		{"1.5", -EINVAL, 0},
		{"1e-1", -EINVAL, 0},
		{"15e-1", -EINVAL, 0},
		{"-0.1", -EINVAL, 0},
		{"1e-99999999999999999999", -EINVAL, 0},
		{"123456789012345678901234567890.5", -EINVAL, 0},
		{"\"1\"", -EINVAL, 0},
		{"true", -EINVAL, 0},
		{"[]", -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct json_value value = whole(cases[i].text);
		int64_t integer = 77;

		if (json_whole(cases[i].text, &value, NULL) != cases[i].result) {
			fail_msg("%s", cases[i].text);
		}
		assert_int_equal(json_whole(cases[i].text, &value, &integer), cases[i].result);
		assert_true(integer == (cases[i].result ? 77 : cases[i].integer));
	}
	assert_int_equal(json_whole("", &(struct json_value){0}, NULL), -EINVAL);
}

/* Those of a row are the same; those of different rows are not. */
static void compares_numbers(void **state)
{
	static const char *const rows[][4] = {
		{"0", "-0", "0.0", "0e7"},
		{"1", "1.0", "10e-1", "0.1E1"},
		{"-1", "-1.00", "-100e-2", "-1e0"},
		{"10", "1e1", "10.0", "0.01e3"},
		{"1.5", "15e-1", "0.15e1", "1.50"},
		{"101", "1.01e2", "10.1e1", "0.101E3"},
		{"1e99999", "10e99998", "0.1e100000", "1.0e99999"},
		{"9007199254740993", "9007199254740993.0", "9.007199254740993e15",
			"9007199254740993e0"},
		{"9007199254740992", "9007199254740992.0", "9.007199254740992e15",
			"9007199254740992e0"},
	};
	size_t count = sizeof(rows) / sizeof(rows[0]) * 4;

	(void)state;
	for (size_t i = 0; i < count; i++) {
		const char *text = rows[i / 4][i % 4];
		struct json_value value = whole(text);

		for (size_t j = 0; j < count; j++) {
			const char *other_text = rows[j / 4][j % 4];
			struct json_value other = whole(other_text);

			if (json_number_equal(text, &value, other_text, &other) !=
				(i / 4 == j / 4)) {
				fail_msg("%s and %s", text, other_text);
			}
		}
	}
	assert_false(json_number_equal(
		"1", &(struct json_value){JSON_NUMBER, false, 0, 1}, "", &(struct json_value){0}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_whole_numbers),
		cmocka_unit_test(compares_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
