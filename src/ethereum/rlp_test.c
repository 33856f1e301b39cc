/* SPDX-License-Identifier: Apache-2.0 */
#include "ethereum/rlp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/allocation.h"

/* Compares what was written, and empties it. */
static void assert_written(struct buffer *out, const char *bytes, size_t length)
{
	assert_false(out->failed);
	assert_int_equal(out->length, length);
	assert_memory_equal(out->data, bytes, length);
	buffer_fini(out);
}

#define assert_out(out, bytes) assert_written(out, bytes, sizeof(bytes) - 1)

static void writes_strings(void **state)
{
	static const char lorem[] = "Lorem ipsum dolor sit amet, consectetur adipisicing elit";
	struct buffer out = {0};

	(void)state;
	rlp_bytes(&out, "dog", 3);
	assert_out(&out,
		"\x83"
		"dog");
	rlp_bytes(&out, NULL, 0);
	assert_out(&out, "\x80");
	rlp_bytes(&out, "\0", 1);
	assert_out(&out, "\0");
	rlp_bytes(&out, "\x7f", 1);
	assert_out(&out, "\x7f");
	rlp_bytes(&out, "\x80", 1);
	assert_out(&out, "\x81\x80");
	rlp_bytes(&out, lorem, 56);
	assert_out(&out,
		"\xb8\x38"
		"Lorem ipsum dolor sit amet, consectetur adipisicing elit");
	rlp_bytes(&out, lorem, 55);
	assert_out(&out,
		"\xb7"
		"Lorem ipsum dolor sit amet, consectetur adipisicing eli");
}

static void writes_long_strings(void **state)
{
	static char long_one[65536];
	struct buffer out = {0};

	(void)state;
	rlp_bytes(&out, long_one, 1024);
	assert_int_equal(out.length, 3 + 1024);
	assert_memory_equal(out.data, "\xb9\x04\x00", 3);
	buffer_fini(&out);
	rlp_bytes(&out, long_one, 65536);
	assert_int_equal(out.length, 4 + 65536);
	assert_memory_equal(out.data, "\xba\x01\x00\x00", 4);
	buffer_fini(&out);
}

static void writes_numbers(void **state)
{
	static const uint8_t big[32] = {[29] = 1, [30] = 0, [31] = 2};
	static const uint8_t zero[32];
	struct buffer out = {0};

	(void)state;
	rlp_number(&out, 0);
	assert_out(&out, "\x80");
	rlp_number(&out, 15);
	assert_out(&out, "\x0f");
	rlp_number(&out, 1024);
	assert_out(&out, "\x82\x04\x00");
	rlp_number(&out, UINT64_MAX);
	assert_out(&out, "\x88\xff\xff\xff\xff\xff\xff\xff\xff");
	rlp_big(&out, big, sizeof(big));
	assert_out(&out, "\x83\x01\x00\x02");
	rlp_big(&out, big, 0);
	rlp_big(&out, zero, sizeof(zero));
	assert_out(&out, "\x80\x80");
}

/* [ [], [[]], [ [], [[]] ] ], the set that stands for three. */
static void writes_lists(void **state)
{
	struct buffer none = {0}, one = {0}, both = {0}, all = {0}, out = {0};

	(void)state;
	rlp_bytes(&both, "cat", 3);
	rlp_bytes(&both, "dog", 3);
	rlp_list(&out, &both);
	assert_out(&out,
		"\xc8\x83"
		"cat"
		"\x83"
		"dog");
	buffer_fini(&both);

	rlp_list(&one, &none);
	rlp_list(&both, &none);
	rlp_list(&both, &one);
	rlp_list(&all, &none);
	rlp_list(&all, &one);
	rlp_list(&all, &both);
	rlp_list(&out, &all);
	assert_out(&out, "\xc7\xc0\xc1\xc0\xc3\xc0\xc1\xc0");
	buffer_fini(&one);
	buffer_fini(&both);
	buffer_fini(&all);
}

static void writes_long_lists(void **state)
{
	struct buffer items = {0}, out = {0};

	(void)state;
	for (int i = 0; i < 55; i++) {
		rlp_number(&items, 1);
	}
	rlp_list(&out, &items);
	assert_int_equal(out.length, 56);
	assert_int_equal((uint8_t)out.data[0], 0xf7);
	buffer_fini(&out);
	rlp_number(&items, 1);
	rlp_list(&out, &items);
	assert_int_equal(out.length, 58);
	assert_memory_equal(out.data, "\xf8\x38", 2);
	buffer_fini(&out);
	buffer_fini(&items);
}

/* Whole, cut off at each byte, and with one byte more. */
static void knows_whole_lists(void **state)
{
	struct buffer items = {0}, out = {0};
	uint8_t bytes[600] = {0};

	(void)state;
	rlp_number(&items, 0);
	rlp_number(&items, 1);
	rlp_number(&items, 1000);
	rlp_bytes(&items, bytes, 300);
	rlp_list(&items, &(struct buffer){0});
	rlp_list(&out, &items);
	assert_true(rlp_is_list((const uint8_t *)out.data, out.length));
	for (size_t length = 0; length < out.length; length++) {
		assert_false(rlp_is_list((const uint8_t *)out.data, length));
	}
	buffer_append_char(&out, '\0');
	assert_false(rlp_is_list((const uint8_t *)out.data, out.length));
	buffer_fini(&items);
	buffer_fini(&out);
}

static void knows_what_is_no_list(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		bool is_list;
	} rows[] = {
		{"", 0, false},
		{"\xc0", 1, true},
		{"\x01", 1, false},
		{"\x80", 1, false},
		{"\x81\xc0", 2, false},
		{"\xc1\x01", 2, true},
		{"\xc1\x81", 2, false},
		{"\xc2\x81\x81", 3, true},
		{"\xc2\xc1\x81", 3, true}, /* lists in it are not looked into */
		{"\xc2\xc2\x81", 3, false},
		{"\xf8", 1, false},
		{"\xf8\x00", 2, true},
		{"\xff\xff\xff\xff\xff\xff\xff\xff\xff", 9, false},
		{"\xff\x01\x00\x00\x00\x00\x00\x00\x00", 9, false},
		{"\xc9\xbf\xff\xff\xff\xff\xff\xff\xff\xff", 10, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(rlp_is_list((const uint8_t *)rows[i].bytes, rows[i].length),
			rows[i].is_list);
	}
}

static void tells_of_missing_memory(void **state)
{
	struct buffer items = {0}, out = {0};

	(void)state;
	allocation_fail(1);
	rlp_number(&items, 1);
	assert_true(allocation_failed());
	rlp_list(&out, &items);
	assert_true(out.failed);
	buffer_fini(&out);
	buffer_fini(&items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_strings),
		cmocka_unit_test(writes_long_strings),
		cmocka_unit_test(writes_numbers),
		cmocka_unit_test(writes_lists),
		cmocka_unit_test(writes_long_lists),
		cmocka_unit_test(knows_whole_lists),
		cmocka_unit_test(knows_what_is_no_list),
		cmocka_unit_test(tells_of_missing_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
