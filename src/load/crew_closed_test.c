/* SPDX-License-Identifier: Apache-2.0 */
/* Closed loops: each lane sends its next request when its last is over. */
#include "load/crew_script.h"

static void each_lane_sends_its_next_when_its_last_is_over(void **state)
{
	(void)state;
	script.plan.connections = 3;
	crew_begin();
	crew_runs();
	assert_int_equal(script.peer_count, 3);
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 3; i++) {
			assert_int_equal(waiting(), 3);
			answer(i, OK);
			assert_int_equal(script.peers[i].asked, round + 2);
		}
	}
	answer(1, OK);
	answer(1, OK);
	assert_int_equal(script.peers[1].asked, 8);
	assert_int_equal(script.peers[0].asked, 6);
	for (int i = 0; i < script.made; i++) {
		assert_int_equal(script.numbers[i], i);
	}
	assert_int_equal(crew.tally->connections, 3);
	assert_int_equal(crew.tally->lag.total, 0); /* nothing is due */
	assert_int_equal(crew.tally->intended.total, 0);
}

static void makes_so_many_requests_and_no_more(void **state)
{
	(void)state;
	script.plan.connections = 4;
	script.plan.requests_most = 10;
	crew_begin();
	crew_runs();
	for (int left = 10; left > 0;) {
		assert_int_equal(stage(), CREW_PREPARED);
		assert_int_equal(waiting(), left < 4 ? left : 4);
		left -= answer_all(OK);
	}
	assert_int_equal(stage(), CREW_QUIET);
	assert_true(atomic_load(&crew.exhausted));
	assert_int_equal(script.made, 10);
	assert_int_equal(outcomes(LOAD_OK), 10);
}

static void makes_fewer_than_it_has_lanes(void **state)
{
	(void)state;
	script.plan.connections = 4;
	script.plan.requests_most = 2;
	crew_begin();
	crew_runs();
	assert_int_equal(waiting(), 2);
	assert_int_equal(answer_all(OK), 2);
	assert_int_equal(stage(), CREW_QUIET);
	assert_int_equal(script.peer_count, 2);
}

/* At the end of its time no more are begun; the end itself is the director's. */
static void begins_none_after_its_time(void **state)
{
	(void)state;
	script.plan.connections = 2;
	script.plan.for_ns = 100 * NS_PER_MS;
	crew_begin();
	crew_runs();
	pass_ms(99);
	answer(0, OK);
	assert_int_equal(waiting(), 2);
	pass_ms(1);
	answer(0, OK);
	assert_int_equal(waiting(), 1);
	assert_int_equal(stage(), CREW_PREPARED);
	answer(1, OK);
	assert_int_equal(stage(), CREW_QUIET);
	assert_false(atomic_load(&crew.exhausted));
	assert_int_equal(outcomes(LOAD_OK), 3);
}

static void finishes_what_is_in_flight(void **state)
{
	(void)state;
	script.plan.connections = 3;
	crew_begin();
	crew_runs();
	crew_finish(&crew, script.now + NS_PER_S);
	settle();
	answer(2, OK);
	answer(0, OK);
	pass_ms(500);
	assert_int_equal(stage(), CREW_PREPARED);
	answer(1, OK);
	assert_int_equal(stage(), CREW_OVER);
	assert_int_equal(script.made, 3);
	assert_int_equal(outcomes(LOAD_OK), 3);
	assert_true(crew_left());
}

/* What is cut is in flight at the end, and neither done nor failed; the source hears of it. */
static void cuts_what_is_in_flight(void **state)
{
	(void)state;
	script.plan.connections = 3;
	crew_begin();
	crew_runs();
	answer(1, OK);
	crew_finish(&crew, script.now + NS_PER_S);
	settle();
	answer(0, OK);
	crew_cut(&crew);
	settle();
	assert_int_equal(stage(), CREW_OVER);
	assert_int_equal(outcomes(LOAD_OK), 2);
	assert_int_equal(crew.tally->in_flight, 2);
	assert_int_equal(tally_failed(crew.tally), 0);
	assert_int_equal(script.let_go, 2);
	assert_true(crew_left());
	assert_true(script.peers[1].ended && script.peers[2].ended);
}

/* A source that has nothing now, or never again. */

static void waits_for_the_source(void **state)
{
	(void)state;
	script.plan.connections = 2;
	crew_begin();
	script.busy = true;
	crew_runs();
	assert_int_equal(script.made, 0);
	pass_ms(35);
	assert_int_equal(script.made, 0);
	script.busy = false;
	pass_ms(10); /* it is asked again after a moment */
	assert_int_equal(waiting(), 2);
	script.busy = true;
	answer(0, OK);
	script.busy = false;
	assert_int_equal(waiting(), 1);
	answer(1, OK); /* and when one is over */
	assert_int_equal(waiting(), 2);
	for (int i = 0; i < script.made; i++) {
		assert_int_equal(script.numbers[i], i); /* no number is lost */
	}
	assert_int_equal(crew.tally->dropped, 0);
}

static void ends_while_it_waits_for_the_source(void **state)
{
	(void)state;
	script.plan.connections = 2;
	crew_begin();
	script.busy = true;
	crew_runs();
	pass_ms(25);
	crew_finish(&crew, script.now);
	settle();
	assert_true(crew_left());
	assert_int_equal(crew.tally->admitted, 0);
}

static void time_ends_while_it_waits_for_the_source(void **state)
{
	(void)state;
	script.plan.connections = 2;
	script.plan.for_ns = 20 * NS_PER_MS;
	crew_begin();
	script.busy = true;
	crew_runs();
	pass_ms(30);
	assert_int_equal(stage(), CREW_QUIET);
	script.busy = false;
	pass_ms(30);
	assert_int_equal(script.made, 0);
}

static void the_source_comes_to_its_end(void **state)
{
	(void)state;
	script.plan.connections = 2;
	script.ends_at = 5;
	crew_begin();
	crew_runs();
	answer(0, OK);
	answer(0, OK);
	answer(0, OK);
	assert_true(atomic_load(&crew.exhausted) == false);
	answer(0, OK);
	assert_true(atomic_load(&crew.exhausted));
	assert_int_equal(stage(), CREW_PREPARED); /* one is in flight */
	answer(1, OK);
	assert_int_equal(stage(), CREW_QUIET);
	assert_int_equal(outcomes(LOAD_OK), 5);
	assert_int_equal(crew.tally->scheduled, 5);
}

/* Where the target is not there, it is not asked as fast as one can. */
static void pauses_where_nobody_listens(void **state)
{
	(void)state;
	script.plan.connections = 2;
	server_close();
	crew_begin();
	crew_runs();
	assert_int_equal(outcomes(LOAD_REFUSED), 2);
	pass_ms(LANE_PAUSE_MS - 1);
	assert_int_equal(outcomes(LOAD_REFUSED), 2);
	pass_ms(1);
	settle();
	assert_int_equal(outcomes(LOAD_REFUSED), 4);
	server_listen();
	pass_ms(LANE_PAUSE_MS);
	settle();
	assert_int_equal(answer_all(OK), 2);
	assert_int_equal(outcomes(LOAD_OK), 2);
	server_close();
	for (int i = 0; i < 2; i++) {
		peer_close(i);
	}
	settle();
	crew_finish(&crew, script.now);
	settle();
	assert_true(crew_left());
}

/* Nor is this machine, where it has no descriptor for it. */
static void pauses_where_there_is_no_descriptor(void **state)
{
	(void)state;
	crew_begin();
	descriptors_leave(0);
	crew_runs();
	pass_ms(LANE_PAUSE_MS - 1);
	assert_int_equal(outcomes(LOAD_LOCAL), 1);
	descriptors_restore();
	pass_ms(1);
	settle();
	answer(0, OK);
	assert_int_equal(outcomes(LOAD_OK), 1);
}

/* All that was counted is in one part or another. */
static void hands_over_what_was_counted(void **state)
{
	struct tally sum;

	(void)state;
	assert_int_equal(tally_init(&sum, 1), 0);
	script.plan.connections = 2;
	script.plan.requests_most = 20;
	crew_begin();
	crew_runs();
	for (int i = 0; i < 9; i++) {
		answer(i % 2, OK);
		crew_hand_over(&crew);
		assert_false(atomic_load(&crew.handed));
		loop_wake(worker->loop);
		round_now();
		assert_true(atomic_load(&crew.handed));
		tally_merge(&sum, crew.part);
		tally_reset(crew.part);
		tally_merge(&sum, crew.tally);
		tally_reset(crew.tally);
		assert_null(tally_contradiction(&sum));
		assert_int_equal(sum.outcomes[LOAD_OK], i + 1);
		assert_int_equal(sum.in_flight, 2);
		tally_merge(crew.tally, &sum); /* as settle() wants it */
		tally_reset(&sum);
	}
	tally_fini(&sum);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		crew_test(each_lane_sends_its_next_when_its_last_is_over),
		crew_test(makes_so_many_requests_and_no_more),
		crew_test(makes_fewer_than_it_has_lanes),
		crew_test(begins_none_after_its_time),
		crew_test(finishes_what_is_in_flight),
		crew_test(cuts_what_is_in_flight),
		crew_test(waits_for_the_source),
		crew_test(ends_while_it_waits_for_the_source),
		crew_test(time_ends_while_it_waits_for_the_source),
		crew_test(the_source_comes_to_its_end),
		crew_test(pauses_where_nobody_listens),
		crew_test(pauses_where_there_is_no_descriptor),
		crew_test(hands_over_what_was_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
