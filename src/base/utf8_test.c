/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Every code point, written and read again; the bytes in front of its last one begin it. */
static void encodes_and_reads_all_there_are(void **state)
{
	char bytes[UTF8_BYTES];
	bool whole;

	(void)state;
	for (uint32_t point = 0; point <= 0x10ffff; point += point == 0xd7ff ? 0x801 : 1) {
		size_t length = utf8_encode(point, bytes);

		if (point < 0x80) {
			assert_true(length == 1 && bytes[0] == (char)point);
			continue;
		}
		assert_int_equal(utf8_sequence(bytes, length, &whole), length);
		assert_true(whole && !utf8_begins(bytes, length));
		assert_int_equal(utf8_run(bytes, length), length);
		for (size_t cut = 1; cut < length; cut++) {
			assert_int_equal(utf8_sequence(bytes, cut, &whole), cut);
			assert_true(!whole && utf8_begins(bytes, cut));
			assert_int_equal(utf8_run(bytes, cut), 0);
		}
	}
}

/* Of all four bytes that begin with one above 0x7f, as many are whole as there are code points. */
static void reads_nothing_else(void **state)
{
	size_t counts[UTF8_BYTES + 1] = {0};

	(void)state;
	for (uint32_t pair = 0x8000; pair <= 0xffff; pair++) {
		char bytes[UTF8_BYTES] = {(char)(pair >> 8), (char)pair, (char)0x80, (char)0xbf};
		bool whole;
		size_t length = utf8_sequence(bytes, sizeof(bytes), &whole);

		counts[whole ? length : 0] += 1;
	}
	assert_int_equal(counts[2], 30 * 64);
	assert_int_equal(counts[3], 16 * 64 - 32 - 32); /* a longer form, surrogates */
	assert_int_equal(counts[4], 5 * 64 - 16 - 48);  /* a longer form, above U+10FFFF */
}

static void tells_where_a_run_ends(void **state)
{
	static const struct {
		const char *bytes;
		size_t run;
		bool begins; /* with what comes behind the run */
	} cases[] = {
		{"", 0, false},
		{"a", 0, false},
		{"\xc3\xa4\xe2\x82\xac", 5, false},
		{"\xc3\xa4\xe2\x82", 2, true},
		{"\xc3\xa4\xe2\x82x", 2, false},
		{"\xc3\xa4x\xc3\xa4", 2, false},
		{"\xc0\xaf", 0, false},
		{"\xc0", 0, false},
		{"\xe0\x9f", 0, false},
		{"\xed\xa0", 0, false},
		{"\xed\x9f", 0, true},
		{"\xf4\x8f\xbf", 0, true},
		{"\xf4\x90", 0, false},
		{"\xf5", 0, false},
		{"\xff", 0, false},
		{"\x80", 0, false},
		{"\xc3\xa4\x80", 2, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *bytes = cases[i].bytes;
		size_t length = strlen(bytes), run = utf8_run(bytes, length);

		assert_int_equal(run, cases[i].run);
		assert_int_equal(utf8_begins(bytes + run, length - run), cases[i].begins);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodes_and_reads_all_there_are),
		cmocka_unit_test(reads_nothing_else),
		cmocka_unit_test(tells_where_a_run_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
