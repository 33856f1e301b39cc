/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Job control, credentials(7) and termios(3). A shell gives each job a process group, and the
 * terminal's foreground to one of them. The command must have it to read from the terminal; it is
 * handed over only where nobody else is in our group, or `curfew run -- x | less` would stop less.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child/proc.h"
#include "run/runner.h"

/* Returns the foreground group of our controlling terminal; -1 if we have none. */
static pid_t foreground(void)
{
	int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	pid_t group;

	if (tty < 0) {
		return -1;
	}
	group = tcgetpgrp(tty);
	close(tty);
	return group;
}

static bool alone_in_group(void)
{
	struct pids all = {0};
	bool alone = true;

	proc_all(&all);
	for (size_t i = 0; i < all.count && alone; i++) {
		struct proc_stat stat;

		alone = all.items[i] == getpid() || !proc_stat(all.items[i], &stat) ||
			stat.group != getpgrp();
	}
	pids_fini(&all);
	return alone;
}

enum placement terminal_placement(void)
{
	if (foreground() != getpgrp()) {
		return PLACEMENT_OWN_GROUP;
	}
	if (tcgetpgrp(STDIN_FILENO) == getpgrp() && alone_in_group()) {
		return PLACEMENT_FOREGROUND;
	}
	return PLACEMENT_SHARED;
}

void terminal_child_changed(struct runner *runner)
{
	siginfo_t info = {0};

	if (!runner->child || runner->main_ended ||
		(runner->terminal < 0 && !runner->child->config.share_group)) {
		return;
	}
	if (waitid(P_PID, (id_t)curfew_child_pid(runner->child), &info, WSTOPPED | WNOHANG) < 0 ||
		!info.si_pid) {
		return;
	}
	if (runner->terminal >= 0) {
		(void)tcsetpgrp(runner->terminal, getpgrp());
	}
	(void)kill(getpid(), SIGSTOP);
}

void terminal_continued(struct runner *runner)
{
	pid_t group = curfew_child_pid(runner->child);

	if (tcgetpgrp(runner->terminal) == getpgrp()) {
		(void)tcsetpgrp(runner->terminal, group);
	}
	(void)kill(-group, SIGCONT);
}

void terminal_restore(struct runner *runner)
{
	if (runner->terminal >= 0 &&
		tcgetpgrp(runner->terminal) == curfew_child_pid(runner->child)) {
		(void)tcsetpgrp(runner->terminal, getpgrp());
	}
}
