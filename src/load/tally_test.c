/* SPDX-License-Identifier: Apache-2.0 */
#include "load/tally.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "load/random.h"
#include "tests/allocation.h"

#define MS INT64_C(1000000)

static void init(struct tally *tally, size_t scenarios)
{
	assert_int_equal(tally_init(tally, scenarios), 0);
}

/* Whatever happens in whatever order, both identities hold at every moment. */
static void conserves(void **state)
{
	struct tally tally;
	struct random random;
	uint64_t dropped = 0, admitted = 0, ended = 0;

	(void)state;
	init(&tally, 3);
	random_init(&random, 1, 0);
	for (int64_t at = 0; at < 100000; at++) {
		uint64_t what = random_below(&random, 8);

		if (what == 0) {
			tally_drop(&tally, at * MS);
			dropped++;
		} else if (what < 4 || ended == admitted) {
			tally_admit(&tally, at * MS, at * MS + 5);
			admitted++;
		} else {
			tally_end(&tally,
				&(struct tally_end){.outcome = what % LOAD_OUTCOME_COUNT,
					.scenario = (uint32_t)(at % 3),
					.due_ns = at * MS - 20 * (at > 0),
					.sent_ns = at * MS,
					.ended_ns = at * MS + 100});
			ended++;
		}
		assert_true(tally_conserved(&tally));
	}
	assert_int_equal(tally.dropped, dropped);
	assert_int_equal(tally.admitted, admitted);
	assert_int_equal(tally.in_flight, admitted - ended);
	assert_int_equal(tally_succeeded(&tally) + tally_failed(&tally), ended);
	tally_fini(&tally);
}

static void tells_what_is_not_conserved(void **state)
{
	struct tally tally;

	(void)state;
	init(&tally, 1);
	tally.scheduled++;
	assert_false(tally_conserved(&tally));
	tally.admitted++;
	assert_false(tally_conserved(&tally));
	tally.in_flight++;
	assert_true(tally_conserved(&tally));
	tally.outcomes[LOAD_TLS]++;
	assert_false(tally_conserved(&tally));
	tally_fini(&tally);
}

static void tells_of_missing_memory(void **state)
{
	struct tally tally;
	bool failed = true;

	(void)state;
	for (int n = 1; failed; n++) {
		int status;

		allocation_fail(n);
		status = tally_init(&tally, 3);
		failed = allocation_failed();
		assert_int_equal(status, failed ? -ENOMEM : 0);
		tally_fini(&tally);
		assert_true(n < 20);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conserves),
		cmocka_unit_test(tells_what_is_not_conserved),
		cmocka_unit_test(tells_of_missing_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
