/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reaping of adopted processes, for a subreaper or PID 1. A child that somebody here waits for is
 * an anchor: it is passed over, for its owner reaps it, once, when the number is no longer needed.
 */
#ifndef CHILD_REAPER_H
#define CHILD_REAPER_H

#include <curfew/link.h>
#include <stddef.h>
#include <sys/types.h>

struct anchor {
	struct curfew_link link;
	pid_t pid;
};

void reaper_add_anchor(struct anchor *anchor, pid_t pid);
void reaper_remove_anchor(struct anchor *anchor);

/*
 * Reaps every child of this process that has ended, anchors aside; returns how many. Never blocks.
 * Any thread.
 */
size_t reaper_reap(void);

#endif
