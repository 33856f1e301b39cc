/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /status: the report so far, what is held, the time that is left, and how much was going on in the
 * last two minutes, as one JSON object on one line.
 */
#ifndef ADMIN_STATUS_H
#define ADMIN_STATUS_H

#include "admin/census.h"
#include "admin/metrics.h"

#define STATUS_SAMPLES 120
#define STATUS_SAMPLE_MS 1000 /* between two samples while somebody looks */

struct status_sample {
	uint64_t requests; /* in flight */
	uint64_t work;     /* holds of the work stage */
};

/* One thing more that is told; all of it is borrowed. */
struct status_part {
	struct curfew_link link;
	const char *name;                             /* of the member */
	void (*write)(struct buffer *out, void *arg); /* appends its value, as JSON */
	void *arg;
};

struct status {
	const struct metrics *metrics;
	struct curfew_link parts;
	struct census census;
	int64_t sampled; /* when the last sample was taken; 0: there is none */
	size_t first;    /* of the samples, in the ring */
	size_t count;
	struct status_sample samples[STATUS_SAMPLES];
};

void status_init(struct status *status, const struct metrics *metrics);

/* The thread that dispatches. */
void status_add_part(struct status *status, struct status_part *part);

/*
 * Appends the object as of now. Begins a new sample if it is time for one; after a while in which
 * nobody looked, the samples begin anew. The thread that dispatches.
 *
 *	command, version, cause, phases, counts, forced_count, forced	as in the report
 *	pid, phase, ready, uptime_ms
 *	stopping_ms	since the first cause; null before
 *	grace_ms, announce_ms	as configured; null: without end
 *	grace_left_ms, work_left_ms	null: no deadline, or not yet
 *	held {total, kinds {kind: count}, oldest [{stage, kind, name, age_ms}]}	the oldest first
 *	requests {in_flight, ended}
 *	samples {every_ms, requests [...], work [...]}	the last one is now
 *	and a member for each part that was added
 */
void status_write(struct status *status, struct buffer *out);

/* Whether readiness is offered: RUNNING, and nothing has begun the end. Any thread. */
bool status_is_ready(struct curfew_lifecycle *life);

#endif
