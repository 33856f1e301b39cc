/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/mask.h"

#include "base/lanes.h"

#define WORD sizeof(uint64_t)
#define TOP_BITS UINT64_C(0x8080808080808080)

/*
 * The bytes are looked at while they are at hand: what has top bits is gathered in *seen, which
 * costs nothing where nobody wants to know.
 */
static inline size_t mask_lanes(
	uint8_t *to, const uint8_t *from, size_t length, uint32_t key, lanes *seen)
{
	const uint32_t keys[LANES / sizeof(key)] = {key, key, key, key};
	const lanes wide = lanes_load(keys);
	lanes seen_too = *seen;
	size_t at = 0;

	for (; length - at >= (size_t)2 * LANES; at += (size_t)2 * LANES) {
		lanes first = lanes_load(from + at) ^ wide;
		lanes second = lanes_load(from + at + LANES) ^ wide;

		lanes_store(to + at, first);
		lanes_store(to + at + LANES, second);
		*seen |= first;
		seen_too |= second;
	}
	*seen |= seen_too;
	return at;
}

static inline size_t mask_words(
	uint8_t *to, const uint8_t *from, size_t length, uint32_t key, uint64_t *seen)
{
	const uint64_t wide = (uint64_t)key << 32 | key;
	size_t at = 0;

	for (; length - at >= WORD; at += WORD) {
		uint64_t word;

		memcpy(&word, from + at, WORD);
		word ^= wide;
		memcpy(to + at, &word, WORD);
		*seen |= word;
	}
	return at;
}

static inline void mask_bytes(
	uint8_t *to, const uint8_t *from, size_t length, uint32_t key, uint64_t *seen)
{
	uint8_t bytes[sizeof(key)];

	memcpy(bytes, &key, sizeof(key));
	for (size_t i = 0; i < length; i++) {
		to[i] = from[i] ^ bytes[i % sizeof(key)];
		*seen |= to[i];
	}
}

static inline uint32_t mask(
	uint8_t *to, const uint8_t *from, size_t length, uint32_t key, bool *ascii)
{
	lanes seen_lanes = {0};
	uint64_t seen = 0;
	size_t at = mask_lanes(to, from, length, key, &seen_lanes);

	at += mask_words(to + at, from + at, length - at, key, &seen);
	mask_bytes(to + at, from + at, length - at, key, &seen);
	*ascii = !lanes_tops(seen_lanes) && !(seen & TOP_BITS);
	return ws_mask_turn(key, length);
}

uint32_t ws_mask(uint8_t *to, const uint8_t *from, size_t length, uint32_t key)
{
	bool ascii;

	return mask(to, from, length, key, &ascii);
}

uint32_t ws_unmask(uint8_t *bytes, size_t length, uint32_t key, bool *ascii)
{
	return mask(bytes, bytes, length, key, ascii);
}
