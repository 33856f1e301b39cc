/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ramp: an open loop whose rate grows by steps for as long as a condition holds, to find the
 * highest rate at which it does. The schedule has all steps from the start (ramp_stages); whoever
 * runs it takes what was counted at the end of each (ramp_ends), and ends the run when the ramp
 * says so. Each step is judged by what came in its own time, and nothing before. Pure: times are
 * nanoseconds since the run's begin.
 *
 *	ramp_add(&ramp, part), for each part of the tally, also in the midst of a step
 *	ramp_judge(&ramp, now_ns, in_flight) at ramp_ends(&ramp), when all parts until then are in
 *
 * A step in which nothing succeeded has no latency: such a condition does not hold then. Requests
 * that end within a step are its own; those of a slow target that began before are, too.
 */
#ifndef LOAD_RAMP_H
#define LOAD_RAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "load/result.h"
#include "load/schedule.h"
#include "load/threshold.h"

#define RAMP_EVERY_MS 120000                              /* unless it is said */
#define RAMP_EVERY_MS_MOST (INT64_C(24) * 60 * 60 * 1000) /* so that all steps are in the clock */

struct ramp {
	/* Set by the caller before init. */
	double start, step; /* requests a second; the step is above 0 */
	int64_t every_ns;
	struct threshold condition; /* that must hold */

	/* Private. */
	struct result interval; /* what came since the last step was judged */
	int64_t began_ns;       /* when that was */
	size_t passed;          /* steps; and the number of the one that goes on */
	bool is_broken;
	char found[THRESHOLD_FOUND_BYTES]; /* of the last step that was judged; "" before */
};

/*
 * Writes the stages of its schedule, as many as there is room for or SCHEDULE_RATE_MOST allows.
 * Returns how many.
 */
size_t ramp_stages(const struct ramp *ramp, struct schedule_stage *stages, size_t most);

/* scenarios: of the tally. Returns 0 or -ENOMEM; fini is to be called anyway. */
int ramp_init(struct ramp *ramp, size_t scenarios);
void ramp_fini(struct ramp *ramp);

/* When the step that goes on ends; INT64_MAX: it is broken. */
int64_t ramp_ends(const struct ramp *ramp);

void ramp_add(struct ramp *ramp, const struct tally *part);

/*
 * Judges the step that has ended by now; before its end nothing. If this comes so late that more
 * than one has ended, they are judged as one. in_flight: of all. Returns whether the ramp goes on.
 */
bool ramp_judge(struct ramp *ramp, int64_t now_ns, uint64_t in_flight);

/* The highest rate that passed; 0: none. And the one that broke it; 0: none did. */
double ramp_passed(const struct ramp *ramp);
double ramp_broke(const struct ramp *ramp);

/* The step that goes on; number 0: it is broken. */
struct result_step ramp_step(const struct ramp *ramp);

/* Fills a section of the result: "ramp". */
void ramp_tell(const struct ramp *ramp, struct result_section *section);

#endif
