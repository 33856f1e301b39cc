/* SPDX-License-Identifier: Apache-2.0 */
#include "json/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json/reader.h"

/* In memory of the exact size, so that a step too far is found. */
static bool checked(const char *text, size_t length)
{
	char *exact = malloc(length ? length : 1);
	bool taken;

	assert_non_null(exact);
	memcpy(exact, text, length);
	taken = json_check(exact, length);
	free(exact);
	return taken;
}

static bool is_read(const char *text, size_t length)
{
	struct json_reader reader = {0};

	return !json_read(&reader, text, length);
}

static const char *const texts[] = {
	"{}",
	"[]",
	"\"\"",
	"0",
	"-1.5e+3",
	"true",
	"false",
	"null",
	" \t\r\n{ } ",
	"{\"a\":1}",
	"{ \"a\" : [ 1 , 2 , { \"b\" : null } ] , \"c\" : \"d\" }",
	"[[],{},[[]],{\"a\":{}}]",
	"{\"sixteen letters.\":\"and a string that is longer than thirty-two\"}",
	"[\"\\u0041\\n\\\\\",\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"]",
	"[1,[2,[3,[4,\"five\"],true],false],null]",
};

/* All that is a good text is taken; none of its beginnings is, unless it is one, too. */
static void test_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		size_t length = strlen(texts[i]);

		assert_true(checked(texts[i], length));
		for (size_t cut = 0; cut < length; cut++) {
			assert_int_equal(checked(texts[i], cut), is_read(texts[i], cut));
		}
	}
}

/* With any of its bytes another, or one more, it is taken exactly if the reader takes it. */
static void test_changed(void **state)
{
	static const char bytes[] = "{}[]:,\"\\ \n\x01\x80\xc3tfn-0159.eEu/";
	char text[128];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		size_t length = strlen(texts[i]);

		for (size_t at = 0; at <= length; at++) {
			for (size_t j = 0; j < sizeof(bytes); j++) {
				memcpy(text, texts[i], length);
				text[at] = bytes[j];
				assert_int_equal(checked(text, length), is_read(text, length));
				memcpy(text + at + 1, texts[i] + at, length - at);
				assert_int_equal(
					checked(text, length + 1), is_read(text, length + 1));
			}
		}
	}
}

/* Wherever it stands in a string of any length, what may not be in one is found. */
static void test_long_strings(void **state)
{
	static const char stops[] = {'"', '\\', '\n', '\0', '\x1f', '\x80', '\xff'};
	char text[400];

	(void)state;
	for (size_t length = 2; length < sizeof(text); length += 1 + length / 8) {
		memset(text, 'x', length);
		text[0] = text[length - 1] = '"';
		assert_true(checked(text, length));
		assert_false(checked(text, length - 1));
		for (size_t at = 1; at < length - 1; at++) {
			for (size_t i = 0; i < sizeof(stops); i++) {
				text[at] = stops[i];
				assert_false(checked(text, length));
			}
			text[at] = 'x';
		}
	}
}

static bool stands_for_itself(int byte)
{
	return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

/* Each byte at each place, by both readers: those that are plain, and no others, are taken. */
static void test_every_byte(void **state)
{
	char text[70];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[0] = text[sizeof(text) - 1] = '"';
	for (size_t at = 1; at < sizeof(text) - 1; at++) {
		for (int byte = 0; byte < 256; byte++) {
			text[at] = (char)byte;
			assert_int_equal(checked(text, sizeof(text)), stands_for_itself(byte));
			assert_int_equal(is_read(text, sizeof(text)), stands_for_itself(byte));
		}
		text[at] = 'x';
	}
}

/* Behind an escape it begins anew. */
static void test_escapes_in_long_strings(void **state)
{
	char text[70];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[0] = '"';
	for (size_t escape = 1; escape < 40; escape++) {
		text[escape] = '\\';
		text[escape + 1] = 'n';
		for (size_t at = escape + 2; at < sizeof(text) - 1; at++) {
			text[at] = '"';
			assert_true(checked(text, at + 1));
			assert_true(is_read(text, at + 1));
			assert_false(checked(text, at + 2));
			text[at] = '\n';
			text[sizeof(text) - 1] = '"';
			assert_false(checked(text, sizeof(text)));
			assert_false(is_read(text, sizeof(text)));
			text[at] = text[sizeof(text) - 1] = 'x';
		}
		text[escape] = text[escape + 1] = 'x';
	}
}

static void test_depth(void **state)
{
	char text[2 * (JSON_CHECK_DEPTH + 1)];

	(void)state;
	for (size_t depth = 1; depth <= JSON_CHECK_DEPTH + 1; depth++) {
		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		assert_int_equal(checked(text, 2 * depth), depth <= JSON_CHECK_DEPTH);
		assert_true(is_read(text, 2 * depth));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_long_strings),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_escapes_in_long_strings),
		cmocka_unit_test(test_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
