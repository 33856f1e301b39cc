/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sixteen bytes at once: the compiler makes one instruction of an operator (SSE2, NEON), or a few.
 * The bytes are signed, since SSE2 compares no others: those above 0x7f are the smallest.
 */
#ifndef BASE_LANES_H
#define BASE_LANES_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LANES 16

typedef int8_t lanes __attribute__((vector_size(LANES)));

static inline lanes lanes_load(const void *from)
{
	lanes bytes;

	memcpy(&bytes, from, LANES);
	return bytes;
}

static inline void lanes_store(void *to, lanes bytes)
{
	memcpy(to, &bytes, LANES);
}

/* Returns a bit for each byte whose top bit is set, of the first one the lowest; 0: none. */
static inline unsigned lanes_tops(lanes bytes)
{
#ifdef __SSE2__
	typedef char chars __attribute__((vector_size(LANES)));

	return (unsigned)__builtin_ia32_pmovmskb128((chars)bytes);
#else
	const uint64_t tops = UINT64_C(0x8080808080808080);
	const uint64_t gather = UINT64_C(0x0002040810204081); /* 0x80 of byte i to bit 56 + i */
	uint64_t words[2];

	memcpy(words, &bytes, LANES);
	return (unsigned)(((le64toh(words[0]) & tops) * gather >> 56) |
		((le64toh(words[1]) & tops) * gather >> 56) << 8);
#endif
}

/*
 * Copies, and returns what is behind it: for what is mostly short and of no length that the
 * compiler knows. The last step overlaps the one before.
 */
static inline void *lanes_copy(void *to, const void *from, size_t length)
{
	char *out = to;
	const char *in = from;

	if (length > (size_t)2 * LANES) {
		memcpy(out, in, length);
	} else if (length >= LANES) {
		lanes last = lanes_load(in + length - LANES);

		lanes_store(out, lanes_load(in));
		lanes_store(out + length - LANES, last);
	} else if (length >= sizeof(uint64_t)) {
		uint64_t first, last;

		memcpy(&first, in, sizeof(first));
		memcpy(&last, in + length - sizeof(last), sizeof(last));
		memcpy(out, &first, sizeof(first));
		memcpy(out + length - sizeof(last), &last, sizeof(last));
	} else {
		for (size_t i = 0; i < length; i++) {
			out[i] = in[i];
		}
	}
	return out + length;
}

#endif
