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

/* One request that went by in its own way. */
static void count(struct tally *tally, int i)
{
	int64_t due_ns = i * MS;
	struct tally_end end = {.outcome = (enum load_outcome)(i % 7 ? LOAD_OK : LOAD_TLS),
		.status = i % 7 ? 200
			: i % 2 ? 599
				: 0,
		.scenario = (uint32_t)(i % 2),
		.due_ns = due_ns,
		.sent_ns = due_ns + 1000 * (i % 3),
		.ended_ns = due_ns + MS * (1 + i % 50)};

	if (i % 11 == 0) {
		tally_drop(tally, due_ns);
		return;
	}
	tally_admit(tally, due_ns, end.sent_ns);
	tally_end(tally, &end);
	tally->connections += i % 3;
	tally->bytes_in += i;
	tally->bytes_out += 2 * i;
	histogram_record(&tally->connect, 1000 * i);
}

/* Whether two have counted the same, as it is written. */
static void assert_same(const struct tally *a, const struct tally *b)
{
	struct buffer first = {0}, second = {0};

	tally_write(&first, a);
	tally_write(&second, b);
	assert_string_equal(buffer_text(&first), buffer_text(&second));
	buffer_fini(&first);
	buffer_fini(&second);
}

/* Parts that are handed over one after the other, or of several threads, are the whole. */
static void merges_parts_to_the_whole(void **state)
{
	struct tally whole, merged, parts[2];

	(void)state;
	init(&whole, 2);
	init(&merged, 2);
	init(&parts[0], 2);
	init(&parts[1], 2);
	for (int i = 0; i < 100000; i++) {
		count(&whole, i);
		count(&parts[i % 2], i);
		if (i % 1000 == 999) {
			tally_merge(&merged, &parts[i / 1000 % 2]);
			tally_reset(&parts[i / 1000 % 2]);
		}
	}
	tally_merge(&merged, &parts[0]);
	tally_merge(&merged, &parts[1]);
	assert_null(tally_contradiction(&whole));
	assert_same(&whole, &merged);
	tally_fini(&whole);
	tally_fini(&merged);
	tally_fini(&parts[0]);
	tally_fini(&parts[1]);
}

/* A request that is admitted in one part and ends in the next is in flight in neither, then. */
static void counts_what_spans_parts(void **state)
{
	struct tally whole, part;

	(void)state;
	init(&whole, 1);
	init(&part, 1);
	tally_admit(&part, 0, 0);
	tally_merge(&whole, &part);
	tally_reset(&part);
	assert_int_equal(whole.in_flight, 1);
	tally_end(&part, &(struct tally_end){.ended_ns = MS});
	assert_true(tally_conserved(&part));
	tally_merge(&whole, &part);
	assert_int_equal(whole.in_flight, 0);
	assert_null(tally_contradiction(&whole));
	tally_fini(&whole);
	tally_fini(&part);
}

/* Each time in its own histogram, and each moment in its own row. */
static void knows_its_times(void **state)
{
	const int64_t due_ns = 10 * MS, sent_ns = 30 * MS, row = TIMELINE_FIRST_NS;
	struct tally_end end = {.due_ns = due_ns, .sent_ns = sent_ns, .ended_ns = 70 * MS};
	struct tally tally;

	(void)state;
	init(&tally, 2);
	tally_drop(&tally, due_ns);
	tally_admit(&tally, due_ns, sent_ns);
	tally_end(&tally, &end);
	end.outcome = LOAD_TIMED_OUT;
	end.scenario = 1;
	tally_admit(&tally, due_ns, sent_ns);
	tally_end(&tally, &end);
	assert_int_equal(tally.lag.most_us, 20000);
	assert_int_equal(tally.intended.most_us, 60000);
	assert_int_equal(tally.actual.most_us, 40000);
	assert_int_equal(tally.failed.most_us, 40000);
	assert_int_equal(tally.scenarios[0].latency.most_us, 40000);
	assert_int_equal(tally.scenarios[1].latency.total, 0);
	assert_int_equal(tally.timeline.rows[due_ns / row].dropped, 1);
	assert_int_equal(tally.timeline.rows[sent_ns / row].admitted, 2);
	assert_int_equal(tally.timeline.rows[7].outcomes[LOAD_OK], 1);
	assert_int_equal(tally.timeline.rows[7].outcomes[LOAD_TIMED_OUT], 1);
	tally_fini(&tally);
}

static void counts_statuses(void **state)
{
	static const unsigned statuses[] = {0, 200, 599, 600, 799};
	struct tally tally;

	(void)state;
	init(&tally, 1);
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		tally_admit(&tally, 0, 0);
		tally_end(&tally, &(struct tally_end){.status = statuses[i]});
	}
	assert_int_equal(tally.statuses[0], 3);
	assert_int_equal(tally.statuses[200], 1);
	assert_int_equal(tally.statuses[599], 1);
	assert_null(tally_contradiction(&tally));
	tally_fini(&tally);
}

static void empties(void **state)
{
	struct tally used, fresh;

	(void)state;
	init(&used, 2);
	init(&fresh, 2);
	for (int i = 0; i < 1000; i++) {
		count(&used, i * 100);
	}
	used.connections = used.bytes_in = used.bytes_out = 1;
	histogram_record(&used.connect, MS);
	tally_reset(&used);
	assert_same(&used, &fresh);
	assert_memory_equal(used.timeline.rows, fresh.timeline.rows,
		TIMELINE_ROWS * sizeof(struct timeline_row));
	tally_fini(&used);
	tally_fini(&fresh);
}

static void finds_contradictions(void **state)
{
	struct tally tally, was;

	(void)state;
	init(&tally, 2);
	for (int i = 0; i < 100; i++) {
		count(&tally, i);
	}
	assert_null(tally_contradiction(&tally));
	tally.statuses[404]++;
	assert_non_null(strstr(tally_contradiction(&tally), "counted once"));
	tally.statuses[404]--;
	was = tally;
	tally.dropped = UINT64_MAX; /* adds up only where it wraps */
	tally.admitted += was.dropped + 1;
	tally.outcomes[LOAD_TLS] += was.dropped + 1;
	tally.statuses[0] += was.dropped + 1;
	assert_true(tally_conserved(&tally));
	assert_non_null(strstr(tally_contradiction(&tally), "counted once"));
	tally = was;
	histogram_record(&tally.failed, MS);
	assert_non_null(strstr(tally_contradiction(&tally), "the histograms"));
	tally = was;
	tally.intended.total = 0; /* not due, and yet late */
	assert_non_null(strstr(tally_contradiction(&tally), "the histograms"));
	tally = was;
	histogram_record(&tally.intended, MS);
	assert_non_null(strstr(tally_contradiction(&tally), "the histograms"));
	histogram_record(&tally.actual, MS);
	tally.scheduled++;
	tally.admitted++;
	tally.outcomes[LOAD_OK]++;
	tally.statuses[200]++;
	assert_non_null(strstr(tally_contradiction(&tally), "the histograms"));
	histogram_record(&tally.lag, MS);
	assert_non_null(strstr(tally_contradiction(&tally), "the scenarios"));
	tally.scenarios[1].outcomes[LOAD_OK]++;
	assert_non_null(strstr(tally_contradiction(&tally), "the scenarios"));
	histogram_record(&tally.scenarios[1].latency, MS);
	assert_non_null(strstr(tally_contradiction(&tally), "the timeline"));
	load_timeline_end(&tally.timeline, 0, LOAD_OK, MS);
	assert_non_null(strstr(tally_contradiction(&tally), "the timeline"));
	load_timeline_admit(&tally.timeline, 0);
	assert_null(tally_contradiction(&tally));
	tally_fini(&tally);
}

/* In a closed loop: no lag, no latency from then; all of them, or none. */
static void counts_what_was_never_due(void **state)
{
	struct tally tally;

	(void)state;
	init(&tally, 1);
	for (int64_t at = 0; at < 10 * MS; at += MS) {
		tally_admit(&tally, TALLY_UNDUE, at);
		tally_end(&tally,
			&(struct tally_end){
				.due_ns = TALLY_UNDUE, .sent_ns = at, .ended_ns = at + MS});
	}
	assert_int_equal(tally.scheduled, 10);
	assert_int_equal(tally.intended.total, 0);
	assert_int_equal(tally.lag.total, 0);
	assert_int_equal(tally.actual.total, 10);
	assert_int_equal(histogram_percentile(&tally.actual, 100), 1000);
	assert_null(tally_contradiction(&tally));
	histogram_record(&tally.intended, MS);
	assert_non_null(strstr(tally_contradiction(&tally), "the histograms"));
	tally_fini(&tally);
}

/* Where a row can hold no more, it tells less than there was. */
static void allows_for_rows_at_their_most(void **state)
{
	struct tally tally;

	(void)state;
	init(&tally, 1);
	tally.timeline.count = 1;
	tally.timeline.first = 0;
	tally.timeline.rows[0].dropped = UINT32_MAX;
	tally.scheduled = tally.dropped = UINT64_C(5000000000);
	assert_null(tally_contradiction(&tally));
	tally.scheduled = tally.dropped = UINT32_MAX - 1;
	assert_non_null(tally_contradiction(&tally));
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
		cmocka_unit_test(merges_parts_to_the_whole),
		cmocka_unit_test(counts_what_spans_parts),
		cmocka_unit_test(knows_its_times),
		cmocka_unit_test(counts_statuses),
		cmocka_unit_test(empties),
		cmocka_unit_test(finds_contradictions),
		cmocka_unit_test(counts_what_was_never_due),
		cmocka_unit_test(allows_for_rows_at_their_most),
		cmocka_unit_test(tells_of_missing_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
