/* SPDX-License-Identifier: Apache-2.0 */
#include "json/number.h"

#include <errno.h>

#define EXPONENT_MOST ((int64_t)1 << 60) /* above any that digits of a text could make up for */

/* The digits without zeros around them, times a power of ten. Zero has none. */
struct decimal {
	bool negative;
	const char *first, *end; /* a point may stand among them */
	int64_t exponent;        /* of the last of them */
};

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static int64_t read_exponent(const char *at, const char *end)
{
	bool negative = at < end && *at == '-';
	int64_t exponent = 0;

	for (at += negative || (at < end && *at == '+'); at < end; at++) {
		if (exponent < EXPONENT_MOST / 10) {
			exponent = exponent * 10 + (*at - '0');
		}
	}
	return negative ? -exponent : exponent;
}

/* Leaves the zeros out, and the point where it is not among the digits any more. */
static void trim(struct decimal *decimal, const char *point)
{
	while (decimal->first < decimal->end &&
		(*decimal->first == '0' || *decimal->first == '.')) {
		decimal->first++;
	}
	for (; decimal->end > decimal->first; decimal->end--) {
		char last = decimal->end[-1];

		if (last == '0') {
			decimal->exponent++;
		} else if (last != '.') {
			break;
		}
	}
	if (decimal->first == decimal->end) {
		*decimal = (struct decimal){.first = point, .end = point};
	}
}

static struct decimal read_decimal(const char *text, const struct json_value *value)
{
	const char *at = text + value->start, *end = at + value->length, *point;
	struct decimal decimal = {.negative = *at == '-'};

	at += decimal.negative;
	decimal.first = at;
	while (at < end && is_digit(*at)) {
		at++;
	}
	point = at;
	if (at < end && *at == '.') {
		for (at++; at < end && is_digit(*at); at++) {
			decimal.exponent--;
		}
	}
	decimal.end = at;
	if (at < end) {
		decimal.exponent += read_exponent(at + 1, end);
	}
	trim(&decimal, point);
	return decimal;
}

/* Returns the next digit, -1 behind the last. */
static int next_digit(const struct decimal *decimal, const char **at)
{
	if (*at < decimal->end && **at == '.') {
		(*at)++;
	}
	return *at < decimal->end ? *(*at)++ - '0' : -1;
}

/* Makes it smaller than zero, where there is room for one more. */
static bool add_digit(int64_t *number, int digit)
{
	return !__builtin_mul_overflow(*number, 10, number) &&
		!__builtin_sub_overflow(*number, digit, number);
}

int json_whole(const char *text, const struct json_value *value, int64_t *integer)
{
	struct decimal decimal;
	int64_t number = 0;
	const char *at;
	int digit;

	if (value->kind != JSON_NUMBER) {
		return -EINVAL;
	}
	decimal = read_decimal(text, value);
	if (decimal.exponent < 0) {
		return -EINVAL;
	}
	at = decimal.first;
	while ((digit = next_digit(&decimal, &at)) >= 0) {
		if (!add_digit(&number, digit)) {
			return -ERANGE;
		}
	}
	for (int64_t i = 0; i < decimal.exponent; i++) {
		if (!add_digit(&number, 0)) {
			return -ERANGE;
		}
	}
	if (!decimal.negative && __builtin_sub_overflow(0, number, &number)) {
		return -ERANGE;
	}
	if (integer) {
		*integer = number;
	}
	return 0;
}

bool json_number_equal(const char *text, const struct json_value *value, const char *other_text,
	const struct json_value *other)
{
	struct decimal a, b;
	const char *at, *beside;
	int digit;

	if (value->kind != JSON_NUMBER || other->kind != JSON_NUMBER) {
		return false;
	}
	a = read_decimal(text, value);
	b = read_decimal(other_text, other);
	if (a.negative != b.negative || a.exponent != b.exponent) {
		return false;
	}
	at = a.first;
	beside = b.first;
	do {
		digit = next_digit(&a, &at);
		if (digit != next_digit(&b, &beside)) {
			return false;
		}
	} while (digit >= 0);
	return true;
}
