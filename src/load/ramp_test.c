/* SPDX-License-Identifier: Apache-2.0 */
#include "load/ramp.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/allocation.h"

#define MS INT64_C(1000000)
#define S (1000 * MS)

/* From 100/s on, 50/s more every 10 s. */
static void init(struct ramp *ramp, const char *condition)
{
	struct buffer refusal = {0};

	*ramp = (struct ramp){.start = 100, .step = 50, .every_ns = 10 * S};
	assert_int_equal(threshold_parse(&ramp->condition, condition, NULL, 0, &refusal), 0);
	assert_int_equal(ramp_init(ramp, 1), 0);
}

/* So many requests that took so long; nothing is in flight after them. */
static void add(struct ramp *ramp, int count, int64_t took_ns, enum load_outcome outcome)
{
	struct tally part;

	assert_int_equal(tally_init(&part, 1), 0);
	for (int i = 0; i < count; i++) {
		tally_admit(&part, S, S);
		tally_end(&part,
			&(struct tally_end){.outcome = outcome,
				.due_ns = S,
				.sent_ns = S,
				.ended_ns = S + took_ns});
	}
	ramp_add(ramp, &part);
	tally_fini(&part);
}

static void makes_its_stages(void **state)
{
	struct ramp ramp = {.start = 0.1, .step = 0.1, .every_ns = S};
	struct schedule_stage stages[SCHEDULE_STAGES_MOST];

	(void)state;
	assert_int_equal(ramp_stages(&ramp, stages, SCHEDULE_STAGES_MOST), SCHEDULE_STAGES_MOST);
	assert_true(stages[0].rate == 0.1 && stages[0].for_ns == S);
	assert_true(stages[999].rate == 0.1 + 999 * 0.1);
	ramp.start = ramp.step = SCHEDULE_RATE_MOST / 3;
	assert_int_equal(ramp_stages(&ramp, stages, SCHEDULE_STAGES_MOST), 3);
	assert_int_equal(ramp_stages(&ramp, stages, 2), 2);
}

/* Each step is judged by what came in its time: the slow ones of the third by the third alone. */
static void goes_on_until_it_breaks(void **state)
{
	struct result_section section;
	struct ramp ramp;

	(void)state;
	init(&ramp, "p90<1s");
	for (int64_t step = 1; step <= 2; step++) {
		assert_int_equal(ramp_ends(&ramp), step * 10 * S);
		add(&ramp, 50, 10 * MS, LOAD_OK);
		assert_true(ramp_judge(&ramp, step * 10 * S - 1, 0));
		assert_true(ramp_passed(&ramp) == (step == 1 ? 0 : 100));
		assert_string_equal(ramp.found, step == 1 ? "" : "p90 is 20 ms");
		add(&ramp, 50, 20 * MS, LOAD_OK);
		assert_true(ramp_judge(&ramp, step * 10 * S, 0));
		assert_string_equal(ramp.found, "p90 is 20 ms");
	}
	assert_true(ramp_passed(&ramp) == 150 && ramp_broke(&ramp) == 0);
	add(&ramp, 88, 10 * MS, LOAD_OK);
	add(&ramp, 12, 2 * S, LOAD_OK);
	assert_false(ramp_judge(&ramp, 30 * S + 5 * MS, 0));
	assert_false(ramp_judge(&ramp, 40 * S, 0));
	assert_int_equal(ramp_ends(&ramp), INT64_MAX);
	assert_true(ramp_passed(&ramp) == 150 && ramp_broke(&ramp) == 200);
	ramp_tell(&ramp, &section);
	assert_string_equal(section.name, "ramp");
	assert_int_equal(section.row_count, 3);
	assert_string_equal(section.rows[0].text, "150/s");
	assert_true(section.rows[0].value == 150);
	assert_string_equal(section.rows[1].text, "200/s");
	assert_string_equal(section.rows[2].text, "p90 is 2 s");
	ramp_fini(&ramp);
}

/* What could not be sent in time has waited, too. */
static void judges_by_when_requests_were_due(void **state)
{
	const struct tally_end late = {.sent_ns = 2 * S, .ended_ns = 2 * S + MS};
	struct tally part;
	struct ramp ramp;

	(void)state;
	init(&ramp, "p90<1s");
	assert_int_equal(tally_init(&part, 1), 0);
	tally_admit(&part, late.due_ns, late.sent_ns);
	tally_end(&part, &late);
	ramp_add(&ramp, &part);
	assert_false(ramp_judge(&ramp, 10 * S, 0));
	tally_fini(&part);
	ramp_fini(&ramp);
}

static void tells_that_none_passed(void **state)
{
	struct result_section section;
	struct ramp ramp;

	(void)state;
	init(&ramp, "p90<1s");
	ramp_tell(&ramp, &section);
	assert_int_equal(section.row_count, 2);
	assert_string_equal(section.rows[1].text, "none");
	add(&ramp, 10, 10 * MS, LOAD_REFUSED);
	assert_false(ramp_judge(&ramp, 10 * S, 0)); /* nothing succeeded: there is no p90 */
	ramp_tell(&ramp, &section);
	assert_string_equal(section.rows[0].text, "none");
	assert_string_equal(section.rows[1].text, "100/s");
	assert_string_equal(section.rows[2].text, "p90 is not known: there was no such request");
	ramp_fini(&ramp);
}

/* Rates are those of the time that a step took; what is in flight is that of all. */
static void judges_rates_and_what_is_in_flight(void **state)
{
	struct ramp ramp;

	(void)state;
	init(&ramp, "rate>=10/s");
	add(&ramp, 100, MS, LOAD_OK);
	assert_true(ramp_judge(&ramp, 10 * S, 0));
	add(&ramp, 99, MS, LOAD_OK);
	assert_false(ramp_judge(&ramp, 20 * S, 0));
	assert_string_equal(ramp.found, "rate is 9.9/s");
	ramp_fini(&ramp);
	init(&ramp, "in_flight<=7");
	assert_true(ramp_judge(&ramp, 10 * S, 7));
	assert_false(ramp_judge(&ramp, 20 * S, 8));
	ramp_fini(&ramp);
}

/* Where nobody came at the end of a step, those that have ended are one. */
static void judges_late(void **state)
{
	struct ramp ramp;

	(void)state;
	init(&ramp, "p90<1s");
	add(&ramp, 100, MS, LOAD_OK);
	assert_true(ramp_judge(&ramp, 35 * S, 0));
	assert_true(ramp_passed(&ramp) == 200);
	assert_int_equal(ramp_ends(&ramp), 40 * S);
	ramp_fini(&ramp);
}

/* For who wants to know while it goes on: also behind those that were judged as one. */
static void tells_the_step_that_goes_on(void **state)
{
	struct result_step step;
	struct ramp ramp;

	(void)state;
	init(&ramp, "p90<1s");
	step = ramp_step(&ramp);
	assert_int_equal(step.number, 1);
	assert_true(step.rate == 100);
	assert_int_equal(step.begin_ns, 0);
	assert_int_equal(step.end_ns, 10 * S);
	add(&ramp, 100, MS, LOAD_OK);
	assert_true(ramp_judge(&ramp, 35 * S, 0));
	step = ramp_step(&ramp);
	assert_int_equal(step.number, 4);
	assert_true(step.rate == 250);
	assert_int_equal(step.begin_ns, 30 * S);
	assert_int_equal(step.end_ns, 40 * S);
	assert_false(ramp_judge(&ramp, 40 * S, 0));
	assert_int_equal(ramp_step(&ramp).number, 0);
	ramp_fini(&ramp);
}

static void tells_of_missing_memory(void **state)
{
	struct ramp ramp = {.start = 1, .step = 1, .every_ns = S};

	(void)state;
	allocation_fail(1);
	assert_int_equal(ramp_init(&ramp, 1), -ENOMEM);
	assert_true(allocation_failed());
	ramp_fini(&ramp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_its_stages),
		cmocka_unit_test(goes_on_until_it_breaks),
		cmocka_unit_test(judges_by_when_requests_were_due),
		cmocka_unit_test(tells_that_none_passed),
		cmocka_unit_test(judges_rates_and_what_is_in_flight),
		cmocka_unit_test(judges_late),
		cmocka_unit_test(tells_the_step_that_goes_on),
		cmocka_unit_test(tells_of_missing_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
