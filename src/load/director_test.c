/* SPDX-License-Identifier: Apache-2.0 */
/* From the start to the end of a run: how it begins, what ends it, and what is told then. */
#include "load/director_script.h"
#include "load/lane.h"

/* The begin. */

static void begins_when_all_is_prepared(void **state)
{
	(void)state;
	script.ops = &waiting_ops;
	script.plan.requests_most = 1;
	load_begin();
	assert_int_equal(load.phase, LOAD_PREPARING);
	pass_ms(700);
	script.prepared(script.arg, NULL);
	settle();
	assert_int_equal(load.phase, LOAD_RUNNING);
	assert_int_equal(load.began_ns, script.now); /* the clock starts now */
	pass_ms(20);
	answer(0, OK);
	script.concluded(script.arg);
	load_end();
	assert_int_equal(told.ended_ns, 20 * NS_PER_MS);
	assert_int_equal(exit_code, 0);
}

static void begins_when_all_is_warm(void **state)
{
	(void)state;
	script.plan.connections = 3;
	script.plan.requests_most = 4;
	script.plan.prewarm = true;
	load_begin();
	assert_int_equal(load.phase, LOAD_WARMING);
	pass_ms(300);
	answer(0, OK);
	answer(1, OK);
	assert_int_equal(load.began_ns, 0);
	answer(2, OK);
	assert_int_equal(load.phase, LOAD_RUNNING);
	assert_int_equal(load.began_ns, script.now);
	assert_int_equal(answer_all(OK), 3);
	assert_int_equal(answer_all(OK), 1);
	load_end();
	assert_int_equal(told.tally.admitted, 4);
	assert_int_equal(told.tally.outcomes[LOAD_OK], 4);
	assert_int_equal(told.tally.connections, 3);
}

/* All threads know of an open loop's begin by then. */
static void an_open_loop_begins_a_moment_later(void **state)
{
	int64_t before = curfew_now();

	(void)state;
	open_loop(100, INT64_MAX);
	script.plan.requests_most = 1;
	load_begin();
	assert_true(load.began_ns > before);
	assert_int_equal(script.made, 0);
	pass_ns(load.began_ns - script.now);
	settle();
	assert_int_equal(script.made, 1);
	answer(0, OK);
	load_end();
	assert_int_equal(told.tally.lag.most_us, HISTOGRAM_LEAST_US);
}

static void a_failed_preparation_is_told(void **state)
{
	(void)state;
	script.ops = &waiting_ops;
	load_begin();
	script.prepared(script.arg, "the node is another one");
	load_end();
	assert_int_equal(told.ending, RESULT_FAILED);
	assert_int_equal(exit_code, 1);
	assert_int_equal(told.tally.scheduled, 0);
}

static void a_signal_while_it_prepares(void **state)
{
	(void)state;
	script.ops = &waiting_ops;
	load_begin();
	signal_comes(SIGTERM);
	assert_int_equal(script.stopped, 1);
	assert_false(curfew_lifecycle_done(life));
	script.prepared(script.arg, "the run was stopped");
	load_end();
	assert_int_equal(told.ending, RESULT_SIGNAL);
	assert_int_equal(told.signal, SIGTERM);
	assert_int_equal(exit_code, 0); /* nothing was sent, so nothing has failed */
}

static void a_signal_while_it_warms(void **state)
{
	(void)state;
	script.plan.connections = 2;
	script.plan.prewarm = true;
	load_begin();
	answer(0, OK);
	signal_comes(SIGINT);
	answer(1, OK);
	load_end();
	assert_int_equal(told.ending, RESULT_SIGNAL);
	assert_int_equal(told.tally.admitted, 0);
	assert_int_equal(exit_code, 0);
}

/* The end. */

static void ends_when_all_requests_were_made(void **state)
{
	(void)state;
	script.plan.connections = 2;
	script.plan.requests_most = 5;
	load_begin();
	while (answer_all(OK)) {
		pass_ms(10);
	}
	load_end();
	assert_int_equal(told.ending, RESULT_REQUESTS);
	assert_int_equal(told.tally.outcomes[LOAD_OK], 5);
	assert_int_equal(exit_code, 0);
}

/* What is in flight then has the grace: some of it ends in time, and some does not. */
static void ends_with_its_duration(void **state)
{
	(void)state;
	script.plan.connections = 3;
	script.plan.for_ns = 1000 * NS_PER_MS;
	load_begin();
	pass_ms(999);
	answer(0, OK);
	assert_int_equal(load.phase, LOAD_RUNNING);
	pass_ms(1);
	settle();
	assert_int_equal(load.phase, LOAD_FINISHING);
	pass_ms(4000);
	answer(1, OK);
	assert_int_equal(waiting(), 2);
	pass_ms(999);
	settle();
	assert_int_equal(load.phase, LOAD_FINISHING);
	pass_ms(1);
	load_end();
	assert_int_equal(told.ending, RESULT_DURATION);
	assert_int_equal(told.ran_ns, 1000 * NS_PER_MS);
	assert_int_equal(told.planned_ns, 1000 * NS_PER_MS);
	assert_int_equal(told.ended_ns, 6000 * NS_PER_MS);
	assert_int_equal(told.tally.outcomes[LOAD_OK], 2);
	assert_int_equal(told.tally.in_flight, 2);
	assert_int_equal(tally_failed(&told.tally), 0);
	assert_int_equal(exit_code, 0);
}

/* A request that got no answer is none that was completed; nor was it cut by us. */
static void reports_what_was_answered_and_what_was_cut(void **state)
{
	(void)state;
	script.plan.connections = 5;
	script.plan.for_ns = 1000 * NS_PER_MS;
	load_begin();
	pass_ms(1000);
	answer(0, OK);
	answer(1, "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
	peer_close(2);
	pass_ms(5000);
	load_end();
	assert_int_equal(told.tally.outcomes[LOAD_OK], 1);
	assert_int_equal(tally_failed(&told.tally), 2);
	assert_int_equal(reported[CURFEW_REQUESTS_COMPLETED], 2);
	assert_int_equal(reported[CURFEW_REQUESTS_FORCED], 2);
}

static void ends_no_later_than_its_last_request(void **state)
{
	(void)state;
	script.plan.for_ns = 1000 * NS_PER_MS;
	load_begin();
	pass_ms(900);
	lose_ms(103); /* we are late, and it was over nevertheless */
	pass_ms(10);
	answer(0, OK);
	load_end();
	assert_int_equal(told.ran_ns, 1000 * NS_PER_MS);
	assert_int_equal(told.ended_ns, 1013 * NS_PER_MS);
}

static void an_endless_grace_has_no_end(void **state)
{
	(void)state;
	config.service.grace_ms = CURFEW_NEVER;
	script.plan.for_ns = 1000 * NS_PER_MS;
	script.plan.timeout_ms = CURFEW_NEVER;
	load_begin();
	pass_ms(INT64_C(1000) * 3600 * 24);
	assert_int_equal(load.phase, LOAD_FINISHING);
	answer(0, OK);
	load_end();
	assert_int_equal(told.tally.in_flight, 0);
}

static void a_signal_ends_it_in_order(void **state)
{
	(void)state;
	script.plan.connections = 3;
	load_begin();
	pass_ms(100);
	answer(0, OK);
	signal_comes(SIGTERM);
	pass_ms(200);
	assert_int_equal(answer_all(OK), 3);
	load_end();
	assert_int_equal(told.ending, RESULT_SIGNAL);
	assert_int_equal(told.signal, SIGTERM);
	assert_int_equal(told.ran_ns, 100 * NS_PER_MS);
	assert_int_equal(told.ended_ns, 300 * NS_PER_MS);
	assert_int_equal(told.tally.outcomes[LOAD_OK], 4);
	assert_int_equal(exit_code, 0);
}

/* The whole of the process's grace, but for what its last words need. */
static void a_signal_gives_the_grace_and_no_more(void **state)
{
	(void)state;
	script.plan.connections = 2;
	load_begin();
	answer(1, OK);
	signal_comes(SIGTERM);
	pass_ms(4799);
	settle();
	assert_false(curfew_lifecycle_done(life));
	pass_ms(1);
	load_end();
	assert_int_equal(told.tally.in_flight, 2);
	assert_int_equal(told.tally.outcomes[LOAD_OK], 1);
	assert_int_equal(told.ending, RESULT_SIGNAL);
}

static void a_second_signal_ends_it_at_once(void **state)
{
	(void)state;
	script.plan.connections = 2;
	load_begin();
	answer(0, OK);
	signal_comes(SIGTERM);
	pass_ms(99);
	signal_comes(SIGINT); /* the same one, seen twice */
	assert_false(curfew_lifecycle_done(life));
	pass_ms(1);
	signal_comes(SIGINT);
	load_end();
	assert_int_equal(told.ending, RESULT_INSISTED);
	assert_int_equal(told.signal, SIGINT);
	assert_int_equal(exit_code, 128 + SIGINT);
	assert_int_equal(told.tally.in_flight, 2);
	assert_int_equal(told.ended_ns, 100 * NS_PER_MS);
}

/* It was over by itself before: its ending stays, and the signal's own grace counts, too. */
static void a_signal_while_it_finishes(void **state)
{
	(void)state;
	script.plan.for_ns = 1000 * NS_PER_MS;
	load_begin();
	pass_ms(3000);
	signal_comes(SIGTERM);
	pass_ms(2999);
	settle();
	assert_false(curfew_lifecycle_done(life));
	pass_ms(1);
	load_end();
	assert_int_equal(told.ending, RESULT_DURATION);
	assert_int_equal(told.ended_ns, 6000 * NS_PER_MS);
	assert_int_equal(told.tally.in_flight, 1);
	assert_int_equal(exit_code, 1); /* nothing ever succeeded */
}

static void a_conclusion_has_the_grace(void **state)
{
	(void)state;
	script.ops = &waiting_ops;
	script.plan.requests_most = 1;
	load_begin();
	script.prepared(script.arg, NULL);
	settle();
	answer(0, OK);
	assert_int_equal(script.conclude_until, script.now + 5000 * NS_PER_MS);
	pass_ms(5000);
	settle();
	assert_int_equal(script.stopped, 1);
	assert_int_equal(load.phase, LOAD_FINISHING);
	script.concluded(script.arg);
	load_end();
	assert_int_equal(told.tally.outcomes[LOAD_OK], 1);
}

/* What it waits for has until the work's deadline, where that is earlier. */
static void a_conclusion_under_a_signal(void **state)
{
	(void)state;
	script.ops = &waiting_ops;
	load_begin();
	script.prepared(script.arg, NULL);
	settle();
	answer(0, OK);
	signal_comes(SIGTERM);
	answer(0, OK);
	assert_int_equal(script.conclude_until, curfew_lifecycle_work_deadline(life));
	script.concluded(script.arg);
	load_end();
	assert_int_equal(told.tally.outcomes[LOAD_OK], 2);
}

static void nothing_that_succeeded_is_a_failure(void **state)
{
	(void)state;
	server_close();
	script.plan.requests_most = 3;
	load_begin();
	pass_ms(100);
	load_end();
	assert_int_equal(told.tally.outcomes[LOAD_REFUSED], 3);
	assert_int_equal(exit_code, 1);
}

/* The flush delay. */

static void waits_for_the_last_scrape(void **state)
{
	char *summary;

	(void)state;
	config.flush_delay_ms = 25000;
	script.plan.requests_most = 1;
	load_begin();
	answer(0, OK);
	assert_int_equal(load.phase, LOAD_TOLD);
	summary = content_of(load.summary.fd);
	assert_true(strlen(summary) > 0); /* it is told before */
	free(summary);
	pass_ms(24999);
	settle();
	assert_false(curfew_lifecycle_done(life));
	pass_ms(1);
	load_end();
	assert_int_equal(told.ended_ns, HISTOGRAM_LEAST_US - 1);
	assert_int_equal(exit_code, 0);
}

static void a_signal_ends_the_flush_delay(void **state)
{
	(void)state;
	config.flush_delay_ms = CURFEW_NEVER;
	script.plan.requests_most = 1;
	load_begin();
	answer(0, OK);
	pass_ms(INT64_C(3600) * 1000);
	assert_false(curfew_lifecycle_done(life));
	signal_comes(SIGTERM);
	load_end();
	assert_int_equal(told.ending, RESULT_REQUESTS);
	assert_int_equal(exit_code, 0);
}

static void a_signal_leaves_the_flush_delay_out(void **state)
{
	(void)state;
	config.flush_delay_ms = 25000;
	load_begin();
	answer(0, OK);
	signal_comes(SIGTERM);
	answer(0, OK);
	load_end();
}

/* As load.c does it. Returns whether it may begin. */
static bool starts(void)
{
	int error = director_init(&load);

	error = error ? error : told_init(&load);
	error = error ? error : progress_watch_init(&load);
	assert_int_equal(error, allocation_failed() ? -ENOMEM : 0);
	return !error;
}

/* Where there is no memory at the start nothing is told, and all is given back in order. */
static void starts_not_without_memory(void **state)
{
	bool failed = true;

	for (int n = 1; failed; n++) {
		assert_true(n < 200);
		load_new();
		allocation_fail(n);
		failed = !starts();
		director_refuse(&load);
		run_until(curfew_lifecycle_done(life));
		assert_int_equal(load.result.ending, RESULT_RUNNING); /* as it was at first */
		assert_int_equal(load.result.exit_code, 0);
		told_fini(&load);
		progress_watch_fini(&load);
		load_end();
		assert_int_equal(exit_code, 1);
		(void)load_teardown(state);
		(void)load_setup(state);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		load_test(begins_when_all_is_prepared),
		load_test(begins_when_all_is_warm),
		load_test(an_open_loop_begins_a_moment_later),
		load_test(a_failed_preparation_is_told),
		load_test(a_signal_while_it_prepares),
		load_test(a_signal_while_it_warms),
		load_test(ends_when_all_requests_were_made),
		load_test(ends_with_its_duration),
		load_test(reports_what_was_answered_and_what_was_cut),
		load_test(ends_no_later_than_its_last_request),
		load_test(an_endless_grace_has_no_end),
		load_test(a_signal_ends_it_in_order),
		load_test(a_signal_gives_the_grace_and_no_more),
		load_test(a_second_signal_ends_it_at_once),
		load_test(a_signal_while_it_finishes),
		load_test(a_conclusion_has_the_grace),
		load_test(a_conclusion_under_a_signal),
		load_test(nothing_that_succeeded_is_a_failure),
		load_test(waits_for_the_last_scrape),
		load_test(a_signal_ends_the_flush_delay),
		load_test(a_signal_leaves_the_flush_delay_out),
		load_test(starts_not_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
