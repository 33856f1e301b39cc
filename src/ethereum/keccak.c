/* SPDX-License-Identifier: Apache-2.0 */
#include "ethereum/keccak.h"

#include <endian.h>
#include <string.h>

#define LANES 25
#define ROUNDS 24
#define RATE 136 /* bytes of the state that take input: 1600 bits less twice 256 */

/* FIPS 202, 3.2.5 */
static const uint64_t round_constants[ROUNDS] = {0x0000000000000001, 0x0000000000008082,
	0x800000000000808a, 0x8000000080008000, 0x000000000000808b, 0x0000000080000001,
	0x8000000080008081, 0x8000000000008009, 0x000000000000008a, 0x0000000000000088,
	0x0000000080008009, 0x000000008000000a, 0x000000008000808b, 0x800000000000008b,
	0x8000000000008089, 0x8000000000008003, 0x8000000000008002, 0x8000000000000080,
	0x000000000000800a, 0x800000008000000a, 0x8000000080008081, 0x8000000000008080,
	0x0000000080000001, 0x8000000080008008};

/* FIPS 202, 3.2.2: how far each lane is rotated, by x + 5y. */
static const uint8_t rotations[LANES] = {0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41,
	45, 15, 21, 8, 18, 2, 61, 56, 14};

static inline uint64_t rotate(uint64_t lane, unsigned by)
{
	return lane << (by & 63) | lane >> (-by & 63);
}

/*
 * One round (FIPS 202, 3.3): theta, rho and pi, chi, iota. The loops have fixed bounds and are
 * unrolled, so that lanes stay in registers and no index is left.
 */
static inline __attribute__((always_inline)) void permute_once(
	uint64_t *restrict to, const uint64_t *restrict from, uint64_t constant)
{
	uint64_t columns[5], mixed[5], moved[LANES];

#pragma GCC unroll 5
	for (unsigned x = 0; x < 5; x++) {
		columns[x] = from[x] ^ from[x + 5] ^ from[x + 10] ^ from[x + 15] ^ from[x + 20];
	}
#pragma GCC unroll 5
	for (unsigned x = 0; x < 5; x++) {
		mixed[x] = columns[(x + 4) % 5] ^ rotate(columns[(x + 1) % 5], 1);
	}
#pragma GCC unroll 25
	for (unsigned i = 0; i < LANES; i++) {
		unsigned x = i % 5, y = i / 5;

		moved[y + 5 * ((2 * x + 3 * y) % 5)] = rotate(from[i] ^ mixed[x], rotations[i]);
	}
#pragma GCC unroll 25
	for (unsigned i = 0; i < LANES; i++) {
		unsigned row = i - i % 5;

		to[i] = moved[i] ^ (~moved[row + (i + 1) % 5] & moved[row + (i + 2) % 5]);
	}
	to[0] ^= constant;
}

static void permute(uint64_t state[LANES])
{
	uint64_t other[LANES];

	for (unsigned round = 0; round < ROUNDS; round += 2) {
		permute_once(other, state, round_constants[round]);
		permute_once(state, other, round_constants[round + 1]);
	}
}

static void absorb(uint64_t state[LANES], const uint8_t *block)
{
	for (unsigned i = 0; i < RATE / 8; i++) {
		uint64_t lane;

		memcpy(&lane, block + (size_t)8 * i, sizeof(lane));
		state[i] ^= le64toh(lane);
	}
	permute(state);
}

void keccak256(const void *bytes, size_t length, uint8_t digest[KECCAK_BYTES])
{
	const uint8_t *at = bytes;
	uint64_t state[LANES] = {0};
	uint8_t last[RATE] = {0};

	for (; length >= RATE; length -= RATE, at += RATE) {
		absorb(state, at);
	}
	if (length) {
		memcpy(last, at, length);
	}
	last[length] = 0x01;
	last[RATE - 1] |= 0x80;
	absorb(state, last);
	for (unsigned i = 0; i < KECCAK_BYTES / 8; i++) {
		uint64_t lane = htole64(state[i]);

		memcpy(digest + (size_t)8 * i, &lane, sizeof(lane));
	}
}
