/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: a crew on worker 0, with the source and the server of load/engine_script.h.
 *
 *	script.plan.connections = 2;	... what the plan is to be
 *	crew_begin();			prepared
 *	crew_runs();			the clock starts
 *	settle();			all that can happen now; the counts hold after each round
 *	answer(0, OK);			the peer that was accepted first
 *	pass_ms(10);
 */
#ifndef LOAD_CREW_SCRIPT_H
#define LOAD_CREW_SCRIPT_H

#include "load/crew_state.h"
#include "load/engine_script.h"
#include "load/lane.h"

static struct crew crew;
static struct task news;

/* What is true at every moment. */
static inline void assert_counts(void)
{
	size_t in_flight = 0;

	assert_null(tally_contradiction(crew.tally));
	for (size_t i = 0; i < crew.lane_count; i++) {
		in_flight += lane_in_flight(crew.lanes[i]);
	}
	if (!crew_is(&crew, IS(OVER))) {
		assert_int_equal(crew.in_flight, in_flight);
		assert_int_equal(script.made - script.ended, in_flight);
		assert_true(crew.ran ? crew.tally->in_flight == in_flight : !crew.tally->admitted);
	}
	assert_true(in_flight <= crew.lane_most);
}

static inline void no_news(struct task *task)
{
	(void)task;
}

static inline int stage(void)
{
	return atomic_load(&crew.stage);
}

static inline uint64_t outcomes(enum load_outcome outcome)
{
	return crew.tally->outcomes[outcome];
}

static inline void crew_new(void)
{
	assert_int_equal(crew_init(&crew, &script.plan, worker, 0, 1), 0);
	news.run = no_news;
	crew.news = &news;
	crew.news_agenda = &worker->loop->agenda;
}

static inline void crew_begin(void)
{
	crew_new();
	crew_prepare(&crew);
	settle();
}

static inline void crew_runs(void)
{
	crew_run(&crew, script.now);
	settle();
}

static inline bool crew_left(void)
{
	return !crew.hold.drain;
}

static inline int script_setup(void **state)
{
	(void)state;
	engine_reset();
	crew = (struct crew){0};
	script.check = assert_counts;
	workers_begin(1, 20000);
	return 0;
}

/* However far it came, it ends, and nothing is left. */
static inline int script_teardown(void **state)
{
	(void)state;
	script.asked = NULL;
	if (crew.plan) {
		crew_cut(&crew);
		settle();
		pass_ms(6000); /* what closes in order has its time */
		assert_true(crew_left());
		assert_int_equal(script.made, script.ended + script.let_go);
		crew_fini(&crew);
	}
	assert_true(workers_end());
	engine_close();
	return 0;
}

#define crew_test(test) cmocka_unit_test_setup_teardown(test, script_setup, script_teardown)

#endif
