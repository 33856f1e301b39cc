/* SPDX-License-Identifier: Apache-2.0 */
#include "load/metrics.h"

#include <stdio.h>

#include "base/clock.h"
#include "load/label.h"
#include "load/result.h"

#define NUMBER(id, expression)                                                                     \
	static void read_##id(struct metric_scrape *scrape, void *arg)                             \
	{                                                                                          \
		const struct tally *tally = &((const struct result *)arg)->tally;                  \
                                                                                                   \
		metric_value(scrape, NULL, NULL, (expression));                                    \
	}

NUMBER(scheduled, tally->scheduled)
NUMBER(dropped, tally->dropped)
NUMBER(admitted, tally->admitted)
NUMBER(in_flight, tally->in_flight)
NUMBER(connections, tally->connections)
NUMBER(bytes_in, tally->bytes_in)
NUMBER(bytes_out, tally->bytes_out)

/* Those that have not come yet too, so that their increase can be asked for from the begin. */
static void read_requests(struct metric_scrape *scrape, void *arg)
{
	const struct tally *tally = &((const struct result *)arg)->tally;

	for (int i = 0; i < LOAD_OUTCOME_COUNT; i++) {
		metric_value(scrape, "outcome", load_outcome_word((enum load_outcome)i),
			tally->outcomes[i]);
	}
}

static void read_statuses(struct metric_scrape *scrape, void *arg)
{
	const struct tally *tally = &((const struct result *)arg)->tally;

	for (unsigned i = 1; i < TALLY_STATUSES; i++) {
		char code[16];

		if (tally->statuses[i]) {
			(void)snprintf(code, sizeof(code), "%u", i);
			metric_value(scrape, "code", code, tally->statuses[i]);
		}
	}
}

static void read_scenarios(struct metric_scrape *scrape, void *arg)
{
	const struct result *result = arg;

	for (size_t i = 0; i < result->tally.scenario_count; i++) {
		for (int j = 0; j < LOAD_OUTCOME_COUNT; j++) {
			const char *word = load_outcome_word((enum load_outcome)j);
			const struct metric_label labels[] = {
				{"scenario", result->scenarios[i]}, {"outcome", word}};

			if (result->tally.scenarios[i].outcomes[j]) {
				metric_pair(scrape, labels, result->tally.scenarios[i].outcomes[j]);
			}
		}
	}
}

static void tell_histogram(struct metric_scrape *scrape, const struct histogram *histogram)
{
	const uint64_t sum_most = (uint64_t)INT64_MAX / 1000;
	uint64_t buckets[METRIC_BUCKET_COUNT + 1] = {0};
	int64_t most_us;
	uint64_t count;
	size_t at = 0;

	while (histogram_next(histogram, &at, &most_us, &count)) {
		buckets[metric_bucket(most_us * 1000)] += count;
	}
	metric_histogram(scrape, buckets,
		(histogram->sum_us < sum_most ? histogram->sum_us : sum_most) * 1000);
}

#define HISTOGRAM(id, field)                                                                       \
	static void read_##id(struct metric_scrape *scrape, void *arg)                             \
	{                                                                                          \
		tell_histogram(scrape, &((const struct result *)arg)->tally.field);                \
	}

HISTOGRAM(intended, intended)
HISTOGRAM(actual, actual)
HISTOGRAM(failed, failed)
HISTOGRAM(lag, lag)
HISTOGRAM(connect, connect)

static void read_elapsed(struct metric_scrape *scrape, void *arg)
{
	metric_seconds(scrape, NULL, NULL, ((const struct result *)arg)->ended_ns);
}

static void read_target_info(struct metric_scrape *scrape, void *arg)
{
	char names[WORDS_MOST][LABEL_NAME_MOST + 1];
	struct metric_label labels[WORDS_MOST + 1];
	const struct result *result = arg;
	size_t count = 0;

	if (result->run_id) {
		labels[count++] = (struct metric_label){"run_id", result->run_id};
	}
	for (size_t i = 0; result->labels && i < result->labels->count; i++) {
		const char *value = label_split(result->labels->word[i], names[i]);

		labels[count++] = (struct metric_label){names[i], value};
	}
	metric_labels(scrape, labels, count, 1);
}

const struct metric load_metrics[] = {
	{"curfew_load_scheduled_total", METRIC_COUNTER, "Requests that were due.", read_scheduled},
	{"curfew_load_dropped_total", METRIC_COUNTER,
		"Requests that were due and found no place in flight.", read_dropped},
	{"curfew_load_admitted_total", METRIC_COUNTER, "Requests that were begun.", read_admitted},
	{"curfew_load_in_flight", METRIC_GAUGE, "Requests that have begun and are not over.",
		read_in_flight},
	{"curfew_load_requests_total", METRIC_COUNTER, "Requests that are over, by how they ended.",
		read_requests},
	{"curfew_load_responses_total", METRIC_COUNTER,
		"HTTP responses that came, by their status.", read_statuses},
	{"curfew_load_scenario_requests_total", METRIC_COUNTER,
		"Requests that are over, by scenario, where there are several, and how they ended.",
		read_scenarios},
	{"curfew_load_intended_latency_seconds", METRIC_HISTOGRAM,
		"Latency of what was OK, from when it was due.", read_intended},
	{"curfew_load_actual_latency_seconds", METRIC_HISTOGRAM,
		"Latency of what was OK, from when it was sent.", read_actual},
	{"curfew_load_failed_latency_seconds", METRIC_HISTOGRAM,
		"Time from the sending of what failed until that was known.", read_failed},
	{"curfew_load_lag_seconds", METRIC_HISTOGRAM,
		"Time from when a request was due until it was sent.", read_lag},
	{"curfew_load_connect_seconds", METRIC_HISTOGRAM, "Time until a connection was usable.",
		read_connect},
	{"curfew_load_connections_total", METRIC_COUNTER, "Connections that were made.",
		read_connections},
	{"curfew_load_received_bytes_total", METRIC_COUNTER, "Bytes of answers.", read_bytes_in},
	{"curfew_load_sent_bytes_total", METRIC_COUNTER, "Bytes of requests.", read_bytes_out},
	{"curfew_load_elapsed_seconds", METRIC_GAUGE,
		"Time since the begin of the run, until its last request was over.", read_elapsed},
	{"target_info", METRIC_GAUGE, "The run and its labels; the value is 1.", read_target_info},
};

const size_t load_metric_count = sizeof(load_metrics) / sizeof(load_metrics[0]);
