/* SPDX-License-Identifier: Apache-2.0 */
#include "json/value.h"

#include <assert.h>

#include "json/escape.h"

bool json_string_equal(
	const char *text, const struct json_value *value, const char *bytes, size_t length)
{
	const char *first = text + value->start;

	return value->kind == JSON_STRING &&
		json_escaped_equal(first + 1, first + value->length - 1, bytes, length);
}

void json_string_decode(struct buffer *out, const char *text, const struct json_value *string)
{
	const char *at = text + string->start + 1;
	const char *end = at + string->length - 2;

	assert(string->kind == JSON_STRING);
	while (at < end) {
		struct json_run run;

		json_run_read(&run, &at, end);
		if (run.bytes) {
			buffer_append(out, run.bytes, run.length);
		} else {
			buffer_append_text(out, "\xef\xbf\xbd");
		}
	}
}

bool json_integer(const char *text, const struct json_value *value, int64_t *integer)
{
	const char *at = text + value->start;
	const char *end = at + value->length;
	bool negative;
	int64_t number = 0;

	if (value->kind != JSON_NUMBER) {
		return false;
	}
	negative = *at == '-';
	for (at += negative; at < end; at++) {
		int digit = *at - '0';

		if (digit < 0 || digit > 9 || __builtin_mul_overflow(number, 10, &number) ||
			__builtin_sub_overflow(number, digit, &number)) {
			return false;
		}
	}
	if (!negative && __builtin_sub_overflow(0, number, &number)) {
		return false;
	}
	*integer = number;
	return true;
}
