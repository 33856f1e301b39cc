/* SPDX-License-Identifier: Apache-2.0 */
#include "ethereum/wei.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define LARGEST "115792089237316195423570985008687907853269984665640564039457584007913129639935"

static struct wei read(const char *text)
{
	struct wei wei;

	assert_true(wei_read(text, strlen(text), &wei));
	return wei;
}

static void assert_is(struct wei wei, const char *decimal)
{
	struct buffer text = {0};

	wei_write(&text, &wei);
	assert_string_equal(buffer_text(&text), decimal);
	buffer_fini(&text);
}

static void reads_and_writes(void **state)
{
	static const struct {
		const char *text, *decimal;
	} cases[] = {
		{"0", "0"},
		{"0x0", "0"},
		{"0007", "7"},
		{"0xff", "255"},
		{"0xDE0B6B3A7640000", "1000000000000000000"},
		{"1000000000000000000000", "1000000000000000000000"},
		{LARGEST, LARGEST},
		{"0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", LARGEST},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_is(read(cases[i].text), cases[i].decimal);
	}
}

static void refuses(void **state)
{
	static const char *const cases[] = {"", "0x", "x", "-1", "1.5", "1 ", "0xg", "12a",
		"115792089237316195423570985008687907853269984665640564039457584007913129639936",
		"0x10000000000000000000000000000000000000000000000000000000000000000"};
	struct wei wei;
	uint64_t number;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_false(wei_read(cases[i], strlen(cases[i]), &wei));
	}
	assert_true(wei_read_64("18446744073709551615", 20, &number));
	assert_true(number == UINT64_MAX);
	assert_false(wei_read_64("18446744073709551616", 20, &number));
	assert_false(wei_read_64("", 0, &number));
}

static void calculates(void **state)
{
	struct wei a = read("1000000000000000000"), one = wei_of(1), most = read(LARGEST);

	(void)state;
	assert_is(wei_add(&a, &one), "1000000000000000001");
	assert_is(wei_multiply(&a, 21000), "21000000000000000000000");
	assert_is(wei_multiply(&a, UINT64_MAX), "18446744073709551615000000000000000000");
	assert_is(wei_multiply(&a, 0), "0");
	assert_is(wei_add(&most, &one), LARGEST);
	assert_is(wei_multiply(&most, 2), LARGEST);
	assert_is(wei_multiply(&most, UINT64_C(1) << 33), LARGEST);
	assert_true(wei_compare(&a, &one) > 0);
	assert_true(wei_compare(&one, &a) < 0);
	assert_true(wei_compare(&a, &a) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_and_writes),
		cmocka_unit_test(refuses),
		cmocka_unit_test(calculates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
