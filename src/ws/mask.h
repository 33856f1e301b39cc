/* SPDX-License-Identifier: Apache-2.0 */
/* Masking and unmasking, which are the same (RFC 6455, 5.3). */
#ifndef WS_MASK_H
#define WS_MASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * A masking key is kept as its four bytes lie in memory, turned so that the first of them is for
 * the next byte of the payload: no offset goes along with it.
 */
static inline uint32_t ws_mask_key(const uint8_t bytes[4])
{
	uint32_t key;

	memcpy(&key, bytes, sizeof(key));
	return key;
}

/* Returns the key as it stands so many bytes further on. */
static inline uint32_t ws_mask_turn(uint32_t key, size_t bytes)
{
	unsigned turn = (unsigned)(bytes % 4) * 8;

	if (!turn) {
		return key;
	}
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return key >> turn | key << (32 - turn);
#else
	return key << turn | key >> (32 - turn);
#endif
}

/*
 * Masks length bytes from one place to another, which is the same or does not overlap; neither has
 * to be aligned. Returns the key for the byte that follows.
 */
uint32_t ws_mask(uint8_t *to, const uint8_t *from, size_t length, uint32_t key);

/* The same in place; *ascii tells whether none of the bytes that come out is above 0x7f. */
uint32_t ws_unmask(uint8_t *bytes, size_t length, uint32_t key, bool *ascii);

#endif
