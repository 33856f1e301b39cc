/* SPDX-License-Identifier: Apache-2.0 */
#include "base/siphash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* The key 00 01 02 .. 0f, and as many of the bytes 00 01 02 .. as the row says (the paper, A). */
static void known_answers(void **state)
{
	static const uint64_t key[2] = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
	static const struct {
		size_t length;
		uint64_t hash;
	} rows[] = {
		{0, UINT64_C(0x726fdb47dd0e0e31)},
		{1, UINT64_C(0x74f839c593dc67fd)},
		{7, UINT64_C(0xab0200f58b01d137)},
		{8, UINT64_C(0x93f5f5799a932462)},
		{15, UINT64_C(0xa129ca6149be45e5)},
	};
	unsigned char bytes[15];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] = (unsigned char)i;
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(siphash(key, bytes, rows[i].length) == rows[i].hash);
	}
}

static void keys_differ(void **state)
{
	uint64_t one[2] = {0};
	uint64_t other[2] = {0};

	(void)state;
	siphash_key(one);
	siphash_key(other);
	assert_true(one[0] != other[0] && one[1] != other[1]);
	assert_true(siphash(one, "a", 1) != siphash(other, "a", 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_answers),
		cmocka_unit_test(keys_differ),
	};

	return cmocka_run_group_tests_name("siphash", tests, NULL, NULL);
}
