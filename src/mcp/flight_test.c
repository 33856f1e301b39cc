/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/flight.h"

#include "core/lifecycle.h"
#include "mcp/host.h"
#include "net/worker_script.h"

static struct mcp mcp;
static struct flight flight, other;
static int cuts;

static void cut(struct flight *of)
{
	cuts++;
	flight_end(of);
}

static int setup(void **state)
{
	(void)state;
	workers_begin(1, 20000);
	mcp = (struct mcp){.worker = worker};
	flight = (struct flight){0};
	other = (struct flight){0};
	cuts = 0;
	return 0;
}

static enum curfew_phase phase(void)
{
	return curfew_lifecycle_phase(life);
}

static void test_one_is_waited_for(void **state)
{
	(void)state;
	flight_begin(&flight, &mcp, "tools/call", false, cut);
	assert_int_equal(mcp.in_flight, 1);
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	run_until(phase() == CURFEW_DRAINING);
	round_now();
	assert_int_equal(phase(), CURFEW_DRAINING);
	flight_end(&flight);
	assert_int_equal(mcp.in_flight, 0);
	run_until(phase() == CURFEW_DONE);
	assert_int_equal(cuts, 0);
}

static void test_the_listeners_stay_open_for_those_that_need_them(void **state)
{
	(void)state;
	flight_begin(&flight, &mcp, NULL, true, cut);
	flight_begin(&other, &mcp, NULL, true, cut);
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	run_until(phase() == CURFEW_ANNOUNCING);
	flight_end(&other);
	round_now();
	assert_int_equal(phase(), CURFEW_ANNOUNCING);
	flight_end(&flight);
	run_until(phase() == CURFEW_DONE);
}

static void test_it_is_cut_once(void **state)
{
	(void)state;
	flight_begin(&flight, &mcp, NULL, false, cut);
	curfew_drain_cut(curfew_lifecycle_stage(life, CURFEW_WORK));
	run_until(cuts == 1);
	assert_null(flight.mcp);
	flight_end(&flight);
	assert_int_equal(mcp.in_flight, 0);
}

static void test_one_that_begins_late_is_not_waited_for(void **state)
{
	(void)state;
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	run_until(phase() == CURFEW_DONE);
	flight_begin(&flight, &mcp, NULL, true, cut);
	assert_int_equal(mcp.in_flight, 1);
	flight_end(&flight);
	assert_int_equal(mcp.in_flight, 0);
	assert_int_equal(mcp.prolonging, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_is_waited_for, setup, worker_teardown),
		cmocka_unit_test_setup_teardown(
			test_the_listeners_stay_open_for_those_that_need_them, setup,
			worker_teardown),
		cmocka_unit_test_setup_teardown(test_it_is_cut_once, setup, worker_teardown),
		cmocka_unit_test_setup_teardown(
			test_one_that_begins_late_is_not_waited_for, setup, worker_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
