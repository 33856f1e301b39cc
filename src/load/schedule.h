/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When requests are due in an open loop: a clock that goes on whatever the target does. Stages
 * follow each other, each with a rate and a duration; the i-th request of a stage is due at its
 * begin + i / rate (constant), to the nearest nanosecond, computed from i and never added up, or
 * after exponential times with that mean (poisson). What would be due at a stage's end or later is
 * not. Pure: times are nanoseconds since the begin.
 *
 * Several threads share a schedule: thread t of n takes the requests whose number, counted over all
 * stages, is t modulo n. What is due when does not depend on how many there are.
 */
#ifndef LOAD_SCHEDULE_H
#define LOAD_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "load/random.h"

enum schedule_arrival { SCHEDULE_CONSTANT, SCHEDULE_POISSON };

#define SCHEDULE_STAGES_MOST 1000
#define SCHEDULE_RATE_MOST 1e9 /* one in a nanosecond */

struct schedule_stage {
	double rate;    /* requests a second, in all; 0: none for that time */
	int64_t for_ns; /* INT64_MAX: without end, the last one only */
};

struct schedule {
	const struct schedule_stage *stages;
	size_t stage_count;
	enum schedule_arrival arrival;
	uint32_t thread, threads;

	/* Private. */
	struct random random;
	size_t stage;
	int64_t stage_begin;
	uint64_t before; /* how many were due in the stages before, of all threads */
	uint64_t number; /* of the next one of ours in this stage */
	double at;       /* when it is due, for poisson: since the stage's begin */
};

/* seed: of poisson's times. Stages are borrowed. */
void schedule_init(struct schedule *schedule, const struct schedule_stage *stages,
	size_t stage_count, enum schedule_arrival arrival, uint64_t seed, uint32_t thread,
	uint32_t threads);

/* Returns when the next one is due, INT64_MAX after the last. Does not move on. */
int64_t schedule_due(struct schedule *schedule);

/* Moves on: the one that was due is admitted or dropped. */
void schedule_take(struct schedule *schedule);

/* Returns how many are due until then, then included, of all threads; constant arrival only. */
uint64_t schedule_total(const struct schedule *schedule, int64_t until_ns);

/* Reads "5000/s", "10/m", or "5000", which are a second's. Returns NULL, or what is wrong. */
const char *schedule_rate_parse(const char *text, double *per_s);

/*
 * Reads "100/s:30s": a rate, which may be 0, a colon, a duration, which may be "inf" but not 0.
 * Returns NULL, or what is wrong with it, in words as base/text.h has them.
 */
const char *schedule_stage_parse(const char *text, struct schedule_stage *stage);

#endif
