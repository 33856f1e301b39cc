/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The run's ramp (load/ramp.h) beside the director. The schedule has all of its steps from the
 * start. What the director takes of the crews is added here, too; at the end of a step (step_end)
 * all of them are asked for what they have counted, and when that is in (step_seen), the step is
 * judged: the next one is awaited, or the run ended.
 */
#include "base/list.h"
#include "load/host.h"

static struct agenda *agenda_of(struct load *load)
{
	return &load->service.pool.workers[0].loop->agenda;
}

static void await_step(struct load *load)
{
	load->result.step = ramp_step(&load->ramp);
	agenda_start(agenda_of(load), &load->step_end, load->began_ns + ramp_ends(&load->ramp));
}

static void step_ended(struct timer *timer)
{
	struct load *load = container_of(timer, struct load, step_end);

	director_look(load, &load->step_look);
}

/* After the last of its stages there is nothing more to be judged. */
static void step_seen(struct load_look *look, const struct result *result)
{
	struct load *load = container_of(look, struct load, step_look);
	struct ramp *ramp = &load->ramp;

	if (load->phase != LOAD_RUNNING) {
		return;
	}
	if (ramp_judge(ramp, result->ended_ns, result->tally.in_flight) &&
		ramp->passed < load->plan.stage_count) {
		await_step(load);
	} else {
		director_finish(load, RESULT_RAMP);
	}
}

int ramp_watch_init(struct load *load)
{
	load->step_end.fired = step_ended;
	load->step_look.seen = step_seen;
	if (!load->plan.has_ramp) {
		return 0;
	}
	load->ramp = load->plan.ramp;
	return ramp_init(&load->ramp, load->plan.scenario_count);
}

void ramp_watch_start(struct load *load)
{
	if (load->plan.has_ramp) {
		await_step(load);
	}
}

void ramp_watch_stop(struct load *load)
{
	load->result.step = (struct result_step){0};
	agenda_stop(agenda_of(load), &load->step_end);
}

void ramp_watch_take(struct load *load, const struct tally *part)
{
	if (load->plan.has_ramp) {
		ramp_add(&load->ramp, part);
	}
}

/* In front of what the source tells. */
void ramp_watch_tell(struct load *load)
{
	struct result *result = &load->result;

	if (load->plan.has_ramp) {
		ramp_tell(&load->ramp, &load->ramp_section);
		load->ramp_section.next = result->sections;
		result->sections = &load->ramp_section;
	}
}

void ramp_watch_fini(struct load *load)
{
	if (load->plan.has_ramp) {
		ramp_fini(&load->ramp);
	}
}
