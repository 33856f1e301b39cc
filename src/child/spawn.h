/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts a program with clone(CLONE_VM | CLONE_VFORK | CLONE_PIDFD), clone(2): no copy of our
 * memory, however large, and no window: the call returns when the program runs, or with the error
 * that kept it from running.
 *
 *	1. All signals are blocked, so that no handler of ours runs in the child.
 *	2. The child, on a stack of its own, makes system calls only.
 *	3. execve(2) closes what is CLOEXEC; others are marked so before it, unless inherited.
 *	4. The child's mask is the last thing that it sets: a signal that came meanwhile meets the
 *	   program.
 */
#ifndef CHILD_SPAWN_H
#define CHILD_SPAWN_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct rlimit;

enum spawn_group {
	SPAWN_GROUP_SHARED, /* ours */
	SPAWN_GROUP_OWN,    /* a new one, led by the child */
};

struct spawn {
	const char *path;   /* program, or a name to be looked for in search */
	const char *search; /* PATH; NULL: execvp(3)'s default */
	char *const *argv;
	char *const *environment;
	const char *cwd; /* NULL: ours */
	int stdio[3];    /* descriptors that become 0, 1, 2; each may be that number already */
	int keep;        /* one more descriptor that survives the exec; -1: none */
	bool inherit_descriptors; /* all that are not CLOEXEC survive the exec */
	enum spawn_group group;
	int terminal;            /* its foreground becomes the child's group; -1: none */
	sigset_t mask;           /* of the program */
	int cgroup_procs;        /* cgroup.procs of the group to enter; -1: ours */
	bool reset_handlers;     /* signals may have handlers here */
	sigset_t ignore;         /* these are SIG_IGN in the program, beside those that are now */
	int parent_death_signal; /* 0: none */
	const struct rlimit *descriptors; /* RLIMIT_NOFILE; NULL: ours */
	char *own_pid; /* where to write its pid in decimal, in environment; or NULL */
};

#define SPAWN_PID_DIGITS 10

/*
 * Returns 0 and the child's pid and pidfd (CLOEXEC), or a negative errno: what kept the program
 * from running, and then there is no child.
 */
int spawn_start(const struct spawn *spawn, pid_t *pid, int *pidfd);

/* Waits for the end of a child that was killed, or never ran. */
void spawn_reap(pid_t pid);

#endif
