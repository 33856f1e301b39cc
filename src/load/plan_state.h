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

/* The steps of a ramp as stages. Returns 0, or -EINVAL with a refusal. */
int plan_read_ramp(struct plan *plan, const struct load_config *config, struct buffer *refusal);
/* What must hold for it to go on; when the scenarios are known. */
int plan_read_ramp_condition(
	struct plan *plan, const struct load_config *config, struct buffer *refusal);

/* The stages of an open loop: zeroed, owned by the plan. NULL: there is no memory. */
struct schedule_stage *plan_add_stages(struct plan *plan, size_t count);

#endif
