/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What /proc tells about processes, proc(5). No allocation but for the list; nothing here blocks.
 */
#ifndef CHILD_PROC_H
#define CHILD_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Pids that grow. A zeroed list is an empty one. */
struct pids {
	pid_t *items;
	size_t count;
	size_t capacity;
};

/* Appends; without memory the pid is left out. */
void pids_add(struct pids *pids, pid_t pid);
void pids_fini(struct pids *pids);

struct proc_stat {
	char state;   /* R, S, D, T, Z, ... of its first thread */
	bool alive;   /* no zombie; also where only the first of several threads has ended */
	bool exiting; /* its first thread is on its way out: descriptors are closed behind this */
	pid_t parent;
	pid_t group;
	unsigned long long started; /* in clock ticks since the machine was */
};

/* Returns whether the process exists, zombies too, and /proc can be read. */
bool proc_stat(pid_t pid, struct proc_stat *stat);

#define PROC_NAME_BYTES 32

/* Reads the name of a process, /proc/PID/comm. Returns whether it exists. */
bool proc_name(pid_t pid, char name[PROC_NAME_BYTES]);

/* Parses the text of /proc/PID/stat. Returns whether it is one. */
bool proc_parse_stat(const char *text, struct proc_stat *stat);

/*
 * Appends the children of a process, of all its threads. One that is being reparented meanwhile can
 * be missed: callers go on until a pass finds nothing new.
 */
void proc_children(pid_t pid, struct pids *pids);

/* Appends every process that can be seen. */
void proc_all(struct pids *pids);

#endif
