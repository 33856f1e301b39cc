/* SPDX-License-Identifier: Apache-2.0 */
#include "load/pulse.h"

#include <string.h>

int pulse_init(struct pulse *pulse)
{
	int error;

	*pulse = (struct pulse){0};
	error = histogram_init(&pulse->before);
	return error ? error : histogram_init(&pulse->since);
}

void pulse_fini(struct pulse *pulse)
{
	histogram_fini(&pulse->before);
	histogram_fini(&pulse->since);
}

static void take_latency(
	struct pulse *pulse, const struct histogram *latency, struct pulse_beat *beat)
{
	histogram_reset(&pulse->since);
	histogram_merge(&pulse->since, latency);
	histogram_subtract(&pulse->since, &pulse->before);
	histogram_merge(&pulse->before, &pulse->since);
	beat->p50_us = histogram_percentile(&pulse->since, 50);
	beat->p99_us = histogram_percentile(&pulse->since, 99);
}

void pulse_take(struct pulse *pulse, const struct result *result, struct pulse_beat *beat)
{
	const struct tally *tally = &result->tally;
	int64_t ns = result->ended_ns - pulse->at_ns;

	*beat = (struct pulse_beat){0};
	for (int i = 0; i < LOAD_OUTCOME_COUNT; i++) {
		beat->outcomes[i] = tally->outcomes[i] - pulse->outcomes[i];
		beat->failed += i == LOAD_OK ? 0 : beat->outcomes[i];
	}
	beat->dropped = tally->dropped - pulse->dropped;
	if (ns > 0) {
		beat->rate = (double)beat->outcomes[LOAD_OK] * 1e9 / (double)ns;
	}
	take_latency(pulse, result_latency(result), beat);
	pulse->at_ns = result->ended_ns;
	pulse->dropped = tally->dropped;
	memcpy(pulse->outcomes, tally->outcomes, sizeof(pulse->outcomes));
}
