/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/mask.h"

#include "base/lanes.h"

#define WORD sizeof(uint64_t)
#define TOP_BITS UINT64_C(0x8080808080808080)

static inline lanes spread(uint32_t key)
{
	const uint32_t keys[LANES / sizeof(key)] = {key, key, key, key};

	return lanes_load(keys);
}

/*
 * The bytes are looked at while they are at hand: what has top bits is gathered in *seen, which
 * costs nothing where nobody wants to know.
 *
 * The last step overlaps the one before: in place, that is, its bytes are read before any is
 * written.
 */
static inline lanes mask_lanes(uint8_t *to, const uint8_t *from, size_t length, uint32_t key)
{
	const lanes wide = spread(key);
	const lanes last = lanes_load(from + length - LANES) ^ spread(ws_mask_turn(key, length));
	lanes seen = last, seen_too = last;
	size_t at = 0;

	for (; length - at > (size_t)2 * LANES; at += (size_t)2 * LANES) {
		lanes first = lanes_load(from + at) ^ wide;
		lanes second = lanes_load(from + at + LANES) ^ wide;

		lanes_store(to + at, first);
		lanes_store(to + at + LANES, second);
		seen |= first;
		seen_too |= second;
	}
	if (length - at > LANES) {
		lanes first = lanes_load(from + at) ^ wide;

		lanes_store(to + at, first);
		seen |= first;
	}
	lanes_store(to + length - LANES, last);
	return seen | seen_too;
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
	uint64_t seen = 0;
	size_t at;

	if (length >= LANES) {
		*ascii = !lanes_tops(mask_lanes(to, from, length, key));
	} else {
		at = mask_words(to, from, length, key, &seen);
		mask_bytes(to + at, from + at, length - at, key, &seen);
		*ascii = !(seen & TOP_BITS);
	}
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
