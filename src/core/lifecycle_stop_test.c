/* SPDX-License-Identifier: Apache-2.0 */
/* What begins the end, who hears of it, and how that can fail. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "core/lifecycle_script.h"
#include "tests/allocation.h"

static void first_cause_stays(void **state)
{
	struct curfew_cause cause;
	struct thing work;

	(void)state;
	begin_running();
	hold(CURFEW_WORK, &work, "work");
	work.takes_ms = 20;
	stop_by(SIGINT);
	curfew_lifecycle_stop_for(&life, CURFEW_FAILURE, "later");
	cause = curfew_token_cause(curfew_context_token(curfew_lifecycle_context(&life)));
	assert_int_equal(cause.reason, CURFEW_SIGNAL);
	assert_int_equal(cause.signal, SIGINT);
	assert_int_equal(cause.sender, 77);
	assert_string_equal(cause.text, "SIGINT from pid 77");
	timeline_advance_ms(20);
	end(0);
}

static void failure_stays_a_failure_when_a_signal_follows(void **state)
{
	struct thing work;

	(void)state;
	begin_running();
	hold(CURFEW_WORK, &work, "work");
	work.takes_ms = 1000;
	curfew_lifecycle_stop_for(&life, CURFEW_FAILURE, "the listener broke");
	timeline_advance_ms(500);
	stop_by(SIGTERM);
	timeline_advance_ms(5000);
	assert_string_equal(story, "draining 0, work 1000, reaping 1000, done 1000");
	end(1);
}

static void root_is_cancelled_before_the_phase_changes(void **state)
{
	(void)state;
	begin_running();
	lifecycle_signal(&life, SIGTERM, 1);
	assert_true(curfew_token_cancelled(curfew_context_token(curfew_lifecycle_context(&life))));
	assert_int_equal(curfew_lifecycle_phase(&life), CURFEW_RUNNING);
	timeline_settle();
	end(0);
}

static void draining_twice_is_draining_once(void **state)
{
	struct thing work;

	(void)state;
	begin_running();
	hold(CURFEW_WORK, &work, "work");
	work.takes_ms = 60;
	for (int i = 0; i < 5; i++) {
		curfew_lifecycle_stop_for(&life, CURFEW_COMPLETED, NULL);
		timeline_advance_ms(10);
	}
	timeline_advance_ms(1000);
	curfew_lifecycle_stop_for(&life, CURFEW_COMPLETED, NULL);
	timeline_settle();
	assert_string_equal(story, "draining 0, work 60, reaping 60, done 60");
	end(0);
}

static void *stop_in_thread(void *arg)
{
	curfew_lifecycle_stop_for(&life, CURFEW_FAILURE, arg);
	return NULL;
}

static void stop_comes_from_many_threads_at_once(void **state)
{
	pthread_t threads[8];

	(void)state;
	begin_running();
	for (size_t i = 0; i < 8; i++) {
		pthread_create(&threads[i], NULL, stop_in_thread, "thread");
	}
	while (!curfew_lifecycle_done(&life)) {
		timeline_await();
		timeline_settle();
	}
	for (size_t i = 0; i < 8; i++) {
		pthread_join(threads[i], NULL);
	}
	timeline_settle();
	end(1);
}

/* Watches. */

static void note_watch(void *arg)
{
	tell(arg);
}

static void watch_runs_in_the_dispatch_once(void **state)
{
	struct curfew_token *token;
	struct curfew_watch *watches[3];

	(void)state;
	options.on_phase = NULL;
	begin_running();
	token = curfew_context_token(curfew_lifecycle_context(&life));
	watches[0] = curfew_watch_new(token, &life, note_watch, "first");
	watches[1] = curfew_watch_new(token, &life, note_watch, "gone");
	curfew_lifecycle_stop_for(&life, CURFEW_COMPLETED, NULL);
	assert_string_equal(story, "");
	curfew_watch_free(watches[1]);
	timeline_settle();
	watches[2] = curfew_watch_new(token, &life, note_watch, "late");
	assert_string_equal(story, "first 0");
	timeline_settle();
	assert_string_equal(story, "first 0, late 0");
	curfew_watch_free(watches[0]);
	curfew_watch_free(watches[2]);
	curfew_watch_free(NULL);
	end(0);
}

static struct curfew_watch *own_watch;

static void free_own_watch(void *arg)
{
	(void)arg;
	curfew_watch_free(own_watch);
}

static void watch_may_be_freed_in_its_callback(void **state)
{
	(void)state;
	begin_running();
	own_watch = curfew_watch_new(
		curfew_context_token(curfew_lifecycle_context(&life)), &life, free_own_watch, NULL);
	stop_by(SIGTERM);
	end(0);
}

/* Allocation. */

static void failed_allocation_makes_no_lifecycle(void **state)
{
	bool failed = true;

	(void)state;
	for (int n = 1; failed; n++) {
		int error;

		allocation_fail(n);
		error = lifecycle_init(&life, &timeline.agenda, &options);
		failed = allocation_failed();
		assert_int_equal(error, failed ? -ENOMEM : 0);
	}
	assert_true(lifecycle_fini(&life));
}

static void failed_allocation_makes_no_watch(void **state)
{
	bool failed = true;

	(void)state;
	begin_running();
	for (int n = 1; failed; n++) {
		struct curfew_watch *watch;

		allocation_fail(n);
		watch = curfew_watch_new(curfew_context_token(curfew_lifecycle_context(&life)),
			&life, note_watch, "x");
		failed = allocation_failed();
		assert_int_equal(failed, !watch);
		curfew_watch_free(watch);
	}
	stop_by(SIGTERM);
	end(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		lifecycle_test(first_cause_stays),
		lifecycle_test(failure_stays_a_failure_when_a_signal_follows),
		lifecycle_test(root_is_cancelled_before_the_phase_changes),
		lifecycle_test(draining_twice_is_draining_once),
		lifecycle_test(stop_comes_from_many_threads_at_once),
		lifecycle_test(watch_runs_in_the_dispatch_once),
		lifecycle_test(watch_may_be_freed_in_its_callback),
		lifecycle_test(failed_allocation_makes_no_lifecycle),
		lifecycle_test(failed_allocation_makes_no_watch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
