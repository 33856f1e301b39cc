/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <assert.h>

/*
 * How a sequence may begin (Unicode 15, table 3-7): the second byte's bounds depend on the first.
 */
static const struct lead {
	unsigned char low, high; /* of the second byte */
	unsigned char length;    /* 0: nothing begins so */
} leads[] = {
	{0, 0, 0}, {0x80, 0xbf, 2}, {0xa0, 0xbf, 3}, /* e0: no longer form than needed */
	{0x80, 0xbf, 3}, {0x80, 0x9f, 3},            /* ed: no surrogates */
	{0x90, 0xbf, 4},                             /* f0: no longer form than needed */
	{0x80, 0xbf, 4}, {0x80, 0x8f, 4},            /* f4: nothing above U+10FFFF */
};

/* The row of leads for the bytes from 0xc0 on. */
static const unsigned char rows[64] = {
	0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, /* c0 */
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, /* d0 */
	2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4, 3, 3, /* e0 */
	5, 6, 6, 6, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* f0 */
};

static const struct lead *lead_of(char byte)
{
	unsigned char value = (unsigned char)byte;

	return &leads[value < 0xc0 ? 0 : rows[value - 0xc0]];
}

static inline bool continues(const struct lead *lead, const char *bytes, size_t at)
{
	unsigned char byte = (unsigned char)bytes[at];

	return at == 1 ? byte >= lead->low && byte <= lead->high : (byte & 0xc0) == 0x80;
}

static inline size_t sequence(const char *bytes, size_t length, bool *whole)
{
	const struct lead *lead = lead_of(bytes[0]);
	size_t got = 1;

	while (got < lead->length && got < length && continues(lead, bytes, got)) {
		got++;
	}
	*whole = got == lead->length;
	return got;
}

size_t utf8_sequence(const char *bytes, size_t length, bool *whole)
{
	return sequence(bytes, length, whole);
}

bool utf8_begins(const char *bytes, size_t length)
{
	bool whole;

	return length && sequence(bytes, length, &whole) == length &&
		lead_of(bytes[0])->length > length;
}

size_t utf8_run(const char *bytes, size_t length)
{
	size_t at = 0;

	while (at < length && (bytes[at] & 0x80)) {
		bool whole;
		size_t got = sequence(bytes + at, length - at, &whole);

		if (!whole) {
			break;
		}
		at += got;
	}
	return at;
}

size_t utf8_encode(uint32_t point, char bytes[UTF8_BYTES])
{
	static const unsigned char marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
	size_t length = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;

	assert(point <= 0x10ffff && (point < 0xd800 || point > 0xdfff));
	for (size_t i = length - 1; i > 0; i--) {
		bytes[i] = (char)(0x80 | (point & 0x3f));
		point >>= 6;
	}
	bytes[0] = (char)(marks[length] | point);
	return length;
}
