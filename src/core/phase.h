/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_PHASE_H
#define CORE_PHASE_H

#include <stdbool.h>

#include <curfew/lifecycle.h>

#define PHASES (CURFEW_DONE + 1)

/* Returns whether a lifecycle may move from one phase to the other: forward only. */
bool phase_may_follow(enum curfew_phase from, enum curfew_phase to);

/* Returns a stage as one lower-case word. Static. */
const char *stage_name(enum curfew_stage stage);

/* Returns the name of a count, as the report and the metrics have it. Static. */
const char *count_name(enum curfew_count count);

#endif
