/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/utf8.h"

#include <string.h>

#define TOP_BITS UINT64_C(0x8080808080808080)
#define BLOCK (4 * sizeof(uint64_t))

/* Returns how many bytes from the first on are ASCII. */
static size_t skip_ascii(const uint8_t *bytes, size_t length)
{
	size_t at = 0;
	uint64_t words[4];

	while (length - at >= BLOCK) {
		memcpy(words, bytes + at, BLOCK);
		if ((words[0] | words[1] | words[2] | words[3]) & TOP_BITS) {
			break;
		}
		at += BLOCK;
	}
	while (length - at >= sizeof(words[0])) {
		memcpy(words, bytes + at, sizeof(words[0]));
		if (words[0] & TOP_BITS) {
			break;
		}
		at += sizeof(words[0]);
	}
	while (at < length && bytes[at] < 0x80) {
		at++;
	}
	return at;
}

static bool begin(struct ws_utf8 *utf8, uint8_t lead)
{
	utf8->low = 0x80;
	utf8->high = 0xbf;
	if (lead >= 0xc2 && lead <= 0xdf) {
		utf8->left = 1;
	} else if (lead >= 0xe0 && lead <= 0xef) {
		utf8->left = 2;
		utf8->low = lead == 0xe0 ? 0xa0 : 0x80;  /* the shortest form */
		utf8->high = lead == 0xed ? 0x9f : 0xbf; /* no surrogates */
	} else if (lead >= 0xf0 && lead <= 0xf4) {
		utf8->left = 3;
		utf8->low = lead == 0xf0 ? 0x90 : 0x80;
		utf8->high = lead == 0xf4 ? 0x8f : 0xbf; /* nothing above U+10FFFF */
	} else {
		return false;
	}
	return true;
}

static bool go_on(struct ws_utf8 *utf8, uint8_t byte)
{
	if (byte < utf8->low || byte > utf8->high) {
		return false;
	}
	utf8->left--;
	utf8->low = 0x80;
	utf8->high = 0xbf;
	return true;
}

static bool goes_on(uint8_t byte)
{
	return (byte & 0xc0) == 0x80;
}

/*
 * Returns the length of the sequence of two or three bytes that lies here whole, 0 if it has to be
 * looked at byte by byte: a longer one, a cut one, a wrong one.
 */
static size_t common_sequence(const uint8_t *bytes, size_t length)
{
	unsigned point;

	if (length >= 3 && (bytes[0] & 0xf0) == 0xe0) {
		point = (bytes[0] & 0x0fU) << 6 |
			(bytes[1] & 0x3fU); /* without its last six bits */
		return goes_on(bytes[1]) && goes_on(bytes[2]) && point >= 0x20 &&
				(point < 0x360 || point > 0x37f)
			? 3
			: 0;
	}
	if (length >= 2 && bytes[0] >= 0xc2 && bytes[0] <= 0xdf && goes_on(bytes[1])) {
		return 2;
	}
	return 0;
}

static size_t skip_common(const uint8_t *bytes, size_t length)
{
	size_t at = 0, size;

	while ((size = common_sequence(bytes + at, length - at))) {
		at += size;
	}
	return at;
}

bool ws_utf8_feed(struct ws_utf8 *utf8, const uint8_t *bytes, size_t length)
{
	struct ws_utf8 now = *utf8;
	size_t at = 0, skipped;

	while (at < length) {
		if (now.left) {
			if (!go_on(&now, bytes[at++])) {
				return false;
			}
		} else if (bytes[at] < 0x80) {
			at += skip_ascii(bytes + at, length - at);
		} else if ((skipped = skip_common(bytes + at, length - at))) {
			at += skipped;
		} else if (!begin(&now, bytes[at++])) {
			return false;
		}
	}
	*utf8 = now;
	return true;
}
