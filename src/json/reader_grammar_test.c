/* SPDX-License-Identifier: Apache-2.0 */
/* What is JSON and what is not: a text a row, and where and why it is refused. */
#include "json/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))
#define LONGEST 150 /* more than is passed in two steps */
#define TEXT(literal) literal, sizeof(literal) - 1

static const struct accepted {
	const char *text;
	size_t length;
	enum json_kind kind;
} accepted[] = {
	/* Values alone, with and without space. */
	{TEXT("null"), JSON_NULL},
	{TEXT("true"), JSON_TRUE},
	{TEXT("false"), JSON_FALSE},
	{TEXT("0"), JSON_NUMBER},
	{TEXT("\"\""), JSON_STRING},
	{TEXT("[]"), JSON_ARRAY},
	{TEXT("{}"), JSON_OBJECT},
	{TEXT(" \t\r\nnull \t\r\n"), JSON_NULL},
	{TEXT("\n1\n"), JSON_NUMBER},
	{TEXT("\r\n\"a\"\r\n"), JSON_STRING},
	{TEXT(" [ ] "), JSON_ARRAY},
	{TEXT("\t{\t}\t"), JSON_OBJECT},
	/* Numbers. */
	{TEXT("-0"), JSON_NUMBER},
	{TEXT("-1"), JSON_NUMBER},
	{TEXT("10"), JSON_NUMBER},
	{TEXT("1234567890"), JSON_NUMBER},
	{TEXT("0.0"), JSON_NUMBER},
	{TEXT("0.5"), JSON_NUMBER},
	{TEXT("-0.0"), JSON_NUMBER},
	{TEXT("1.50"), JSON_NUMBER},
	{TEXT("0e0"), JSON_NUMBER},
	{TEXT("0E1"), JSON_NUMBER},
	{TEXT("0e+1"), JSON_NUMBER},
	{TEXT("0e-1"), JSON_NUMBER},
	{TEXT("1e05"), JSON_NUMBER},
	{TEXT("1.5E+10"), JSON_NUMBER},
	{TEXT("-1.5e-10"), JSON_NUMBER},
	{TEXT("1e400"), JSON_NUMBER},
	{TEXT("-1e-99999"), JSON_NUMBER},
	{TEXT("9007199254740993"), JSON_NUMBER},
	{TEXT("-9223372036854775809"), JSON_NUMBER},
	{TEXT("123456789012345678901234567890123456789012345678901234567890"), JSON_NUMBER},
	{TEXT("0.123456789012345678901234567890123456789012345678901234567890"), JSON_NUMBER},
	{TEXT("[1,-2,3.5,4e5,0,-0]"), JSON_ARRAY},
	/* Strings. */
	{TEXT("\"a\""), JSON_STRING},
	{TEXT("\" \""), JSON_STRING},
	{TEXT("\"1234567\""), JSON_STRING},
	{TEXT("\"12345678\""), JSON_STRING},
	{TEXT("\"123456789012345678901234567890\""), JSON_STRING},
	{TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), JSON_STRING},
	{TEXT("\"\\u0000\""), JSON_STRING},
	{TEXT("\"\\u00e4\\u00E4\\uABCD\\uabcd\""), JSON_STRING},
	{TEXT("\"\\u0022\\u005c\\u005C\""), JSON_STRING},
	{TEXT("\"\\ud83d\\ude00\""), JSON_STRING},
	{TEXT("\"\\uD83D\\uDE00\""), JSON_STRING},
	{TEXT("\"\\uffff\\ufffe\""), JSON_STRING},
	{TEXT("\"\\\\u0000\""), JSON_STRING},
	{TEXT("\"\\\\\\\"\""), JSON_STRING},
	{TEXT("\"a/*b*/c//d\""), JSON_STRING},
	{TEXT("\"[{:,}]\""), JSON_STRING},
	{TEXT("\"\x7f\""), JSON_STRING},
	{TEXT("\"\xc2\x80\""), JSON_STRING},
	{TEXT("\"\xc3\xa4\xc3\xb6\xc3\xbc\""), JSON_STRING},
	{TEXT("\"\xdf\xbf\""), JSON_STRING},
	{TEXT("\"\xe0\xa0\x80\""), JSON_STRING},
	{TEXT("\"\xe2\x82\xac\""), JSON_STRING},
	{TEXT("\"\xed\x9f\xbf\""), JSON_STRING},
	{TEXT("\"\xee\x80\x80\""), JSON_STRING},
	{TEXT("\"\xef\xbf\xbf\""), JSON_STRING},
	{TEXT("\"\xef\xbb\xbf\""), JSON_STRING}, /* U+FEFF within a string */
	{TEXT("\"\xf0\x90\x80\x80\""), JSON_STRING},
	{TEXT("\"\xf0\x9f\x98\x80\""), JSON_STRING},
	{TEXT("\"\xf4\x8f\xbf\xbf\""), JSON_STRING},
	{TEXT("\"1234567\xc3\xa4\x31\x32\""), JSON_STRING},
	{TEXT("\"\xe2\x80\xa8\xe2\x80\xa9\""), JSON_STRING}, /* the line ends of JavaScript */
	/* Surrogates that stand alone, as escapes. */
	{TEXT("\"\\ud800\""), JSON_STRING},
	{TEXT("\"\\udc00\""), JSON_STRING},
	{TEXT("\"\\udfff\\ud800\""), JSON_STRING},
	{TEXT("\"\\ud800\\ud800\\udc00\""), JSON_STRING},
	{TEXT("\"\\ud800x\""), JSON_STRING},
	{TEXT("\"\\ud800\\n\""), JSON_STRING},
	{TEXT("{\"\\ud800\":1}"), JSON_OBJECT},
	/* Arrays and objects. */
	{TEXT("[null]"), JSON_ARRAY},
	{TEXT("[[]]"), JSON_ARRAY},
	{TEXT("[[],[[]],{}]"), JSON_ARRAY},
	{TEXT("[\"\"]"), JSON_ARRAY},
	{TEXT("[true , false,null]"), JSON_ARRAY},
	{TEXT("[ 1\n,\t2\r]"), JSON_ARRAY},
	{TEXT("[{},{\"a\":[]}]"), JSON_ARRAY},
	{TEXT("{\"\":0}"), JSON_OBJECT},
	{TEXT("{\"a\":null}"), JSON_OBJECT},
	{TEXT("{ \"a\" : 1 , \"b\" : 2 }"), JSON_OBJECT},
	{TEXT("{\"a\":1,\"a\":2}"), JSON_OBJECT},
	{TEXT("{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":[]}}}}}"), JSON_OBJECT},
	{TEXT("{\"\\u0000\":1,\"\\\"\":2}"), JSON_OBJECT},
	{TEXT("{\"\xc3\xa4\":\"\xc3\xa4\"}"), JSON_OBJECT},
	{TEXT("{\"a\":[{\"b\":[1]},2],\"c\":{}}"), JSON_OBJECT},
};

static const struct refused {
	const char *text;
	size_t length;
	enum json_error error;
	size_t offset;
} refused[] = {
	/* No value, or not the whole of it. */
	{TEXT(""), JSON_EMPTY, 0},
	{TEXT(" \n"), JSON_EMPTY, 2},
	{TEXT("["), JSON_TRUNCATED, 1},
	{TEXT("{"), JSON_TRUNCATED, 1},
	{TEXT("[1"), JSON_TRUNCATED, 2},
	{TEXT("[1,"), JSON_TRUNCATED, 3},
	{TEXT("[[]"), JSON_TRUNCATED, 3},
	{TEXT("{\"a"), JSON_TRUNCATED, 3},
	{TEXT("{\"a\""), JSON_TRUNCATED, 4},
	{TEXT("{\"a\":"), JSON_TRUNCATED, 5},
	{TEXT("{\"a\":1"), JSON_TRUNCATED, 6},
	{TEXT("{\"a\":1,"), JSON_TRUNCATED, 7},
	{TEXT("{\"a\":1, "), JSON_TRUNCATED, 8},
	{TEXT("\""), JSON_TRUNCATED, 1},
	{TEXT("\"a"), JSON_TRUNCATED, 2},
	{TEXT("\"12345678"), JSON_TRUNCATED, 9},
	{TEXT("\"\\"), JSON_TRUNCATED, 2},
	{TEXT("\"\\\""), JSON_TRUNCATED, 3},
	{TEXT("\"\\u"), JSON_TRUNCATED, 3},
	{TEXT("\"\\u00e"), JSON_TRUNCATED, 6},
	{TEXT("\"\xc3"), JSON_TRUNCATED, 2},
	{TEXT("\"\xf0\x9f\x98"), JSON_TRUNCATED, 4},
	{TEXT("-"), JSON_TRUNCATED, 1},
	{TEXT("1."), JSON_TRUNCATED, 2},
	{TEXT("1e"), JSON_TRUNCATED, 2},
	{TEXT("1e-"), JSON_TRUNCATED, 3},
	{TEXT("t"), JSON_TRUNCATED, 1},
	{TEXT("fals"), JSON_TRUNCATED, 4},
	{TEXT("nul"), JSON_TRUNCATED, 3},
	/* Something behind it. */
	{TEXT("1 2"), JSON_TRAILING, 2},
	{TEXT("null,"), JSON_TRAILING, 4},
	{TEXT("{}}"), JSON_TRAILING, 2},
	{TEXT("[]]"), JSON_TRAILING, 2},
	{TEXT("[][]"), JSON_TRAILING, 2},
	{TEXT("{} x"), JSON_TRAILING, 3},
	{TEXT("\"a\"\"b\""), JSON_TRAILING, 3},
	{TEXT("truefalse"), JSON_TRAILING, 4},
	{TEXT("nulll"), JSON_TRAILING, 4},
	{TEXT("1x"), JSON_TRAILING, 1},
	{TEXT("1_000"), JSON_TRAILING, 1},
	{TEXT("0x10"), JSON_TRAILING, 1},
	{TEXT("1\0"), JSON_TRAILING, 1},
	{TEXT("{}\0"), JSON_TRAILING, 2},
	{TEXT("{}//"), JSON_TRAILING, 2},
	{TEXT("1\x0c"), JSON_TRAILING, 1},
	{TEXT("1\xc2\xa0"), JSON_TRAILING, 1},
	/* No value. */
	{TEXT("\0"), JSON_NO_VALUE, 0},
	{TEXT(","), JSON_NO_VALUE, 0},
	{TEXT("]"), JSON_NO_VALUE, 0},
	{TEXT("}"), JSON_NO_VALUE, 0},
	{TEXT(":"), JSON_NO_VALUE, 0},
	{TEXT("a"), JSON_NO_VALUE, 0},
	{TEXT("'a'"), JSON_NO_VALUE, 0},
	{TEXT("\\u0022\""), JSON_NO_VALUE, 0},
	{TEXT("[,]"), JSON_NO_VALUE, 1},
	{TEXT("[1,]"), JSON_NO_VALUE, 3},
	{TEXT("[1,,2]"), JSON_NO_VALUE, 3},
	{TEXT("[,1]"), JSON_NO_VALUE, 1},
	{TEXT("[}"), JSON_NO_VALUE, 1},
	{TEXT("[:]"), JSON_NO_VALUE, 1},
	{TEXT("{\"a\":}"), JSON_NO_VALUE, 5},
	{TEXT("{\"a\":,}"), JSON_NO_VALUE, 5},
	{TEXT("{\"a\"::1}"), JSON_NO_VALUE, 5},
	{TEXT("\xef\xbb\xbf{}"), JSON_NO_VALUE, 0}, /* a byte order mark */
	{TEXT("\xff\xfe{\0}\0"), JSON_NO_VALUE, 0}, /* UTF-16 */
	{TEXT("\x0b\x31"), JSON_NO_VALUE, 0},
	{TEXT("\xc2\xa0\x31"), JSON_NO_VALUE, 0},
	{TEXT("[\x0c]"), JSON_NO_VALUE, 1},
	{TEXT("/**/1"), JSON_NO_VALUE, 0},
	{TEXT("[1,#\n2]"), JSON_NO_VALUE, 3},
	{TEXT("+1"), JSON_NO_VALUE, 0},
	{TEXT(".5"), JSON_NO_VALUE, 0},
	{TEXT("[.5]"), JSON_NO_VALUE, 1},
	{TEXT("Infinity"), JSON_NO_VALUE, 0},
	{TEXT("NaN"), JSON_NO_VALUE, 0},
	{TEXT("[True]"), JSON_NO_VALUE, 1},
	{TEXT("NULL"), JSON_NO_VALUE, 0},
	{TEXT("undefined"), JSON_NO_VALUE, 0},
	/* Misspelt. */
	{TEXT("nan"), JSON_BAD_LITERAL, 1},
	{TEXT("tRUE"), JSON_BAD_LITERAL, 1},
	{TEXT("[tru]"), JSON_BAD_LITERAL, 4},
	{TEXT("falsy"), JSON_BAD_LITERAL, 4},
	{TEXT("[nul,]"), JSON_BAD_LITERAL, 4},
	{TEXT("tru\0"), JSON_BAD_LITERAL, 3},
	/* Names, colons, commas. */
	{TEXT("{1:1}"), JSON_NO_NAME, 1},
	{TEXT("{a:1}"), JSON_NO_NAME, 1},
	{TEXT("{'a':1}"), JSON_NO_NAME, 1},
	{TEXT("{null:1}"), JSON_NO_NAME, 1},
	{TEXT("{[]:1}"), JSON_NO_NAME, 1},
	{TEXT("{,}"), JSON_NO_NAME, 1},
	{TEXT("{:1}"), JSON_NO_NAME, 1},
	{TEXT("{]"), JSON_NO_NAME, 1},
	{TEXT("{\"a\":1,}"), JSON_NO_NAME, 7},
	{TEXT("{\"a\":1,,\"b\":2}"), JSON_NO_NAME, 7},
	{TEXT("{\"a\":1,b:2}"), JSON_NO_NAME, 7},
	{TEXT("{\"a\"}"), JSON_NO_COLON, 4},
	{TEXT("{\"a\",1}"), JSON_NO_COLON, 4},
	{TEXT("{\"a\" 1}"), JSON_NO_COLON, 5},
	{TEXT("{\"a\"=1}"), JSON_NO_COLON, 4},
	{TEXT("{\"a\"\"b\"}"), JSON_NO_COLON, 4},
	{TEXT("[1 2]"), JSON_NO_COMMA, 3},
	{TEXT("[1:2]"), JSON_NO_COMMA, 2},
	{TEXT("[1;2]"), JSON_NO_COMMA, 2},
	{TEXT("[\"a\"\"b\"]"), JSON_NO_COMMA, 4},
	{TEXT("[\"a\":1]"), JSON_NO_COMMA, 4},
	{TEXT("[1}"), JSON_NO_COMMA, 2},
	{TEXT("[{}{}]"), JSON_NO_COMMA, 3},
	{TEXT("{\"a\":1]"), JSON_NO_COMMA, 6},
	{TEXT("{\"a\":1 \"b\":2}"), JSON_NO_COMMA, 7},
	{TEXT("{\"a\":1:2}"), JSON_NO_COMMA, 6},
	{TEXT("{\"a\":\"b\"c}"), JSON_NO_COMMA, 8},
	{TEXT("[1x]"), JSON_NO_COMMA, 2},
	{TEXT("[0x1]"), JSON_NO_COMMA, 2},
	{TEXT("[1\0]"), JSON_NO_COMMA, 2},
	/* Numbers. */
	{TEXT("01"), JSON_BAD_NUMBER, 1},
	{TEXT("00"), JSON_BAD_NUMBER, 1},
	{TEXT("-01"), JSON_BAD_NUMBER, 2},
	{TEXT("[-00.5]"), JSON_BAD_NUMBER, 3},
	{TEXT("--1"), JSON_BAD_NUMBER, 1},
	{TEXT("-x"), JSON_BAD_NUMBER, 1},
	{TEXT("-.5"), JSON_BAD_NUMBER, 1},
	{TEXT("- 1"), JSON_BAD_NUMBER, 1},
	{TEXT("-Infinity"), JSON_BAD_NUMBER, 1},
	{TEXT("[1.]"), JSON_BAD_NUMBER, 3},
	{TEXT("1.e5"), JSON_BAD_NUMBER, 2},
	{TEXT("1..5"), JSON_BAD_NUMBER, 2},
	{TEXT("1.-5"), JSON_BAD_NUMBER, 2},
	{TEXT("[1e]"), JSON_BAD_NUMBER, 3},
	{TEXT("1ee5"), JSON_BAD_NUMBER, 2},
	{TEXT("1e+-5"), JSON_BAD_NUMBER, 3},
	{TEXT("[1E+]"), JSON_BAD_NUMBER, 4},
	{TEXT("1.5.5"), JSON_TRAILING, 3},
	{TEXT("1e5.5"), JSON_TRAILING, 3},
	{TEXT("\xef\xbc\x91"), JSON_NO_VALUE, 0}, /* a wide digit */
	/* Strings. */
	{TEXT("\"\n\""), JSON_BAD_CONTROL, 1},
	{TEXT("\"\t\""), JSON_BAD_CONTROL, 1},
	{TEXT("\"\0\""), JSON_BAD_CONTROL, 1},
	{TEXT("\"a\x1f\""), JSON_BAD_CONTROL, 2},
	{TEXT("\"1234567\x01 1234567\""), JSON_BAD_CONTROL, 8},
	{TEXT("\"12345\x1f 1234567\""), JSON_BAD_CONTROL, 6},
	{TEXT("\"12345\x80 1234567\""), JSON_BAD_UTF8, 6},
	{TEXT("{\"a\nb\":1}"), JSON_BAD_CONTROL, 3},
	{TEXT("\"\\x41\""), JSON_BAD_ESCAPE, 2},
	{TEXT("\"\\a\""), JSON_BAD_ESCAPE, 2},
	{TEXT("\"\\'\""), JSON_BAD_ESCAPE, 2},
	{TEXT("\"\\0\""), JSON_BAD_ESCAPE, 2},
	{TEXT("\"\\\0\""), JSON_BAD_ESCAPE, 2},
	{TEXT("\"\\\n\""), JSON_BAD_ESCAPE, 2},
	{TEXT("\"\\U0041\""), JSON_BAD_ESCAPE, 2},
	{TEXT("\"\\u\""), JSON_BAD_ESCAPE, 3},
	{TEXT("\"\\u004\""), JSON_BAD_ESCAPE, 6},
	{TEXT("\"\\u00g0\""), JSON_BAD_ESCAPE, 5},
	{TEXT("\"\\u+041\""), JSON_BAD_ESCAPE, 3},
	{TEXT("\"\\ud83d\\u\""), JSON_BAD_ESCAPE, 9},
	{TEXT("\"\\\xc3\xa4\""), JSON_BAD_ESCAPE, 2},
	{TEXT("\"\x80\""), JSON_BAD_UTF8, 1},
	{TEXT("\"\xff\""), JSON_BAD_UTF8, 1},
	{TEXT("\"a\xc3\""), JSON_BAD_UTF8, 2},
	{TEXT("\"\xc0\xaf\""), JSON_BAD_UTF8, 1},
	{TEXT("\"\xc1\xbf\""), JSON_BAD_UTF8, 1},
	{TEXT("\"\xe0\x9f\xbf\""), JSON_BAD_UTF8, 1},
	{TEXT("\"\xe2\x82\""), JSON_BAD_UTF8, 1},
	{TEXT("\"\xc3\xa4\xe2\x82x\""), JSON_BAD_UTF8, 3},
	{TEXT("\"\xed\xa0\x80\""), JSON_BAD_UTF8, 1}, /* a surrogate */
	{TEXT("\"\xed\xb0\x80\""), JSON_BAD_UTF8, 1},
	{TEXT("\"\xf0\x8f\xbf\xbf\""), JSON_BAD_UTF8, 1},
	{TEXT("\"\xf4\x90\x80\x80\""), JSON_BAD_UTF8, 1},
	{TEXT("\"\xf8\x88\x80\x80\x80\""), JSON_BAD_UTF8, 1},
	{TEXT("\"\xe4\""), JSON_BAD_UTF8, 1}, /* Latin-1 */
	{TEXT("{\"\xff\":1}"), JSON_BAD_UTF8, 2},
	{TEXT("[\"1234567\xff\"]"), JSON_BAD_UTF8, 9},
};

/* Reads a copy of the exact size, so that a step too far shows. */
static struct json_reader read_copy(const char *text, size_t length)
{
	struct json_reader reader = {0};
	char *copy = malloc(length ? length : 1);

	assert_non_null(copy);
	memcpy(copy, text, length);
	json_read(&reader, copy, length);
	free(copy);
	return reader;
}

static void accepts_what_is_json(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(accepted); i++) {
		struct json_reader reader = read_copy(accepted[i].text, accepted[i].length);

		if (reader.error || reader.offset != accepted[i].length) {
			fail_msg("%s: byte %zu: %s", accepted[i].text, reader.offset,
				json_error_text(reader.error));
		}
		assert_int_equal(reader.root.kind, accepted[i].kind);
	}
}

static void refuses_what_is_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(refused); i++) {
		struct json_reader reader = read_copy(refused[i].text, refused[i].length);

		if (reader.error != refused[i].error || reader.offset != refused[i].offset) {
			fail_msg("%s: byte %zu: %s; not byte %zu: %s", refused[i].text,
				reader.offset, json_error_text(reader.error), refused[i].offset,
				json_error_text(refused[i].error));
		}
		assert_int_equal(reader.root.kind, JSON_ABSENT);
	}
}

/* The same inside an array: a value that is refused alone is not mended by what is around it. */
static void refuses_it_within_an_array_too(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(refused); i++) {
		char text[80] = "[0,";

		memcpy(text + 3, refused[i].text, refused[i].length);
		text[3 + refused[i].length] = ']';
		assert_int_not_equal(read_copy(text, refused[i].length + 4).error, JSON_OK);
	}
}

/* However a good text is cut, it could go on: unless what is left is a number. */
/* Where a string's error is found, whose special byte is at a place. */
static size_t offset_of(enum json_error error, size_t place, size_t length)
{
	switch (error) {
	case JSON_OK:
	case JSON_TRUNCATED:
		return length + 2;
	case JSON_TRAILING:
	case JSON_BAD_ESCAPE:
		return 1 + place + 1;
	default:
		return 1 + place;
	}
}

/*
 * Strings are passed many bytes at a time: whatever is special in one is found at every place of
 * strings of every length, and so is the end of the text.
 */
static void finds_what_is_special_at_every_place(void **state)
{
	static const struct {
		char byte;
		enum json_error error;
	} cases[] = {
		{'a', JSON_OK},
		{'\x7f', JSON_OK},
		{'"', JSON_TRAILING},
		{'\\', JSON_BAD_ESCAPE},
		{'\x1f', JSON_BAD_CONTROL},
		{'\0', JSON_BAD_CONTROL},
		{'\x80', JSON_BAD_UTF8},
		{'\xff', JSON_BAD_UTF8},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(cases) * LONGEST * LONGEST; i++) {
		size_t length = i / LONGEST % LONGEST, place = i % LONGEST;
		enum json_error error = cases[i / LONGEST / LONGEST].error;
		char *text = place < length ? malloc(length + 2) : NULL;
		struct json_reader reader = {0};

		if (!text) {
			continue;
		}
		memset(text, 'a', length + 2);
		text[0] = text[length + 1] = '"';
		text[1 + place] = cases[i / LONGEST / LONGEST].byte;
		error = error == JSON_BAD_ESCAPE && place == length - 1 ? JSON_TRUNCATED : error;
		assert_int_equal(json_read(&reader, text, length + 2), error);
		assert_int_equal(reader.offset, offset_of(error, place, length));
		free(text);
	}
}

static void knows_a_beginning(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(accepted); i++) {
		for (size_t cut = 0; cut < accepted[i].length; cut++) {
			struct json_reader reader = read_copy(accepted[i].text, cut);

			if (reader.error) {
				assert_int_equal(reader.offset, cut);
				assert_true(reader.error == JSON_TRUNCATED ||
					reader.error == JSON_EMPTY);
			} else {
				assert_int_equal(reader.root.kind, accepted[i].kind);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_what_is_json),
		cmocka_unit_test(refuses_what_is_not),
		cmocka_unit_test(refuses_it_within_an_array_too),
		cmocka_unit_test(knows_a_beginning),
		cmocka_unit_test(finds_what_is_special_at_every_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
