/* SPDX-License-Identifier: Apache-2.0 */
#include "ethereum/keccak.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_digest(const void *bytes, size_t length, const char *expected)
{
	char text[2 * KECCAK_BYTES + 1];
	uint8_t digest[KECCAK_BYTES];

	keccak256(bytes, length, digest);
	for (size_t i = 0; i < KECCAK_BYTES; i++) {
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	}
	assert_string_equal(text, expected);
}

static void hashes_short_texts(void **state)
{
	(void)state;
	assert_digest(NULL, 0, "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
	assert_digest("abc", 3, "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45");
}

/* Around a block of 136 bytes, where the padding has a byte, none, and a block of its own. */
static void hashes_any_length(void **state)
{
	static const struct {
		size_t length;
		const char *digest;
	} cases[] = {
		{135, "cbdfd9dee5faad3818d6b06f95a219fd290b0e1706f6a82e5a595b9ce9faca62"},
		{136, "7ce759f1ab7f9ce437719970c26b0a66ff11fe3e38e17df89cf5d29c7d7f807e"},
		{137, "ac73d4fae68b8453f764007c1a20ce95994187861f0c3227a3a8e99a73a3b1db"},
		{1000000, "2cc947428a556b8e8d857d7c0b28314752606e9ad988ffa524eee08132f28027"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t *bytes = malloc(cases[i].length);

		assert_non_null(bytes);
		for (size_t j = 0; j < cases[i].length; j++) {
			bytes[j] = (uint8_t)(j % 251);
		}
		assert_digest(bytes, cases[i].length, cases[i].digest);
		free(bytes);
	}
}

/* The digest may take the place of what was hashed. */
static void hashes_in_place(void **state)
{
	uint8_t bytes[KECCAK_BYTES] = {1}, digest[KECCAK_BYTES];

	(void)state;
	keccak256(bytes, sizeof(bytes), digest);
	keccak256(bytes, sizeof(bytes), bytes);
	assert_memory_equal(bytes, digest, sizeof(digest));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_short_texts),
		cmocka_unit_test(hashes_any_length),
		cmocka_unit_test(hashes_in_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
