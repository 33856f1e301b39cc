/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that are kept: calls that are cancelled, the end, the precheck. */
#include "serve/kept_script.h"

static void a_cancel_is_the_end_of_its_process(void **state)
{
	struct called *one, *two;

	(void)state;
	start_kept(1);
	one = call("tell up; hang");
	run_until_logged("line=up");
	cancel(one);
	await(one);
	assert_int_equal(one->outcome, INVOCATION_CANCELLED);
	two = call(ANSWER);
	await(two);
	assert_done(two, "1");
	assert_int_equal(serve.counts.processes_started, 2);
	assert_null(strstr(log_text(), "worker_ended"));
}

static void what_is_answered_behind_the_cancel_is_the_answer(void **state)
{
	struct called *one, *two;

	(void)state;
	start_kept(1);
	one = call("on-term-end 0; tell up; hang");
	run_until_logged("line=up");
	cancel(one);
	two = call(ANSWER);
	await(one);
	assert_done(one, "\"late\"");
	await(two);
	assert_done(two, "1");
}

static void a_call_that_waits_is_cancelled_at_once(void **state)
{
	struct called *one, *two;

	(void)state;
	start_kept(1);
	one = call("tell up; hang");
	two = call(ANSWER);
	run_until_logged("line=up");
	cancel(two);
	assert_int_equal(two->ends, 0); /* not inside */
	await(two);
	assert_int_equal(two->outcome, INVOCATION_CANCELLED);
	assert_int_equal(one->ends, 0);
	cancel(one);
	await(one);
}

static void one_that_ignores_the_cancel_is_killed(void **state)
{
	struct called *one, *two;

	(void)state;
	serve_config.term_wait_ms = 50;
	start_kept(1);
	one = call("ignore-term; tell up; hang");
	run_until_logged("line=up");
	cancel(one);
	await(one);
	assert_int_equal(one->outcome, INVOCATION_CANCELLED);
	serve_config.term_wait_ms = 10000;
	two = call("ignore-term; tell up again; hang");
	run_until_logged("line=\"up again\"");
	cut(two);
	await(two);
	assert_int_equal(two->outcome, INVOCATION_CANCELLED);
}

/* The end. */

static void idle_ones_end_by_the_end_of_their_input(void **state)
{
	int64_t begun = curfew_now();

	(void)state;
	start_kept(3);
	await(call(ANSWER));
	kept_process_runner.stop(&serve);
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	assert_int_equal(worker_pool_run(&pool), 0);
	assert_true(curfew_now() - begun < 5000000000);
	assert_int_equal(serve.counts.processes_started, 3);
	assert_null(strstr(log_text(), "worker_ended"));
}

static void the_lifecycle_ends_them_too(void **state)
{
	(void)state;
	start_kept(2);
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	assert_int_equal(worker_pool_run(&pool), 0);
	assert_int_equal(serve.counts.processes_started, 2);
	assert_null(strstr(log_text(), "worker_ended"));
}

static void behind_the_stop_a_busy_one_ends_its_call_first(void **state)
{
	struct called *one, *two;

	(void)state;
	start_kept(1);
	one = call("tell up; eof");
	run_until_logged("line=up");
	kept_process_runner.stop(&serve);
	two = call(ANSWER);
	assert_int_equal(one->ends, 0);
	cancel(one);
	await(one);
	await(two);
	assert_int_equal(two->outcome, INVOCATION_CANCELLED); /* which is a 503 to come again */
}

static void a_precheck_is_a_process_of_its_own(void **state)
{
	struct called *one = call_of(INVOCATION_PRECHECK, "not told"), *two;

	(void)state;
	(void)words_add(&serve_config.environment, "SERVE_CHILD=tell no key;exit 1");
	start_kept(1);
	begin(one);
	await(one);
	assert_end(one, INVOCATION_DONE, 500, "[exit 1] no key");
	two = call_of(INVOCATION_PRECHECK, "not told");
	begin(two);
	cancel(two);
	await(two);
	two = call_of(INVOCATION_PRECHECK, "not told");
	begin(two);
	cut(two);
	await(two);
	await(call(ANSWER));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		kept_test(a_cancel_is_the_end_of_its_process),
		kept_test(what_is_answered_behind_the_cancel_is_the_answer),
		kept_test(a_call_that_waits_is_cancelled_at_once),
		kept_test(one_that_ignores_the_cancel_is_killed),
		kept_test(idle_ones_end_by_the_end_of_their_input),
		kept_test(the_lifecycle_ends_them_too),
		kept_test(behind_the_stop_a_busy_one_ends_its_call_first),
		kept_test(a_precheck_is_a_process_of_its_own),
	};

	return cmocka_run_group_tests(tests, first_of_all, NULL);
}
