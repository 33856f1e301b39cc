/* SPDX-License-Identifier: Apache-2.0 */
/* What the report says, for those who tell it while the process still runs. */
#ifndef CORE_REPORT_H
#define CORE_REPORT_H

#include "base/buffer.h"
#include "core/lifecycle.h"

/*
 * Appends the members of the report's JSON object as they are now, without its braces and without
 * the exit code. The thread that dispatches.
 */
void report_facts(struct buffer *buffer, struct curfew_lifecycle *life);

#endif
