/* SPDX-License-Identifier: Apache-2.0 */
#include "load/account.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define ROW TIMELINE_FIRST_NS

/* So many that end so, in each row from one to another one, this one not. */
static void end_in(struct result *result, enum load_outcome outcome, int64_t from, int64_t until)
{
	for (int64_t row = from; row < until; row++) {
		const struct tally_end end = {
			.outcome = outcome, .sent_ns = row * ROW, .ended_ns = row * ROW};

		tally_admit(&result->tally, end.sent_ns, end.sent_ns);
		tally_end(&result->tally, &end);
	}
}

/* A run with one success that ended by itself. */
static void init(struct result *result)
{
	assert_int_equal(result_init(result, 1), 0);
	result->ending = RESULT_DURATION;
	result->ran_ns = result->ended_ns = 100 * ROW;
	end_in(result, LOAD_OK, 0, 1);
}

/* Each of these alone makes it so. */
static void tells_whether_it_was_well(void **state)
{
	struct result result;

	(void)state;
	init(&result);
	assert_int_equal(account_mood(&result), ACCOUNT_WELL);
	result.verdict_count = 1;
	assert_int_equal(account_mood(&result), ACCOUNT_WELL);
	result.verdicts[0].broken = true;
	assert_int_equal(account_mood(&result), ACCOUNT_BROKEN);
	result.verdicts[0].broken = false;
	result.exit_code = 1;
	assert_int_equal(account_mood(&result), ACCOUNT_BROKEN);
	result.exit_code = 0;
	result.ending = RESULT_FAILED;
	assert_int_equal(account_mood(&result), ACCOUNT_BROKEN);
	result.ending = RESULT_SIGNAL;
	assert_int_equal(account_mood(&result), ACCOUNT_WELL);
	result.note_count = 1;
	assert_int_equal(account_mood(&result), ACCOUNT_DOUBTFUL);
	result.note_count = 0;
	tally_drop(&result.tally, 0);
	assert_int_equal(account_mood(&result), ACCOUNT_DOUBTFUL);
	result.tally.dropped = 0;
	tally_admit(&result.tally, 0, 0);
	assert_int_equal(account_mood(&result), ACCOUNT_DOUBTFUL);
	result.tally.in_flight = 0;
	end_in(&result, LOAD_TLS, 1, 2);
	assert_int_equal(account_mood(&result), ACCOUNT_DOUBTFUL);
	result.tally.outcomes[LOAD_OK] = 0;
	assert_int_equal(account_mood(&result), ACCOUNT_BROKEN);
	result_fini(&result);
}

/* Nothing was sent: not a failure, either. */
static void a_run_of_nothing_is_well(void **state)
{
	struct result result;

	(void)state;
	assert_int_equal(result_init(&result, 1), 0);
	assert_int_equal(account_mood(&result), ACCOUNT_WELL);
	result_fini(&result);
}

static void says_how_it_ended(void **state)
{
	struct buffer out = {0};
	struct result result;

	(void)state;
	init(&result);
	account_append_ending(&out, &result);
	assert_string_equal(buffer_text(&out), "Ended after 1.00 s: its time was over.");
	buffer_fini(&out);
	result.ending = RESULT_RUNNING;
	account_append_ending(&out, &result);
	assert_string_equal(buffer_text(&out), "Running after 1.00 s: it goes on.");
	buffer_fini(&out);
	result_fini(&result);
}

static void counts_what_was_lost(void **state)
{
	const uint64_t outcomes[LOAD_OUTCOME_COUNT] = {[LOAD_OK] = 1000,
		[LOAD_REFUSED] = 20,
		[LOAD_RESET_UNSENT] = 30,
		[LOAD_TRUNCATED] = 4000,
		[LOAD_TIMED_OUT] = 5};
	struct buffer out = {0};

	(void)state;
	assert_int_equal(account_lost(outcomes), 4055);
	assert_int_equal(account_unsafe(outcomes), 4005);
	assert_true(account_append_lost(&out, "lost: ", outcomes));
	assert_string_equal(buffer_text(&out),
		"lost: refused 20, reset_unsent 30, truncated 4 000, timed_out 5");
	assert_false(account_append_lost(&out, "more", (const uint64_t[LOAD_OUTCOME_COUNT]){9}));
	assert_null(strstr(buffer_text(&out), "more"));
	buffer_fini(&out);
}

/* Away for 2, 1, 4 and 3 rows, and then for good. */
static void make_absences(struct result *result)
{
	static const int64_t ends[] = {3, 10, 21, 34, 43};

	init(result);
	for (int i = 0; i < 4; i++) {
		static const int64_t lengths[] = {2, 1, 4, 3};

		end_in(result, LOAD_TIMED_OUT, ends[i] - lengths[i], ends[i]);
		end_in(result, LOAD_OK, ends[i], ends[i + 1] - (i < 3 ? lengths[i + 1] : 0));
	}
}

static void lists_the_longest_in_the_order_of_time(void **state)
{
	struct timeline_absence longest[3];
	struct account_absences sum;
	struct result result;
	size_t listed;

	(void)state;
	make_absences(&result);
	sum = account_absences(&result, longest, 3, &listed);
	assert_int_equal(sum.count, 4);
	assert_int_equal(sum.away_ns, 10 * ROW);
	assert_int_equal(sum.lost, 10);
	assert_int_equal(sum.unsafe, 10);
	assert_int_equal(listed, 3);
	assert_int_equal(longest[0].begin_ns, ROW);
	assert_int_equal(longest[1].begin_ns, 17 * ROW);
	assert_int_equal(longest[2].begin_ns, 31 * ROW);
	(void)account_absences(&result, longest, 1, &listed);
	assert_int_equal(listed, 1);
	assert_int_equal(longest[0].begin_ns, 17 * ROW);
	sum = account_absences(&result, NULL, 0, &listed);
	assert_int_equal(sum.count, 4);
	assert_int_equal(listed, 0);
	result_fini(&result);
}

/* One that does not end lasts until the run did; what begins after the last request is none. */
static void an_absence_ends_with_the_run(void **state)
{
	struct timeline_absence longest[5];
	struct account_absences sum;
	struct result result;
	size_t listed;

	(void)state;
	make_absences(&result);
	end_in(&result, LOAD_REFUSED, 50, 51);
	result.ran_ns = 48 * ROW;
	result.ended_ns = 60 * ROW;
	sum = account_absences(&result, longest, 5, &listed);
	assert_int_equal(sum.count, 5);
	assert_int_equal(account_absence_end(&result, &longest[4]), 60 * ROW);
	assert_int_equal(sum.away_ns, (10 + 60 - 43) * ROW);
	assert_int_equal(sum.lost, 11);
	assert_int_equal(sum.unsafe, 10);
	result.ended_ns = 42 * ROW; /* within its first row */
	assert_int_equal(account_absence_end(&result, &longest[4]), 43 * ROW);
	result.ran_ns = 43 * ROW;
	assert_int_equal(account_absences(&result, longest, 5, &listed).count, 4);
	result_fini(&result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_whether_it_was_well),
		cmocka_unit_test(a_run_of_nothing_is_well),
		cmocka_unit_test(says_how_it_ended),
		cmocka_unit_test(counts_what_was_lost),
		cmocka_unit_test(lists_the_longest_in_the_order_of_time),
		cmocka_unit_test(an_absence_ends_with_the_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
