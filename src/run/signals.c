/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A signal is mapped first (--map). Then it begins the end, or insists (--stop-on), or it is passed
 * on to the main process. Until that runs, signals wait, blocked.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child/reaper.h"
#include "loop/notice.h"
#include "run/runner.h"

static void pass_on(struct runner *runner, const siginfo_t *info, int signal)
{
	/* A queued signal carries a value, sigqueue(3). */
	if (info->si_code == SI_QUEUE && !runner->main_ended) {
		(void)sigqueue(curfew_child_pid(runner->child), signal, info->si_value);
	} else {
		(void)curfew_child_signal(runner->child, signal);
	}
}

static void dump(const struct runner *runner)
{
	char *text = curfew_lifecycle_dump(runner->life);

	if (text) {
		(void)notice_write(STDERR_FILENO, text, strlen(text));
	}
	free(text);
}

static bool is_stop(const struct runner *runner, int came, int becomes)
{
	const sigset_t *stop_on = &runner->config->stop_on;

	return becomes && (sigismember(stop_on, came) == 1 || sigismember(stop_on, becomes) == 1);
}

static void take_signal(struct runner *runner, const siginfo_t *info)
{
	int becomes = signal_map_apply(&runner->config->map, info->si_signo);

	if (info->si_signo == runner->config->dump_signal) {
		dump(runner);
	} else if (runner->config->keeper >= 0 ||
		(info->si_signo == SIGPIPE && info->si_pid == getpid())) {
		return; /* a keeper's owner decides; our own write to a closed pipe is no news */
	} else if (is_stop(runner, info->si_signo, becomes)) {
		lifecycle_signal(runner->life, becomes, info->si_pid);
	} else if (becomes && runner->child) {
		pass_on(runner, info, becomes);
	}
}

bool signals_stop_pending(const struct runner *runner)
{
	sigset_t pending;

	sigpending(&pending);
	for (int came = 1; came < NSIG; came++) {
		if (sigismember(&pending, came) == 1 &&
			is_stop(runner, came, signal_map_apply(&runner->config->map, came))) {
			return true;
		}
	}
	return false;
}

void signals_received(const siginfo_t *info, void *arg)
{
	struct runner *runner = arg;

	if (info->si_signo == SIGCHLD) {
		terminal_child_changed(runner);
		reaper_reap();
		return;
	}
	if (info->si_signo == SIGCONT && runner->terminal >= 0 && !runner->main_ended) {
		terminal_continued(runner);
	} else {
		take_signal(runner, info);
	}
}
