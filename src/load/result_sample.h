/* SPDX-License-Identifier: Apache-2.0 */
/* Results for tests: one of a run in which everything happened, and what is written of one. */
#ifndef LOAD_RESULT_SAMPLE_H
#define LOAD_RESULT_SAMPLE_H

#include <stdio.h>

#include "load/result.h"

#define SAMPLE_MS INT64_C(1000000)

static const char *const sample_scenarios[] = {"read", "write"};
static const struct words sample_labels = {.word = {"zone=a", "what=\"every\nthing\""}, .count = 2};

/* So many requests, one each millisecond from a moment on, that end in all ways in turn. */
static inline void sample_requests(struct tally *tally, int count, int64_t from_ns)
{
	for (int i = 0; i < count; i++) {
		struct tally_end end = {.outcome = i % 5 ? LOAD_OK : i / 5 % LOAD_OUTCOME_COUNT,
			.status = i % 5 ? 200 : 0,
			.scenario = (uint32_t)i % 2,
			.due_ns = from_ns + i * SAMPLE_MS};

		end.sent_ns = end.due_ns + 1000 * (i % 7);
		end.ended_ns = end.sent_ns + SAMPLE_MS + 7000 * i;
		tally_admit(tally, end.due_ns, end.sent_ns);
		tally_end(tally, &end);
	}
}

/* sections: one that the caller keeps; NULL: none. Returns false if there is no memory. */
static inline bool sample_init(struct result *result, struct result_section *section)
{
	if (result_init(result, 2)) {
		return false;
	}
	result->target = "http://localhost/";
	result->run_id = "run-1";
	result->labels = &sample_labels;
	result->is_open = true;
	result->connections = 50;
	result->threads = 2;
	result->seed = UINT64_MAX;
	snprintf(result->plan, sizeof(result->plan), "1000/s for 1 s");
	result->scenarios = sample_scenarios;
	result->began_ms = 1763780000000;
	result->ran_ns = 1000 * SAMPLE_MS + 1;
	result->planned_ns = 1000 * SAMPLE_MS;
	result->ended_ns = 1100 * SAMPLE_MS;
	result->cpu_ns = 9007199254740993; /* no double has it */
	result->ending = RESULT_SIGNAL;
	result->signal = 15;
	result->exit_code = 1;
	result->verdicts[0] = (struct result_verdict){"p99>50ms", true, "p99 is 61.2 ms"};
	result->verdict_count = 1;
	result_note(result, "this machine was too slow: \"%s\"", "\xc3\xa9");
	sample_requests(&result->tally, 1000, 0);
	sample_requests(&result->tally, 500, 90000 * SAMPLE_MS);
	tally_drop(&result->tally, 5 * SAMPLE_MS);
	tally_admit(&result->tally, 5 * SAMPLE_MS, 5 * SAMPLE_MS);
	result->tally.connections = 51;
	result->tally.bytes_in = UINT64_MAX / 2;
	result->tally.bytes_out = 1;
	histogram_record(&result->tally.connect, 100000);
	if (section) {
		*section = (struct result_section){.name = "evm",
			.rows = {{"blocks", "1 000", 1000}, {"gas", "0.1 M", 0.1e6}},
			.row_count = 2,
			.latency_name = "inclusion"};
		if (histogram_init(&section->latency)) {
			return false;
		}
		histogram_record(&section->latency, 5000 * SAMPLE_MS);
		result->sections = section;
	}
	return true;
}

static inline void sample_fini(struct result *result)
{
	if (result->sections) {
		histogram_fini(&result->sections->latency);
	}
	result_fini(result);
}

#endif
