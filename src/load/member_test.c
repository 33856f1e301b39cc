/* SPDX-License-Identifier: Apache-2.0 */
#include "load/member.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <curfew/time.h>

#include "tests/allocation.h"
#include "json/reader.h"

struct all {
	struct json_value value, list, object;
	char *text;
	uint64_t whole, size;
	double number;
	int64_t duration_ms;
	bool flag;
	unsigned choice;
};

static const char *const colours[] = {"red", "green", "blue", NULL};

#define FIELD(field) .offset = offsetof(struct all, field)
static const struct member table[] = {
	{"value", MEMBER_VALUE, FIELD(value), .wants = "anything"},
	{"list", MEMBER_LIST, FIELD(list)},
	{"object", MEMBER_OBJECT, FIELD(object)},
	{"text", MEMBER_TEXT, FIELD(text)},
	{"whole", MEMBER_WHOLE, FIELD(whole), .least = 1, .most = 100},
	{"size", MEMBER_SIZE, FIELD(size), .most = 1 << 20},
	{"number", MEMBER_NUMBER, FIELD(number)},
	{"duration", MEMBER_DURATION, FIELD(duration_ms), .least = 1},
	{"flag", MEMBER_FLAG, FIELD(flag)},
	{"choice", MEMBER_CHOICE, FIELD(choice), .choices = colours},
	{.name = NULL},
};
static const struct member required[] = {
	{"text", MEMBER_TEXT, FIELD(text)},
	{"choice", MEMBER_CHOICE, FIELD(choice), .choices = colours, .is_required = true},
	{.name = NULL},
};

/* What is in the refusal is the caller's. */
static bool read_text(struct all *all, const struct member *rows, const char *text,
	const struct member_place *place, struct buffer *refusal)
{
	struct member_reading reading = {.text = text, .length = strlen(text), .refusal = refusal};
	struct json_reader reader = {0};

	assert_int_equal(json_read(&reader, text, strlen(text)), JSON_OK);
	return member_read(&reading, place, &reader.root, rows, all);
}

static void reads_each_kind(void **state)
{
	static const char text[] =
		"{\"value\":null,\"list\":[1,2],\"object\":{\"a\":1},\"text\":\"\\u00e9\\n\","
		"\"whole\":100,\"size\":\"64k\",\"number\":1e-3,\"duration\":\"1500ms\","
		"\"flag\":true,\"choice\":\"blue\"}";
	struct buffer refusal = {0};
	struct all all = {0};

	(void)state;
	assert_true(read_text(&all, table, text, NULL, &refusal));
	assert_int_equal(refusal.length, 0);
	assert_int_equal(all.value.kind, JSON_NULL);
	assert_int_equal(all.list.length, strlen("[1,2]"));
	assert_int_equal(all.object.kind, JSON_OBJECT);
	assert_string_equal(all.text, "\xc3\xa9\n");
	assert_int_equal(all.whole, 100);
	assert_int_equal(all.size, 64 << 10);
	assert_true(all.number == 1e-3);
	assert_int_equal(all.duration_ms, 1500);
	assert_true(all.flag);
	assert_int_equal(all.choice, 2);
	member_free(table, &all);
	assert_null(all.text);
	member_free(table, &all);
}

/* Fields keep what they have. */
static void leaves_what_is_absent(void **state)
{
	struct all all = {.whole = 7, .duration_ms = CURFEW_NEVER, .choice = 1};
	struct buffer refusal = {0};

	(void)state;
	assert_true(read_text(&all, table, "{\"flag\":false}", NULL, &refusal));
	assert_int_equal(all.whole, 7);
	assert_true(all.duration_ms == CURFEW_NEVER);
	assert_int_equal(all.choice, 1);
	assert_true(read_text(&all, table, "{\"duration\":\"inf\",\"size\":5}", NULL, &refusal));
	assert_true(all.duration_ms == CURFEW_NEVER);
	assert_int_equal(all.size, 5);
}

#define LONG "1234567890123456789012345678901234567890"

/* Of an object at the place "scenarios[1]"; the whole sentence. */
static const struct {
	const char *text, *sentence;
} wrong[] = {
	{"7", "line 1: scenarios[1] is 7, where an object belongs"},
	{"[]", "line 1: scenarios[1] is a list, where an object belongs"},
	{"{\"list\":{}}", "line 1: scenarios[1].list is an object, where a list belongs"},
	{"{\"object\":[]}", "line 1: scenarios[1].object is a list, where an object belongs"},
	{"{\n\n\"text\":\n7}", "line 4: scenarios[1].text is 7, where a string belongs"},
	{"{\"text\":\"a\\u0000\"}", "line 1: scenarios[1].text has a NUL in it"},
	{"{\"whole\":0}",
		"line 1: scenarios[1].whole is 0, where a whole number from 1 to 100 belongs"},
	{"{\"whole\":101}",
		"line 1: scenarios[1].whole is 101, where a whole number from 1 to 100 belongs"},
	{"{\"whole\":-1}",
		"line 1: scenarios[1].whole is -1, where a whole number from 1 to 100 belongs"},
	{"{\"whole\":1.5}",
		"line 1: scenarios[1].whole is 1.5, where a whole number from 1 to 100 belongs"},
	{"{\"whole\":\"1\"}",
		"line 1: scenarios[1].whole is \"1\", where a whole number from 1 to 100 belongs"},
	{"{\"size\":\"2M\"}",
		"line 1: scenarios[1].size is \"2M\", where a size such as 4096 or \"64k\", up to "
		"1M belongs"},
	{"{\"size\":1048577}",
		"line 1: scenarios[1].size is 1048577, where a size such as 4096 or \"64k\", up to "
		"1M belongs"},
	{"{\"number\":0}", "line 1: scenarios[1].number is 0, where a number above 0 belongs"},
	{"{\"number\":1e999}",
		"line 1: scenarios[1].number is 1e999, where a number above 0 belongs"},
	{"{\"duration\":\"0s\"}",
		"line 1: scenarios[1].duration is \"0s\", where a duration such as \"10s\" or "
		"\"500ms\" belongs"},
	{"{\"duration\":\"1s\\u0000\"}",
		"line 1: scenarios[1].duration is \"1s\\u0000\", where a duration such as \"10s\" "
		"or \"500ms\" belongs"},
	{"{\"duration\":10}",
		"line 1: scenarios[1].duration is 10, where a duration such as \"10s\" or "
		"\"500ms\" belongs"},
	{"{\"flag\":0}", "line 1: scenarios[1].flag is 0, where true or false belongs"},
	{"{\"choice\":\"reds\"}",
		"line 1: scenarios[1].choice is \"reds\", where \"red\", \"green\" or \"blue\" "
		"belongs"},
	{"{\"flag\":true,\"flag\":true}", "line 1: scenarios[1] has \"flag\" twice"},
	{"{\"flag\":true,\n\"fl\\u0061g\":true}", "line 2: scenarios[1] has \"flag\" twice"},
	{"{\"flga\":1}", "line 1: scenarios[1] has no member \"flga\" (did you mean \"flag\"?)"},
	{"{\"zzzzzzzz\":1}",
		"line 1: scenarios[1] has no member \"zzzzzzzz\"; there are value, list, object, "
		"text, whole, size, number, duration, flag, choice"},
	/* Cut, and not within a character; what a terminal would obey is hidden. */
	{"{\"flag\":" LONG "}",
		"line 1: scenarios[1].flag is " LONG ", where true or false belongs"},
	{"{\"flag\":" LONG "1}",
		"line 1: scenarios[1].flag is " LONG "..., where true or false belongs"},
	{"{\"flag\":\"012345678901234567890123456789012345678\xc3\xa9\"}",
		"line 1: scenarios[1].flag is \"012345678901234567890123456789012345678..., where "
		"true or false belongs"},
	{"{\"flag\":\"\x7f\xc2\x9b"
	 "A\"}",
		"line 1: scenarios[1].flag is \"???A\", where true or false belongs"},
};

static void refuses_in_one_sentence(void **state)
{
	const struct member_place outer = {.name = "scenarios"};
	const struct member_place place = {.outer = &outer, .index = 1};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct buffer refusal = {0};
		struct all all = {0};

		assert_false(read_text(&all, table, wrong[i].text, &place, &refusal));
		assert_string_equal(buffer_text(&refusal), wrong[i].sentence);
		buffer_fini(&refusal);
		member_free(table, &all);
	}
}

static void refuses_what_lacks(void **state)
{
	struct buffer refusal = {0};
	struct all all = {0};

	(void)state;
	assert_false(read_text(&all, required, "\n{\"text\":\"a\"}", NULL, &refusal));
	assert_string_equal(buffer_text(&refusal),
		"line 2: the profile lacks \"choice\", \"red\", \"green\" or \"blue\"");
	buffer_fini(&refusal);
	member_free(required, &all); /* what was read before is the caller's to free */
	refusal = (struct buffer){0};
	assert_true(read_text(&all, required, "{\"choice\":\"red\"}", NULL, &refusal));
}

static void finds_a_member(void **state)
{
	static const char text[] = "{\"a\":1,\"b\":{\"c\":2},\"\\u0061\":3}";
	struct member_reading reading = {.text = text, .length = sizeof(text) - 1};
	struct json_reader reader = {0};
	struct json_value found = {0};

	(void)state;
	assert_int_equal(json_read(&reader, text, sizeof(text) - 1), JSON_OK);
	assert_true(member_find(&reading, &reader.root, "a", &found));
	assert_int_equal(text[found.start], '1');
	assert_false(member_find(&reading, &reader.root, "c", &found));
}

/* Refused, or told by the refusal that there was none. */
static void tells_of_missing_memory(void **state)
{
	bool failed = true;

	(void)state;
	for (int n = 1; failed; n++) {
		struct buffer refusal = {0};
		struct all all = {0};
		bool is_read;

		allocation_fail(n);
		is_read = read_text(&all, table,
			"{\"text\":\"a\",\"duration\":\"1s\",\"choise\":1}", NULL, &refusal);
		failed = allocation_failed();
		assert_false(is_read);
		assert_true(!failed || refusal.failed);
		buffer_fini(&refusal);
		member_free(table, &all);
		assert_true(n < 100);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_each_kind),
		cmocka_unit_test(leaves_what_is_absent),
		cmocka_unit_test(refuses_in_one_sentence),
		cmocka_unit_test(refuses_what_lacks),
		cmocka_unit_test(finds_a_member),
		cmocka_unit_test(tells_of_missing_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
