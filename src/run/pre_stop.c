/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command that runs before the ladder. It is a hold on the work stage, so that the children's
 * turn comes when it has ended; its own child is on a drain of its own, since the stage is closed
 * by then.
 */
#include "base/list.h"
#include "loop/notice.h"
#include "run/runner.h"

static void ended(struct curfew_child *child, void *arg)
{
	struct runner *runner = arg;

	(void)child;
	agenda_stop(&runner->loop->agenda, &runner->pre_stop.bound);
	curfew_hold_release(&runner->pre_stop.hold);
}

static void bound_over(struct timer *timer)
{
	struct runner *runner = container_of(timer, struct runner, pre_stop.bound);

	curfew_lifecycle_forced(runner->life, "pre-stop", runner->config->pre_stop_wait_ms);
	curfew_child_kill(runner->pre_stop.child);
}

static void start(struct runner *runner)
{
	const char *const argv[] = {"/bin/sh", "-c", runner->config->pre_stop, NULL};
	struct curfew_child_config config;

	curfew_child_defaults(&config);
	config.argv = argv;
	config.in = CURFEW_STDIO_NULL;
	config.drain = &runner->pre_stop.drain;
	config.on_exit = ended;
	config.arg = runner;
	runner->pre_stop.child = curfew_child_start(runner->life, NULL, &config);
	if (!runner->pre_stop.child) {
		notice("cannot run the pre-stop command: /bin/sh: %m");
		curfew_hold_release(&runner->pre_stop.hold);
		return;
	}
	agenda_start(&runner->loop->agenda, &runner->pre_stop.bound,
		curfew_after_ms(runner->config->pre_stop_wait_ms));
}

static void finish(struct curfew_hold *hold)
{
	struct runner *runner = container_of(hold, struct runner, pre_stop.hold);

	if (runner->child && !runner->main_ended) {
		start(runner);
	} else {
		curfew_hold_release(hold);
	}
}

static void cut(struct curfew_hold *hold)
{
	struct runner *runner = container_of(hold, struct runner, pre_stop.hold);

	if (runner->pre_stop.child) {
		curfew_child_kill(runner->pre_stop.child);
	}
}

void pre_stop_init(struct runner *runner)
{
	static const struct curfew_hold_ops ops = {
		.kind = "pre-stop", .finish = finish, .cut = cut};

	drain_init(&runner->pre_stop.drain, &runner->loop->agenda);
	runner->pre_stop.bound.fired = bound_over;
	if (runner->config->pre_stop) {
		(void)curfew_drain_hold(curfew_lifecycle_stage(runner->life, CURFEW_WORK),
			&runner->pre_stop.hold, &ops, NULL);
	}
}

void pre_stop_fini(struct runner *runner)
{
	agenda_stop(&runner->loop->agenda, &runner->pre_stop.bound);
	curfew_child_free(runner->pre_stop.child);
	curfew_hold_release(&runner->pre_stop.hold);
	drain_fini(&runner->pre_stop.drain);
}
