/* SPDX-License-Identifier: Apache-2.0 */
#include "ethereum/wei.h"

#include <string.h>

#define DIGITS_MOST 78 /* of 2^256 - 1 */

static const struct wei largest = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

struct wei wei_of(uint64_t number)
{
	struct wei wei = {{0}};

	for (size_t i = WEI_BYTES; i > WEI_BYTES - 8; i--) {
		wei.bytes[i - 1] = (uint8_t)number;
		number >>= 8;
	}
	return wei;
}

struct wei wei_add(const struct wei *a, const struct wei *b)
{
	struct wei sum;
	unsigned carry = 0;

	for (size_t i = WEI_BYTES; i > 0; i--) {
		carry += (unsigned)a->bytes[i - 1] + b->bytes[i - 1];
		sum.bytes[i - 1] = (uint8_t)carry;
		carry >>= 8;
	}
	return carry ? largest : sum;
}

/* By each half of the factor, so that a byte's product and what is carried fit into 64 bits. */
static bool multiply_half(struct wei *wei, uint32_t factor)
{
	uint64_t carry = 0;

	for (size_t i = WEI_BYTES; i > 0; i--) {
		carry += (uint64_t)wei->bytes[i - 1] * factor;
		wei->bytes[i - 1] = (uint8_t)carry;
		carry >>= 8;
	}
	return !carry;
}

struct wei wei_multiply(const struct wei *a, uint64_t b)
{
	struct wei low = *a, high = *a;
	bool fits = multiply_half(&low, (uint32_t)b);

	if (b >> 32) {
		fits = fits && multiply_half(&high, (uint32_t)(b >> 32)) &&
			multiply_half(&high, UINT32_C(1) << 31) && multiply_half(&high, 2);
		low = wei_add(&low, &high);
	}
	return fits ? low : largest;
}

int wei_compare(const struct wei *a, const struct wei *b)
{
	return memcmp(a->bytes, b->bytes, WEI_BYTES);
}

static int digit_of(char c)
{
	return c >= '0' && c <= '9'    ? c - '0'
		: c >= 'a' && c <= 'f' ? c - 'a' + 10
		: c >= 'A' && c <= 'F' ? c - 'A' + 10
				       : 16;
}

static bool add_digit(struct wei *wei, unsigned digit)
{
	unsigned carry = digit;

	for (size_t i = WEI_BYTES; i > 0; i--) {
		carry += wei->bytes[i - 1];
		wei->bytes[i - 1] = (uint8_t)carry;
		carry >>= 8;
	}
	return !carry;
}

bool wei_read(const char *text, size_t length, struct wei *wei)
{
	bool is_hex = length > 2 && text[0] == '0' && text[1] == 'x';
	int base = is_hex ? 16 : 10;
	struct wei sum = {{0}};

	for (size_t i = is_hex ? 2 : 0; i < length; i++) {
		int digit = digit_of(text[i]);

		if (digit >= base || !multiply_half(&sum, (uint32_t)base) ||
			!add_digit(&sum, (unsigned)digit)) {
			return false;
		}
	}
	*wei = sum;
	return length > 0;
}

bool wei_read_64(const char *text, size_t length, uint64_t *number)
{
	struct wei wei;
	uint64_t sum = 0;

	if (!wei_read(text, length, &wei)) {
		return false;
	}
	for (size_t i = 0; i < WEI_BYTES; i++) {
		if (i < WEI_BYTES - 8 && wei.bytes[i]) {
			return false;
		}
		sum = sum << 8 | wei.bytes[i];
	}
	*number = sum;
	return true;
}

static unsigned divide_by_ten(struct wei *wei)
{
	unsigned rest = 0;

	for (size_t i = 0; i < WEI_BYTES; i++) {
		rest = rest << 8 | wei->bytes[i];
		wei->bytes[i] = (uint8_t)(rest / 10);
		rest %= 10;
	}
	return rest;
}

void wei_write(struct buffer *out, const struct wei *wei)
{
	static const struct wei none = {{0}};
	struct wei left = *wei;
	char digits[DIGITS_MOST];
	size_t at = DIGITS_MOST;

	do {
		digits[--at] = (char)('0' + divide_by_ten(&left));
	} while (wei_compare(&left, &none) > 0);
	buffer_append(out, digits + at, DIGITS_MOST - at);
}
