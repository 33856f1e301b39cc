/* SPDX-License-Identifier: Apache-2.0 */
/* Between the parts that make a plan. */
#ifndef LOAD_PLAN_STATE_H
#define LOAD_PLAN_STATE_H

#include "load/plan.h"

/* Appends one line, and returns -EINVAL. */
__attribute__((format(printf, 2, 3))) int plan_refuse(
	struct buffer *refusal, const char *format, ...);

/* What the options say of the request. Returns 0, or -EINVAL with a refusal. */
int plan_read_request(struct plan *plan, const struct load_config *config, struct buffer *refusal);

#endif
