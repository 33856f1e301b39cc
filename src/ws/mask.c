/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/mask.h"

#define WORD sizeof(uint64_t)
#define BLOCK (4 * WORD) /* what compilers make vectors of */

static void mask_block(uint8_t *to, const uint8_t *from, uint64_t wide)
{
	uint64_t words[BLOCK / WORD];

	memcpy(words, from, BLOCK);
	for (size_t i = 0; i < BLOCK / WORD; i++) {
		words[i] ^= wide;
	}
	memcpy(to, words, BLOCK);
}

static void mask_word(uint8_t *to, const uint8_t *from, uint64_t wide)
{
	uint64_t word;

	memcpy(&word, from, WORD);
	word ^= wide;
	memcpy(to, &word, WORD);
}

uint32_t ws_mask(uint8_t *to, const uint8_t *from, size_t length, uint32_t key)
{
	uint64_t wide = (uint64_t)key << 32 | key;
	uint8_t bytes[sizeof(key)];
	size_t at = 0;

	for (; length - at >= BLOCK; at += BLOCK) {
		mask_block(to + at, from + at, wide);
	}
	for (; length - at >= WORD; at += WORD) {
		mask_word(to + at, from + at, wide);
	}
	memcpy(bytes, &key, sizeof(key));
	for (size_t i = 0; at < length; at++, i++) {
		to[at] = from[at] ^ bytes[i % sizeof(key)];
	}
	return ws_mask_turn(key, length);
}
