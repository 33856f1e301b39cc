/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A refusal of NULL: the text is taken, and value is what comes out. */
struct sample {
	const char *text;
	const char *refusal;
	uint64_t value;
};

static void assert_refusal(const char *text, const char *got, const char *expected)
{
	if (!got || !expected) {
		if (got != expected) {
			fail_msg("'%s': %s, expected %s", text, got ? got : "taken",
				expected ? expected : "taken");
		}
		return;
	}
	if (strcmp(got, expected) != 0) {
		fail_msg("'%s': %s, expected %s", text, got, expected);
	}
}

static void reads_durations(void **state)
{
	static const struct sample samples[] = {
		{"0", NULL, 0},
		{"000", NULL, 0},
		{"0ms", NULL, 0},
		{"0.0s", NULL, 0},
		{"500ms", NULL, 500},
		{"10s", NULL, 10000},
		{"1.5s", NULL, 1500},
		{"2m", NULL, 120000},
		{"1h", NULL, 3600000},
		{"0.25h", NULL, 900000},
		{"0.1ms", NULL, 1},
		{"1.001s", NULL, 1001},
		{"1.0011s", NULL, 1002},
		{"1.0000000000000000000000001s", NULL, 1001},
		{"0.99999999999999999999999999s", NULL, 1000},
		{"1.10000000000000000000000000s", NULL, 1100},
		{"0.000000277777777777777h", NULL, 1},
		{"0.0000002777777778h", NULL, 2},
		{"inf", NULL, (uint64_t)CURFEW_NEVER},
		{"9223372036854775806ms", NULL, INT64_MAX - 1},
		{"9223372036854775805.5ms", NULL, INT64_MAX - 1},
		{"9223372036854775807ms", "is too large", 0}, /* would read as inf */
		{"9223372036854775806.5ms", "is too large", 0},
		{"9223372036854775806s", "is too large", 0},
		{"2562047788016h", "is too large", 0},
		{"99999999999999999999999ms", "is too large", 0},
		{"", "is empty", 0},
		{"-1s", "is negative", 0},
		{"-0", "is negative", 0},
		{"10", "has no unit", 0},
		{"1.5", "has no unit", 0},
		{"0.0", "has no unit", 0},
		{"99999999999999999999999", "has no unit", 0},
		{"10x", "is malformed", 0},
		{"10s ", "is malformed", 0},
		{" 10s", "is malformed", 0},
		{"10 s", "is malformed", 0},
		{"10S", "is malformed", 0},
		{"10ss", "is malformed", 0},
		{"1.s", "is malformed", 0},
		{".5s", "is malformed", 0},
		{"1.5.5s", "is malformed", 0},
		{"1m30s", "is malformed", 0},
		{"+1s", "is malformed", 0},
		{"-", "is malformed", 0},
		{"-inf", "is malformed", 0},
		{"infinity", "is malformed", 0},
		{"s", "is malformed", 0},
		{"0x10s", "is malformed", 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(samples); i++) {
		int64_t ms = -1;

		assert_refusal(samples[i].text, text_parse_duration(samples[i].text, &ms),
			samples[i].refusal);
		assert_int_equal(ms, samples[i].refusal ? -1 : (int64_t)samples[i].value);
	}
}

static void reads_sizes(void **state)
{
	static const struct sample samples[] = {
		{"0", NULL, 0},
		{"4096", NULL, 4096},
		{"64k", NULL, 65536},
		{"64K", NULL, 65536},
		{"8M", NULL, 8388608},
		{"8m", NULL, 8388608},
		{"1G", NULL, 1073741824},
		{"18446744073709551615", NULL, UINT64_MAX},
		{"17179869183G", NULL, UINT64_C(17179869183) << 30},
		{"17179869184G", "is too large", 0},
		{"18446744073709551616", "is too large", 0},
		{"", "is empty", 0},
		{"-1", "is negative", 0},
		{"1T", "is malformed", 0},
		{"1kB", "is malformed", 0},
		{"1.5M", "is malformed", 0},
		{"k", "is malformed", 0},
		{"1 k", "is malformed", 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(samples); i++) {
		uint64_t bytes = 1;

		assert_refusal(samples[i].text, text_parse_size(samples[i].text, &bytes),
			samples[i].refusal);
		assert_true(bytes == (samples[i].refusal ? 1 : samples[i].value));
	}
}

static void reads_numbers_within_bounds(void **state)
{
	static const struct {
		const char *text;
		int64_t least, most;
		const char *refusal;
		int64_t value;
	} samples[] = {
		{"0", 0, 255, NULL, 0},
		{"255", 0, 255, NULL, 255},
		{"-5", -5, 5, NULL, -5},
		{"-0", 0, 5, NULL, 0},
		{"9223372036854775807", 0, INT64_MAX, NULL, INT64_MAX},
		{"256", 0, 255, "is too large", 0},
		{"2", 3, 255, "is too small", 0},
		{"-6", -5, 5, "is too small", 0},
		{"-1", 0, 5, "is negative", 0},
		{"9223372036854775808", 0, INT64_MAX, "is too large", 0},
		{"-99999999999999999999", -5, 5, "is too small", 0},
		{"", 0, 5, "is empty", 0},
		{"1a", 0, 5, "is malformed", 0},
		{"a", 0, 5, "is malformed", 0},
		{"-", -5, 5, "is malformed", 0},
		{"--1", -5, 5, "is malformed", 0},
		{"+1", -5, 5, "is malformed", 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(samples); i++) {
		int64_t number = -77;
		const char *refusal = text_parse_number(
			samples[i].text, samples[i].least, samples[i].most, &number);

		assert_refusal(samples[i].text, refusal, samples[i].refusal);
		if (!refusal) {
			assert_int_equal(number, samples[i].value);
		}
	}
}

static void reads_rates(void **state)
{
	static const struct {
		const char *text, *refusal;
		struct text_rate rate;
	} samples[] = {
		{"10/s", NULL, {10, 1000}},
		{"10/m", NULL, {10, 60000}},
		{"1/h", NULL, {1, 3600000}},
		{"0/s", "is zero", {0, 0}},
		{"10", "has no unit", {0, 0}},
		{"", "is empty", {0, 0}},
		{"-1/s", "is negative", {0, 0}},
		{"10/ms", "is malformed", {0, 0}},
		{"10/", "is malformed", {0, 0}},
		{"10s", "is malformed", {0, 0}},
		{"/s", "is malformed", {0, 0}},
		{"10/s/s", "is malformed", {0, 0}},
		{"9223372036854775808/s", "is too large", {0, 0}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(samples); i++) {
		struct text_rate rate = {0};

		assert_refusal(samples[i].text, text_parse_rate(samples[i].text, &rate),
			samples[i].refusal);
		assert_int_equal(rate.count, samples[i].rate.count);
		assert_int_equal(rate.per_ms, samples[i].rate.per_ms);
	}
}

static void counts_edits(void **state)
{
	char longer[66] = {0};

	(void)state;
	memset(longer, 'x', 65);
	assert_int_equal(text_distance("", ""), 0);
	assert_int_equal(text_distance("", "abc"), 3);
	assert_int_equal(text_distance("abc", ""), 3);
	assert_int_equal(text_distance("run", "run"), 0);
	assert_int_equal(text_distance("rnu", "run"), 1);
	assert_int_equal(text_distance("urn", "run"), 1);
	assert_int_equal(text_distance("ru", "run"), 1);
	assert_int_equal(text_distance("runn", "run"), 1);
	assert_int_equal(text_distance("ran", "run"), 1);
	assert_int_equal(text_distance("kitten", "sitting"), 3);
	assert_int_equal(text_distance("abcd", "badc"), 2);
	assert_true(text_distance(longer, "x") == SIZE_MAX);
	assert_true(text_distance("x", longer) == SIZE_MAX);
	longer[64] = '\0';
	assert_int_equal(text_distance(longer, longer), 0);
}

static const char *nearest(const char *word)
{
	static const char *const words[] = {"run", "help", "completion", "version", "grace"};
	struct text_nearest search = {.word = word};

	for (size_t i = 0; i < COUNT(words); i++) {
		text_nearest_offer(&search, words[i]);
	}
	return search.best;
}

static void finds_the_word_that_was_meant(void **state)
{
	(void)state;
	assert_string_equal(nearest("rnu"), "run");
	assert_string_equal(nearest("hlep"), "help");
	assert_string_equal(nearest("compltoin"), "completion");
	assert_string_equal(nearest("grcae"), "grace");
	assert_null(nearest("ab"));
	assert_null(nearest(""));
	assert_null(nearest("frobnicate"));
	assert_null(nearest("vxrxixn"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_durations),
		cmocka_unit_test(reads_sizes),
		cmocka_unit_test(reads_numbers_within_bounds),
		cmocka_unit_test(reads_rates),
		cmocka_unit_test(counts_edits),
		cmocka_unit_test(finds_the_word_that_was_meant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
