/* SPDX-License-Identifier: Apache-2.0 */
#include "base/lanes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void tells_which_bytes_have_their_top_bit(void **state)
{
	(void)state;
	for (unsigned tops = 0; tops < 1U << LANES; tops++) {
		unsigned char bytes[LANES];

		for (unsigned i = 0; i < LANES; i++) {
			bytes[i] = (unsigned char)((tops >> i & 1) << 7 | (tops * 31 + i) % 0x80);
		}
		assert_int_equal(lanes_tops(lanes_load(bytes)), tops);
	}
}

static void compares_signed_bytes(void **state)
{
	(void)state;
	for (int value = 0; value < 256; value++) {
		unsigned char bytes[LANES] = {[7] = (unsigned char)value};
		lanes loaded = lanes_load(bytes);

		assert_int_equal(lanes_tops((lanes)(loaded == 0x22)), value == 0x22 ? 1U << 7 : 0);
		assert_int_equal(lanes_tops((lanes)(loaded < 0)), value >= 0x80 ? 1U << 7 : 0);
	}
}

static void stores_what_it_loaded(void **state)
{
	char from[LANES + 1] = "0123456789abcdef", to[LANES + 1] = "";

	(void)state;
	lanes_store(to,
		lanes_load(from) ^ lanes_load("................") ^ lanes_load("................"));
	assert_string_equal(to, from);
}

/* From memory of the exact size to memory of the exact size, whatever the length. */
static void copies_any_length(void **state)
{
	(void)state;
	for (size_t length = 0; length <= (size_t)4 * LANES; length++) {
		char *from = malloc(length + 1), *to = malloc(length + 1);

		assert_true(from && to);
		for (size_t i = 0; i < length; i++) {
			from[1 + i] = (char)(i * 37 + 11);
		}
		to[0] = '#';
		assert_ptr_equal(lanes_copy(to + 1, from + 1, length), to + 1 + length);
		assert_memory_equal(to + 1, from + 1, length);
		assert_int_equal(to[0], '#');
		free(from);
		free(to);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_which_bytes_have_their_top_bit),
		cmocka_unit_test(compares_signed_bytes),
		cmocka_unit_test(stores_what_it_loaded),
		cmocka_unit_test(copies_any_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
