/* SPDX-License-Identifier: Apache-2.0 */
#include "load/fields.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json/reader.h"

struct thing {
	bool yes;
	int number;
	uint64_t count;
	uint32_t count32;
	int64_t time, never;
	double part, none;
	const char *string, *null;
	char text[8];
};

static const struct field fields[] = {
	{"yes", &field_bool, offsetof(struct thing, yes), 0},
	{"number", &field_int, offsetof(struct thing, number), 0},
	{"count", &field_count, offsetof(struct thing, count), 0},
	{"count32", &field_count32, offsetof(struct thing, count32), 0},
	{"time", &field_time, offsetof(struct thing, time), 0},
	{"never", &field_time_or_never, offsetof(struct thing, never), 0},
	{"part", &field_double, offsetof(struct thing, part), 0},
	{"none", &field_double, offsetof(struct thing, none), 0},
	{"string", &field_string, offsetof(struct thing, string), 0},
	{"null", &field_string, offsetof(struct thing, null), 0},
	{"text", &field_text, offsetof(struct thing, text), 8},
	{NULL, NULL, 0, 0},
};

#define WRITTEN                                                                                    \
	"{\"yes\":true,\"number\":2147483647,\"count\":18446744073709551615,"                      \
	"\"count32\":4294967295,\"time\":4611686018427387904,\"never\":null,"                      \
	"\"part\":0.10000000000000001,\"none\":null,\"string\":\"\\\"\xc3\xa9\",\"null\":null,"    \
	"\"text\":\"1234567\"}"

static void writes_by_the_table(void **state)
{
	const struct thing thing = {true, INT_MAX, UINT64_MAX, UINT32_MAX, FIELD_TIME_MOST,
		INT64_MAX, 0.1, INFINITY, "\"\xc3\xa9", NULL, "1234567"};
	struct buffer out = {0};

	(void)state;
	fields_write(&out, fields, &thing);
	assert_string_equal(buffer_text(&out), WRITTEN);
	buffer_fini(&out);
}

static int read_thing(
	struct thing *thing, const char *text, struct field_block **blocks, struct buffer *refusal)
{
	const struct fields_reading reading = {text, refusal, blocks};
	struct json_reader reader = {0};

	assert_int_equal(json_read(&reader, text, strlen(text)), JSON_OK);
	return fields_read(&reading, &reader.root, fields, thing, "the thing");
}

static void reads_by_the_table(void **state)
{
	struct field_block *blocks = NULL;
	struct buffer out = {0}, refusal = {0};
	struct thing thing = {0};

	(void)state;
	assert_int_equal(read_thing(&thing, WRITTEN, &blocks, &refusal), 0);
	assert_int_equal(refusal.length, 0);
	assert_true(isnan(thing.none) && thing.part == 0.1 && thing.count == UINT64_MAX);
	fields_write(&out, fields, &thing);
	assert_string_equal(buffer_text(&out), WRITTEN);
	field_blocks_free(&blocks);
	buffer_fini(&out);
}

/* In whatever order, and with whatever escapes. */
static void finds_members_by_name(void **state)
{
	static const struct field two[] = {
		{"yes", &field_bool, offsetof(struct thing, yes), 0},
		{"number", &field_int, offsetof(struct thing, number), 0},
		{NULL, NULL, 0, 0},
	};
	static const char text[] = " { \"n\\u0075mber\" : 7 , \"yes\" : true } ";
	struct buffer refusal = {0};
	const struct fields_reading reading = {text, &refusal, NULL};
	struct json_reader reader = {0};
	struct thing thing = {0};

	(void)state;
	assert_int_equal(json_read(&reader, text, strlen(text)), JSON_OK);
	assert_int_equal(fields_read(&reading, &reader.root, two, &thing, "the thing"), 0);
	assert_true(thing.yes && thing.number == 7);
}

static void says_what_is_wrong(void **state)
{
	static const char *const cases[][2] = {
		{"[]", "the thing is no object"},
		{"{}", "\"yes\" of the thing is missing"},
		{"{\"yes\":1}", "\"yes\" of the thing is neither true nor false"},
		{"{\"yes\":true,\"y\\u0065s\":true}", "the thing has \"yes\" twice"},
		{"{\"yes\":true,\"no\\u009b\":1}", "the thing has \"no\\u009b\" besides"},
		{"{\"yes\":true,\"0123456789012345678901234567890123456789012345678901234567890\":"
		 "1}",
			"the thing has "
			"\"012345678901234567890123456789012345678901234567890123456789\""
			" besides"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buffer refusal = {0};
		struct thing thing;

		assert_int_equal(read_thing(&thing, cases[i][0], NULL, &refusal), -EINVAL);
		assert_string_equal(buffer_text(&refusal), cases[i][1]);
		buffer_fini(&refusal);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_by_the_table),
		cmocka_unit_test(reads_by_the_table),
		cmocka_unit_test(finds_members_by_name),
		cmocka_unit_test(says_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
