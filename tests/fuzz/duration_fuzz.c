/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Durations, sizes, numbers and rates against their grammar as regular expressions, and the C
 * library's numbers.
 */
#include <assert.h>
#include <regex.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int matches(regex_t *compiled, const char *pattern, const char *text)
{
	if (!compiled->re_nsub) {
		assert(!regcomp(compiled, pattern, REG_EXTENDED));
	}
	return !regexec(compiled, text, 0, NULL, 0);
}

static int is_too_large(const char *refusal)
{
	return refusal && !strcmp(refusal, "is too large");
}

static long double unit_ms(const char *unit)
{
	if (!strcmp(unit, "ms") || !*unit) {
		return 1;
	}
	return *unit == 's' ? 1000 : *unit == 'm' ? 60000 : 3600000;
}

static void check_duration(const char *text)
{
	static regex_t grammar;
	int64_t ms = -1;
	const char *refusal = text_parse_duration(text, &ms);
	int good = matches(&grammar, "^([0-9]+(\\.[0-9]+)?(ms|s|m|h)|0+|inf)$", text);
	char *unit, again[40];
	long double value, slack;
	int64_t ms_again;

	assert(good == (!refusal || is_too_large(refusal)));
	if (refusal || ms == CURFEW_NEVER) {
		assert(refusal ? ms == -1 : !strcmp(text, "inf"));
		return;
	}
	value = strtold(text, &unit);
	value *= unit_ms(unit);
	slack = 1 + value / 1e15L; /* theirs rounds */
	assert(ms >= 0 && (long double)ms >= value - slack && (long double)ms <= value + slack);
	snprintf(again, sizeof(again), "%lldms", (long long)ms);
	assert(!text_parse_duration(again, &ms_again) && ms_again == ms);
}

static void check_size(const char *text)
{
	static regex_t grammar;
	uint64_t bytes = 0;
	const char *refusal = text_parse_size(text, &bytes);
	int good = matches(&grammar, "^([0-9]+)[kKmMgG]?$", text);
	char *letter;
	uint64_t number;

	assert(good == (!refusal || is_too_large(refusal)));
	if (!refusal) {
		number = strtoull(text, &letter, 10);
		number <<= !*letter             ? 0
			: strchr("kK", *letter) ? 10
			: strchr("mM", *letter) ? 20
						: 30;
		assert(number == bytes);
	}
}

static void check_number(const char *text)
{
	static regex_t grammar;
	int64_t number = 0;
	const char *refusal = text_parse_number(text, -1000, 1000, &number);
	int good = matches(&grammar, "^-?([0-9]+)$", text);

	assert(good == (!refusal || !strncmp(refusal, "is too ", 7)));
	if (good) {
		long expected = strtol(text, NULL, 10); /* saturates */

		assert(refusal ? expected < -1000 || expected > 1000 : expected == number);
	}
}

static void check_rate(const char *text)
{
	static regex_t grammar;
	struct text_rate rate = {0};
	const char *refusal = text_parse_rate(text, &rate);
	int good = matches(&grammar, "^([0-9]+)/[smh]$", text);

	assert(good == (!refusal || is_too_large(refusal) || !strcmp(refusal, "is zero")));
	assert(refusal || (rate.count == strtoll(text, NULL, 10) && rate.per_ms >= 1000));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	assert(text);
	memcpy(text, data, size);
	text[size] = '\0';
	check_duration(text);
	check_size(text);
	check_number(text);
	check_rate(text);
	free(text);
	return 0;
}
