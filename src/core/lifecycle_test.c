/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>

#include "core/lifecycle_script.h"

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
	hold(CURFEW_WORK, &work, "work");
	work.takes_ms = 30;
	stop_by(SIGTERM);
	assert_int_equal(curfew_lifecycle_phase(&life), CURFEW_ANNOUNCING);
	assert_false(curfew_drain_closed(curfew_lifecycle_stage(&life, CURFEW_FRONT)));
	timeline_advance_ms(10000);
	assert_string_equal(story, "announcing 0, draining 500, work 530, reaping 530, done 530");
	end(0);
}

static void announcement_leaves_time_to_drain(void **state)
{
	struct thing front;

	(void)state;
	options.announce_ms = 60000;
	begin_running();
	hold(CURFEW_FRONT, &front, "front");
	stop_by(SIGTERM);
	timeline_advance_ms(60000);
	assert_string_equal(story,
		"announcing 0, draining 5500, forcing 7000, front 7000, reaping 7000, done 7000");
	end(0);
}

static void announcement_leaves_half_of_a_short_time(void **state)
{
	(void)state;
	options.announce_ms = 60000;
	options.grace_ms = 600;
	options.child_reserve_ms = 0;
	begin_running();
	stop_by(SIGTERM);
	timeline_advance_ms(60000);
	assert_string_equal(story, "announcing 0, draining 300, reaping 300, done 300");
	end(0);
}

static void announcement_is_prolonged_until_it_is_not_wanted(void **state)
{
	(void)state;
	begin_running();
	lifecycle_prolong(&life, true);
	stop_by(SIGTERM);
	timeline_advance_ms(1000);
	assert_int_equal(curfew_lifecycle_phase(&life), CURFEW_ANNOUNCING);
	lifecycle_prolong(&life, false);
	assert_int_equal(curfew_lifecycle_phase(&life), CURFEW_ANNOUNCING);
	timeline_advance_ms(1000);
	assert_string_equal(story, "announcing 0, draining 1000, reaping 1000, done 1000");
	end(0);
}

static void prolonged_announcement_keeps_its_least_and_its_latest_moment(void **state)
{
	(void)state;
	options.announce_ms = 500;
	begin_running();
	lifecycle_prolong(&life, true);
	stop_by(SIGTERM);
	lifecycle_prolong(&life, false);
	timeline_advance_ms(100);
	lifecycle_prolong(&life, true);
	timeline_advance_ms(10000);
	assert_string_equal(story, "announcing 0, draining 5500, reaping 5500, done 5500");
	end(0);
}

static void announcement_that_is_wanted_no_more_is_passed_over(void **state)
{
	(void)state;
	begin_running();
	lifecycle_prolong(&life, true);
	lifecycle_prolong(&life, false);
	stop_by(SIGTERM);
	assert_string_equal(story, "draining 0, reaping 0, done 0");
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
	hold(CURFEW_LOG, &log, "log");
	hold(CURFEW_CHILDREN, &child, "child");
	hold(CURFEW_WORK, &work, "work");
	hold(CURFEW_FRONT, &front, "front");
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
	hold(CURFEW_WORK, &work, "work");
	hold(CURFEW_CHILDREN, &child, "child");
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
	hold(CURFEW_WORK, &work, "work");
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
		hold(CURFEW_WORK, &work, "work");
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
	hold(CURFEW_WORK, &work, "work");
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
	hold(CURFEW_WORK, &work, "work");
	hold(CURFEW_CHILDREN, &child, "child");
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
	hold(CURFEW_WORK, &work, "work");
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
	hold(CURFEW_FRONT, &front, "front");
	hold(CURFEW_WORK, &work, "work");
	hold(CURFEW_CHILDREN, &child, "child");
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
	hold(CURFEW_WORK, &work, "work");
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
	hold(CURFEW_WORK, &work, "work");
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
	hold(CURFEW_CHILDREN, &child, "child");
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
	hold(CURFEW_WORK, &work, "work");
	curfew_lifecycle_stop_for(&life, CURFEW_COMPLETED, NULL);
	curfew_lifecycle_stop_for(&life, CURFEW_INSISTED, NULL);
	timeline_settle();
	end(128 + SIGTERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		lifecycle_test(idle_process_ends_at_once),
		lifecycle_test(nothing_wakes_a_process_that_runs),
		lifecycle_test(signal_while_starting_opens_nothing),
		lifecycle_test(announcement_comes_first_and_is_not_waited_for_twice),
		lifecycle_test(announcement_leaves_time_to_drain),
		lifecycle_test(announcement_leaves_half_of_a_short_time),
		lifecycle_test(announcement_is_prolonged_until_it_is_not_wanted),
		lifecycle_test(prolonged_announcement_keeps_its_least_and_its_latest_moment),
		lifecycle_test(announcement_that_is_wanted_no_more_is_passed_over),
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
