/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run as a JSON file (docs/load-profile.md): what the options of curfew load say, and what only a
 * profile can: scenarios. Options on the command line win over it.
 *
 *	profile = profile_load(config->profile, refusal)
 *	profile_settle(profile, &config)		the options that were not given
 *	... the plan is made of the config, up to URLs and seed
 *	profile_fill(profile, plan, refusal)		endpoints, scenarios, kind, shared
 *
 * Strict: what is not known, comes twice or does not fit is refused, with its line and place
 * (load/member.h).
 */
#ifndef LOAD_PROFILE_H
#define LOAD_PROFILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "load/load.h"
#include "load/member.h"
#include "load/plan.h"

#define PROFILE_MOST (16 << 20) /* bytes of a file */
#define PROFILE_NAME_MOST 64    /* bytes of a scenario's name */

struct profile;

/* Reads a file. NULL with one line in refusal, which begins with its name: "a.json: line 3: ..." */
struct profile *profile_load(const char *path, struct buffer *refusal);

/* The same of a text, which is copied; the refusal begins with the line. */
struct profile *profile_read(const char *text, size_t length, struct buffer *refusal);

/* NULL is fine. */
void profile_free(struct profile *profile);

/*
 * Sets what the config does not say to what the profile does. --connections takes the place of a
 * profile's rate, stages and ramp; --rate, --stage and --ramp-start that of its connections, too;
 * of a ramp each part that no option says is the profile's. Strings are the profile's, and live as
 * long as it.
 */
void profile_settle(const struct profile *profile, struct load_config *config);

/*
 * Reads the scenarios into a plan that has its seed, and its endpoints if those of the profile are
 * not wanted. Names are the profile's, and live as long as it. Returns 0; or -EINVAL with a
 * refusal, as above: then the plan is to be freed as it is.
 */
int profile_fill(struct profile *profile, struct plan *plan, struct buffer *refusal);

/* For kinds of scenarios, each in a file of its own. */

/* What all scenarios have, whatever their kind: the first part of a kind's struct. */
struct profile_common {
	char *name, *kind, *description;
	double weight;
	struct json_value endpoints; /* absent: those of the profile */
};

/* The rows of these, for a kind's table; the struct has them as its member `common`. */
#define PROFILE_COMMON(type)                                                                       \
	{.name = "name",                                                                           \
		.kind = MEMBER_TEXT,                                                               \
		.offset = offsetof(type, common.name),                                             \
		.is_required = true},                                                              \
		{.name = "kind",                                                                   \
			.kind = MEMBER_TEXT,                                                       \
			.offset = offsetof(type, common.kind),                                     \
			.is_required = true},                                                      \
		{.name = "description",                                                            \
			.kind = MEMBER_TEXT,                                                       \
			.offset = offsetof(type, common.description)},                             \
		{.name = "weight",                                                                 \
			.kind = MEMBER_NUMBER,                                                     \
			.offset = offsetof(type, common.weight)},                                  \
	{                                                                                          \
		.name = "endpoints", .kind = MEMBER_VALUE,                                         \
		.offset = offsetof(type, common.endpoints)                                         \
	}

/* A scenario that is being read. */
struct profile_scenario {
	const char *profile; /* where that is; NULL: nowhere */
	struct plan *plan;
	struct member_reading *reading;
	const struct member_place *place; /* "scenarios[1]" */
	const struct json_value *object;
	size_t index;          /* of plan->scenarios */
	size_t endpoint_count; /* of the plan's, those for scenarios without their own: the first */
};

struct profile_kind {
	const char *word;
	const struct member *members;
	const struct source_kind *source; /* all scenarios of a profile have the same one */
	/*
	 * Reads one of them into plan->shared, which is NULL before the first. Returns 0, -EINVAL
	 * with a refusal (member_refuse, member_read), or -ENOMEM.
	 */
	int (*read)(struct profile_scenario *scenario);
	/* When all have been read. Returns 0 or -ENOMEM. NULL: nothing */
	int (*finish)(struct plan *plan);
};

/* Ends with NULL. */
extern const struct profile_kind *const profile_kinds[];

/* load/profile_scenario.c */
extern const struct profile_kind profile_http, profile_websocket, profile_jsonrpc;

/* load/profile_evm.c */
extern const struct profile_kind profile_evm;

/*
 * The path of a file that a scenario names: what is not absolute is relative to the profile's
 * folder. To be freed. NULL: there is no memory, and the refusal has failed.
 */
char *profile_file(const struct profile_scenario *scenario, const char *name);

/*
 * Reads a URL or a list of them into indexes of plan->endpoints, where they are added unless they
 * are there. Returns 0, -EINVAL with a refusal, or -ENOMEM.
 */
int profile_endpoints(struct profile_scenario *scenario, const struct member_place *place,
	const struct json_value *value, uint32_t indexes[PLAN_ENDPOINTS_MOST], size_t *count);

#endif
