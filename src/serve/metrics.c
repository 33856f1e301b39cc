/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/metrics.h"

#include "serve/host.h"

#define NUMBER(field, expression)                                                                  \
	static void read_##field(struct metric_scrape *scrape, void *arg)                          \
	{                                                                                          \
		const struct serve *serve = arg;                                                   \
                                                                                                   \
		metric_value(scrape, NULL, NULL, (uint64_t)serve->expression);                     \
	}

NUMBER(slots, slots)
NUMBER(running, running)
NUMBER(queued, queued)
NUMBER(gathered, gathered)
NUMBER(begun, counts.calls_begun)
NUMBER(items, counts.items)
NUMBER(processes_started, counts.processes_started)
NUMBER(processes_died, counts.processes_died)

/* What the end has stopped is no failure, so that an alarm on failures does not ring for a stop. */
static void read_calls(struct metric_scrape *scrape, void *arg)
{
	const struct serve_counts *counts = &((const struct serve *)arg)->counts;

	metric_value(scrape, "outcome", "done", counts->calls_done);
	metric_value(scrape, "outcome", "failed", counts->calls_failed);
	metric_value(scrape, "outcome", "crashed", counts->calls_crashed);
	metric_value(scrape, "outcome", "stopped", counts->calls_stopped);
	metric_value(scrape, "outcome", "timed_out", counts->calls_timed_out);
	metric_value(scrape, "outcome", "left", counts->calls_left);
	metric_value(scrape, "outcome", "refused", counts->calls_refused);
	metric_value(scrape, "outcome", "forced", counts->calls_forced);
}

const struct metric serve_metrics[] = {
	{"curfew_serve_slots", METRIC_GAUGE, "Calls that may run at the same time.", read_slots},
	{"curfew_serve_calls_running", METRIC_GAUGE, "Calls that run.", read_running},
	{"curfew_serve_calls_queued", METRIC_GAUGE, "Calls that wait for a slot.", read_queued},
	{"curfew_serve_body_bytes", METRIC_GAUGE,
		"Bytes of the requests whose answers are not out.", read_gathered},
	{"curfew_serve_calls_begun_total", METRIC_COUNTER, "Calls that were taken.", read_begun},
	{"curfew_serve_calls_total", METRIC_COUNTER,
		"Calls that are over: done, failed, crashed, stopped by the end, timed out, left "
		"by "
		"their clients, refused, or forced at the end.",
		read_calls},
	{"curfew_serve_items_total", METRIC_COUNTER, "Items of streams that were sent.",
		read_items},
	{"curfew_serve_processes_started_total", METRIC_COUNTER, "Processes that were started.",
		read_processes_started},
	{"curfew_serve_processes_died_total", METRIC_COUNTER,
		"Processes that ended and were not asked to.", read_processes_died},
};

const size_t serve_metric_count = sizeof(serve_metrics) / sizeof(serve_metrics[0]);
