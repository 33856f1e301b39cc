/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "load/random.h"
#include "load/result.h"
#include "load/result_sample.h"
#include "tests/allocation.h"

#define MS SAMPLE_MS

/* A result as it comes out of a file. */
static void as_read(struct result *read, const struct result *result)
{
	struct buffer text = {0}, why = {0};

	result_write(&text, result);
	assert_int_equal(result_read(read, text.data, text.length, &why), 0);
	buffer_fini(&text);
}

static void read_sample(struct result *result)
{
	struct result_section section;
	struct result sample;

	assert_true(sample_init(&sample, &section));
	as_read(result, &sample);
	sample_fini(&sample);
}

static void merge(struct result *into, const struct result *from, bool together)
{
	struct buffer why = {0};

	assert_int_equal(result_merge(into, from, together, &why), 0);
	assert_null(tally_contradiction(&into->tally));
}

static void adds_what_adds_up(void **state)
{
	struct result into, from;

	(void)state;
	read_sample(&into);
	read_sample(&from);
	from.ran_ns *= 2;
	from.began_ms -= 1000;
	from.exit_code = 3;
	from.client_limited = true;
	from.ending = RESULT_INSISTED;
	from.signal = 2;
	from.tally.bytes_in = 7;
	merge(&into, &from, false);
	assert_int_equal(into.connections, 100);
	assert_int_equal(into.threads, 4);
	assert_int_equal(into.runs, 2);
	assert_int_equal(into.ran_ns, from.ran_ns);
	assert_int_equal(into.began_ms, from.began_ms);
	assert_int_equal(into.cpu_ns, 2 * from.cpu_ns);
	assert_int_equal(into.exit_code, 1);
	assert_true(into.client_limited);
	assert_int_equal(into.ending, RESULT_INSISTED);
	assert_int_equal(into.signal, 2);
	assert_int_equal(into.tally.admitted, 2 * from.tally.admitted);
	assert_int_equal(into.tally.bytes_in, UINT64_MAX / 2 + 7);
	assert_int_equal(into.tally.timeline.rows[0].admitted, 82);
	assert_int_equal(into.sections->latency.total, 2);
	result_fini(&into);
	result_fini(&from);
}

/* What one of them had stays, whichever it was; what was worse wins. */
static void keeps_what_was_worse(void **state)
{
	(void)state;
	for (int which = 0; which < 2; which++) {
		struct result runs[2], *other = &runs[!which];

		read_sample(&runs[0]);
		read_sample(&runs[1]);
		runs[1].tally.bytes_in = 0;
		runs[which].expects_restart = true;
		runs[which].client_limited = true;
		runs[which].planned_ns = 77777 * MS;
		other->exit_code = 0;
		other->ending = RESULT_DURATION;
		other->signal = 0;
		result_note(&runs[1], "a note of its own");
		merge(&runs[0], &runs[1], false);
		assert_true(runs[0].expects_restart && runs[0].client_limited);
		assert_int_equal(runs[0].planned_ns, 77777 * MS);
		assert_int_equal(runs[0].exit_code, 1);
		assert_int_equal(runs[0].ending, RESULT_SIGNAL);
		assert_int_equal(runs[0].signal, 15);
		assert_string_equal(runs[0].notes[2], "a note of its own");
		runs[1].planned_ns = INT64_MAX;
		runs[1].run_id = NULL;
		runs[1].began_ms = runs[0].began_ms + 1;
		assert_string_equal(runs[0].run_id, "run-1");
		merge(&runs[0], &runs[1], true);
		assert_true(runs[0].planned_ns == INT64_MAX); /* without end, not a little longer */
		assert_null(runs[0].run_id);
		result_fini(&runs[0]);
		result_fini(&runs[1]);
	}
}

/* One that is a part of another one is listed all the same. */
static void lists_parts_of_others(void **state)
{
	struct result into, from;

	(void)state;
	read_sample(&into);
	read_sample(&from);
	from.tally.bytes_in = 0;
	snprintf(into.plan, sizeof(into.plan), "1000/s for 30 s, x");
	snprintf(from.plan, sizeof(from.plan), "00/s for 30 s");
	merge(&into, &from, false);
	snprintf(from.plan, sizeof(from.plan), "1000/s");
	merge(&into, &from, false);
	snprintf(from.plan, sizeof(from.plan), "x");
	merge(&into, &from, false);
	assert_string_equal(into.plan, "1000/s for 30 s, x, 00/s for 30 s, 1000/s");
	result_fini(&into);
	result_fini(&from);
}

static void lists_what_differs(void **state)
{
	static const struct words labels = {
		.word = {"zone=b", "what=\"every\nthing\""}, .count = 2};
	struct result into, from;

	(void)state;
	read_sample(&into);
	read_sample(&from);
	from.tally.bytes_in = 0;
	merge(&into, &from, false);
	assert_string_equal(into.target, "http://localhost/");
	assert_string_equal(into.plan, "1000/s for 1 s");
	assert_string_equal(into.run_id, "run-1");
	assert_int_equal(into.labels->count, 2);
	assert_true(into.sections->rows[0].value == 1000);
	from.target = "http://localhost/other";
	from.run_id = "run-2";
	from.labels = &labels;
	snprintf(from.plan, sizeof(from.plan), "1000/s");
	snprintf(from.sections->rows[0].text, 64, "1 001");
	from.sections->rows[0].value = 1001;
	snprintf(from.sections->rows[1].name, 48, "another");
	merge(&into, &from, false);
	merge(&into, &from, false);
	assert_string_equal(into.target, "http://localhost/, http://localhost/other");
	assert_string_equal(into.plan, "1000/s for 1 s, 1000/s");
	assert_null(into.run_id);
	assert_int_equal(into.labels->count, 1);
	assert_string_equal(into.labels->word[0], labels.word[1]);
	assert_string_equal(into.sections->rows[0].text, "1 000, 1 001");
	assert_true(isnan(into.sections->rows[0].value));
	assert_int_equal(into.sections->row_count, 3);
	assert_int_equal(into.runs, 4);
	result_fini(&into);
	result_fini(&from);
}

/* However many there are, a list ends in time; and can be read again. */
static void lists_only_some(void **state)
{
	struct result into, from, again;

	(void)state;
	read_sample(&into);
	read_sample(&from);
	for (int i = 0; i < 60; i++) {
		char name[32];

		snprintf(name, sizeof(name), "http://target-number-%d/", i);
		from.target = name;
		from.tally.bytes_in = 0;
		snprintf(from.plan, sizeof(from.plan), "%d/s for 30 s", i);
		merge(&into, &from, false);
	}
	assert_string_equal(into.plan + strlen(into.plan) - 5, ", ...");
	assert_string_equal(into.target + strlen(into.target) - 5, ", ...");
	assert_non_null(strstr(into.target, "http://target-number-30/, "));
	assert_int_equal(into.note_count, 2);
	as_read(&again, &into);
	result_fini(&again);
	result_fini(&into);
	result_fini(&from);
}

/* A threshold that one of them broke says nothing of the whole. */
static void notes_what_was_broken(void **state)
{
	struct result into, from;

	(void)state;
	read_sample(&into);
	read_sample(&from);
	from.verdicts[0] = (struct result_verdict){"p50>1ms", false, "p50 is 1 ms"};
	from.verdicts[1] = (struct result_verdict){"errors>0", true, "errors is 3"};
	from.verdict_count = 2;
	merge(&into, &from, false);
	assert_int_equal(into.verdict_count, 0);
	assert_int_equal(into.note_count, 3);
	assert_string_equal(into.notes[1], "one of the runs broke p99>50ms: p99 is 61.2 ms");
	assert_string_equal(into.notes[2], "one of the runs broke errors>0: errors is 3");
	result_fini(&into);
	result_fini(&from);
}

/* One run of all and the merge of its parts have the same histograms. */
static void tells_percentiles_of_all(void **state)
{
	struct result all, parts[2], into;
	struct random random;

	(void)state;
	assert_int_equal(result_init(&all, 1), 0);
	random_init(&random, 1, 0);
	for (int part = 0; part < 2; part++) {
		assert_int_equal(result_init(&parts[part], 1), 0);
		parts[part].target = "";
		for (int i = 0; i < 3000; i++) {
			struct tally_end end = {
				.ended_ns = (int64_t)random_below(&random, part ? 9000 * MS : MS)};

			tally_admit(&all.tally, 0, 0);
			tally_end(&all.tally, &end);
			tally_admit(&parts[part].tally, 0, 0);
			tally_end(&parts[part].tally, &end);
		}
	}
	as_read(&into, &parts[0]);
	merge(&into, &parts[1], false);
	for (int half = 0; half <= 200; half++) {
		double percent = half / 2.0;

		assert_int_equal(histogram_percentile(&into.tally.actual, percent),
			histogram_percentile(&all.tally.actual, percent));
	}
	assert_true(histogram_mean_us(&into.tally.actual) == histogram_mean_us(&all.tally.actual));
	assert_memory_equal(into.tally.timeline.rows, all.tally.timeline.rows,
		TIMELINE_ROWS * sizeof(struct timeline_row));
	result_fini(&all);
	result_fini(&parts[0]);
	result_fini(&parts[1]);
	result_fini(&into);
}

/* One of a closed loop that has them, as no run does, makes no whole with those that do not. */
static void drops_what_a_closed_loop_has_not(void **state)
{
	struct result parts[2], into;

	(void)state;
	for (int part = 0; part < 2; part++) {
		int64_t due_ns = part ? TALLY_UNDUE : 0;

		assert_int_equal(result_init(&parts[part], 1), 0);
		parts[part].target = "";
		tally_admit(&parts[part].tally, due_ns, 0);
		tally_end(
			&parts[part].tally, &(struct tally_end){.due_ns = due_ns, .ended_ns = MS});
	}
	as_read(&into, &parts[0]);
	merge(&into, &parts[1], false);
	assert_int_equal(into.tally.actual.total, 2);
	assert_int_equal(into.tally.intended.total, 0);
	assert_int_equal(into.tally.lag.total, 0);
	result_fini(&parts[0]);
	result_fini(&parts[1]);
	result_fini(&into);
}

/* Of a run that had an answer each 10 ms, but none from 500 to 700 ms of the calendar's clock. */
static void make_absent(struct result *result, int64_t began_ms)
{
	struct result made;

	assert_int_equal(result_init(&made, 1), 0);
	made.target = "";
	made.began_ms = began_ms;
	made.planned_ns = made.ran_ns = 1000 * MS;
	for (int64_t at = 0; at < 1000 * MS; at += 10 * MS) {
		int64_t ms = began_ms + at / MS;
		struct tally_end end = {.outcome = ms >= 500 && ms < 700 ? LOAD_REFUSED : LOAD_OK,
			.due_ns = at,
			.sent_ns = at,
			.ended_ns = at + 1000};

		tally_admit(&made.tally, at, at);
		tally_end(&made.tally, &end);
		made.ended_ns = end.ended_ns;
	}
	as_read(result, &made);
	result_fini(&made);
}

static void lays_timelines_over_each_other(void **state)
{
	struct timeline_absence absence;
	struct result into, from;
	size_t at = 0;

	(void)state;
	make_absent(&into, 0);
	make_absent(&from, 250);
	merge(&into, &from, true);
	assert_true(load_timeline_absence_next(&into.tally.timeline, &at, &absence));
	assert_int_equal(absence.begin_ns, 500 * MS);
	assert_int_equal(absence.end_ns, 700 * MS);
	assert_int_equal(absence.outcomes[LOAD_REFUSED], 40);
	assert_false(load_timeline_absence_next(&into.tally.timeline, &at, &absence));
	assert_int_equal(into.ran_ns, 1250 * MS);
	assert_int_equal(into.planned_ns, 1250 * MS);
	assert_int_equal(into.ended_ns, 1240 * MS + 1000);
	merge(&into, &from, false); /* from its own begin: it has answers in that time */
	assert_int_equal(into.ran_ns, 1250 * MS);
	at = 0;
	assert_false(load_timeline_absence_next(&into.tally.timeline, &at, &absence));
	result_fini(&into);
	result_fini(&from);
}

static void assert_refused(struct result *into, const struct result *from, const char *words)
{
	struct buffer before = {0}, after = {0}, why = {0};

	result_write(&before, into);
	assert_int_equal(result_merge(into, from, false, &why), -EINVAL);
	assert_string_equal(buffer_text(&why), words);
	result_write(&after, into);
	assert_string_equal(buffer_text(&before), buffer_text(&after));
	buffer_fini(&before);
	buffer_fini(&after);
	buffer_fini(&why);
}

static void refuses_what_does_not_fit(void **state)
{
	static const char *const others[] = {"write", "read"};
	static const char too_many[] = "together they have more than can be counted";
	struct result into, from, simple;
	const char *const *names;

	(void)state;
	read_sample(&into);
	read_sample(&from);
	make_absent(&simple, 0);
	assert_refused(&into, &simple, "its run was a closed loop, not an open one");
	assert_refused(&simple, &into, "its run was an open loop, not a closed one");
	simple.is_open = true;
	assert_refused(&into, &simple, "it has other scenarios");
	names = from.scenarios;
	from.scenarios = others;
	assert_refused(&into, &from, "it has other scenarios, or in another order");
	from.scenarios = names;
	from.threads = 0x7fffffff;
	assert_refused(&into, &from, too_many);
	from.threads = 1;
	into.cpu_ns = INT64_C(1) << 62;
	assert_refused(&into, &from, too_many);
	into.cpu_ns = 0;
	from.tally.bytes_out = UINT64_MAX;
	assert_refused(&into, &from, too_many);
	from.tally.bytes_out = 0;
	from.sections->latency.sum_us = INT64_MAX;
	assert_refused(&into, &from, too_many);
	from.sections->latency.sum_us = 0;
	from.tally.scenarios[1].latency.sum_us = INT64_MAX;
	assert_refused(&into, &from, too_many);
	from.tally.scenarios[1].latency.sum_us = 0;
	from.tally.lag.sum_us = INT64_MAX;
	assert_refused(&into, &from, too_many);
	from.tally.lag.sum_us = 0;
	from.tally.connect.sum_us = INT64_MAX;
	assert_refused(&into, &from, too_many);
	result_fini(&into);
	result_fini(&from);
	result_fini(&simple);
}

/* Of which one began so much later that its moments are beyond all that can be told. */
static void refuses_what_is_too_late(void **state)
{
	const int64_t most_ms = (INT64_C(1) << 62) / MS;
	struct result into, from;
	struct buffer why = {0};

	(void)state;
	make_absent(&into, 0);
	make_absent(&from, 0);
	from.began_ms = most_ms - 1;
	from.ended_ns = 3 * MS;
	from.tally.timeline.count = from.tally.timeline.first; /* nothing happened */
	from.ran_ns = 0;
	assert_int_equal(result_merge(&into, &from, true, &why), -EINVAL);
	from.ended_ns = 0;
	from.ran_ns = 3 * MS;
	assert_int_equal(result_merge(&into, &from, true, &why), -EINVAL);
	from.ran_ns = 0;
	from.tally.timeline.count = 100;
	assert_int_equal(result_merge(&into, &from, true, &why), -EINVAL);
	buffer_fini(&why);
	result_fini(&into);
	result_fini(&from);
}

static void tells_of_missing_memory(void **state)
{
	bool failed = true;

	(void)state;
	for (int n = 1; failed; n++) {
		struct buffer why = {0};
		struct result into, from;
		int status;

		read_sample(&into);
		read_sample(&from);
		from.target = "other";
		snprintf(into.sections->name, sizeof(into.sections->name), "mcp");
		allocation_fail(n);
		status = result_merge(&into, &from, false, &why);
		failed = allocation_failed();
		assert_int_equal(status, failed ? -ENOMEM : 0);
		assert_int_equal(why.length, 0);
		result_fini(&into);
		result_fini(&from);
		assert_true(n < 20);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adds_what_adds_up),
		cmocka_unit_test(keeps_what_was_worse),
		cmocka_unit_test(lists_parts_of_others),
		cmocka_unit_test(lists_what_differs),
		cmocka_unit_test(lists_only_some),
		cmocka_unit_test(notes_what_was_broken),
		cmocka_unit_test(tells_percentiles_of_all),
		cmocka_unit_test(drops_what_a_closed_loop_has_not),
		cmocka_unit_test(lays_timelines_over_each_other),
		cmocka_unit_test(refuses_what_does_not_fit),
		cmocka_unit_test(refuses_what_is_too_late),
		cmocka_unit_test(tells_of_missing_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
