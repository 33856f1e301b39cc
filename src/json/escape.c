/* SPDX-License-Identifier: Apache-2.0 */
#include "json/escape.h"

#include <string.h>

#define NO_POINT UINT32_MAX

static uint32_t hex_value(char digit)
{
	return digit <= '9' ? (uint32_t)(digit - '0') : (uint32_t)((digit | 0x20) - 'a' + 10);
}

/* The four digits of an \u escape. */
static uint32_t hex_quad(const char *digits)
{
	uint32_t value = 0;

	for (int i = 0; i < 4; i++) {
		value = value << 4 | hex_value(digits[i]);
	}
	return value;
}

static bool is_surrogate(uint32_t unit, uint32_t first)
{
	return (unit & 0xfc00) == first;
}

/* Reads \uXXXX, two of them where they are a pair. */
static uint32_t read_unicode(const char **at, const char *end)
{
	uint32_t high = hex_quad(*at + 2);
	uint32_t low;

	*at += 6;
	if (!is_surrogate(high, 0xd800) && !is_surrogate(high, 0xdc00)) {
		return high;
	}
	if (!is_surrogate(high, 0xd800) || end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u') {
		return NO_POINT;
	}
	low = hex_quad(*at + 2);
	if (!is_surrogate(low, 0xdc00)) {
		return NO_POINT;
	}
	*at += 6;
	return 0x10000 + ((high & 0x3ff) << 10 | (low & 0x3ff));
}

static uint32_t read_escape(const char **at, const char *end)
{
	static const char letters[] = "bfnrt", means[] = "\b\f\n\r\t";
	const char *letter;
	char byte = (*at)[1];

	if (byte == 'u') {
		return read_unicode(at, end);
	}
	*at += 2;
	letter = strchr(letters, byte);
	return (uint32_t)(letter ? means[letter - letters] : byte);
}

void json_run_read(struct json_run *run, const char **at, const char *end)
{
	uint32_t point;

	run->bytes = *at;
	if (**at != '\\') {
		const char *next = memchr(*at, '\\', (size_t)(end - *at));

		*at = next ? next : end;
		run->length = (size_t)(*at - run->bytes);
		return;
	}
	point = read_escape(at, end);
	run->bytes = point == NO_POINT ? NULL : run->decoded;
	run->length = point == NO_POINT ? 0 : utf8_encode(point, run->decoded);
}

bool json_escaped_equal(const char *at, const char *end, const char *bytes, size_t length)
{
	while (at < end) {
		struct json_run run;

		json_run_read(&run, &at, end);
		if (!run.bytes || run.length > length ||
			memcmp(run.bytes, bytes, run.length) != 0) {
			return false;
		}
		bytes += run.length;
		length -= run.length;
	}
	return !length;
}
