/* SPDX-License-Identifier: Apache-2.0 */
#include "base/signal_name.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void reads_names_and_numbers(void **state)
{
	(void)state;
	assert_int_equal(signal_number("TERM"), SIGTERM);
	assert_int_equal(signal_number("SIGTERM"), SIGTERM);
	assert_int_equal(signal_number("sigterm"), SIGTERM);
	assert_int_equal(signal_number("15"), SIGTERM);
	assert_int_equal(signal_number("CLD"), SIGCHLD);
	assert_int_equal(signal_number("RTMIN"), SIGRTMIN);
	assert_int_equal(signal_number("RTMIN+0"), SIGRTMIN);
	assert_int_equal(signal_number("RTMIN+3"), SIGRTMIN + 3);
	assert_int_equal(signal_number("SIGRTMAX"), SIGRTMAX);
	assert_int_equal(signal_number("rtmax-1"), SIGRTMAX - 1);
	assert_int_equal(signal_number("RTMAX-30"), SIGRTMIN);
	assert_int_equal(signal_number("64"), SIGRTMAX);
}

static void refuses_what_is_no_signal(void **state)
{
	static const char *const names[] = {
		"",
		"0",
		"-1",
		"65",
		"32",
		"33",
		"TERMINATE",
		"SIG",
		"SIGSIGTERM",
		"RTMIN-1",
		"RTMAX+1",
		"RTMIN+31",
		"RTMIN+",
		"RTMINX",
		"RTMAX-31",
		"RTMIN+-1",
		"15 ",
		" TERM",
		"RTMIN++1",
		"RTMIN+0x1",
		"99999999999999999999",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (signal_number(names[i])) {
			fail_msg("'%s' was taken", names[i]);
		}
	}
}

static void writes_what_it_reads(void **state)
{
	char name[SIGNAL_NAME_BYTES];

	(void)state;
	assert_string_equal(signal_name(SIGTERM, name), "TERM");
	assert_string_equal(signal_name(SIGCHLD, name), "CHLD");
	assert_string_equal(signal_name(SIGABRT, name), "ABRT");
	assert_string_equal(signal_name(SIGRTMIN, name), "RTMIN");
	assert_string_equal(signal_name(SIGRTMIN + 3, name), "RTMIN+3");
	assert_string_equal(signal_name(SIGRTMAX - 1, name), "RTMAX-1");
	assert_string_equal(signal_name(SIGRTMAX, name), "RTMAX");
	assert_string_equal(signal_name(32, name), "32");
	assert_string_equal(signal_name(0, name), "0");
	assert_string_equal(signal_name(INT32_MIN, name), "-2147483648");
	for (int number = 1; number <= SIGRTMAX; number++) {
		if (number != 32 && number != 33) {
			assert_int_equal(signal_number(signal_name(number, name)), number);
			assert_false(name[0] >= '0' && name[0] <= '9');
		}
	}
}

/* The C library knows the names too: an oracle for the table. */
static void agrees_with_the_c_library(void **state)
{
	char name[SIGNAL_NAME_BYTES];

	(void)state;
	for (int number = 1; number < 32; number++) {
		const char *theirs = sigabbrev_np(number);

		assert_non_null(theirs);
		assert_int_equal(signal_number(theirs), number);
		signal_name(number, name);
		if (strcmp(theirs, "POLL") != 0) { /* the one of two names that they prefer */
			assert_string_equal(name, theirs);
		}
	}
}

static void lists_every_name(void **state)
{
	unsigned index = 0;

	(void)state;
	for (; signal_name_at(index); index++) {
		assert_true(strlen(signal_name_at(index)) < SIGNAL_NAME_BYTES);
		assert_true(signal_number(signal_name_at(index)) > 0);
	}
	assert_true(index > 30);
	assert_null(signal_name_at(index + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_names_and_numbers),
		cmocka_unit_test(refuses_what_is_no_signal),
		cmocka_unit_test(writes_what_it_reads),
		cmocka_unit_test(agrees_with_the_c_library),
		cmocka_unit_test(lists_every_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
