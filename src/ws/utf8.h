/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8 (RFC 3629; RFC 6455, 8.1) in pieces that may end anywhere: the shortest form only, no
 * surrogates, nothing above U+10FFFF. A fault is found at the first byte that no whole text could
 * have there. A zeroed struct stands at the beginning of a text.
 */
#ifndef WS_UTF8_H
#define WS_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ws_utf8 {
	uint8_t left;      /* bytes that the sequence begun still needs */
	uint8_t low, high; /* bounds of the next of them, where left is not 0 */
};

/* Returns whether the text may still be UTF-8. After a false the struct is spent. */
bool ws_utf8_feed(struct ws_utf8 *utf8, const uint8_t *bytes, size_t length);

/* Returns whether the text may end here: no sequence is half done. */
static inline bool ws_utf8_whole(const struct ws_utf8 *utf8)
{
	return !utf8->left;
}

#endif
