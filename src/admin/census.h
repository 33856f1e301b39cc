/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the end of the process waits for, or would: how much of each kind, and what has been there
 * longest. Drains are passed over, since what they hold is counted; so is what the admin face
 * holds, for which nobody waits.
 */
#ifndef ADMIN_CENSUS_H
#define ADMIN_CENSUS_H

#include <stdint.h>

#include <curfew/lifecycle.h>

#define CENSUS_KINDS 24   /* that are told apart; a program has a handful */
#define CENSUS_OLDEST 100 /* holds that are listed */
#define CENSUS_NAME 128   /* bytes of a name, its NUL included; longer ones are cut */

struct census_kind {
	const char *kind; /* static */
	uint64_t held;
};

struct census_hold {
	enum curfew_stage stage;
	const char *kind; /* static */
	int64_t age_ms;
	char name[CENSUS_NAME]; /* not always UTF-8 */
};

struct census {
	uint64_t held; /* all of them */
	uint64_t work; /* those of the work stage */
	size_t kind_count;
	struct census_kind kinds[CENSUS_KINDS]; /* as they were met */
	size_t oldest_count;
	struct census_hold oldest[CENSUS_OLDEST]; /* the oldest first */

	/* Private from here on. */
	enum curfew_stage stage;
	size_t youngest; /* of oldest, while it is full */
};

/* Goes through the stages; each drain is locked while it is listed. Any thread. */
void census_take(struct census *census, struct curfew_lifecycle *life);

#endif
