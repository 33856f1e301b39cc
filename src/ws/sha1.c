/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/sha1.h"

#include <string.h>

#define BLOCK 64
#define WORDS 5
#define ROUNDS 80
#define LENGTH_AT 56 /* where the length stands in the last block */

static uint32_t turn(uint32_t word, unsigned bits)
{
	return word << bits | word >> (32 - bits);
}

static uint32_t read_word(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
		bytes[3];
}

/* The function and the constant of a round (5), added. */
static uint32_t mix(unsigned round, uint32_t b, uint32_t c, uint32_t d)
{
	if (round < 20) {
		return ((b & c) | (~b & d)) + 0x5a827999;
	}
	if (round < 40) {
		return (b ^ c ^ d) + 0x6ed9eba1;
	}
	if (round < 60) {
		return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
	}
	return (b ^ c ^ d) + 0xca62c1d6;
}

/* 6.1 */
static void take_block(uint32_t hash[WORDS], const uint8_t *block)
{
	uint32_t words[ROUNDS], v[WORDS];

	for (unsigned i = 0; i < 16; i++) {
		words[i] = read_word(block + 4 * i);
	}
	for (unsigned i = 16; i < ROUNDS; i++) {
		words[i] = turn(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
	}
	memcpy(v, hash, sizeof(v));
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint32_t next = turn(v[0], 5) + mix(i, v[1], v[2], v[3]) + v[4] + words[i];

		v[4] = v[3];
		v[3] = v[2];
		v[2] = turn(v[1], 30);
		v[1] = v[0];
		v[0] = next;
	}
	for (unsigned i = 0; i < WORDS; i++) {
		hash[i] += v[i];
	}
}

static void write_big_endian(uint8_t *to, uint64_t number, size_t bytes)
{
	while (bytes--) {
		to[bytes] = (uint8_t)number;
		number >>= 8;
	}
}

void ws_sha1(const void *bytes, size_t length, uint8_t digest[SHA1_BYTES])
{
	uint32_t hash[WORDS] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
	uint8_t tail[2 * BLOCK] = {0};
	const uint8_t *at = bytes;
	size_t rest = length % BLOCK;
	size_t size = rest < LENGTH_AT ? BLOCK : 2 * BLOCK;

	for (size_t i = 0; i < length / BLOCK; i++) {
		take_block(hash, at);
		at += BLOCK;
	}
	if (rest) {
		memcpy(tail, at, rest);
	}
	tail[rest] = 0x80; /* 4: a bit 1, then zeros, then the length in bits */
	write_big_endian(tail + size - 8, (uint64_t)length * 8, 8);
	for (size_t i = 0; i < size; i += BLOCK) {
		take_block(hash, tail + i);
	}
	for (unsigned i = 0; i < WORDS; i++) {
		write_big_endian(digest + 4 * (size_t)i, hash[i], 4);
	}
}
