/* SPDX-License-Identifier: Apache-2.0 */
/* A source that cannot make requests because the target is away: each is over as it was due. */
#include "load/crew_script.h"

static int away; /* so many next ones have nobody whom they could be sent to */

static int next(struct load_source *source, struct load_request *request)
{
	if (!away) {
		return scripted_next(source, request);
	}
	away--;
	request->scenario = 1;
	request->unmade = LOAD_REFUSED;
	return SOURCE_AWAY;
}

static const struct source_ops away_ops = {
	.next = next,
	.over = scripted_over,
	.free = scripted_free,
};

static void begin(void)
{
	away = 3;
	script.ops = &away_ops;
	script.plan.scenario_count = 2;
	crew_begin();
	crew_runs();
}

static void assert_lost(void)
{
	const struct tally *tally = crew.tally;

	assert_int_equal(outcomes(LOAD_REFUSED), 3);
	assert_int_equal(tally->scenarios[1].outcomes[LOAD_REFUSED], 3);
	assert_int_equal(answer_all(OK), 1);
	assert_int_equal(script.numbers[0], 3); /* those had their numbers */
	assert_int_equal(outcomes(LOAD_OK), 1);
}

/* A lane pauses after each, as it does after a connection that is refused. */
static void a_closed_loop_pauses(void **state)
{
	(void)state;
	begin();
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(outcomes(LOAD_REFUSED), i);
		pass_ms(LANE_PAUSE_MS - 1);
		assert_int_equal(outcomes(LOAD_REFUSED), i);
		pass_ms(1);
		settle();
	}
	assert_lost();
}

static void an_open_loop_goes_on(void **state)
{
	(void)state;
	open_loop(10, INT64_MAX);
	begin();
	pass_ms(350);
	assert_lost();
	assert_int_equal(crew.tally->lag.total, 4);
	assert_int_equal(crew.tally->dropped, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		crew_test(a_closed_loop_pauses),
		crew_test(an_open_loop_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
