/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/mask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LONGEST 100
#define ALIGNMENTS 16
#define GUARD 0xee

static const uint8_t key_bytes[4] = {0x12, 0x34, 0xab, 0xcd};

/* The oracle: RFC 6455, 5.3, as it is written there. */
static uint8_t masked(const uint8_t *bytes, size_t i, size_t offset)
{
	return bytes[i] ^ key_bytes[(i + offset) % 4];
}

static void fill(uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		bytes[i] = (uint8_t)(i * 37 + 11);
	}
}

static void check(const uint8_t *got, const uint8_t *plain, size_t length, size_t offset)
{
	for (size_t i = 0; i < length; i++) {
		assert_int_equal(got[i], masked(plain, i, offset));
	}
	assert_int_equal(got[length], GUARD);
}

static void masks_at_every_alignment_and_offset(void **state)
{
	uint8_t from[ALIGNMENTS + LONGEST], to[ALIGNMENTS + LONGEST + 1];

	for (size_t length = 0; length <= LONGEST; length++) {
		for (size_t i = 0; i < (size_t)ALIGNMENTS * ALIGNMENTS * 4; i++) {
			size_t offset = i % 4;
			const uint8_t *source = from + i / 4 % ALIGNMENTS;
			uint8_t *target = to + i / 4 / ALIGNMENTS;
			uint32_t key = ws_mask_turn(ws_mask_key(key_bytes), offset);

			fill(from, sizeof(from));
			memset(to, GUARD, sizeof(to));
			key = ws_mask(target, source, length, key);
			check(target, source, length, offset);
			assert_int_equal(
				key, ws_mask_turn(ws_mask_key(key_bytes), offset + length));
		}
	}
	(void)state;
}

static void masks_in_place(void **state)
{
	uint8_t plain[LONGEST], bytes[ALIGNMENTS + LONGEST + 1];

	fill(plain, sizeof(plain));
	for (size_t length = 0; length <= LONGEST; length++) {
		for (size_t i = 0; i < ALIGNMENTS * 4; i++) {
			uint8_t *at = bytes + i / 4;
			uint32_t key = ws_mask_turn(ws_mask_key(key_bytes), i % 4);

			memset(bytes, GUARD, sizeof(bytes));
			memcpy(at, plain, length);
			ws_mask(at, at, length, key);
			check(at, plain, length, i % 4);
		}
	}
	(void)state;
}

static void goes_on_where_it_stopped(void **state)
{
	uint8_t plain[LONGEST], bytes[LONGEST + 1];

	fill(plain, sizeof(plain));
	for (size_t cut = 0; cut <= LONGEST; cut++) {
		uint32_t key = ws_mask_key(key_bytes);

		memset(bytes, GUARD, sizeof(bytes));
		key = ws_mask(bytes, plain, cut, key);
		ws_mask(bytes + cut, plain + cut, LONGEST - cut, key);
		check(bytes, plain, LONGEST, 0);
	}
	(void)state;
}

/* As ws_mask, and what it says of the bytes: none, or one, is above 0x7f. */
static void sees_what_is_not_ascii(void **state)
{
	uint8_t plain[LONGEST], bytes[LONGEST + 1];
	bool ascii;

	(void)state;
	for (size_t length = 0; length <= LONGEST; length++) {
		for (size_t high = 0; high <= length; high++) {
			uint32_t key = ws_mask_key(key_bytes);

			for (size_t i = 0; i < length; i++) {
				plain[i] = (uint8_t)((i * 37 + 11) % 0x80 | (i == high ? 0x80 : 0));
			}
			memset(bytes, GUARD, sizeof(bytes));
			ws_mask(bytes, plain, length, key);
			key = ws_unmask(bytes, length, key, &ascii);
			assert_memory_equal(bytes, plain, length);
			assert_int_equal(bytes[length], GUARD);
			assert_int_equal(key, ws_mask_turn(ws_mask_key(key_bytes), length));
			assert_int_equal(ascii, high == length);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(masks_at_every_alignment_and_offset),
		cmocka_unit_test(masks_in_place),
		cmocka_unit_test(goes_on_where_it_stopped),
		cmocka_unit_test(sees_what_is_not_ascii),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
