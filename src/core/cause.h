/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_CAUSE_H
#define CORE_CAUSE_H

#include <curfew/context.h>

/* Returns a cause without signal or sender. text may be NULL, and is cut to fit. */
struct curfew_cause cause_make(enum curfew_reason reason, const char *text);

/* Returns the reason for people, e.g. "asked to end by a signal". Static. */
const char *cause_reason_text(enum curfew_reason reason);

#endif
