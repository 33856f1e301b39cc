/* SPDX-License-Identifier: Apache-2.0 */
#include "json/value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
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

#define REPLACED "\xef\xbf\xbd"

static const struct {
	const char *text, *says;
	size_t length;
	bool lone; /* a surrogate stands alone: it equals nothing */
} strings[] = {
	{"\"\"", "", 0, false},
	{" \"abc\" ", "abc", 3, false},
	{"\"a\\\"\\\\\\/\\b\\f\\n\\r\\tz\"", "a\"\\/\b\f\n\r\tz", 10, false},
	{"\"\\u0041\\u00e4\\u20AC\"", "A\xc3\xa4\xe2\x82\xac", 6, false},
	{"\"a\\u0000b\"", "a\0b", 3, false},
	{"\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80", 4, false},
	{"\"\\uDBFF\\uDFFF\"", "\xf4\x8f\xbf\xbf", 4, false},
	{"\"\\ud800\\udc00\"", "\xf0\x90\x80\x80", 4, false},
	{"\"\xc3\xa4\\n\xf0\x9f\x98\x80\"", "\xc3\xa4\n\xf0\x9f\x98\x80", 7, false},
	{"\"\\\\u0041\"", "\\u0041", 6, false},
	{"\"\\ufffd\"", REPLACED, 3, false},
	{"\"\\ud800\"", REPLACED, 3, true},
	{"\"\\ud800x\"", REPLACED "x", 4, true},
	{"\"\\udc00\\ud800\"", REPLACED REPLACED, 6, true},
	{"\"\\ud800\\ud800\\udc00\"", REPLACED "\xf0\x90\x80\x80", 7, true},
	{"\"\\ud83d\\n\"", REPLACED "\n", 4, true},
	{"\"\\ud83d\\u0041\"", REPLACED "A", 4, true},
	{"\"\\ud83d\"", REPLACED, 3, true},
};

#define STRINGS (sizeof(strings) / sizeof(strings[0]))

static void decodes_strings(void **state)
{
	struct buffer out = {0};

	(void)state;
	for (size_t i = 0; i < STRINGS; i++) {
		struct json_value value = whole(strings[i].text);

		json_string_decode(&out, strings[i].text, &value);
		assert_int_equal(out.length, strings[i].length);
		assert_memory_equal(buffer_text(&out), strings[i].says, out.length);
		buffer_consume(&out, out.length);
	}
	buffer_fini(&out);
}

static void compares_strings(void **state)
{
	(void)state;
	for (size_t i = 0; i < STRINGS; i++) {
		struct json_value value = whole(strings[i].text);
		char longer[32] = {0};

		assert_int_not_equal(strings[i].lone,
			json_string_equal(
				strings[i].text, &value, strings[i].says, strings[i].length));
		memcpy(longer, strings[i].says, strings[i].length);
		assert_false(
			json_string_equal(strings[i].text, &value, longer, strings[i].length + 1));
		longer[0] ^= 1;
		assert_false(strings[i].length &&
			json_string_equal(strings[i].text, &value, longer, strings[i].length));
		assert_false(strings[i].length &&
			json_string_equal(
				strings[i].text, &value, strings[i].says, strings[i].length - 1));
	}
	assert_false(json_string_equal("12", &(struct json_value){0}, "", 0));
	assert_false(json_string_equal(
		"[]", &(struct json_value){.kind = JSON_ARRAY, .length = 2}, "", 0));
}

/* What buffer_append_json writes says what it was given. */
static void reads_what_the_buffer_writes(void **state)
{
	static const char more[] = {'\xc3', '\xa4', '\xf0', '\x9f', '\x98', '\x80'};
	char bytes[128 + sizeof(more)];
	struct buffer written = {0}, read = {0};
	struct json_value value;

	(void)state;
	for (int i = 0; i < 128; i++) {
		bytes[i] = (char)i;
	}
	memcpy(bytes + 128, more, sizeof(more));
	buffer_append_json(&written, bytes, sizeof(bytes));
	value = whole(buffer_text(&written));
	assert_true(json_string_equal(buffer_text(&written), &value, bytes, sizeof(bytes)));
	json_string_decode(&read, buffer_text(&written), &value);
	assert_int_equal(read.length, sizeof(bytes));
	assert_memory_equal(buffer_text(&read), bytes, sizeof(bytes));
	buffer_fini(&written);
	buffer_fini(&read);
}

static void reads_integers(void **state)
{
	static const struct {
		const char *text;
		bool good;
		int64_t integer;
	} cases[] = {
		{"0", true, 0},
		{"-0", true, 0},
		{"1000", true, 1000},
		{" -42 ", true, -42},
		{"9007199254740993", true, 9007199254740993},
		{"9223372036854775807", true, INT64_MAX},
		{"-9223372036854775808", true, INT64_MIN},
		{"9223372036854775808", false, 0},
		{"-9223372036854775809", false, 0},
		{"92233720368547758070", false, 0},
		{"1.0", false, 0},
		{"1e3", false, 0},
		{"\"1\"", false, 0},
		{"null", false, 0},
		{"[]", false, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct json_value value = whole(cases[i].text);
		int64_t integer = 77;

		assert_int_equal(json_integer(cases[i].text, &value, &integer), cases[i].good);
		assert_true(integer == (cases[i].good ? cases[i].integer : 77));
	}
	assert_false(json_integer("", &(struct json_value){0}, NULL));
}

static void assert_elements(const char *text, const char *expected)
{
	struct json_value array = whole(text), element = {0};
	struct buffer seen = {0};

	while (json_element_next(text, &array, &element)) {
		buffer_appendf(&seen, "%d ", element.kind);
		buffer_append(&seen, text + element.start, element.length);
		buffer_append_char(&seen, '|');
	}
	assert_string_equal(buffer_text(&seen), expected);
	buffer_fini(&seen);
}

static void goes_through_arrays(void **state)
{
	(void)state;
	assert_elements("[]", "");
	assert_elements(" [ ] ", "");
	assert_elements("[0]", "4 0|");
	assert_elements(" [ {\"id\":[1,2]} , \"a,]\" ,[[],3]\n,null,true,false ] ",
		"7 {\"id\":[1,2]}|5 \"a,]\"|6 [[],3]|1 null|3 true|2 false|");
	assert_elements("{\"a\":[1]}", "");
	assert_elements("\"[1]\"", "");
}

static void assert_members(const char *text, const char *expected)
{
	struct json_value object = whole(text), name = {0}, value = {0};
	struct buffer seen = {0};

	while (json_member_next(text, &object, &name, &value)) {
		assert_int_equal(name.kind, JSON_STRING);
		buffer_append(&seen, text + name.start, name.length);
		buffer_appendf(&seen, "=%d ", value.kind);
		buffer_append(&seen, text + value.start, value.length);
		buffer_append_char(&seen, '|');
	}
	assert_string_equal(buffer_text(&seen), expected);
	buffer_fini(&seen);
}

static void goes_through_objects(void **state)
{
	(void)state;
	assert_members("{}", "");
	assert_members(" { } ", "");
	assert_members("{\"a\":0}", "\"a\"=4 0|");
	assert_members(" { \"a\" : {\"id\":[1,2]} , \"}\\\"\":\"b,}\",\"\" :[{},3]\n,"
		       "\"a\"\t:null,\"a\":true,\"seventeen letters\":false } ",
		"\"a\"=7 {\"id\":[1,2]}|\"}\\\"\"=5 \"b,}\"|\"\"=6 [{},3]|"
		"\"a\"=1 null|\"a\"=3 true|\"seventeen letters\"=2 false|");
	assert_members("[{\"a\":1}]", "");
	assert_members("\"{}\"", "");
	assert_members("1", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes_strings),
		cmocka_unit_test(compares_strings),
		cmocka_unit_test(reads_what_the_buffer_writes),
		cmocka_unit_test(reads_integers),
		cmocka_unit_test(goes_through_arrays),
		cmocka_unit_test(goes_through_objects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
