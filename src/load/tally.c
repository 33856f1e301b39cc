/* SPDX-License-Identifier: Apache-2.0 */
#include "load/tally.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Those of a tally itself; the scenarios' are besides. */
#define HISTOGRAMS 5

static void histograms_of(struct tally *tally, struct histogram *all[HISTOGRAMS])
{
	all[0] = &tally->intended;
	all[1] = &tally->actual;
	all[2] = &tally->failed;
	all[3] = &tally->lag;
	all[4] = &tally->connect;
}

static int scenarios_init(struct tally *tally, size_t count)
{
	int status = 0;

	tally->scenarios = calloc(count, sizeof(*tally->scenarios));
	if (!tally->scenarios) {
		return -ENOMEM;
	}
	tally->scenario_count = count;
	for (size_t i = 0; i < count && status == 0; i++) {
		status = histogram_init(&tally->scenarios[i].latency);
	}
	return status;
}

int tally_init(struct tally *tally, size_t scenarios)
{
	struct histogram *all[HISTOGRAMS];
	int status = 0;

	assert(scenarios <= TALLY_SCENARIOS_MOST);
	*tally = (struct tally){0};
	histograms_of(tally, all);
	for (size_t i = 0; i < HISTOGRAMS && status == 0; i++) {
		status = histogram_init(all[i]);
	}
	status = status ? status : load_timeline_init(&tally->timeline);
	return status || scenarios < 2 ? status : scenarios_init(tally, scenarios);
}

void tally_fini(struct tally *tally)
{
	struct histogram *all[HISTOGRAMS];

	histograms_of(tally, all);
	for (size_t i = 0; i < HISTOGRAMS; i++) {
		histogram_fini(all[i]);
	}
	load_timeline_fini(&tally->timeline);
	for (size_t i = 0; i < tally->scenario_count; i++) {
		histogram_fini(&tally->scenarios[i].latency);
	}
	free(tally->scenarios);
	*tally = (struct tally){0};
}

/* Zeros all but what has memory of its own, which is emptied. */
void tally_reset(struct tally *tally)
{
	struct tally kept = *tally;
	struct histogram *all[HISTOGRAMS];

	histograms_of(&kept, all);
	for (size_t i = 0; i < HISTOGRAMS; i++) {
		histogram_reset(all[i]);
	}
	load_timeline_reset(&kept.timeline);
	for (size_t i = 0; i < kept.scenario_count; i++) {
		struct tally_scenario *scenario = &kept.scenarios[i];

		memset(scenario->outcomes, 0, sizeof(scenario->outcomes));
		histogram_reset(&scenario->latency);
	}
	*tally = (struct tally){
		.intended = kept.intended,
		.actual = kept.actual,
		.failed = kept.failed,
		.lag = kept.lag,
		.connect = kept.connect,
		.timeline = kept.timeline,
		.scenarios = kept.scenarios,
		.scenario_count = kept.scenario_count,
	};
}

void tally_drop(struct tally *tally, int64_t due_ns)
{
	tally->scheduled++;
	tally->dropped++;
	load_timeline_drop(&tally->timeline, due_ns);
}

void tally_admit(struct tally *tally, int64_t due_ns, int64_t sent_ns)
{
	tally->scheduled++;
	tally->admitted++;
	tally->in_flight++;
	if (due_ns != TALLY_UNDUE) {
		histogram_record(&tally->lag, sent_ns - due_ns);
	}
	load_timeline_admit(&tally->timeline, sent_ns);
}

void tally_end(struct tally *tally, const struct tally_end *end)
{
	int64_t latency_ns = end->ended_ns - end->sent_ns;

	assert(end->outcome < LOAD_OUTCOME_COUNT);
	tally->in_flight--;
	tally->outcomes[end->outcome]++;
	tally->statuses[end->status < TALLY_STATUSES ? end->status : 0]++;
	load_timeline_end(&tally->timeline, end->ended_ns, end->outcome, latency_ns);
	if (end->outcome == LOAD_OK) {
		histogram_record(&tally->actual, latency_ns);
		if (end->due_ns != TALLY_UNDUE) {
			histogram_record(&tally->intended, end->ended_ns - end->due_ns);
		}
	} else {
		histogram_record(&tally->failed, latency_ns);
	}
	if (tally->scenario_count) {
		struct tally_scenario *scenario = &tally->scenarios[end->scenario];

		assert(end->scenario < tally->scenario_count);
		scenario->outcomes[end->outcome]++;
		if (end->outcome == LOAD_OK) {
			histogram_record(&scenario->latency, latency_ns);
		}
	}
}

static void add_counts(uint64_t *into, const uint64_t *from, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		into[i] += from[i];
	}
}

void tally_merge(struct tally *into, const struct tally *from)
{
	tally_merge_later(into, from, 0);
}

void tally_merge_later(struct tally *into, const struct tally *from, int64_t offset_ns)
{
	assert(into->scenario_count == from->scenario_count);
	into->scheduled += from->scheduled;
	into->dropped += from->dropped;
	into->admitted += from->admitted;
	into->in_flight += from->in_flight;
	into->connections += from->connections;
	into->bytes_in += from->bytes_in;
	into->bytes_out += from->bytes_out;
	add_counts(into->outcomes, from->outcomes, LOAD_OUTCOME_COUNT);
	add_counts(into->statuses, from->statuses, TALLY_STATUSES);
	histogram_merge(&into->intended, &from->intended);
	histogram_merge(&into->actual, &from->actual);
	histogram_merge(&into->failed, &from->failed);
	histogram_merge(&into->lag, &from->lag);
	histogram_merge(&into->connect, &from->connect);
	load_timeline_merge(&into->timeline, &from->timeline, offset_ns);
	for (size_t i = 0; i < into->scenario_count; i++) {
		add_counts(into->scenarios[i].outcomes, from->scenarios[i].outcomes,
			LOAD_OUTCOME_COUNT);
		histogram_merge(&into->scenarios[i].latency, &from->scenarios[i].latency);
	}
}

uint64_t tally_succeeded(const struct tally *tally)
{
	return tally->outcomes[LOAD_OK];
}

uint64_t tally_failed(const struct tally *tally)
{
	uint64_t failed = 0;

	for (size_t i = 0; i < LOAD_OUTCOME_COUNT; i++) {
		failed += i == LOAD_OK ? 0 : tally->outcomes[i];
	}
	return failed;
}

bool tally_conserved(const struct tally *tally)
{
	return tally->scheduled == tally->dropped + tally->admitted &&
		tally->admitted == tally_succeeded(tally) + tally_failed(tally) + tally->in_flight;
}

/* Whether these make that sum, which is less than what wraps. */
static bool is_sum(uint64_t sum, const uint64_t *counts, size_t count, uint64_t besides)
{
	for (size_t i = 0; i < count; i++) {
		if (__builtin_add_overflow(besides, counts[i], &besides)) {
			return false;
		}
	}
	return besides == sum;
}

static bool outcomes_agree(const struct tally *tally)
{
	uint64_t ended = tally->admitted - tally->in_flight;

	return is_sum(tally->scheduled, &tally->dropped, 1, tally->admitted) &&
		is_sum(tally->admitted, tally->outcomes, LOAD_OUTCOME_COUNT, tally->in_flight) &&
		is_sum(ended, tally->statuses, TALLY_STATUSES, 0);
}

static bool histograms_agree(const struct tally *tally)
{
	bool is_undue = !tally->intended.total && !tally->lag.total;

	return tally->actual.total == tally_succeeded(tally) &&
		tally->failed.total == tally_failed(tally) &&
		(is_undue ||
			(tally->intended.total == tally_succeeded(tally) &&
				tally->lag.total == tally->admitted));
}

static bool scenarios_agree(const struct tally *tally)
{
	uint64_t counts[TALLY_SCENARIOS_MOST];

	for (size_t i = 0; i < tally->scenario_count; i++) {
		if (tally->scenarios[i].latency.total != tally->scenarios[i].outcomes[LOAD_OK]) {
			return false;
		}
	}
	for (size_t outcome = 0; outcome < LOAD_OUTCOME_COUNT && tally->scenario_count; outcome++) {
		for (size_t i = 0; i < tally->scenario_count; i++) {
			counts[i] = tally->scenarios[i].outcomes[outcome];
		}
		if (!is_sum(tally->outcomes[outcome], counts, tally->scenario_count, 0)) {
			return false;
		}
	}
	return true;
}

/* Whether a column of the timeline makes that sum; where a row is at its most, it may be less. */
static bool is_column(const struct load_timeline *timeline, size_t offset, uint64_t sum)
{
	bool at_most = false;
	uint64_t found = 0;

	for (size_t i = timeline->first; i < timeline->count; i++) {
		uint32_t count = *(
			const uint32_t *)(const void *)((const char *)&timeline->rows[i] + offset);

		found += count;
		at_most = at_most || count == UINT32_MAX;
	}
	return at_most ? found <= sum : found == sum;
}

static bool timeline_agrees(const struct tally *tally)
{
	const struct load_timeline *timeline = &tally->timeline;

	for (size_t i = 0; i < LOAD_OUTCOME_COUNT; i++) {
		size_t offset = offsetof(struct timeline_row, outcomes) + i * sizeof(uint32_t);

		if (!is_column(timeline, offset, tally->outcomes[i])) {
			return false;
		}
	}
	return is_column(timeline, offsetof(struct timeline_row, admitted), tally->admitted) &&
		is_column(timeline, offsetof(struct timeline_row, dropped), tally->dropped);
}

const char *tally_contradiction(const struct tally *tally)
{
	if (!outcomes_agree(tally)) {
		return "not each request that was scheduled is counted once";
	}
	if (!histograms_agree(tally)) {
		return "the histograms are of other requests than the outcomes";
	}
	if (!scenarios_agree(tally)) {
		return "the scenarios have had other requests than the outcomes";
	}
	if (!timeline_agrees(tally)) {
		return "the timeline is of other requests than the outcomes";
	}
	return NULL;
}
