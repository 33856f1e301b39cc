/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Amounts of Ethereum's coin: numbers of 256 bits, big-endian as transactions have them. Sums and
 * products that would be larger stay at the largest one.
 */
#ifndef ETHEREUM_WEI_H
#define ETHEREUM_WEI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

#define WEI_BYTES 32

struct wei {
	uint8_t bytes[WEI_BYTES];
};

struct wei wei_of(uint64_t number);
struct wei wei_add(const struct wei *a, const struct wei *b);
struct wei wei_multiply(const struct wei *a, uint64_t b);

/* Less than, equal to, or greater than zero. */
int wei_compare(const struct wei *a, const struct wei *b);

/* Reads decimal digits, or 0x and hexadecimal ones. Returns false if it is none, or too large. */
bool wei_read(const char *text, size_t length, struct wei *wei);

/* The same of 64 bits. */
bool wei_read_64(const char *text, size_t length, uint64_t *number);

/* Appends its decimal digits. */
void wei_write(struct buffer *out, const struct wei *wei);

#endif
