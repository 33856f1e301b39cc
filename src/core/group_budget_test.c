/* SPDX-License-Identifier: Apache-2.0 */
/* Groups that run out of their budget, or are cancelled from outside. */
#include "core/group.c" /* NOLINT(bugprone-suspicious-include) */

#include <sched.h>

#include "core/group_script.h"

static void budget_is_never_mistaken_for_a_clean_stop(void **state)
{
	static const int codes[] = {0, -ECANCELED, -EIO};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct curfew_group *group = group_under(NULL, curfew_after_ms(SOON));
		struct script stops = {.await_cancel = true, .code = codes[i]};

		assert_int_equal(curfew_group_main(group, "slow", play, &stops), 0);
		assert_int_equal(assert_ends(group, -ETIMEDOUT, "").cause.reason, CURFEW_DEADLINE);
	}
}

/* Only looks at its flag: ends when somebody else notices the deadline. */
static int poll_flag(struct curfew_token *token, void *arg)
{
	(void)arg;
	while (!curfew_token_cancelled(token)) {
		sched_yield();
	}
	return 0;
}

static void wait_keeps_the_deadline_itself(void **state)
{
	struct curfew_group *group = group_under(NULL, curfew_after_ms(SOON));

	(void)state;
	assert_int_equal(curfew_group_main(group, "polls", poll_flag, NULL), 0);
	(void)assert_ends(group, -ETIMEDOUT, "");
}

/* The clock stands at 1 s while tasks start, the budget is 2 s. */
static int64_t fake_now;
static const int64_t fake_budget = 2 * NS_PER_S;

static int move_clock(void **state)
{
	(void)state;
	fake_now = NS_PER_S;
	clock_fake(&fake_now);
	return 0;
}

static int right_clock(void **state)
{
	(void)state;
	clock_fake(NULL);
	return 0;
}

static void task_that_ends_late_is_late_though_nobody_watched(void **state)
{
	struct curfew_group *group = group_under(NULL, fake_budget);
	struct script work = {0};
	sem_t started, go;

	(void)state;
	sem_init(&started, 0, 0);
	sem_init(&go, 0, 0);
	work.announce = &started;
	work.await = &go;
	assert_int_equal(curfew_group_main(group, "work", play, &work), 0);
	sem_wait(&started);
	fake_now = fake_budget;
	sem_post(&go);
	assert_int_equal(assert_ends(group, -ETIMEDOUT, "").cause.reason, CURFEW_DEADLINE);
	sem_destroy(&started);
	sem_destroy(&go);
}

static void budget_that_is_over_afterwards_does_not_count(void **state)
{
	struct curfew_group *group = group_under(NULL, fake_budget);
	struct script work = {0};

	(void)state;
	assert_int_equal(curfew_group_main(group, "work", play, &work), 0);
	await_settled(group);
	fake_now = fake_budget;
	(void)assert_ends(group, 0, "");
}

static void late_after_an_earlier_deadline_above_is_no_budget(void **state)
{
	struct curfew_context *parent = curfew_context_new(NULL, fake_budget - 1);
	struct curfew_group *group = group_under(parent, fake_budget);
	struct script work = {0};
	sem_t started, go;

	(void)state;
	sem_init(&started, 0, 0);
	sem_init(&go, 0, 0);
	work.announce = &started;
	work.await = &go;
	assert_int_equal(curfew_group_main(group, "work", play, &work), 0);
	sem_wait(&started);
	fake_now = fake_budget;
	sem_post(&go);
	assert_int_equal(assert_ends(group, -ECANCELED, "").cause.origin, CURFEW_DEADLINE);
	sem_destroy(&started);
	sem_destroy(&go);
	curfew_context_free(parent);
}

static void budget_that_is_over_at_the_start_refuses(void **state)
{
	struct curfew_group *group = group_under(NULL, fake_budget);
	struct script refused = {0};

	(void)state;
	fake_now = fake_budget;
	assert_int_equal(curfew_group_main(group, "work", play, &refused), -ECANCELED);
	(void)assert_ends(group, -ETIMEDOUT, "");
	assert_int_equal(refused.ran, 0);
}

static void cancellation_afterwards_does_not_count(void **state)
{
	struct curfew_group *group = group_under(NULL, CURFEW_NEVER);
	struct script work = {0}, refused = {0};

	(void)state;
	assert_int_equal(curfew_group_main(group, "work", play, &work), 0);
	await_settled(group);
	curfew_context_cancel_for(curfew_group_context(group), CURFEW_CLIENT_GONE, NULL);
	assert_int_equal(curfew_group_background(group, "extra", play, &refused), -ECANCELED);
	(void)assert_ends(group, 0, "");
	assert_int_equal(refused.ran, 0);
}

static void refused_main_task_is_not_done(void **state)
{
	struct curfew_group *group = group_under(NULL, CURFEW_NEVER);
	struct script work = {0}, refused = {0};

	(void)state;
	assert_int_equal(curfew_group_main(group, "work", play, &work), 0);
	await_settled(group);
	curfew_context_cancel_for(curfew_group_context(group), CURFEW_CLIENT_GONE, NULL);
	assert_int_equal(curfew_group_main(group, "more", play, &refused), -ECANCELED);
	assert_int_equal(assert_ends(group, -ECANCELED, "").cause.reason, CURFEW_CLIENT_GONE);
	assert_int_equal(refused.ran, 0);
}

static void cancellation_from_outside_comes_with_its_cause(void **state)
{
	static const int codes[] = {0, -ECANCELED, -EIO};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct curfew_context *parent = curfew_context_new(NULL, CURFEW_NEVER);
		struct curfew_group *group = group_under(parent, curfew_after_ms(LATER));
		struct script stops = {.await_cancel = true, .code = codes[i]};
		struct curfew_cause cause = {
			.reason = CURFEW_SIGNAL, .signal = SIGTERM, .sender = 7};
		struct curfew_error error;

		assert_int_equal(curfew_group_main(group, "work", play, &stops), 0);
		curfew_context_cancel(parent, &cause);
		error = assert_ends(group, -ECANCELED, "");
		assert_int_equal(error.cause.reason, CURFEW_PARENT);
		assert_int_equal(error.cause.origin, CURFEW_SIGNAL);
		assert_int_equal(error.cause.signal, SIGTERM);
		curfew_context_free(parent);
	}
}

static void deadline_reason_from_outside_is_no_budget(void **state)
{
	struct curfew_group *group = group_under(NULL, curfew_after_ms(LATER));
	struct script stops = {.await_cancel = true};

	(void)state;
	assert_int_equal(curfew_group_main(group, "work", play, &stops), 0);
	curfew_context_cancel_for(curfew_group_context(group), CURFEW_DEADLINE, NULL);
	(void)assert_ends(group, -ECANCELED, "");
}

static void earlier_deadline_above_is_a_cancellation_from_outside(void **state)
{
	struct curfew_context *parent = curfew_context_new(NULL, curfew_after_ms(SOON));
	struct curfew_group *group = group_under(parent, curfew_after_ms(LATER));
	struct script stops = {.await_cancel = true};
	struct curfew_error error;

	(void)state;
	assert_int_equal(curfew_group_main(group, "work", play, &stops), 0);
	error = assert_ends(group, -ECANCELED, "");
	assert_int_equal(error.cause.origin, CURFEW_DEADLINE);
	curfew_context_free(parent);
}

static void budget_equal_to_the_deadline_above_is_a_budget(void **state)
{
	int64_t deadline = curfew_after_ms(SOON);
	struct curfew_context *parent = curfew_context_new(NULL, deadline);
	struct curfew_group *group = group_under(parent, deadline);
	struct script stops = {.await_cancel = true};

	(void)state;
	assert_int_equal(curfew_group_main(group, "work", play, &stops), 0);
	(void)assert_ends(group, -ETIMEDOUT, "");
	curfew_context_free(parent);
}

static void parent_is_not_cancelled_by_a_failure(void **state)
{
	struct curfew_context *parent = curfew_context_new(NULL, CURFEW_NEVER);
	struct curfew_group *group = group_under(parent, CURFEW_NEVER);
	struct script fails = {.code = -EIO};

	(void)state;
	assert_int_equal(curfew_group_main(group, "work", play, &fails), 0);
	(void)assert_ends(group, -EIO, "work");
	assert_false(curfew_token_cancelled(curfew_context_token(parent)));
	curfew_context_free(parent);
}

#define ON_FAKE_CLOCK(test) cmocka_unit_test_setup_teardown(test, move_clock, right_clock)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(budget_is_never_mistaken_for_a_clean_stop),
		cmocka_unit_test(wait_keeps_the_deadline_itself),
		ON_FAKE_CLOCK(task_that_ends_late_is_late_though_nobody_watched),
		ON_FAKE_CLOCK(budget_that_is_over_afterwards_does_not_count),
		ON_FAKE_CLOCK(late_after_an_earlier_deadline_above_is_no_budget),
		ON_FAKE_CLOCK(budget_that_is_over_at_the_start_refuses),
		cmocka_unit_test(cancellation_afterwards_does_not_count),
		cmocka_unit_test(refused_main_task_is_not_done),
		cmocka_unit_test(cancellation_from_outside_comes_with_its_cause),
		cmocka_unit_test(deadline_reason_from_outside_is_no_budget),
		cmocka_unit_test(earlier_deadline_above_is_a_cancellation_from_outside),
		cmocka_unit_test(budget_equal_to_the_deadline_above_is_a_budget),
		cmocka_unit_test(parent_is_not_cancelled_by_a_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
