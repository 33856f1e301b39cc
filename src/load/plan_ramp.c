/* SPDX-License-Identifier: Apache-2.0 */
/* What the options say of a ramp. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "load/plan_state.h"

static int read_rate(const char *option, const char *text, double *per_s, struct buffer *refusal)
{
	const char *wrong = schedule_rate_parse(text, per_s);

	return wrong ? plan_refuse(refusal, "--ramp-%s cannot be '%.80s': it %s (write 100/s)",
			       option, text, wrong)
		     : 0;
}

static int read_every(struct plan *plan, int64_t ms, struct buffer *refusal)
{
	ms = ms == LOAD_NOT_GIVEN ? RAMP_EVERY_MS : ms;
	plan->ramp.every_ns = ms > 0 && ms <= RAMP_EVERY_MS_MOST ? ms * NS_PER_MS : 0;
	return plan->ramp.every_ns ? 0
				   : plan_refuse(refusal,
					     "--ramp-every is not from 1ms to 24h (120s is the "
					     "default)");
}

/* A step that is not over is not judged. */
static int check_duration(
	const struct plan *plan, const struct load_config *config, struct buffer *refusal)
{
	int64_t ms = config->duration_ms;

	return ms != LOAD_NOT_GIVEN && ms < plan->ramp.every_ns / NS_PER_MS
		? plan_refuse(refusal,
			  "--duration is over before a step of the ramp is (--ramp-every says how "
			  "long that takes)")
		: 0;
}

static int add_steps(struct plan *plan, struct buffer *refusal)
{
	struct schedule_stage *stages = plan_add_stages(plan, SCHEDULE_STAGES_MOST);

	if (!stages) {
		return plan_refuse(refusal, "cannot start: out of memory");
	}
	plan->stage_count = ramp_stages(&plan->ramp, stages, SCHEDULE_STAGES_MOST);
	return 0;
}

int plan_read_ramp(struct plan *plan, const struct load_config *config, struct buffer *refusal)
{
	const char *step = config->ramp_step ? config->ramp_step : config->ramp_start;
	int error;

	if (!config->ramp_while) {
		return plan_refuse(refusal,
			"--ramp-start without --ramp-while ('p90<1s', what has to hold for it to "
			"go on)");
	}
	plan->has_ramp = true;
	error = read_rate("start", config->ramp_start, &plan->ramp.start, refusal);
	error = error ? error : read_rate("step", step, &plan->ramp.step, refusal);
	error = error ? error : read_every(plan, config->ramp_every_ms, refusal);
	error = error ? error : check_duration(plan, config, refusal);
	return error ? error : add_steps(plan, refusal);
}

int plan_read_ramp_condition(
	struct plan *plan, const struct load_config *config, struct buffer *refusal)
{
	struct buffer wrong = {0};
	int error = plan->has_ramp ? threshold_parse(&plan->ramp.condition, config->ramp_while,
					     plan->scenarios, plan->scenario_count, &wrong)
				   : 0;

	if (error) {
		plan_refuse(refusal, "--ramp-while cannot be '%.80s': it %.300s",
			config->ramp_while, buffer_text(&wrong));
	}
	buffer_fini(&wrong);
	return error;
}
