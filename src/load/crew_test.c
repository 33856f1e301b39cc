/* SPDX-License-Identifier: Apache-2.0 */
/* A crew's life, and how it warms up. */
#include "load/crew_script.h"

/* The life. */

static void goes_through_its_stages(void **state)
{
	(void)state;
	script.ops = &waiting_ops;
	script.ends_at = 2;
	crew_begin();
	assert_int_equal(stage(), CREW_BEGUN);
	script.prepared(script.arg, NULL);
	assert_int_equal(stage(), CREW_PREPARED);
	assert_null(atomic_load(&crew.failure));
	crew_warm(&crew);
	settle();
	assert_int_equal(stage(), CREW_PREPARED);
	answer(0, OK);
	assert_int_equal(stage(), CREW_WARM);
	crew_runs();
	answer(0, OK);
	assert_false(atomic_load(&crew.exhausted));
	answer(0, OK);
	assert_int_equal(stage(), CREW_QUIET);
	assert_true(atomic_load(&crew.exhausted));
	crew_finish(&crew, script.now + 7);
	settle();
	assert_int_equal(stage(), CREW_QUIET); /* the source wants to know something still */
	assert_int_equal(script.conclude_until, script.now + 7);
	script.concluded(script.arg);
	settle();
	assert_int_equal(stage(), CREW_OVER);
	assert_true(crew_left());
	assert_int_equal(script.freed, 1);
	assert_int_equal(outcomes(LOAD_OK), 2);
	assert_int_equal(script.peer_count, 1);
	assert_true(script.peers[0].ended);
}

static void a_preparation_may_fail(void **state)
{
	(void)state;
	script.ops = &waiting_ops;
	crew_begin();
	script.prepared(script.arg, "the node is another one");
	assert_int_equal(stage(), CREW_PREPARED);
	assert_string_equal(atomic_load(&crew.failure), "the node is another one");
}

static void a_source_may_find_no_memory(void **state)
{
	(void)state;
	crew_new();
	allocation_fail(1);
	crew_prepare(&crew);
	settle();
	assert_true(allocation_failed());
	assert_int_equal(stage(), CREW_PREPARED);
	assert_string_equal(atomic_load(&crew.failure), "out of memory");
	crew_finish(&crew, script.now);
	settle();
	assert_true(crew_left());
}

/* Whatever comes in between, it is waited for, and only then freed. */
static void a_preparation_that_is_stopped_is_waited_for(void **state)
{
	(void)state;
	script.ops = &waiting_ops;
	crew_begin();
	crew_finish(&crew, script.now);
	settle();
	assert_int_equal(script.stopped, 1);
	crew_finish(&crew, script.now);
	crew_cut(&crew);
	crew_cut(&crew);
	settle();
	assert_int_equal(stage(), CREW_BEGUN);
	assert_int_equal(script.freed, 0);
	script.prepared(script.arg, "the run was stopped");
	assert_int_equal(stage(), CREW_OVER);
	settle();
	assert_true(crew_left());
	assert_int_equal(script.freed, 1);
	assert_null(atomic_load(&crew.failure));
}

static void a_preparation_that_is_cut_is_waited_for(void **state)
{
	(void)state;
	script.ops = &waiting_ops;
	crew_begin();
	crew_cut(&crew);
	settle();
	crew_cut(&crew);
	settle();
	assert_true(script.stopped >= 1);
	assert_int_equal(stage(), CREW_BEGUN);
	script.prepared(script.arg, NULL);
	settle();
	assert_true(crew_left());
}

static void a_conclusion_that_is_cut_is_waited_for(void **state)
{
	(void)state;
	script.ops = &waiting_ops;
	crew_begin();
	script.prepared(script.arg, NULL);
	crew_runs();
	answer(0, OK);
	crew_finish(&crew, script.now);
	settle();
	answer(0, OK);
	assert_non_null(script.concluded);
	crew_finish(&crew, script.now);
	crew_cut(&crew);
	settle();
	assert_int_equal(script.stopped, 1);
	assert_false(crew_left());
	script.concluded(script.arg);
	settle();
	assert_true(crew_left());
}

/* An order that comes too late, or too early, is none. */
static void ends_before_anything_was_asked(void **state)
{
	(void)state;
	crew_new();
	crew_finish(&crew, script.now);
	crew_prepare(&crew);
	crew_warm(&crew);
	crew_run(&crew, script.now);
	settle();
	assert_int_equal(stage(), CREW_OVER);
	assert_true(crew_left());
	assert_int_equal(script.made, 0);
	assert_int_equal(crew.tally->scheduled, 0);
}

static void ends_with_its_worker(void **state)
{
	(void)state;
	script.plan.connections = 2;
	crew_begin();
	crew_runs();
	answer(0, OK);
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	settle();
	assert_int_equal(waiting(), 2);
	assert_false(crew_left());
	assert_int_equal(answer_all(OK), 2);
	assert_int_equal(waiting(), 0); /* no more were begun */
	assert_int_equal(stage(), CREW_OVER);
	assert_int_equal(outcomes(LOAD_OK), 3);
	assert_int_equal(crew.tally->in_flight, 0);
}

/* Warming up. */

static void warms_each_lane_of_a_closed_loop(void **state)
{
	(void)state;
	script.plan.connections = 3;
	crew_begin();
	crew_warm(&crew);
	settle();
	assert_int_equal(script.peer_count, 3);
	for (int i = 0; i < 3; i++) {
		assert_true(script.numbers[i] >= LOAD_WARMING_FROM);
		assert_int_equal(stage(), CREW_PREPARED);
		answer(i, OK);
	}
	assert_int_equal(stage(), CREW_WARM);
	crew_runs();
	assert_int_equal(script.peer_count, 3);
	assert_int_equal(answer_all(OK), 3);
	assert_int_equal(outcomes(LOAD_OK), 3);
	assert_int_equal(script.numbers[3], 0);
	assert_int_equal(crew.tally->connections, 3);
}

/* What has come to nothing is no failure of the run. */
static void warms_as_far_as_it_gets(void **state)
{
	(void)state;
	script.plan.connections = 2;
	server_close();
	crew_begin();
	crew_warm(&crew);
	settle();
	assert_int_equal(stage(), CREW_WARM);
	assert_int_equal(crew.tally->admitted, 0);
	assert_int_equal(outcomes(LOAD_REFUSED), 0);
}

static void warms_without_requests(void **state)
{
	(void)state;
	script.busy = true;
	crew_begin();
	crew_warm(&crew);
	settle();
	assert_int_equal(stage(), CREW_WARM);
	script.busy = false;
	crew_runs();
	answer(0, OK);
	assert_int_equal(outcomes(LOAD_OK), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		crew_test(goes_through_its_stages),
		crew_test(a_preparation_may_fail),
		crew_test(a_source_may_find_no_memory),
		crew_test(a_preparation_that_is_stopped_is_waited_for),
		crew_test(a_preparation_that_is_cut_is_waited_for),
		crew_test(a_conclusion_that_is_cut_is_waited_for),
		crew_test(ends_before_anything_was_asked),
		crew_test(ends_with_its_worker),
		crew_test(warms_each_lane_of_a_closed_loop),
		crew_test(warms_as_far_as_it_gets),
		crew_test(warms_without_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
