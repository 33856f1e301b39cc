/* SPDX-License-Identifier: Apache-2.0 */
/* For profile.c and profile_fill.c. */
#ifndef LOAD_PROFILE_STATE_H
#define LOAD_PROFILE_STATE_H

#include "base/words.h"
#include "load/profile.h"

/* What a profile says of the run. */
struct profile_settings {
	char *description;
	struct json_value endpoints, rate, stages, scenarios;
	uint64_t connections, max_in_flight; /* 0: not given */
	unsigned arrival;                    /* LOAD_NOT_GIVEN */
	int64_t duration_ms, timeout_ms;     /* LOAD_NOT_GIVEN */
	uint64_t requests;                   /* 0: not given */
	uint64_t seed;                       /* UINT64_MAX: not given */
	bool fresh;
};

struct profile {
	const char *path; /* for refusals; NULL: none */
	char *text;
	size_t length;
	struct json_value root;
	struct profile_settings settings;
	/* The same as options. */
	char rate[32], seed[24], requests[24];
	struct words stages;                     /* owned */
	bool is_endless;                         /* the last stage has no end */
	const char *names[TALLY_SCENARIOS_MOST]; /* owned */
	size_t name_count;
};

extern const char profile_no_memory[];

/* If the refusal could not be written for lack of memory, it says that. */
void profile_refuse_memory(struct buffer *refusal);

#endif
