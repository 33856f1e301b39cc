/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The n-th allocation of a run fails: what cannot be made of it is counted as our own failure or is
 * dropped, the counts stay true (settle looks after each round), and the run goes on.
 */
#include "load/crew_script.h"

#define LAST_MOST 1000 /* far more than there are */

/* What may fail is all but the crew itself, which is made before. Returns whether something did. */
static bool run_failing_at(int n)
{
	crew_new();
	crew_prepare(&crew);
	allocation_fail(n);
	settle();
	if (atomic_load(&crew.failure)) {
		return allocation_failed();
	}
	crew_runs();
	for (int i = 0; i < 4; i++) {
		(void)answer_all(i == 1 ? OK_CLOSE : OK);
		pass_ms(100);
		settle();
	}
	return allocation_failed();
}

/* One has failed at most, and when it is over requests are answered again. */
static void assert_well_again(void)
{
	uint64_t before = outcomes(LOAD_OK);

	for (int i = 0; i < 3; i++) {
		pass_ms(100);
		settle();
		(void)answer_all(OK);
	}
	assert_true(outcomes(LOAD_OK) >= before + 4);
	assert_int_equal(tally_failed(crew.tally), outcomes(LOAD_LOCAL));
	assert_true(outcomes(LOAD_LOCAL) + crew.tally->dropped <= 1);
}

static void fails_everywhere(void **state, void (*plan)(void))
{
	bool failed = true;
	int local = 0;

	for (int n = 1; failed; n++) {
		assert_true(n < LAST_MOST);
		plan();
		failed = run_failing_at(n);
		if (atomic_load(&crew.failure)) {
			assert_int_equal(n, 1); /* the source */
		} else {
			local += outcomes(LOAD_LOCAL) > 0;
			assert_well_again();
		}
		(void)script_teardown(state);
		(void)script_setup(state);
	}
	assert_true(local >= 3);
}

static void plan_closed(void)
{
	script.plan.connections = 2;
	script.keeps = true;
}

static void in_a_closed_loop(void **state)
{
	fails_everywhere(state, plan_closed);
}

static void plan_open(void)
{
	open_loop(20, INT64_MAX);
	script.plan.connections = 5;
	script.keeps = true;
}

static void in_an_open_loop(void **state)
{
	fails_everywhere(state, plan_open);
}

static void plan_fresh(void)
{
	plan_open();
	script.plan.fresh = true;
	script.head =
		"X-Long: 0123456789012345678901234567890123456789012345678901234567890123\r\n";
}

static void with_fresh_connections(void **state)
{
	fails_everywhere(state, plan_fresh);
}

/* What the source has no memory for, in words of its own. */
static void a_request_cannot_be_made(void **state)
{
	static const struct schedule_stage stage = {.rate = 10, .for_ns = INT64_MAX};

	for (int i = 0; i < 2; i++) {
		const struct tally *tally;

		script.plan.is_open = i;
		script.stages[0] = stage;
		script.plan.stage_count = 1;
		script.plan.scenario_count = 3;
		script.scenario = 2;
		script.fails = 3;
		crew_begin();
		crew_runs();
		pass_ms(350);
		settle();
		tally = crew.tally;
		assert_int_equal(script.unmade, 3);
		assert_int_equal(outcomes(LOAD_LOCAL), 3);
		assert_int_equal(tally->scenarios[2].outcomes[LOAD_LOCAL], 3);
		assert_int_equal(tally->lag.total, i ? 4 : 0);
		assert_int_equal(answer_all(OK), 1);
		assert_int_equal(script.numbers[0], 3); /* those had their numbers */
		assert_int_equal(outcomes(LOAD_OK), 1);
		(void)script_teardown(state);
		(void)script_setup(state);
	}
}

static void the_crew_cannot_be_made(void **state)
{
	bool failed = true;

	(void)state;
	for (int n = 1; failed; n++) {
		int error;

		assert_true(n < LAST_MOST);
		script.plan.connections = 4;
		script.plan.endpoint_count = 2;
		script.plan.scenario_count = 2;
		allocation_fail(n);
		error = crew_init(&crew, &script.plan, worker, 0, 1);
		failed = allocation_failed();
		assert_int_equal(error, failed ? -ENOMEM : 0);
		if (!failed) {
			crew.news = &news;
			crew.news_agenda = &worker->loop->agenda;
			news.run = no_news;
			crew_cut(&crew);
			run_until(!crew.hold.drain);
		}
		crew_fini(&crew);
		crew = (struct crew){0};
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		crew_test(in_a_closed_loop),
		crew_test(in_an_open_loop),
		crew_test(with_fresh_connections),
		crew_test(a_request_cannot_be_made),
		crew_test(the_crew_cannot_be_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
