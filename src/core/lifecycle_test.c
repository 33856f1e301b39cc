/* SPDX-License-Identifier: Apache-2.0 */
#include "core/lifecycle.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "allocation.h"
#include "base/clock.h"
#include "base/list.h"
#include "timeline.h"

static struct curfew_lifecycle life;
static struct curfew_lifecycle_options options;
static char story[1024];

/* Notes what happens, and when, in milliseconds: "draining 0, done 500". */
static void tell(const char *what)
{
	size_t length = strlen(story);

	(void)snprintf(story + length, sizeof(story) - length, "%s%s %lld", length ? ", " : "",
		what, (long long)timeline_ms());
}

static void on_phase(enum curfew_phase phase, void *arg)
{
	(void)arg;
	tell(curfew_phase_name(phase));
}

static int setup(void **state)
{
	timeline_setup(state);
	story[0] = '\0';
	options = (struct curfew_lifecycle_options){
		.grace_ms = 9000,
		.child_reserve_ms = 2000,
		.debounce_ms = 100,
		.on_phase = on_phase,
	};
	return 0;
}

static void begin(void)
{
	assert_int_equal(lifecycle_init(&life, &timeline.agenda, &options), 0);
}

static void begin_running(void)
{
	begin();
	assert_true(lifecycle_ready(&life));
	story[0] = '\0';
}

static void end(int code)
{
	assert_true(curfew_lifecycle_done(&life));
	assert_int_equal(curfew_lifecycle_exit_code(&life), code);
	assert_true(lifecycle_fini(&life));
}

/* A thing that is held, on a stage. */
struct thing {
	struct curfew_hold hold;
	const char *name;
	bool stubborn; /* not even a cut ends it */
	struct timer timer;
	int64_t takes_ms; /* to finish; 0: for ever */
};

static void thing_ended(struct timer *timer)
{
	struct thing *thing = container_of(timer, struct thing, timer);

	tell(thing->name);
	curfew_hold_release(&thing->hold);
}

static void finish_thing(struct curfew_hold *hold)
{
	struct thing *thing = container_of(hold, struct thing, hold);

	if (thing->takes_ms) {
		agenda_start(&timeline.agenda, &thing->timer, curfew_after_ms(thing->takes_ms));
	}
}

static void cut_thing(struct curfew_hold *hold)
{
	struct thing *thing = container_of(hold, struct thing, hold);

	agenda_stop(&timeline.agenda, &thing->timer);
	if (!thing->stubborn) {
		tell(thing->name);
		curfew_hold_release(hold);
	}
}

static const struct curfew_hold_ops thing_ops = {"thing", finish_thing, cut_thing};

static struct thing held(enum curfew_stage stage, struct thing *thing, const char *name)
{
	*thing = (struct thing){.name = name, .timer.fired = thing_ended};
	assert_int_equal(curfew_drain_hold(curfew_lifecycle_stage(&life, stage), &thing->hold,
				 &thing_ops, name),
		0);
	return *thing;
}

static void stop_by(int signal)
{
	lifecycle_signal(&life, signal, 77);
	timeline_settle();
}

/* Phases. */

static void idle_process_ends_at_once(void **state)
{
	(void)state;
	begin_running();
	stop_by(SIGTERM);
	assert_string_equal(story, "draining 0, reaping 0, done 0");
	end(0);
}

static void nothing_wakes_a_process_that_runs(void **state)
{
	(void)state;
	begin_running();
	timeline_settle();
	assert_int_equal(agenda_next(&timeline.agenda), CURFEW_NEVER);
	curfew_lifecycle_stop_for(&life, CURFEW_COMPLETED, NULL);
	timeline_settle();
	assert_int_equal(agenda_next(&timeline.agenda), CURFEW_NEVER);
	end(0);
}

static void signal_while_starting_opens_nothing(void **state)
{
	(void)state;
	options.announce_ms = 1000;
	begin();
	lifecycle_signal(&life, SIGTERM, 1);
	assert_false(lifecycle_ready(&life));
	timeline_settle();
	assert_false(lifecycle_ready(&life));
	assert_string_equal(story, "draining 0, reaping 0, done 0");
	end(0);
}

static void announcement_comes_first_and_is_not_waited_for_twice(void **state)
{
	struct thing work;

	(void)state;
	options.announce_ms = 500;
	begin_running();
	held(CURFEW_WORK, &work, "work");
	work.takes_ms = 30;
	stop_by(SIGTERM);
	assert_int_equal(curfew_lifecycle_phase(&life), CURFEW_ANNOUNCING);
	assert_false(curfew_drain_closed(curfew_lifecycle_stage(&life, CURFEW_FRONT)));
	timeline_advance_ms(10000);
	assert_string_equal(story, "announcing 0, draining 500, work 530, reaping 530, done 530");
	end(0);
}

static void announcement_never_exceeds_the_grace(void **state)
{
	struct thing front;

	(void)state;
	options.announce_ms = 60000;
	begin_running();
	held(CURFEW_FRONT, &front, "front");
	stop_by(SIGTERM);
	timeline_advance_ms(60000);
	assert_string_equal(
		story, "announcing 0, forcing 7000, front 7000, reaping 7000, done 7000");
	end(0);
}

static void announcement_is_cut_short_by_a_second_signal(void **state)
{
	(void)state;
	options.announce_ms = 5000;
	begin_running();
	stop_by(SIGTERM);
	timeline_advance_ms(300);
	stop_by(SIGINT);
	timeline_advance_ms(5000);
	assert_string_equal(story, "announcing 0, forcing 300, reaping 300, done 300");
	end(128 + SIGINT);
}

static void stages_end_in_order_each_when_the_one_before_is_empty(void **state)
{
	struct thing front, work, child, log;

	(void)state;
	begin_running();
	held(CURFEW_LOG, &log, "log");
	held(CURFEW_CHILDREN, &child, "child");
	held(CURFEW_WORK, &work, "work");
	held(CURFEW_FRONT, &front, "front");
	front.takes_ms = 10;
	work.takes_ms = 20;
	child.takes_ms = 30;
	log.takes_ms = 40;
	stop_by(SIGTERM);
	timeline_advance_ms(20000);
	assert_string_equal(story,
		"draining 0, front 10, work 30, reaping 30, child 60, log 100, "
		"done 100");
	end(0);
}

static void stage_that_was_closed_early_has_its_turn(void **state)
{
	(void)state;
	options.grace_ms = CURFEW_NEVER;
	begin_running();
	for (int stage = 0; stage < CURFEW_STAGES; stage++) {
		curfew_drain_close(
			curfew_lifecycle_stage(&life, (enum curfew_stage)stage), CURFEW_NEVER);
	}
	timeline_advance_ms(50);
	assert_string_equal(story, "");
	stop_by(SIGTERM);
	assert_string_equal(story, "draining 50, reaping 50, done 50");
	end(0);
}

/* Bounds. */

static void work_is_forced_at_its_deadline_and_children_at_the_grace(void **state)
{
	struct thing work, child;

	(void)state;
	begin_running();
	held(CURFEW_WORK, &work, "work");
	held(CURFEW_CHILDREN, &child, "child");
	stop_by(SIGTERM);
	assert_int_equal(curfew_lifecycle_work_deadline(&life), TIMELINE_START + 7000 * NS_PER_MS);
	assert_int_equal(curfew_lifecycle_grace_deadline(&life), TIMELINE_START + 9000 * NS_PER_MS);
	timeline_advance_ms(60000);
	assert_string_equal(story,
		"draining 0, forcing 7000, work 7000, reaping 7000, child 9000, "
		"done 9000");
	assert_int_equal(life.forced_count, 2);
	assert_string_equal(life.forced[0].name, "work");
	assert_int_equal(life.forced[0].age_ms, 7000);
	assert_string_equal(life.forced[1].name, "child");
	end(0);
}

static void reserve_is_at_most_a_third_of_the_grace(void **state)
{
	struct thing work;

	(void)state;
	options.grace_ms = 300;
	options.child_reserve_ms = 7000;
	begin_running();
	held(CURFEW_WORK, &work, "work");
	stop_by(SIGTERM);
	timeline_advance_ms(1000);
	assert_string_equal(story, "draining 0, forcing 200, work 200, reaping 200, done 200");
	end(0);
}

static void odd_durations_are_harmless(void **state)
{
	static const int64_t odd[] = {INT64_MIN, -5, 0, 1, INT64_MAX / 2, CURFEW_NEVER};
	const size_t count = sizeof(odd) / sizeof(odd[0]);

	(void)state;
	for (size_t i = 0; i < count * count; i++) {
		struct thing work;

		options.grace_ms = odd[i / count];
		options.child_reserve_ms = odd[i % count];
		options.announce_ms = odd[i % count] < 100 ? odd[i % count] : 100;
		begin_running();
		held(CURFEW_WORK, &work, "work");
		work.takes_ms = 10;
		stop_by(SIGTERM);
		timeline_advance_ms(1000);
		end(0);
	}
}

static void grace_without_end_waits_for_ever(void **state)
{
	struct thing work;

	(void)state;
	options.grace_ms = CURFEW_NEVER;
	begin_running();
	held(CURFEW_WORK, &work, "work");
	stop_by(SIGTERM);
	assert_int_equal(agenda_next(&timeline.agenda), CURFEW_NEVER);
	timeline_advance_ms(1000000);
	assert_string_equal(story, "draining 0");
	curfew_hold_release(&work.hold);
	timeline_settle();
	end(0);
}

static void what_does_not_let_go_is_abandoned(void **state)
{
	struct thing work, child;

	(void)state;
	begin_running();
	held(CURFEW_WORK, &work, "work");
	held(CURFEW_CHILDREN, &child, "child");
	work.stubborn = true;
	child.stubborn = true;
	stop_by(SIGTERM);
	timeline_advance_ms(60000);
	assert_string_equal(story, "draining 0, forcing 7000, reaping 7100, done 11000");
	assert_int_equal(curfew_lifecycle_abandoned(&life), 2);
	assert_int_equal(curfew_lifecycle_exit_code(&life), 0);
	assert_false(lifecycle_fini(&life));
	agenda_abandon(&timeline.agenda);
	/* Its owner comes back later. */
	curfew_hold_release(&work.hold);
	curfew_hold_release(&child.hold);
	for (int stage = 0; stage < CURFEW_STAGES; stage++) {
		drain_fini(&life.stages[stage]);
	}
}

static void forced_exit_code_tells_clean_from_cut(void **state)
{
	struct thing work;

	(void)state;
	options.forced_exit = 9;
	begin_running();
	held(CURFEW_WORK, &work, "work");
	stop_by(SIGTERM);
	timeline_advance_ms(60000);
	end(9);
	begin_running();
	stop_by(SIGTERM);
	end(0);
}

/* A second signal. */

static void second_signal_forces_everything_at_once(void **state)
{
	struct thing front, work, child;

	(void)state;
	begin_running();
	held(CURFEW_FRONT, &front, "front");
	held(CURFEW_WORK, &work, "work");
	held(CURFEW_CHILDREN, &child, "child");
	stop_by(SIGTERM);
	timeline_advance_ms(100);
	stop_by(SIGTERM);
	assert_string_equal(story,
		"draining 0, forcing 100, front 100, work 100, reaping 100, "
		"child 100, done 100");
	end(128 + SIGTERM);
}

static void duplicate_within_the_debounce_does_nothing(void **state)
{
	struct thing work;

	(void)state;
	begin_running();
	held(CURFEW_WORK, &work, "work");
	work.takes_ms = 500;
	stop_by(SIGTERM);
	stop_by(SIGINT);
	timeline_advance_ms(99);
	stop_by(SIGTERM);
	timeline_advance_ms(1000);
	assert_string_equal(story, "draining 0, work 500, reaping 500, done 500");
	end(0);
}

static void insisting_can_be_ignored(void **state)
{
	struct thing work;

	(void)state;
	options.ignore_insist = true;
	begin_running();
	held(CURFEW_WORK, &work, "work");
	work.takes_ms = 500;
	stop_by(SIGTERM);
	timeline_advance_ms(300);
	stop_by(SIGTERM);
	timeline_advance_ms(1000);
	assert_string_equal(story, "draining 0, work 500, reaping 500, done 500");
	end(0);
}

static void more_signals_do_not_put_the_end_off(void **state)
{
	struct thing child;

	(void)state;
	begin_running();
	held(CURFEW_CHILDREN, &child, "child");
	child.stubborn = true;
	stop_by(SIGTERM);
	for (int i = 0; i < 30; i++) {
		timeline_advance_ms(200);
		if (!curfew_lifecycle_done(&life)) {
			stop_by(SIGTERM);
		}
	}
	assert_string_equal(story, "draining 0, reaping 0, done 2200");
	curfew_hold_release(&child.hold);
	timeline_settle();
	end(128 + SIGTERM);
}

static void caller_may_insist(void **state)
{
	struct thing work;

	(void)state;
	options.ignore_insist = true;
	begin_running();
	held(CURFEW_WORK, &work, "work");
	curfew_lifecycle_stop_for(&life, CURFEW_COMPLETED, NULL);
	curfew_lifecycle_stop_for(&life, CURFEW_INSISTED, NULL);
	timeline_settle();
	end(128 + SIGTERM);
}

/* Causes. */

static void first_cause_stays(void **state)
{
	struct curfew_cause cause;
	struct thing work;

	(void)state;
	begin_running();
	held(CURFEW_WORK, &work, "work");
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
	held(CURFEW_WORK, &work, "work");
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
	held(CURFEW_WORK, &work, "work");
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

#define lifecycle_test(test) cmocka_unit_test_setup_teardown(test, setup, timeline_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		lifecycle_test(idle_process_ends_at_once),
		lifecycle_test(nothing_wakes_a_process_that_runs),
		lifecycle_test(signal_while_starting_opens_nothing),
		lifecycle_test(announcement_comes_first_and_is_not_waited_for_twice),
		lifecycle_test(announcement_never_exceeds_the_grace),
		lifecycle_test(announcement_is_cut_short_by_a_second_signal),
		lifecycle_test(stages_end_in_order_each_when_the_one_before_is_empty),
		lifecycle_test(stage_that_was_closed_early_has_its_turn),
		lifecycle_test(work_is_forced_at_its_deadline_and_children_at_the_grace),
		lifecycle_test(reserve_is_at_most_a_third_of_the_grace),
		lifecycle_test(odd_durations_are_harmless),
		lifecycle_test(grace_without_end_waits_for_ever),
		lifecycle_test(what_does_not_let_go_is_abandoned),
		lifecycle_test(forced_exit_code_tells_clean_from_cut),
		lifecycle_test(second_signal_forces_everything_at_once),
		lifecycle_test(duplicate_within_the_debounce_does_nothing),
		lifecycle_test(insisting_can_be_ignored),
		lifecycle_test(more_signals_do_not_put_the_end_off),
		lifecycle_test(caller_may_insist),
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
