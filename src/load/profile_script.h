/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of profiles share. */
#ifndef LOAD_PROFILE_SCRIPT_H
#define LOAD_PROFILE_SCRIPT_H

#include "load/profile.h"

/* What an option's config is before anything was said. */
static const struct load_config unsaid = {.arrival = (unsigned)LOAD_NOT_GIVEN,
	.duration_ms = LOAD_NOT_GIVEN,
	.timeout_ms = LOAD_NOT_GIVEN,
	.ramp_every_ms = LOAD_NOT_GIVEN};

/* Frees what profile_fill has filled in. */
static inline void plan_end(struct plan *plan)
{
	if (plan->kind && plan->shared) {
		plan->kind->free_shared(plan->shared);
	}
	for (size_t i = 0; i < plan->endpoint_count; i++) {
		load_endpoint_fini(&plan->endpoints[i]);
	}
	*plan = (struct plan){0};
}

#endif
