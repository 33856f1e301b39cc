/* SPDX-License-Identifier: Apache-2.0 */
/* For profile.c, profile_settings.c and profile_fill.c. */
#ifndef LOAD_PROFILE_STATE_H
#define LOAD_PROFILE_STATE_H

#include "base/words.h"
#include "load/profile.h"

/* What a profile says of the run. */
struct profile_settings {
	char *description;
	struct json_value endpoints, rate, stages, ramp, fail_on, scenarios;
	uint64_t connections, max_in_flight; /* 0: not given */
	unsigned arrival;                    /* LOAD_NOT_GIVEN */
	int64_t duration_ms, timeout_ms;     /* LOAD_NOT_GIVEN */
	uint64_t requests;                   /* 0: not given */
	uint64_t seed;                       /* UINT64_MAX: not given */
	bool fresh, prewarm, expect_restart;
};

#define PROFILE_RATE_BYTES 32

/* {"start": "100/s", "step": "100/s", "every": "120s", "while": "p90<1s"} */
struct profile_ramp {
	struct json_value start, step;
	int64_t every_ms; /* LOAD_NOT_GIVEN */
	char *condition;
	char start_rate[PROFILE_RATE_BYTES], step_rate[PROFILE_RATE_BYTES]; /* "": not given */
};

struct profile {
	const char *path; /* for refusals; NULL: none */
	char *text;
	size_t length;
	struct json_value root;
	struct profile_settings settings;
	/* The same as options. */
	char rate[PROFILE_RATE_BYTES], seed[24], requests[24];
	struct profile_ramp ramp;
	struct words stages, fail_on;            /* owned */
	bool is_endless;                         /* the last stage has no end */
	const char *names[TALLY_SCENARIOS_MOST]; /* owned */
	size_t name_count;
};

/* What a profile has itself. */
extern const struct member profile_members[];

/* The kind of the first scenarios that have such a member; "": the profile has; NULL: none. */
const char *profile_owner(const char *name);

/*
 * Reads what the root says of the run. Returns false after a refusal, or with refusal->failed;
 * fini is to be called anyway.
 */
bool profile_settings_read(struct profile *profile, struct member_reading *reading);
void profile_settings_fini(struct profile *profile);

extern const char profile_no_memory[];

/* If the refusal could not be written for lack of memory, it says that. */
void profile_refuse_memory(struct buffer *refusal);

#endif
