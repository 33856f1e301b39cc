/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/handover.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop/signals.h"

static void reads_what_was_handed_over(void **state)
{
	struct handover handover;

	(void)state;
	assert_true(handover_parse("12:0000000000004002:/usr/bin/curfew", 12, &handover));
	assert_string_equal(handover.program, "/usr/bin/curfew");
	for (int signal = 1; signal <= 64; signal++) {
		if (signal != 32 && signal != 33) { /* which are glibc's own */
			assert_int_equal(sigismember(&handover.mask, signal),
				signal == SIGINT || signal == SIGTERM);
		}
	}
	assert_true(handover_parse("1:8000000000000000:", 1, &handover));
	assert_int_equal(sigismember(&handover.mask, SIGRTMAX), 1);
	assert_string_equal(handover.program, "");
	assert_true(handover_parse("1:0:a:b", 1, &handover));
	assert_string_equal(handover.program, "a:b");
}

static void refuses_what_is_not_ours_or_not_whole(void **state)
{
	static const char *const texts[] = {
		"", "1", "1:", "1:4002", "x:4002:/c", "2:4002:/c", "1:x:/c", "1::/c", "::", "1;4:"};
	struct handover handover;
	char text[PATH_MAX + 8];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_false(handover_parse(texts[i], 1, &handover));
	}
	memset(text, 'a', sizeof(text));
	memcpy(text, "1:0:", 4);
	text[4 + PATH_MAX] = '\0';
	assert_false(handover_parse(text, 1, &handover));
	text[3 + PATH_MAX] = '\0';
	assert_true(handover_parse(text, 1, &handover));
}

static void the_mask_of_a_stranger_is_not_taken(void **state)
{
	sigset_t mask;

	(void)state;
	signals_block();
	assert_int_equal(setenv("CURFEW_HANDOVER", "0:4002:/nonexistent", 1), 0);
	handover_take();
	assert_null(getenv("CURFEW_HANDOVER"));
	mask = signals_original_mask();
	assert_int_equal(sigismember(&mask, SIGTERM), 0);
	assert_string_not_equal(handover_keeper(), "/nonexistent");
}

static void our_own_is_taken(void **state)
{
	char text[64];
	sigset_t mask;

	(void)state;
	(void)snprintf(text, sizeof(text), "%d:4002:/nonexistent", (int)getpid());
	assert_int_equal(setenv("CURFEW_HANDOVER", text, 1), 0);
	handover_take();
	assert_null(getenv("CURFEW_HANDOVER"));
	mask = signals_original_mask();
	assert_int_equal(sigismember(&mask, SIGTERM), 1);
	assert_int_equal(sigismember(&mask, SIGHUP), 0);
	assert_string_equal(handover_keeper(), "/nonexistent");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_was_handed_over),
		cmocka_unit_test(refuses_what_is_not_ours_or_not_whole),
		cmocka_unit_test(the_mask_of_a_stranger_is_not_taken),
		cmocka_unit_test(our_own_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
