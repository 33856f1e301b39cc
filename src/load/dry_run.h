/* SPDX-License-Identifier: Apache-2.0 */
/* --dry-run: the plan, and the first requests as they would be sent. */
#ifndef LOAD_DRY_RUN_H
#define LOAD_DRY_RUN_H

#include "base/buffer.h"
#include "load/plan.h"

#define DRY_RUN_REQUESTS 10        /* unless --requests says how many */
#define DRY_RUN_REQUESTS_MOST 1000 /* even then */
#define DRY_RUN_BODY_MOST 1024     /* bytes of a body that are shown */

/*
 * Appends it as text. Control characters of what is sent are shown as ?, since this may be a
 * terminal. Returns 0, or a negative errno where the source could not be made.
 */
int dry_run_write(struct buffer *out, const struct plan *plan, struct worker *worker);

#endif
