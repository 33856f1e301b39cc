/* SPDX-License-Identifier: Apache-2.0 */
#include "core/outcome.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/phase.h"

static const struct row {
	const char *what;
	struct outcome outcome;
	int code;
} rows[] = {
	{"a signal", {.reason = CURFEW_SIGNAL}, 0},
	{"its own duration", {.reason = CURFEW_DURATION}, 0},
	{"its work is done", {.reason = CURFEW_COMPLETED}, 0},
	{"a failure", {.reason = CURFEW_FAILURE}, 1},
	{"a deadline of the root is a failure", {.reason = CURFEW_DEADLINE}, 1},
	{"forced, which by default tells nothing", {.reason = CURFEW_SIGNAL, .forced = true}, 0},
	{"forced, which was asked for", {.reason = CURFEW_SIGNAL, .forced = true, .forced_exit = 5},
		5},
	{"clean, where forced has a code", {.reason = CURFEW_SIGNAL, .forced_exit = 5}, 0},
	{"a failure that was forced too",
		{.reason = CURFEW_FAILURE, .forced = true, .forced_exit = 5}, 1},
	{"insisted by a signal",
		{.reason = CURFEW_SIGNAL, .insisted = true, .insist_signal = SIGINT}, 130},
	{"insisted by the program", {.reason = CURFEW_SIGNAL, .insisted = true}, 143},
	{"insisted, with a child that ended well",
		{.reason = CURFEW_SIGNAL,
			.insisted = true,
			.insist_signal = SIGTERM,
			.child = {.ended = true}},
		143},
	{"a child's own code", {.reason = CURFEW_COMPLETED, .child = {.ended = true, .code = 3}},
		3},
	{"a child that ended well", {.reason = CURFEW_COMPLETED, .child = {.ended = true}}, 0},
	{"a child that ended well, its tree cut",
		{.reason = CURFEW_COMPLETED,
			.forced = true,
			.forced_exit = 5,
			.child = {.ended = true}},
		5},
	{"a child's own code, its tree cut",
		{.reason = CURFEW_COMPLETED,
			.forced = true,
			.forced_exit = 5,
			.child = {.ended = true, .code = 3}},
		3},
	{"a child that died of a signal of another",
		{.reason = CURFEW_COMPLETED, .child = {.ended = true, .signal = SIGSEGV}}, 139},
	{"a child that died of our stop signal",
		{.reason = CURFEW_SIGNAL,
			.child = {.ended = true, .by_us = true, .signal = SIGTERM}},
		0},
	{"a child that exited with 128 + our stop signal",
		{.reason = CURFEW_SIGNAL, .child = {.ended = true, .by_us = true, .code = 143}}, 0},
	{"the same, to be kept",
		{.reason = CURFEW_SIGNAL,
			.child = {.ended = true,
				.by_us = true,
				.keep_signal = true,
				.signal = SIGTERM}},
		143},
	{"143 that is not ours",
		{.reason = CURFEW_COMPLETED, .child = {.ended = true, .code = 143}}, 143},
	{"137 that is not ours",
		{.reason = CURFEW_COMPLETED, .child = {.ended = true, .code = 137}}, 137},
	{"a child that had to be killed",
		{.reason = CURFEW_SIGNAL,
			.forced = true,
			.child = {.ended = true, .killed = true, .by_us = true, .signal = SIGKILL}},
		137},
	{"a failure, with a child that ended well",
		{.reason = CURFEW_FAILURE, .child = {.ended = true}}, 1},
};

static void every_row_has_its_code(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int code = outcome_exit_code(&rows[i].outcome);

		if (code != rows[i].code) {
			fail_msg("%s: %d, not %d", rows[i].what, code, rows[i].code);
		}
	}
}

static void phases_go_forward_only(void **state)
{
	(void)state;
	for (int from = 0; from < (int)PHASES; from++) {
		for (int to = 0; to <= from; to++) {
			assert_false(
				phase_may_follow((enum curfew_phase)from, (enum curfew_phase)to));
		}
	}
	assert_true(phase_may_follow(CURFEW_STARTING, CURFEW_DRAINING));
	assert_false(phase_may_follow(CURFEW_RUNNING, CURFEW_FORCING));
	assert_false(phase_may_follow(CURFEW_DRAINING, CURFEW_DONE));
}

static void names_are_words(void **state)
{
	(void)state;
	assert_string_equal(curfew_phase_name(CURFEW_ANNOUNCING), "announcing");
	assert_string_equal(curfew_phase_name(CURFEW_DONE), "done");
	assert_string_equal(curfew_reason_name(CURFEW_CLIENT_GONE), "client-gone");
	assert_string_equal(count_name(CURFEW_CHILDREN_KILL), "children_kill");
	assert_string_equal(count_name(CURFEW_BYTES_UNDELIVERED), "bytes_undelivered");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_has_its_code),
		cmocka_unit_test(phases_go_forward_only),
		cmocka_unit_test(names_are_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
