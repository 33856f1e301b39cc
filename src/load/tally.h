/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is counted of a run: by each worker in memory of its own, and merged for who reads.
 *
 *	scheduled = dropped + admitted
 *	admitted  = the sum of outcomes + in flight
 *
 * are true at every moment, and checked at the end (tally_conserved). In a closed loop nothing is
 * dropped, and nothing is due: `lag` and `intended` stay empty.
 *
 * A tally may also be of a part of a run: a worker that hands its tally over and goes on with an
 * empty one tells what came since, with times since the run's begin as ever. Merged, such parts are
 * the whole (in_flight may wrap in a part, and is right in the sum), and a part alone is what an
 * interval was like. Handing over costs the worker nothing, and merging or resetting one costs what
 * is in it: some microseconds for a second of a run.
 */
#ifndef LOAD_TALLY_H
#define LOAD_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "load/histogram.h"
#include "load/outcome.h"
#include "load/timeline.h"

#define TALLY_STATUSES 600 /* by number; [0]: of no HTTP response, or none below 600 */
#define TALLY_SCENARIOS_MOST 32

/* Of one scenario of several. */
struct tally_scenario {
	uint64_t outcomes[LOAD_OUTCOME_COUNT];
	struct histogram latency; /* of what was OK, from the actual send */
};

struct tally {
	uint64_t scheduled, dropped, admitted, in_flight;
	uint64_t outcomes[LOAD_OUTCOME_COUNT];
	uint64_t statuses[TALLY_STATUSES];
	uint64_t connections; /* that were made */
	uint64_t bytes_in, bytes_out;
	struct histogram intended; /* of what was OK, from when it was due */
	struct histogram actual;   /* of what was OK, from when it was sent */
	struct histogram failed;   /* of what was not, from when it was sent until it was known */
	struct histogram lag;      /* from when a request was due to when it was sent */
	struct histogram connect;  /* until a connection was usable: TCP, TLS, WebSocket */
	struct load_timeline timeline;
	struct tally_scenario *scenarios; /* NULL where there is one only */
	size_t scenario_count;            /* 0 where there is one only */
};

#define TALLY_UNDUE INT64_MIN /* when a closed loop's request was due */

/* One request that is over. Times are nanoseconds since the run's begin. */
struct tally_end {
	enum load_outcome outcome;
	unsigned status; /* 0: none */
	uint32_t scenario;
	int64_t due_ns, sent_ns, ended_ns;
};

/* scenarios: how many there are. Returns 0 or -ENOMEM; fini is to be called anyway. */
int tally_init(struct tally *tally, size_t scenarios);
void tally_fini(struct tally *tally);
void tally_reset(struct tally *tally);

void tally_drop(struct tally *tally, int64_t due_ns);
/* It is sent now; due_ns is what it was scheduled for (TALLY_UNDUE in a closed loop). */
void tally_admit(struct tally *tally, int64_t due_ns, int64_t sent_ns);
void tally_end(struct tally *tally, const struct tally_end *end);

/* Adds what another one has; both have the same scenarios, and times since the same begin. */
void tally_merge(struct tally *into, const struct tally *from);

/* The same of one whose run began so much later. */
void tally_merge_later(struct tally *into, const struct tally *from, int64_t offset_ns);

uint64_t tally_succeeded(const struct tally *tally);
uint64_t tally_failed(const struct tally *tally); /* all that ended otherwise */

/* Whether both identities hold. */
bool tally_conserved(const struct tally *tally);

/*
 * Returns what in it does not fit together, in words behind "it says", or NULL: the identities,
 * without wrapping, and whether histograms, statuses, scenarios and rows are of the same requests
 * as the outcomes.
 */
const char *tally_contradiction(const struct tally *tally);

/* As JSON: the members as above; outcomes by word, statuses by number, those above 0 only. */
void tally_write(struct buffer *out, const struct tally *tally);

/*
 * Makes one of such a text: tally_init with as many scenarios as it has. Refused where it
 * contradicts itself. Returns 0, -ENOMEM, or -EINVAL with one sentence; fini is to be called
 * anyway.
 */
int tally_read(struct tally *tally, const char *text, const struct json_value *value,
	struct buffer *refusal);

#endif
