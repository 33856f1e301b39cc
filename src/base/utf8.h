/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8 (RFC 3629): the shortest form only, no surrogates, nothing above U+10FFFF.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_BYTES 4 /* of the longest sequence */

/*
 * Returns the length of the sequence at a byte above 0x7f and sets *whole; of one that is not
 * whole, the length of the part that could begin one (Unicode 15, 3.9, "maximal subpart"), at
 * least 1.
 */
size_t utf8_sequence(const char *bytes, size_t length, bool *whole);

/* Whether more bytes behind these, which are not a whole sequence, could make one. */
bool utf8_begins(const char *bytes, size_t length);

/* Returns how many bytes from the first on are whole sequences of bytes above 0x7f. */
size_t utf8_run(const char *bytes, size_t length);

/* Writes a code point that is no surrogate, and returns its length. */
size_t utf8_encode(uint32_t point, char bytes[UTF8_BYTES]);

#endif
