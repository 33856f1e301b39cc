/* SPDX-License-Identifier: Apache-2.0 */
#include "base/siphash.h"

#include <assert.h>
#include <sys/random.h>

struct sip {
	uint64_t v[4];
};

static uint64_t rotate(uint64_t word, int bits)
{
	return word << bits | word >> (64 - bits);
}

static void scramble(struct sip *sip, int rounds)
{
	uint64_t *v = sip->v;

	for (int i = 0; i < rounds; i++) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] = rotate(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] = rotate(v[2], 32);
	}
}

static void take(struct sip *sip, uint64_t word)
{
	sip->v[3] ^= word;
	scramble(sip, 2);
	sip->v[0] ^= word;
}

/* Up to eight bytes, the first one lowest. */
static uint64_t word_of(const unsigned char *bytes, size_t length)
{
	uint64_t word = 0;

	for (size_t i = 0; i < length; i++) {
		word |= (uint64_t)bytes[i] << (8 * i);
	}
	return word;
}

uint64_t siphash(const uint64_t key[2], const void *bytes, size_t length)
{
	struct sip sip = {{
		key[0] ^ UINT64_C(0x736f6d6570736575),
		key[1] ^ UINT64_C(0x646f72616e646f6d),
		key[0] ^ UINT64_C(0x6c7967656e657261),
		key[1] ^ UINT64_C(0x7465646279746573),
	}};
	const unsigned char *at = bytes;
	size_t left = length;

	for (; left >= 8; at += 8, left -= 8) {
		take(&sip, word_of(at, 8));
	}
	take(&sip, word_of(at, left) | (uint64_t)length << 56);
	sip.v[2] ^= 0xff;
	scramble(&sip, 4);
	return sip.v[0] ^ sip.v[1] ^ sip.v[2] ^ sip.v[3];
}

void siphash_key(uint64_t key[2])
{
	const size_t length = 2 * sizeof(key[0]);
	ssize_t n = getrandom(key, length, 0); /* so few bytes come whole */

	assert(n == (ssize_t)length);
}
