/* SPDX-License-Identifier: Apache-2.0 */
#include "load/figure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void counts_come_in_groups_of_three(void **state)
{
	(void)state;
	assert_string_equal(figure_count(0).text, "0");
	assert_string_equal(figure_count(999).text, "999");
	assert_string_equal(figure_count(1000).text, "1 000");
	assert_string_equal(figure_count(12345).text, "12 345");
	assert_string_equal(figure_count(UINT64_MAX).text, "18 446 744 073 709 551 615");
}

static void times_have_three_digits_and_the_unit_that_fits(void **state)
{
	(void)state;
	assert_string_equal(figure_time(0).text, "0");
	assert_string_equal(figure_time(999).text, "999 ns");
	assert_string_equal(figure_time(1000).text, "1.00 us");
	assert_string_equal(figure_micros(850).text, "850 us");
	assert_string_equal(figure_micros(999).text, "999 us");
	assert_string_equal(figure_time(999499).text, "999 us");
	assert_string_equal(figure_time(999500).text, "1.00 ms");
	assert_string_equal(figure_micros(1230).text, "1.23 ms");
	assert_string_equal(figure_micros(9996).text, "10.0 ms");
	assert_string_equal(figure_micros(99960).text, "100 ms");
	assert_string_equal(figure_micros(45600000).text, "45.6 s");
	assert_string_equal(figure_micros(59949000).text, "59.9 s");
	assert_string_equal(figure_micros(59960000).text, "1 min 00 s");
	assert_string_equal(figure_micros(125000000).text, "2 min 05 s");
	assert_string_equal(figure_micros(3599700000).text, "1 h 00 min");
	assert_string_equal(figure_micros(INT64_MAX).text, "2562047 h 47 min");
}

static void rates_and_bytes_and_shares(void **state)
{
	(void)state;
	assert_string_equal(figure_rate(0).text, "0.00/s");
	assert_string_equal(figure_rate(0.25).text, "0.25/s");
	assert_string_equal(figure_rate(999.7).text, "999.7/s");
	assert_string_equal(figure_rate(999.96).text, "1 000/s");
	assert_string_equal(figure_rate(12344.6).text, "12 345/s");
	assert_string_equal(figure_bytes(999).text, "999 B");
	assert_string_equal(figure_bytes(1234567).text, "1.23 MB");
	assert_string_equal(figure_bytes(UINT64_MAX).text, "18.4 EB");
	assert_string_equal(figure_share(0, 0).text, "-");
	assert_string_equal(figure_share(0, 5).text, "0 %");
	assert_string_equal(figure_share(5, 5).text, "100 %");
	assert_string_equal(figure_share(1, 100000).text, "<0.01 %");
	assert_string_equal(figure_share(99999, 100000).text, ">99.99 %");
	assert_string_equal(figure_share(1, 8).text, "12.5 %");
	assert_string_equal(figure_share(999, 1000).text, "99.90 %");
}

static void a_text_cannot_reach_the_terminal(void **state)
{
	struct buffer out = {0};

	(void)state;
	figure_append_text(&out, "a\x1b[31m\r\n\x7f \xc2\x9b \xc3\xa4 \xff");
	assert_string_equal(buffer_text(&out),
		"a\xef\xbf\xbd[31m\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd \xc3\xa4 "
		"\xef\xbf\xbd");
	buffer_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_come_in_groups_of_three),
		cmocka_unit_test(times_have_three_digits_and_the_unit_that_fits),
		cmocka_unit_test(rates_and_bytes_and_shares),
		cmocka_unit_test(a_text_cannot_reach_the_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
