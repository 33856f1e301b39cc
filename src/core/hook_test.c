/* SPDX-License-Identifier: Apache-2.0 */
#include "core/hook.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "core/lifecycle.h"
#include "tests/allocation.h"
#include "tests/timeline.h"

#define CYCLES 300

static struct curfew_lifecycle life;
static char story[512];

static void tell(const char *what)
{
	size_t length = strlen(story);

	(void)snprintf(story + length, sizeof(story) - length, "%s%s %lld", length ? ", " : "",
		what, (long long)timeline_ms());
}

static void begin(int64_t grace_ms)
{
	const struct curfew_lifecycle_options options = {.grace_ms = grace_ms};

	story[0] = '\0';
	assert_int_equal(lifecycle_init(&life, &timeline.agenda, &options), 0);
	assert_true(lifecycle_ready(&life));
}

static void stop(void)
{
	curfew_lifecycle_stop_for(&life, CURFEW_COMPLETED, NULL);
	timeline_settle();
}

static void end(void)
{
	assert_true(curfew_lifecycle_done(&life));
	tell("done");
	assert_true(lifecycle_fini(&life));
}

static void complete(struct curfew_hook *hook, void *arg)
{
	tell(arg);
	curfew_hook_done(hook);
}

static void hang(struct curfew_hook *hook, void *arg)
{
	(void)hook;
	tell(arg);
}

static void last_registered_runs_first(void **state)
{
	(void)state;
	begin(9000);
	curfew_lifecycle_hook(&life, "a", 1000, complete, "a");
	curfew_lifecycle_hook(&life, "b", 1000, complete, "b");
	curfew_lifecycle_hook(&life, "c", 1000, complete, "c");
	stop();
	end();
	assert_string_equal(story, "c 0, b 0, a 0, done 0");
}

static void hanging_hook_does_not_starve_the_others(void **state)
{
	(void)state;
	begin(9000);
	curfew_lifecycle_hook(&life, "a", 1000, complete, "a");
	curfew_lifecycle_hook(&life, "b", 300, hang, "b");
	curfew_lifecycle_hook(&life, "c", 200, hang, "c");
	stop();
	timeline_advance_ms(9000);
	assert_int_equal(life.forced_count, 2);
	assert_string_equal(life.forced[0].name, "c");
	assert_int_equal(life.forced[0].age_ms, 200);
	assert_string_equal(life.forced[1].name, "b");
	assert_int_equal(life.forced[1].age_ms, 300);
	assert_int_equal(curfew_lifecycle_abandoned(&life), 0);
	end();
	assert_string_equal(story, "c 0, b 200, a 500, done 9000");
}

static struct curfew_hook *kept;

static void keep(struct curfew_hook *hook, void *arg)
{
	tell(arg);
	kept = hook;
}

static void hook_completes_later(void **state)
{
	(void)state;
	begin(9000);
	curfew_lifecycle_hook(&life, "a", 1000, complete, "a");
	curfew_lifecycle_hook(&life, "b", 1000, keep, "b");
	stop();
	timeline_advance_ms(700);
	curfew_hook_done(kept);
	timeline_settle();
	end();
	assert_string_equal(story, "b 0, a 700, done 700");
}

static void hook_that_completes_after_its_bound_does_not_complete_the_next(void **state)
{
	struct curfew_hook *late;

	(void)state;
	begin(9000);
	curfew_lifecycle_hook(&life, "a", 1000, keep, "a");
	curfew_lifecycle_hook(&life, "b", 100, keep, "b");
	stop();
	late = kept;
	timeline_advance_ms(100);
	curfew_hook_done(late);
	timeline_settle();
	assert_false(curfew_lifecycle_done(&life));
	curfew_hook_done(kept);
	timeline_settle();
	end();
	assert_string_equal(story, "b 0, a 100, done 100");
}

static void hooks_have_their_time_up_to_the_grace(void **state)
{
	(void)state;
	begin(10000);
	curfew_lifecycle_hook(&life, "a", 20000, hang, "a");
	curfew_lifecycle_hook(&life, "b", 4000, hang, "b");
	stop();
	timeline_advance_ms(9999);
	assert_false(curfew_lifecycle_done(&life));
	timeline_advance_ms(1);
	assert_true(curfew_lifecycle_done(&life));
	end();
	assert_string_equal(story, "b 0, a 4000, done 10000");
}

static void cut_silently(struct curfew_hold *hold)
{
	curfew_hold_release(hold);
}

/* A child that has to be killed: a tenth of the grace is left for the hooks. */
static void hooks_have_a_tenth_of_the_grace_after_the_children(void **state)
{
	static const struct curfew_hold_ops ops = {.kind = "child", .cut = cut_silently};
	struct curfew_hold child = {0};

	(void)state;
	begin(10000);
	curfew_lifecycle_hook(&life, "a", 20000, hang, "a");
	curfew_drain_hold(curfew_lifecycle_stage(&life, CURFEW_CHILDREN), &child, &ops, NULL);
	stop();
	timeline_advance_ms(20000);
	end();
	assert_string_equal(story, "a 9000, done 20000");
}

static void hook_after_an_insisted_end_has_what_is_left_of_it(void **state)
{
	(void)state;
	begin(CURFEW_NEVER);
	curfew_lifecycle_hook(&life, "a", CURFEW_NEVER, hang, "a");
	curfew_lifecycle_hook(&life, "b", CURFEW_NEVER, hang, "b");
	stop();
	timeline_advance_ms(100000);
	curfew_lifecycle_stop_for(&life, CURFEW_INSISTED, NULL);
	timeline_advance_ms(999);
	assert_false(curfew_lifecycle_done(&life));
	timeline_advance_ms(1);
	end();
	assert_string_equal(story, "b 0, a 101000, done 101000");
}

static void no_hook_runs_after_done(void **state)
{
	static const struct curfew_hold_ops ops = {.kind = "child"};
	struct curfew_hold child = {0};

	(void)state;
	begin(1000);
	curfew_lifecycle_hook(&life, "a", 100, hang, "a");
	curfew_drain_hold(curfew_lifecycle_stage(&life, CURFEW_CHILDREN), &child, &ops, NULL);
	stop();
	timeline_advance_ms(20000);
	assert_true(curfew_lifecycle_done(&life));
	curfew_hold_release(&child);
	timeline_advance_ms(20000);
	end();
	assert_string_equal(story, "done 40000");
}

/* Threads. */

static sem_t may_return;
static sem_t returned;

static void run_blocking(struct curfew_hook *hook, void *arg)
{
	(void)arg;
	assert_null(hook);
	sem_wait(&may_return);
	sem_post(&returned);
}

static void threaded_hook_completes_by_returning(void **state)
{
	(void)state;
	sem_init(&may_return, 0, 1);
	sem_init(&returned, 0, 0);
	begin(9000);
	curfew_lifecycle_hook(&life, "a", 1000, complete, "a");
	curfew_lifecycle_hook_threaded(&life, "b", 1000, run_blocking, NULL);
	stop();
	sem_wait(&returned);
	while (!curfew_lifecycle_done(&life)) {
		timeline_await();
		timeline_settle();
	}
	assert_int_equal(curfew_lifecycle_abandoned(&life), 0);
	end();
	assert_string_equal(story, "a 0, done 0");
}

static void thread_that_hangs_is_abandoned_and_may_end_after_the_lifecycle(void **state)
{
	(void)state;
	sem_init(&may_return, 0, 0);
	sem_init(&returned, 0, 0);
	begin(9000);
	curfew_lifecycle_hook_threaded(&life, "b", 100, run_blocking, NULL);
	stop();
	timeline_advance_ms(100);
	assert_int_equal(curfew_lifecycle_abandoned(&life), 1);
	assert_int_equal(life.forced_count, 1);
	end();
	memset(&life, 0xff, sizeof(life));
	sem_post(&may_return);
	sem_wait(&returned);
}

static void thread_that_returns_before_done_is_not_abandoned(void **state)
{
	(void)state;
	sem_init(&may_return, 0, 0);
	sem_init(&returned, 0, 0);
	begin(9000);
	curfew_lifecycle_hook(&life, "a", 1000, keep, "a");
	curfew_lifecycle_hook_threaded(&life, "b", 100, run_blocking, NULL);
	stop();
	timeline_advance_ms(100);
	sem_post(&may_return);
	timeline_await();
	curfew_hook_done(kept);
	while (!curfew_lifecycle_done(&life)) {
		timeline_settle();
		sched_yield();
	}
	assert_int_equal(curfew_lifecycle_abandoned(&life), 0);
	end();
}

static void return_at_once(struct curfew_hook *hook, void *arg)
{
	(void)hook;
	(void)arg;
}

/* The thread ends while the hooks are freed, before, or after. */
static void lifecycle_may_end_at_the_same_time_as_a_late_thread(void **state)
{
	(void)state;
	for (int i = 0; i < CYCLES; i++) {
		begin(100);
		curfew_lifecycle_hook_threaded(&life, "b", 0, return_at_once, NULL);
		stop();
		timeline_advance_ms(100);
		end();
	}
}

static void thread_takes_no_signals(struct curfew_hook *hook, void *arg)
{
	sigset_t mask;

	(void)hook;
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	*(bool *)arg = sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGUSR1) == 1;
}

static void thread_of_a_hook_takes_no_signals(void **state)
{
	bool blocked = false;

	(void)state;
	begin(CURFEW_NEVER);
	curfew_lifecycle_hook_threaded(&life, "b", CURFEW_NEVER, thread_takes_no_signals, &blocked);
	stop();
	while (!curfew_lifecycle_done(&life)) {
		timeline_await();
		timeline_settle();
	}
	end();
	assert_true(blocked);
}

static void failed_allocation_makes_no_hook(void **state)
{
	bool failed = true;

	(void)state;
	begin(9000);
	for (int n = 1; failed; n++) {
		struct curfew_hook *hook;

		allocation_fail(n);
		hook = curfew_lifecycle_hook(&life, "a", 1000, complete, "a");
		failed = allocation_failed();
		assert_int_equal(failed, !hook);
	}
	stop();
	end();
	assert_string_equal(story, "a 0, done 0");
}

static void hook_whose_thread_cannot_be_started_is_passed_over(void **state)
{
	(void)state;
	begin(9000);
	curfew_lifecycle_hook(&life, "a", 1000, complete, "a");
	curfew_lifecycle_hook_threaded(&life, "b", 1000, run_blocking, NULL);
	curfew_lifecycle_stop_for(&life, CURFEW_COMPLETED, NULL);
	allocation_fail(1);
	timeline_settle();
	assert_true(allocation_failed());
	end();
	assert_int_equal(life.forced_count, 1);
	assert_string_equal(story, "a 0, done 0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		timeline_test(last_registered_runs_first),
		timeline_test(hanging_hook_does_not_starve_the_others),
		timeline_test(hook_completes_later),
		timeline_test(hook_that_completes_after_its_bound_does_not_complete_the_next),
		timeline_test(hooks_have_their_time_up_to_the_grace),
		timeline_test(hooks_have_a_tenth_of_the_grace_after_the_children),
		timeline_test(hook_after_an_insisted_end_has_what_is_left_of_it),
		timeline_test(no_hook_runs_after_done),
		timeline_test(threaded_hook_completes_by_returning),
		timeline_test(thread_that_hangs_is_abandoned_and_may_end_after_the_lifecycle),
		timeline_test(thread_that_returns_before_done_is_not_abandoned),
		timeline_test(lifecycle_may_end_at_the_same_time_as_a_late_thread),
		timeline_test(thread_of_a_hook_takes_no_signals),
		timeline_test(failed_allocation_makes_no_hook),
		timeline_test(hook_whose_thread_cannot_be_started_is_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
