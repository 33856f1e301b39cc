/* SPDX-License-Identifier: Apache-2.0 */
#include "load/result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS INT64_C(1000000)
#define S (1000 * MS)

static void init(struct result *result)
{
	assert_int_equal(result_init(result, 1), 0);
}

static void add(struct result *result, int count, int64_t late_ns)
{
	for (int i = 0; i < count; i++) {
		tally_admit(&result->tally, 0, late_ns);
	}
}

static void end(struct result *result, enum load_outcome outcome)
{
	tally_end(&result->tally, &(struct tally_end){.outcome = outcome, .ended_ns = MS});
}

static void tells_rates(void **state)
{
	struct result result;

	(void)state;
	init(&result);
	assert_true(result_rate(&result) == 0);
	add(&result, 4, 0);
	end(&result, LOAD_OK);
	end(&result, LOAD_OK);
	end(&result, LOAD_TIMED_OUT);
	result.ran_ns = 4 * S;
	assert_true(result_rate(&result) == 0.5);
	assert_true(result_ended_rate(&result) == 0.75);
	result_fini(&result);
}

static void judges_the_latency_that_counts(void **state)
{
	struct result result = {0};

	(void)state;
	assert_ptr_equal(result_latency(&result), &result.tally.actual);
	result.is_open = true;
	assert_ptr_equal(result_latency(&result), &result.tally.intended);
}

/* Of 1000, so many were late, and one was dropped or not. */
static bool is_limited(bool is_open, int late, bool dropped)
{
	struct result result;
	bool limited;

	init(&result);
	result.is_open = is_open;
	add(&result, 1000 - late, 2 * MS);
	add(&result, late, 20 * MS);
	if (dropped) {
		tally_drop(&result.tally, 0);
	}
	result_judge_lag(&result);
	limited = result.client_limited;
	assert_int_equal(result.note_count, limited);
	if (limited) {
		assert_non_null(strstr(result.notes[0], "this machine was too slow"));
		assert_non_null(strstr(result.notes[0], "20.0 ms late"));
		assert_true(strlen(result.notes[0]) < sizeof(result.notes[0]) - 1);
	}
	result_fini(&result);
	return limited;
}

static void tells_whose_fault_it_is(void **state)
{
	(void)state;
	assert_false(is_limited(true, 0, false));
	assert_false(is_limited(true, 10, false));
	assert_true(is_limited(true, 11, false));
	assert_false(is_limited(false, 11, false));
	assert_false(is_limited(true, 0, true));
	assert_false(is_limited(true, 10, true)); /* the target's, which kept all lanes busy */
	assert_true(is_limited(true, 11, true));
}

/* 10 ms are the most that is taken for the schedule's; the note has what was found. */
static void the_gate_is_at_ten_milliseconds(void **state)
{
	struct result result;

	(void)state;
	init(&result);
	result.is_open = true;
	add(&result, 100, 10 * MS);
	result_judge_lag(&result);
	assert_false(result.client_limited);
	add(&result, 2, 10 * MS + 50000);
	result_judge_lag(&result);
	assert_true(result.client_limited);
	result_fini(&result);
}

static void keeps_some_notes(void **state)
{
	struct result result;

	(void)state;
	init(&result);
	for (int i = 0; i < RESULT_NOTES_MOST + 3; i++) {
		result_note(&result, "the %d-th", i);
		result_note(&result, "the %d-th", i);
	}
	assert_int_equal(result.note_count, RESULT_NOTES_MOST);
	assert_string_equal(result.notes[RESULT_NOTES_MOST - 1], "the 7-th");
	result_fini(&result);
}

/* One that is too long ends with a whole character. */
static void cuts_notes_between_characters(void **state)
{
	char long_text[300];

	(void)state;
	for (size_t before = 0; before < 4; before++) {
		struct result result;
		size_t length, room = sizeof(result.notes[0]) - 1;

		init(&result);
		memset(long_text, 'x', before);
		for (size_t at = before; at + 3 < sizeof(long_text); at += 3) {
			memcpy(long_text + at, "\xe2\x82\xac", 4);
		}
		result_note(&result, "%s", long_text);
		length = strlen(result.notes[0]);
		assert_int_equal((length - before) % 3, 0);
		assert_true(length <= room && length + 3 > room);
		result_fini(&result);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_rates),
		cmocka_unit_test(judges_the_latency_that_counts),
		cmocka_unit_test(tells_whose_fault_it_is),
		cmocka_unit_test(the_gate_is_at_ten_milliseconds),
		cmocka_unit_test(keeps_some_notes),
		cmocka_unit_test(cuts_notes_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
