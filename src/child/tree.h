/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process and all that it started, as far as it can be reached: to signal it, to kill it, and to
 * know whether anything of it lives. The main process is not reaped while its tree is in use: as a
 * zombie it keeps its pid, and with it the number of its group, from being given to somebody else.
 */
#ifndef CHILD_TREE_H
#define CHILD_TREE_H

#include <stdbool.h>
#include <sys/types.h>

#include "child/cgroup.h"

struct tree {
	pid_t main;
	bool own_group; /* main leads a process group of its own */
	struct cgroup cgroup;
	bool descendants; /* all descendants of this process, a subreaper or PID 1; else main's
	                     group only */
};

/*
 * Sends a signal once to each process of the tree that lives now, descendants first; not to those
 * of the group told (0: none), which have it already, from the terminal.
 */
void tree_signal(const struct tree *tree, int signal, pid_t told);

/*
 * Kills the tree: stops it (SIGSTOP) until no new process appears, then SIGKILL, until there are
 * none to kill.
 */
void tree_kill(const struct tree *tree);

/*
 * Calls each(name, arg) for every process of the tree that lives, the main one aside: "sleep pid
 * 12".
 */
void tree_list(const struct tree *tree, void (*each)(const char *name, void *arg), void *arg);

#define TREE_SOMEBODY (-1)

/*
 * Returns a process of the tree that lives, the main one aside; 0 if there is none; TREE_SOMEBODY
 * if there is one that cannot be seen, for want of /proc.
 */
pid_t tree_survivor(const struct tree *tree);

#endif
