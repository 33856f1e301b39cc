/* SPDX-License-Identifier: Apache-2.0 */
/* What happened between two looks at a run. */
#ifndef LOAD_PULSE_H
#define LOAD_PULSE_H

#include "load/result.h"

/* Since the look before. */
struct pulse_beat {
	double rate; /* succeeded, a second */
	uint64_t failed, dropped;
	uint64_t outcomes[LOAD_OUTCOME_COUNT];
	int64_t p50_us, p99_us; /* 0: nothing succeeded */
};

struct pulse {
	int64_t at_ns;
	uint64_t dropped;
	uint64_t outcomes[LOAD_OUTCOME_COUNT];
	struct histogram before, since;
};

/* From the begin of a run on. Returns 0 or -ENOMEM; fini is to be called anyway. */
int pulse_init(struct pulse *pulse);
void pulse_fini(struct pulse *pulse);

/* The run as it is now, which is later than before. */
void pulse_take(struct pulse *pulse, const struct result *result, struct pulse_beat *beat);

#endif
