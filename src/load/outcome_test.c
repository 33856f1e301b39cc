/* SPDX-License-Identifier: Apache-2.0 */
#include "load/outcome.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void finds_each_by_its_word(void **state)
{
	(void)state;
	for (enum load_outcome outcome = 0; outcome < LOAD_OUTCOME_COUNT; outcome++) {
		const char *word = load_outcome_word(outcome);

		assert_int_equal(load_outcome_find(word, strlen(word)), outcome);
		assert_int_equal(load_outcome_find(word, strlen(word) - 1), LOAD_OUTCOME_COUNT);
		assert_true(*load_outcome_text(outcome));
	}
	assert_int_equal(load_outcome_find("reset_sent>0", 10), LOAD_RESET_SENT);
	assert_int_equal(load_outcome_find("okay", 4), LOAD_OUTCOME_COUNT);
	assert_int_equal(load_outcome_find("", 0), LOAD_OUTCOME_COUNT);
}

static void knows_which_are_answers(void **state)
{
	(void)state;
	assert_true(load_outcome_answered(LOAD_OK));
	assert_true(load_outcome_answered(LOAD_UNAVAILABLE));
	assert_true(load_outcome_answered(LOAD_RPC_ERROR));
	assert_false(load_outcome_answered(LOAD_REFUSED));
	assert_false(load_outcome_answered(LOAD_TRUNCATED));
	assert_false(load_outcome_answered(LOAD_TIMED_OUT));
}

/* Some of it may have left, and no whole answer came. */
static void knows_which_are_unsafe_to_repeat(void **state)
{
	static const enum load_outcome unsafe[] = {
		LOAD_RESET_SENT, LOAD_CLOSED, LOAD_TRUNCATED, LOAD_MALFORMED, LOAD_TIMED_OUT};
	int count = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(unsafe) / sizeof(unsafe[0]); i++) {
		assert_true(load_outcome_unsafe(unsafe[i]));
		assert_false(load_outcome_answered(unsafe[i]));
	}
	for (enum load_outcome outcome = 0; outcome < LOAD_OUTCOME_COUNT; outcome++) {
		count += load_outcome_unsafe(outcome);
	}
	assert_int_equal(count, 5);
}

static void classifies_statuses(void **state)
{
	static const struct {
		unsigned status;
		bool retry_after;
		enum load_outcome outcome;
	} cases[] = {
		{0, false, LOAD_MALFORMED},
		{99, false, LOAD_MALFORMED},
		{100, false, LOAD_OK},
		{101, false, LOAD_OK},
		{200, false, LOAD_OK},
		{200, true, LOAD_OK},
		{399, true, LOAD_OK},
		{400, false, LOAD_CLIENT_ERROR},
		{429, true, LOAD_CLIENT_ERROR},
		{499, false, LOAD_CLIENT_ERROR},
		{500, true, LOAD_SERVER_ERROR},
		{502, false, LOAD_SERVER_ERROR},
		{503, false, LOAD_SERVER_ERROR},
		{503, true, LOAD_UNAVAILABLE},
		{504, true, LOAD_SERVER_ERROR},
		{599, false, LOAD_SERVER_ERROR},
		{600, false, LOAD_MALFORMED},
		{999, true, LOAD_MALFORMED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(load_outcome_of_status(cases[i].status, cases[i].retry_after),
			cases[i].outcome);
	}
}

static void classifies_errors(void **state)
{
	static const struct {
		int error;
		enum load_outcome outcome;
	} cases[] = {
		{-ECONNREFUSED, LOAD_REFUSED},
		{-ETIMEDOUT, LOAD_CONNECT_TIMEOUT},
		{-ECONNRESET, LOAD_RESET_UNSENT},
		{-EKEYREJECTED, LOAD_TLS},
		{-EPROTO, LOAD_TLS},
		{-EMFILE, LOAD_LOCAL},
		{-ENOMEM, LOAD_LOCAL},
		{-EADDRNOTAVAIL, LOAD_LOCAL},
		{-EHOSTUNREACH, LOAD_UNREACHABLE},
		{-ENOENT, LOAD_UNREACHABLE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(load_outcome_of_error(cases[i].error), cases[i].outcome);
		assert_false(load_outcome_unsafe(cases[i].outcome));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_each_by_its_word),
		cmocka_unit_test(knows_which_are_answers),
		cmocka_unit_test(knows_which_are_unsafe_to_repeat),
		cmocka_unit_test(classifies_statuses),
		cmocka_unit_test(classifies_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
