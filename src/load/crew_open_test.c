/* SPDX-License-Identifier: Apache-2.0 */
/* Open loops: what is due is begun or dropped, whatever the target does. */
#include "load/crew_script.h"

#define MS 1000 /* of the histograms */

static void open_begin(double rate, int most)
{
	open_loop(rate, INT64_MAX);
	script.plan.connections = most;
	crew_begin();
	crew_runs();
}

static void is_due_by_the_clock_alone(void **state)
{
	(void)state;
	open_begin(100, 1000);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(script.made, i + 1); /* at once, whoever has answered */
		pass_ns(10 * NS_PER_MS - 1);
		assert_int_equal(script.made, i + 1);
		pass_ns(1);
		settle();
	}
	assert_int_equal(waiting(), 101);
	assert_int_equal(crew.tally->scheduled, 101);
	assert_int_equal(crew.tally->dropped, 0);
	assert_int_equal(crew.tally->lag.most_us, HISTOGRAM_LEAST_US);
}

static void drops_what_has_no_slot(void **state)
{
	struct tally *tally;

	(void)state;
	open_begin(100, 3);
	tally = crew.tally;
	pass_ms(95);
	assert_int_equal(tally->scheduled, 10);
	assert_int_equal(tally->admitted, 3);
	assert_int_equal(tally->dropped, 7);
	answer(1, OK);
	pass_ms(10);
	assert_int_equal(tally->admitted, 4);
	assert_int_equal(script.numbers[3], 10); /* the dropped ones had their numbers */
	pass_ms(10);
	assert_int_equal(tally->dropped, 8);
	assert_int_equal(answer_all(OK), 3);
	pass_ms(10);
	assert_int_equal(tally->admitted, 5);
	assert_int_equal(tally->scheduled, 13);
	assert_int_equal(script.let_go, 0);
}

/* The one that is idle for the shortest time: so no more connections are open than needed. */
static void takes_the_lane_that_was_used_last(void **state)
{
	(void)state;
	open_begin(100, 10);
	pass_ms(25); /* three in flight */
	assert_int_equal(script.peer_count, 3);
	answer(2, OK);
	answer(0, OK);
	pass_ms(10);
	assert_int_equal(script.peers[0].asked, 2);
	answer(0, OK);
	pass_ms(10);
	assert_int_equal(script.peers[0].asked, 3);
	pass_ms(10);
	assert_int_equal(script.peers[2].asked, 2);
	assert_int_equal(script.peer_count, 3);
	assert_int_equal(crew.tally->connections, 3);
}

/* From when it was due, and from when it was sent; they differ where we were late. */
static void both_latencies_are_told_apart(void **state)
{
	struct tally *tally;

	(void)state;
	open_begin(100, 10);
	tally = crew.tally;
	pass_ms(4);
	answer(0, OK);
	assert_int_equal(tally->intended.most_us, 4 * MS);
	assert_int_equal(tally->actual.most_us, 4 * MS);
	lose_ms(20); /* two are due, 14 and 4 ms ago */
	assert_int_equal(script.made, 3);
	assert_int_equal(tally->lag.total, 3);
	assert_int_equal(tally->lag.most_us, 14 * MS);
	script.now += 5 * NS_PER_MS;
	assert_int_equal(answer_all(OK), 2);
	assert_int_equal(tally->actual.total, 3);
	assert_int_equal(tally->actual.most_us, 5 * MS);
	assert_int_equal(tally->intended.most_us, 19 * MS);
}

static void takes_its_time(uint64_t number)
{
	(void)number;
	script.now += 3 * NS_PER_MS;
}

/* The target cannot help it. */
static void to_make_a_request_is_our_own_time(void **state)
{
	static struct source_ops slow_ops;

	(void)state;
	slow_ops = plain_ops;
	slow_ops.takes_long = true;
	script.ops = &slow_ops;
	script.asked = takes_its_time;
	open_begin(10, 10);
	pass_ms(4);
	answer(0, OK);
	assert_int_equal(crew.tally->lag.most_us, 3 * MS);
	assert_int_equal(crew.tally->actual.most_us, 4 * MS);
	assert_int_equal(crew.tally->intended.most_us, 7 * MS);
}

/* All that was due meanwhile is begun at once, and the clock is the one that it was. */
static void catches_up_when_it_was_late(void **state)
{
	struct tally *tally;

	(void)state;
	open_begin(1000, 50);
	tally = crew.tally;
	lose_ms(30);
	assert_int_equal(tally->admitted, 31);
	assert_int_equal(waiting(), 31);
	lose_ms(30);
	assert_int_equal(tally->scheduled, 61);
	assert_int_equal(tally->admitted, 50); /* there are no more slots */
	assert_int_equal(tally->dropped, 11);
	assert_int_equal(answer_all(OK), 50);
	pass_ns(NS_PER_MS - 1);
	assert_int_equal(tally->scheduled, 61);
	pass_ns(1);
	settle();
	assert_int_equal(tally->scheduled, 62);
}

/* What was due before the end is begun also where the end is seen first. */
static void what_was_due_before_the_end_is_begun(void **state)
{
	(void)state;
	open_loop(1000, INT64_MAX);
	script.plan.connections = 50;
	script.plan.for_ns = 20 * NS_PER_MS;
	crew_begin();
	crew_runs();
	pass_ms(10);
	script.now += 30 * NS_PER_MS;
	crew_finish(&crew, script.now + NS_PER_S);
	settle();
	assert_int_equal(crew.tally->scheduled, 20);
	assert_int_equal(script.made, 20);
	assert_int_equal(answer_all(OK), 20);
	assert_true(crew_left());
}

static void takes_a_while(uint64_t number)
{
	(void)number;
	script.now += 100000; /* 0.1 ms */
}

/* A rate that is more than it can do: 50 are due in the time that one takes. */
static void cannot_follow(void)
{
	open_loop(500000, INT64_MAX);
	crew_begin();
	script.busy = true;
	script.asked = takes_a_while;
	crew_run(&crew, script.now);
	loop_wake(worker->loop);
	round_now();
	for (int i = 0; i < 20; i++) {
		uint64_t before = crew.tally->scheduled;

		script.now += 1000;
		loop_wake(worker->loop);
		round_now();
		assert_counts();
		assert_in_range(crew.tally->scheduled - before, 1, 51);
	}
}

/* Orders come through, whatever is due still. */
static void is_cut_while_it_cannot_follow(void **state)
{
	(void)state;
	cannot_follow();
	crew_cut(&crew);
	round_now();
	settle();
	assert_true(crew_left());
}

/* What was due before the end is counted, if time is left for that; what comes later is not. */
static void finishes_while_it_cannot_follow(void **state)
{
	int64_t due;

	(void)state;
	cannot_follow();
	crew_finish(&crew, CURFEW_NEVER);
	due = (script.now - crew.began_ns) / 2000 + 1;
	assert_true((int64_t)crew.tally->scheduled < due);
	settle();
	assert_true(crew_left());
	assert_int_equal(crew.tally->scheduled, due);
	assert_int_equal(crew.tally->dropped, due);
}

static void ends_with_its_stages(void **state)
{
	(void)state;
	open_loop(100, 50 * NS_PER_MS);
	script.stages[1] = (struct schedule_stage){.rate = 0, .for_ns = 100 * NS_PER_MS};
	script.stages[2] = (struct schedule_stage){.rate = 1000, .for_ns = 10 * NS_PER_MS};
	script.plan.stage_count = 3;
	script.plan.connections = 30;
	crew_begin();
	crew_runs();
	pass_ms(149);
	assert_int_equal(script.made, 5);
	assert_int_equal(answer_all(OK), 5);
	assert_int_equal(stage(), CREW_PREPARED);
	pass_ms(100);
	assert_int_equal(script.made, 15);
	assert_int_equal(stage(), CREW_PREPARED);
	assert_int_equal(answer_all(OK), 10);
	assert_int_equal(stage(), CREW_QUIET);
	assert_false(atomic_load(&crew.exhausted)); /* its duration ends it */
}

static void makes_so_many_requests_and_no_more(void **state)
{
	(void)state;
	open_loop(1000, INT64_MAX);
	script.plan.connections = 4;
	script.plan.requests_most = 7;
	crew_begin();
	crew_runs();
	pass_ms(100);
	assert_int_equal(crew.tally->scheduled, 7);
	assert_int_equal(crew.tally->dropped, 3);
	assert_int_equal(answer_all(OK), 4);
	assert_int_equal(stage(), CREW_QUIET);
	assert_true(atomic_load(&crew.exhausted));
}

/* It is quiet as soon as the last is over, not when another one would be due. */
static void the_last_request_ends_it(void **state)
{
	(void)state;
	open_loop(0.001, INT64_MAX);
	script.plan.requests_most = 1;
	crew_begin();
	crew_runs();
	answer(0, OK);
	assert_int_equal(stage(), CREW_QUIET);
}

static void drops_what_the_source_has_not(void **state)
{
	struct tally *tally;

	(void)state;
	open_begin(100, 5);
	tally = crew.tally;
	answer(0, OK);
	script.busy = true;
	pass_ms(30);
	settle();
	assert_int_equal(tally->dropped, 3);
	script.busy = false;
	pass_ms(10);
	settle();
	assert_int_equal(script.peers[0].asked, 2); /* its lane has come back */
	assert_int_equal(script.numbers[1], 4);
	assert_int_equal(tally->scheduled, 5);
}

static void the_source_comes_to_its_end(void **state)
{
	(void)state;
	script.ends_at = 3;
	open_begin(100, 5);
	pass_ms(100);
	assert_int_equal(crew.tally->scheduled, 3);
	assert_true(atomic_load(&crew.exhausted));
	assert_int_equal(stage(), CREW_PREPARED);
	assert_int_equal(answer_all(OK), 3);
	assert_int_equal(stage(), CREW_QUIET);
}

/* The rate goes on where nobody listens: each one has failed. */
static void does_not_pause(void **state)
{
	(void)state;
	server_close();
	open_begin(1000, 5);
	pass_ms(50);
	settle();
	assert_int_equal(outcomes(LOAD_REFUSED), 51);
	assert_int_equal(crew.tally->failed.total, 51);
	assert_int_equal(crew.tally->lag.total, 51);
}

/* As many as the rate needs in a tenth of a second, if there may be so many. */
static void warms_for_its_rate(void **state)
{
	(void)state;
	open_loop(50, NS_PER_S);
	script.stages[1] = (struct schedule_stage){.rate = 100, .for_ns = NS_PER_S};
	script.plan.stage_count = 2;
	script.plan.connections = 20;
	crew_begin();
	crew_warm(&crew);
	settle();
	assert_int_equal(script.peer_count, 10);
	assert_int_equal(answer_all(OK), 10);
	assert_int_equal(stage(), CREW_WARM);
	crew_runs();
	pass_ms(95);
	assert_int_equal(script.peer_count, 10);
	assert_int_equal(crew.tally->admitted, 5);
}

static void warms_for_the_first_step_of_a_ramp(void **state)
{
	(void)state;
	open_loop(20, NS_PER_S);
	script.stages[1] = (struct schedule_stage){.rate = 1000, .for_ns = NS_PER_S};
	script.plan.stage_count = 2;
	script.plan.has_ramp = true;
	script.plan.connections = 20;
	crew_begin();
	crew_warm(&crew);
	settle();
	assert_int_equal(script.peer_count, 2);
	assert_int_equal(answer_all(OK), 2);
	assert_int_equal(stage(), CREW_WARM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		crew_test(is_due_by_the_clock_alone),
		crew_test(drops_what_has_no_slot),
		crew_test(takes_the_lane_that_was_used_last),
		crew_test(both_latencies_are_told_apart),
		crew_test(to_make_a_request_is_our_own_time),
		crew_test(catches_up_when_it_was_late),
		crew_test(what_was_due_before_the_end_is_begun),
		crew_test(is_cut_while_it_cannot_follow),
		crew_test(finishes_while_it_cannot_follow),
		crew_test(ends_with_its_stages),
		crew_test(makes_so_many_requests_and_no_more),
		crew_test(the_last_request_ends_it),
		crew_test(drops_what_the_source_has_not),
		crew_test(the_source_comes_to_its_end),
		crew_test(does_not_pause),
		crew_test(warms_for_its_rate),
		crew_test(warms_for_the_first_step_of_a_ramp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
