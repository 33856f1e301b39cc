/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <stdbool.h>
#include <string.h>

#define LONGEST_WORD 64

const char text_malformed[] = "is malformed";

static const char empty[] = "is empty";
static const char negative[] = "is negative";
static const char too_large[] = "is too large";
static const char too_small[] = "is too small";
static const char no_unit[] = "has no unit";
static const char zero[] = "is zero";

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Returns why a text is no beginning of a positive number, NULL if it is one. */
static const char *refuse_start(const char *text)
{
	if (!*text) {
		return empty;
	}
	if (*text == '-' && is_digit(text[1])) {
		return negative;
	}
	return is_digit(*text) ? NULL : text_malformed;
}

/* Reads digits and moves behind them. Returns false if the number is too large. */
static bool read_digits(const char **text, uint64_t *number)
{
	bool fits = true;

	*number = 0;
	for (; is_digit(**text); (*text)++) {
		fits = fits && !__builtin_mul_overflow(*number, 10U, number) &&
			!__builtin_add_overflow(*number, (uint64_t)(**text - '0'), number);
	}
	return fits;
}

static int64_t unit_ms(const char *unit)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (!strcmp(unit, units[i].name)) {
			return units[i].ms;
		}
	}
	return 0;
}

/*
 * Returns the milliseconds of 0.DIGITS units, rounded up: multiplied by hand, so exact for any
 * number of digits.
 */
static int64_t fraction_ms(const char *digits, size_t count, int64_t unit)
{
	int64_t carry = 0;
	bool rest = false;

	for (size_t i = count; i > 0; i--) {
		carry += (digits[i - 1] - '0') * unit;
		rest = rest || carry % 10;
		carry /= 10;
	}
	return carry + rest;
}

const char *text_parse_duration(const char *text, int64_t *ms)
{
	const char *refusal = refuse_start(text);
	const char *fraction, *unit_name;
	uint64_t whole;
	bool fits;
	int64_t unit, sum;

	if (!strcmp(text, "inf")) {
		*ms = CURFEW_NEVER;
		return NULL;
	}
	if (refusal) {
		return refusal;
	}
	fits = read_digits(&text, &whole);
	fraction = *text == '.' && is_digit(text[1]) ? text + 1 : text;
	unit_name = fraction;
	while (fraction > text && is_digit(*unit_name)) {
		unit_name++;
	}
	unit = unit_ms(unit_name);
	if (!unit) {
		if (*unit_name) {
			return text_malformed;
		}
		if (unit_name > fraction || !fits || whole) {
			return no_unit;
		}
		unit = 1;
	}
	sum = fraction_ms(fraction, (size_t)(unit_name - fraction), unit);
	if (!fits || whole > (uint64_t)((CURFEW_NEVER - 1 - sum) / unit)) {
		return too_large;
	}
	*ms = (int64_t)whole * unit + sum;
	return NULL;
}

const char *text_parse_size(const char *text, uint64_t *bytes)
{
	static const char letters[] = "kKmMgG";
	const char *refusal = refuse_start(text);
	const char *letter;
	unsigned shift = 0;
	uint64_t number;
	bool fits;

	if (refusal) {
		return refusal;
	}
	fits = read_digits(&text, &number);
	if (*text) {
		letter = strchr(letters, *text);
		if (!letter || text[1]) {
			return text_malformed;
		}
		shift = (unsigned)((letter - letters) / 2 + 1) * 10;
	}
	if (!fits || number > UINT64_MAX >> shift) {
		return too_large;
	}
	*bytes = number << shift;
	return NULL;
}

const char *text_parse_number(const char *text, int64_t least, int64_t most, int64_t *number)
{
	bool minus = *text == '-';
	uint64_t value;
	bool fits;

	if (!*text) {
		return empty;
	}
	text += minus;
	if (!is_digit(*text)) {
		return text_malformed;
	}
	fits = read_digits(&text, &value) && value <= INT64_MAX;
	if (*text) {
		return text_malformed;
	}
	if (minus && value && least >= 0) {
		return negative;
	}
	if (!fits) {
		return minus ? too_small : too_large;
	}
	*number = minus ? -(int64_t)value : (int64_t)value;
	if (*number < least) {
		return too_small;
	}
	return *number > most ? too_large : NULL;
}

const char *text_parse_rate(const char *text, struct text_rate *rate)
{
	const char *refusal = refuse_start(text);
	uint64_t count;
	bool fits;
	int64_t unit;

	if (refusal) {
		return refusal;
	}
	fits = read_digits(&text, &count);
	if (!*text) {
		return no_unit;
	}
	unit = *text == '/' ? unit_ms(text + 1) : 0;
	if (unit < 1000) {
		return text_malformed;
	}
	if (!fits || count > INT64_MAX) {
		return too_large;
	}
	if (!count) {
		return zero;
	}
	*rate = (struct text_rate){.count = (int64_t)count, .per_ms = unit};
	return NULL;
}

static size_t lesser(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t text_distance(const char *a, const char *b)
{
	/* Three rows of the usual table: the one before the last is for swaps. */
	size_t rows[3][LONGEST_WORD + 1];
	size_t *before = rows[0], *last = rows[1], *row = rows[2];
	size_t height = strlen(a), width = strlen(b);

	if (height > LONGEST_WORD || width > LONGEST_WORD) {
		return SIZE_MAX;
	}
	for (size_t j = 0; j <= width; j++) {
		last[j] = j;
	}
	for (size_t i = 1; i <= height; i++) {
		size_t *spare = before;

		row[0] = i;
		for (size_t j = 1; j <= width; j++) {
			row[j] = lesser(last[j] + 1, row[j - 1] + 1);
			row[j] = lesser(row[j], last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
				row[j] = lesser(row[j], before[j - 2] + 1);
			}
		}
		before = last;
		last = row;
		row = spare;
	}
	return last[width];
}

void text_nearest_offer(struct text_nearest *nearest, const char *candidate)
{
	size_t distance = text_distance(nearest->word, candidate);
	/* A third of the letters may be wrong; one is always allowed, but not all of them. */
	size_t bound = strlen(candidate) / 3;

	if (distance > (bound ? bound : 1) || distance >= strlen(candidate)) {
		return;
	}
	if (!nearest->best || distance < nearest->distance) {
		nearest->best = candidate;
		nearest->distance = distance;
	}
}
