/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where our control group was delegated to us (cgroups(7); systemd's Delegate=yes marks it with an
 * extended attribute), a tree gets one of its own below it: cgroup.kill then kills it in one step,
 * forks in progress included. Everywhere else these do nothing: we make no groups that nobody
 * offered.
 */
#ifndef CHILD_CGROUP_H
#define CHILD_CGROUP_H

#include <stdbool.h>
#include <stddef.h>

struct cgroup {
	char *path; /* NULL: none */
	int procs;  /* cgroup.procs, for the child to enter; -1 */
};

/* Makes a group for a tree of this process, if we may. */
void cgroup_init(struct cgroup *cgroup);

/* Removes the group, if it is empty. */
void cgroup_fini(struct cgroup *cgroup);

/*
 * Kills all that is in the group. Returns whether that was done; cgroup.kill came with Linux 5.14.
 */
bool cgroup_kill(const struct cgroup *cgroup);

/*
 * Makes the path of our group: where the hierarchy is mounted, and what the text of
 * /proc/self/cgroup says. Returns whether that names one and fits.
 */
bool cgroup_join(const char *mount, const char *membership, char *path, size_t size);

#endif
