/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: a run as there might have been one, of 30 s at 1000/s. The target is away from 12 s to
 * 13.5 s and stalls for 300 ms at 22 s; names and labels are such as a page must not take at their
 * word.
 */
#ifndef LOAD_CANNED_RUN_H
#define LOAD_CANNED_RUN_H

#include <assert.h>
#include <stdio.h>

#include "base/clock.h"
#include "load/result.h"

#define CANNED_RATE 1000
#define CANNED_SECONDS 30
#define CANNED_MARKUP "</script><b id=\"x\" title='y'>&amp;"

static const char *const canned_scenarios[] = {"read", "write " CANNED_MARKUP};
static const struct words canned_labels = {
	.word = {"env=staging", "commit=" CANNED_MARKUP}, .count = 2};

/* The same ones each time. */
static uint32_t canned_next(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* Mostly half a millisecond to two, one in 500 much more. */
static int64_t canned_latency(uint32_t *state)
{
	int64_t us = 400 + canned_next(state) % 600 + canned_next(state) % 900;

	us += canned_next(state) % 500 == 0 ? 4000 + canned_next(state) % 30000 : 0;
	us += canned_next(state) % 20 == 0 ? canned_next(state) % 3000 : 0;
	return us * 1000;
}

/* How a request that is due then ends. */
static struct tally_end canned_end(int64_t due_ns, uint32_t *state)
{
	int64_t sent_ns = due_ns + 20000 + canned_next(state) % 60000;
	struct tally_end end = {.outcome = LOAD_OK, .status = 200, .due_ns = due_ns};
	int64_t stall_end = 22300 * NS_PER_MS;

	end.scenario = canned_next(state) % 4 == 0;
	end.sent_ns = sent_ns;
	end.ended_ns = sent_ns + canned_latency(state);
	if (due_ns >= 22 * NS_PER_S && due_ns < stall_end) {
		end.sent_ns = stall_end + canned_next(state) % 2000000;
		end.ended_ns = end.sent_ns + canned_latency(state);
	} else if (due_ns >= 12 * NS_PER_S && due_ns < 12 * NS_PER_S + 8 * NS_PER_MS) {
		end.outcome = LOAD_RESET_SENT;
		end.status = 0;
	} else if (due_ns >= 12 * NS_PER_S && due_ns < 13500 * NS_PER_MS) {
		end.outcome = LOAD_REFUSED;
		end.status = 0;
	} else if (due_ns >= 13500 * NS_PER_MS && due_ns < 14200 * NS_PER_MS &&
		canned_next(state) % 3 == 0) {
		end.outcome = LOAD_UNAVAILABLE;
		end.status = 503;
	} else if (canned_next(state) % 1500 == 0) {
		end.outcome = LOAD_TIMED_OUT;
		end.status = 0;
		end.ended_ns = sent_ns + 2 * NS_PER_S;
	}
	return end;
}

static void canned_requests(struct tally *tally)
{
	uint32_t state = 1;

	for (int64_t i = 0; i < CANNED_RATE * CANNED_SECONDS; i++) {
		int64_t due_ns = i * NS_PER_S / CANNED_RATE;
		struct tally_end end = canned_end(due_ns, &state);

		if (due_ns >= 22200 * NS_PER_MS && due_ns < 22300 * NS_PER_MS) {
			tally_drop(tally, due_ns);
			continue;
		}
		tally_admit(tally, end.due_ns, end.sent_ns);
		if (i < CANNED_RATE * CANNED_SECONDS - 3) {
			tally_end(tally, &end);
		}
	}
	for (int i = 0; i < 50; i++) {
		histogram_record(&tally->connect, 200000 + canned_next(&state) % 900000);
	}
	tally->connections = 61;
	tally->bytes_in = 4812345;
	tally->bytes_out = 2345678;
}

static void canned_sections(struct result_section *section)
{
	uint32_t state = 7;

	*section = (struct result_section){.name = "evm", .row_count = 2};
	section->rows[0] = (struct result_row){"blocks", "15", 15};
	section->rows[1] = (struct result_row){"gas_per_second", "12.3 M", 12.3e6};
	section->latency_name = "inclusion";
	assert(histogram_init(&section->latency) == 0);
	for (int i = 0; i < 1000; i++) {
		histogram_record(&section->latency,
			NS_PER_S + (int64_t)(canned_next(&state) % 2000) * NS_PER_MS);
	}
}

/* Freed by canned_free. */
static void canned_run(struct result *result, struct result_section *section)
{
	assert(result_init(result, 2) == 0);
	canned_requests(&result->tally);
	canned_sections(section);
	result->target = "http://127.0.0.1:8080/?q=" CANNED_MARKUP;
	result->run_id = "nightly-7";
	result->labels = &canned_labels;
	result->is_open = true;
	result->connections = 1000;
	result->threads = 2;
	result->seed = 42;
	(void)snprintf(result->plan, sizeof(result->plan), "1000/s for 30 s");
	result->expects_restart = true;
	result->scenarios = canned_scenarios;
	result->began_ms = INT64_C(1795000000000);
	result->planned_ns = result->ran_ns = CANNED_SECONDS * NS_PER_S;
	result->ended_ns = result->ran_ns + 12 * NS_PER_MS;
	result->cpu_ns = 1234 * NS_PER_MS;
	result->ending = RESULT_DURATION;
	result->sections = section;
	result->verdicts[0] = (struct result_verdict){"errors>10%", false, "errors are 5.24 %"};
	result->verdicts[1] = (struct result_verdict){"p99>50ms", true, "p99 is 61.2 ms"};
	result->verdict_count = 2;
	result_note(result, "%s", "a note with " CANNED_MARKUP);
	result->exit_code = 1;
}

static void canned_free(struct result *result, struct result_section *section)
{
	result_fini(result);
	histogram_fini(&section->latency);
}

#endif
