/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of one run: signals were blocked by main's first statement. A lifecycle reads them; one
 * that is there already ends us before anything is started. The command is started as a hold on the
 * children stage. Then the lifecycle is waited for: it ends by a stop signal, by --duration, by the
 * owner (keeper), or because the main process ended; in each case by the same stages: pre-stop, the
 * ladder, the log.
 */
#include "run/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/list.h"
#include "child/stdio.h"
#include "core/context.h"
#include "loop/notice.h"
#include "loop/report_file.h"
#include "run/runner.h"

static void say(const struct runner *runner, const char *text)
{
	if (runner->config->verbose) {
		notice("%s", text);
	}
}

/*
 * A terminal sends to the whole foreground group, of which the command is too, where it shares
 * ours.
 */
static pid_t told_group(const struct runner *runner, const struct curfew_cause *cause)
{
	return runner->child->config.share_group && cause->sender == 0 ? getpgrp() : 0;
}

static void on_phase(enum curfew_phase phase, void *arg)
{
	struct runner *runner = arg;
	struct curfew_cause cause =
		curfew_token_cause(curfew_context_token(curfew_lifecycle_context(runner->life)));

	if (phase == CURFEW_DRAINING) {
		notice_limit(curfew_lifecycle_grace_deadline(runner->life));
		say(runner, cause.text);
		if (runner->child && cause.signal && !runner->config->stop_signal) {
			child_set_stop_signal(
				runner->child, cause.signal, told_group(runner, &cause));
		}
	}
	say(runner, curfew_phase_name(phase));
}

static void duration_over(struct timer *timer)
{
	struct runner *runner = container_of(timer, struct runner, duration);

	curfew_lifecycle_stop_for(runner->life, CURFEW_DURATION, "the duration is over");
}

/* The command. */

static void note_outcome(struct runner *runner, struct curfew_child_exit exit)
{
	runner->life->child = (struct outcome_child){
		.ended = true,
		.killed = exit.by_us && exit.signal == SIGKILL,
		.by_us = exit.by_us,
		.keep_signal = runner->config->signal_exit != RUN_SIGNAL_EXIT_ZERO,
		.code = exit.code,
		.signal = exit.signal,
	};
}

static void main_exited(struct curfew_child *child, void *arg)
{
	struct runner *runner = arg;

	runner->main_ended = true;
	owner_tell_ended(runner);
	note_outcome(runner, curfew_child_exit(child));
	feed_stop(runner);
	terminal_restore(runner);
	curfew_lifecycle_stop_for(runner->life, CURFEW_COMPLETED, "the command ended");
}

static void all_exited(struct curfew_child *child, void *arg)
{
	struct runner *runner = arg;

	(void)child;
	capture_finish(runner);
	owner_tell_exit(runner);
}

static void place(struct runner *runner, struct curfew_child_config *config)
{
	switch (runner->config->keeper >= 0 ? PLACEMENT_OWN_GROUP : terminal_placement()) {
	case PLACEMENT_OWN_GROUP:
		break;
	case PLACEMENT_FOREGROUND:
		runner->terminal = STDIN_FILENO;
		config->terminal = STDIN_FILENO;
		break;
	case PLACEMENT_SHARED:
		config->share_group = true;
		break;
	}
}

static enum curfew_stdio stdin_kind(unsigned mode)
{
	static const enum curfew_stdio kinds[] = {
		[RUN_STDIN_INHERIT] = CURFEW_STDIO_INHERIT,
		[RUN_STDIN_NULL] = CURFEW_STDIO_NULL,
		[RUN_STDIN_PIPE] = CURFEW_STDIO_PIPE,
	};

	return kinds[mode];
}

static void configure(struct runner *runner, struct curfew_child_config *config)
{
	const struct run_config *run = runner->config;

	curfew_child_defaults(config);
	config->argv = (const char *const *)run->command;
	config->in = stdin_kind(run->stdin_mode);
	config->tree = CURFEW_TREE_DESCENDANTS;
	config->stop_signal = run->stop_signal ? run->stop_signal : SIGTERM;
	config->main_first = run->kill_mode == RUN_KILL_MAIN;
	config->eof_wait_ms = run->eof_wait_ms;
	config->term_wait_ms = run->term_wait_ms;
	config->parent_death_signal = SIGKILL;
	config->inherit_descriptors = true;
	config->on_exit = all_exited;
	config->arg = runner;
	if (run->capture) {
		config->out = CURFEW_STDIO_PIPE;
		config->err = CURFEW_STDIO_PIPE;
		config->on_output = capture_output;
		config->on_error_line = capture_error_line;
	}
	place(runner, config);
}

/* Says why the command cannot be run, and returns the exit code for it. */
static int refuse(const struct run_config *config, int error)
{
	if (config->keeper >= 0) {
		owner_tell_error(config, error);
		return notice_exit_code(error);
	}
	return notice_refused(config->command[0], error);
}

/*
 * A keeper must not hold the child's pipes: their other ends would not see that they were closed.
 */
static void let_go_of_stdio(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null >= 0) {
		(void)dup2(null, STDIN_FILENO);
		(void)dup2(null, STDOUT_FILENO);
		close(null);
	}
}

/* Returns 0, or the exit code with which nothing was started. */
static int start_command(struct runner *runner)
{
	struct curfew_child_config config;

	configure(runner, &config);
	runner->child = curfew_child_start(runner->life, NULL, &config);
	if (!runner->child) {
		return refuse(runner->config, errno);
	}
	child_on_main_exit(runner->child, main_exited);
	/* What it counts as if it is never seen to end, because it cannot be killed. */
	note_outcome(runner, (struct curfew_child_exit){.signal = SIGKILL, .by_us = true});
	if (runner->config->stdin_mode == RUN_STDIN_PIPE) {
		(void)feed_start(runner);
	}
	if (runner->config->keeper >= 0) {
		let_go_of_stdio(); /* before anybody acts on the word that the child runs */
		owner_tell_pid(runner);
	}
	if (runner->config->duration_ms != CURFEW_NEVER) {
		agenda_start(&runner->loop->agenda, &runner->duration,
			curfew_after_ms(runner->config->duration_ms));
	}
	(void)curfew_lifecycle_ready(runner->life);
	return 0;
}

static struct curfew_lifecycle *new_lifecycle(struct runner *runner)
{
	const struct run_config *config = runner->config;
	struct curfew_lifecycle_options options;

	curfew_lifecycle_defaults(&options);
	options.command = "run";
	options.version = CURFEW_VERSION;
	options.grace_ms = config->grace_ms;
	options.child_reserve_ms =
		config->pre_stop ? config->grace_ms : 0; /* that is a third, at most */
	options.ignore_insist = config->insist == RUN_INSIST_NEVER;
	options.forced_exit = config->forced_exit;
	options.signals = CURFEW_SIGNALS_BLOCKED;
	sigemptyset(&options.stop_signals); /* signals_received decides */
	sigfillset(&options.other_signals);
	options.on_signal = signals_received;
	options.on_phase = on_phase;
	options.arg = runner;
	return curfew_lifecycle_new(&options);
}

static int init(struct runner *runner)
{
	stdio_reserve();
	notice_command("run");
	if (runner->config->report) {
		runner->report_fd = report_file_open(runner->config->report);
		if (runner->report_fd < 0) {
			return EXIT_CODE_USAGE;
		}
	}
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (runner->config->keeper >= 0 && fcntl(runner->config->keeper, F_SETFD, FD_CLOEXEC) < 0) {
		notice("--keeper %d: no such descriptor (the owner must pass a "
		       "socket)",
			runner->config->keeper);
		return EXIT_CODE_USAGE;
	}
	runner->life = new_lifecycle(runner);
	if (!runner->life) {
		goto fail;
	}
	runner->loop = lifecycle_loop(runner->life);
	runner->duration.fired = duration_over;
	pre_stop_init(runner);
	if (capture_init(runner) < 0 || owner_watch(runner) < 0) {
		goto fail;
	}
	return 0;
fail:
	notice("cannot start: %m (free memory, or descriptors: ulimit -n)");
	return EXIT_CODE_USAGE;
}

static void fini(struct runner *runner)
{
	if (!runner->life || curfew_lifecycle_abandoned(runner->life)) {
		return;
	}
	agenda_stop(&runner->loop->agenda, &runner->duration);
	agenda_stop(&runner->loop->agenda, &runner->owner_gone);
	loop_unwatch(runner->loop, &runner->owner);
	feed_stop(runner);
	curfew_child_free(runner->child);
	pre_stop_fini(runner);
	capture_fini(runner);
	curfew_lifecycle_free(runner->life);
	if (runner->report_fd >= 0) {
		close(runner->report_fd);
	}
}

int run_main(const struct run_config *config)
{
	struct runner runner = {.config = config, .terminal = -1, .owner.fd = -1, .report_fd = -1};
	int code = init(&runner);
	int signal = 0;

	if (code) {
		return code;
	}
	if (signals_stop_pending(&runner)) {
		curfew_lifecycle_dispatch(runner.life); /* it ends us before anything is started */
	} else {
		code = start_command(&runner);
	}
	if (code == 0) {
		(void)curfew_lifecycle_wait(runner.life);
		ending_tell(&runner);
		code = curfew_lifecycle_exit_code(runner.life);
		signal = ending_signal(&runner);
	}
	fini(&runner);
	if (signal) {
		ending_reraise(signal);
	}
	return code;
}
