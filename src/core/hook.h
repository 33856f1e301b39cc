/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hooks of a lifecycle: run in REAPING, the last registered first, each with a bound of its
 * own.
 */
#ifndef CORE_HOOK_H
#define CORE_HOOK_H

#include "core/lifecycle.h"

void hooks_init(struct curfew_lifecycle *life);
void hooks_fini(struct curfew_lifecycle *life);

/* Runs them; lifecycle_hooks_done is called once, when the last has completed or had its time. */
void hooks_run(struct curfew_lifecycle *life);
void lifecycle_hooks_done(struct curfew_lifecycle *life);

/* Returns how long all of them may take. */
int64_t hooks_bound_ms(const struct curfew_lifecycle *life);

/* Nothing more of them is run. Returns how many of their threads still run. */
size_t hooks_abandon(struct curfew_lifecycle *life);

/* Takes note of a grace that became shorter. */
void hooks_clip(struct curfew_lifecycle *life);

#endif
