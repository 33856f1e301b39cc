/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool takes(const uint8_t *bytes, size_t length)
{
	struct ws_utf8 utf8 = {0};

	return ws_utf8_feed(&utf8, bytes, length) && ws_utf8_whole(&utf8);
}

/* Fed byte by byte: how many bytes it took, the one that it refused included. */
static size_t refused_at(const uint8_t *bytes, size_t length)
{
	struct ws_utf8 utf8 = {0};
	size_t at = 0;

	while (at < length) {
		if (!ws_utf8_feed(&utf8, bytes + at++, 1)) {
			return at;
		}
	}
	return 0;
}

static size_t encode(uint32_t point, uint8_t bytes[4], size_t length)
{
	static const uint8_t leads[] = {0, 0, 0xc0, 0xe0, 0xf0};

	for (size_t i = length - 1; i; i--) {
		bytes[i] = 0x80 | (point & 0x3f);
		point >>= 6;
	}
	bytes[0] = (uint8_t)(leads[length] | point);
	return length;
}

static size_t shortest(uint32_t point)
{
	return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}

/* Each code point that five bits of a lead byte can reach, in every length that fits it. */
static void knows_every_code_point(void **state)
{
	static const uint32_t room[] = {0, 0x80, 0x800, 0x10000, 0x200000};

	for (uint32_t point = 0; point < 0x200000; point++) {
		bool real = point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);

		for (size_t length = 1; length <= 4; length++) {
			uint8_t bytes[4];

			if (point < room[length]) {
				encode(point, bytes, length);
				assert_int_equal(
					takes(bytes, length), real && length == shortest(point));
			}
		}
	}
	(void)state;
}

static void refuses_at_the_first_wrong_byte(void **state)
{
	static const struct {
		const char *bytes;
		size_t length, at;
	} samples[] = {
		{"\x80", 1, 1},
		{"\xbf", 1, 1},
		{"\xc0\x80", 2, 1},
		{"\xc1\xbf", 2, 1},
		{"\xf5\x80\x80\x80", 4, 1},
		{"\xff", 1, 1},
		{"\xc3\x28", 2, 2},
		{"\xe0\x9f\xbf", 3, 2},
		{"\xed\xa0\x80", 3, 2},
		{"\xf0\x8f\xbf\xbf", 4, 2},
		{"\xf4\x90\x80\x80", 4, 2},
		{"\xe2\x82\x28", 3, 3},
		{"\xf0\x90\x80\xc0", 4, 4},
		{"\xe2\x82\xac\x80", 4, 4},
		{"\xe2\x82\xac\xe2\x82", 5, 0},
	};

	for (size_t i = 0; i < COUNT(samples); i++) {
		const uint8_t *bytes = (const uint8_t *)samples[i].bytes;

		assert_int_equal(refused_at(bytes, samples[i].length), samples[i].at);
		assert_false(takes(bytes, samples[i].length));
	}
	(void)state;
}

/* A byte that is not ASCII is found at every place of the blocks, and of the pieces. */
static void finds_one_byte_anywhere(void **state)
{
	uint8_t bytes[100];

	for (size_t at = 0; at + 1 < sizeof(bytes); at++) {
		for (size_t cut = 0; cut <= sizeof(bytes); cut++) {
			struct ws_utf8 utf8 = {0};

			memset(bytes, 'a', sizeof(bytes));
			bytes[at] = 0xc3;
			bytes[at + 1] = 0xa4;
			assert_true(ws_utf8_feed(&utf8, bytes, cut));
			assert_int_equal(ws_utf8_whole(&utf8), cut != at + 1);
			assert_true(ws_utf8_feed(&utf8, bytes + cut, sizeof(bytes) - cut));
			assert_true(ws_utf8_whole(&utf8));
		}
		bytes[at + 1] = 'a';
		assert_false(takes(bytes, sizeof(bytes)));
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_every_code_point),
		cmocka_unit_test(refuses_at_the_first_wrong_byte),
		cmocka_unit_test(finds_one_byte_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
