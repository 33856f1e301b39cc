/* SPDX-License-Identifier: Apache-2.0 */
#include "child/tree.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child/proc.h"
#include "child/reaper.h"

#define TELLINGS 8 /* walks that tell those whom the one before missed */
#define PASSES 64  /* of a walk that finds new processes each time: a fork storm faster than us */
#define LISTINGS 4 /* of our own children, for one list of all descendants */
#define PID_LIMIT (4 * 1024 * 1024) /* PID_MAX_LIMIT, proc(5) */
#define SEEN_BYTES (PID_LIMIT / 8)
#define NAME_BYTES (PROC_NAME_BYTES + 16)

/*
 * Which pids were met: a map of bits, of which the kernel gives us only the pages that are touched.
 */
struct seen {
	uint8_t *bits; /* NULL: no memory; then everything is new, and the passes are bounded */
};

static void seen_init(struct seen *seen)
{
	void *bits = mmap(NULL, SEEN_BYTES, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	seen->bits = bits == MAP_FAILED ? NULL : bits;
}

static void seen_fini(struct seen *seen)
{
	if (seen->bits) {
		munmap(seen->bits, SEEN_BYTES);
	}
}

/* Returns whether the pid is met for the first time. */
static bool seen_first(struct seen *seen, pid_t pid)
{
	uint8_t bit = (uint8_t)(1U << (pid % 8));

	if (!seen->bits || pid >= PID_LIMIT) {
		return true;
	}
	if (seen->bits[pid / 8] & bit) {
		return false;
	}
	seen->bits[pid / 8] |= bit;
	return true;
}

/* Appends those children of a process that were not met. */
static void list_new_children(pid_t pid, struct seen *seen, struct pids *pids)
{
	struct pids children = {0};

	proc_children(pid, &children);
	for (size_t i = 0; i < children.count; i++) {
		if (seen_first(seen, children.items[i])) {
			pids_add(pids, children.items[i]);
		}
	}
	pids_fini(&children);
}

/*
 * Lists all descendants of this process, each after its parent. One that ends meanwhile hands its
 * children over to us: our own are read again until there is none that was not met.
 */
static void list_descendants(struct pids *pids)
{
	struct seen seen;
	size_t before;
	int passes = 0;

	seen_init(&seen);
	do {
		before = pids->count;
		(void)reaper_reap(); /* or a fork storm makes the list ever longer */
		list_new_children(getpid(), &seen, pids);
		for (size_t i = before; i < pids->count; i++) {
			list_new_children(pids->items[i], &seen, pids);
		}
	} while (pids->count > before && ++passes < LISTINGS);
	seen_fini(&seen);
}

/* Returns whether a process is a child of ours, or of one that was listed. */
static bool is_ours(const struct pids *pids, pid_t pid)
{
	struct proc_stat stat;
	bool ours;

	if (!proc_stat(pid, &stat)) {
		return false;
	}
	ours = stat.parent == getpid();
	for (size_t i = 0; i < pids->count && !ours; i++) {
		ours = pids->items[i] == stat.parent;
	}
	return ours;
}

/*
 * Sends a signal to a process that was listed as a descendant. The pid may have been given to
 * another process since then: a descriptor pins whoever has it now, and whose child that is says
 * whether it is ours.
 */
static void signal_descendant(const struct pids *pids, pid_t pid, int signal)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	bool refused = pidfd < 0 &&
		errno != ESRCH; /* by an old seccomp filter, or for want of descriptors */

	if (refused && is_ours(pids, pid)) {
		(void)kill(pid, signal);
	} else if (pidfd >= 0 && is_ours(pids, pid)) {
		(void)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
	}
	if (pidfd >= 0) {
		close(pidfd);
	}
}

/* What is sent, and to whom not. */
struct message {
	int signal;
	pid_t told;                /* this group has it already */
	unsigned long long before; /* only to processes that were started before, in ticks */
	struct seen seen;
};

/* Signals those descendants that were not met before. Returns how many these were. */
static size_t signal_new(struct message *message)
{
	struct pids pids = {0};
	size_t count = 0;

	list_descendants(&pids);
	for (size_t i = 0; i < pids.count; i++) {
		pid_t pid = pids.items[i];
		struct proc_stat stat;

		if (!seen_first(&message->seen, pid) || !proc_stat(pid, &stat) || !stat.alive ||
			stat.started > message->before) {
			continue;
		}
		count++;
		if (stat.group != message->told) {
			signal_descendant(&pids, pid, message->signal);
		}
	}
	pids_fini(&pids);
	return count;
}

static unsigned long long now_in_ticks(void)
{
	struct timespec now;
	unsigned long long per_second = (unsigned long long)sysconf(_SC_CLK_TCK);

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (unsigned long long)now.tv_sec * per_second +
		(unsigned long long)now.tv_nsec * per_second / 1000000000;
}

/* Descendants come first: when the main process ends, its children are no longer found below it. */
void tree_signal(const struct tree *tree, int signal, pid_t told)
{
	/* What a process starts to clean up with, after it was told, is not told. */
	struct message message = {.signal = signal, .told = told, .before = now_in_ticks()};

	if (tree->own_group) {
		message.told = tree->main;
	}
	seen_init(&message.seen);
	if (tree->descendants) {
		(void)signal_new(&message);
	}
	if (tree->own_group) {
		(void)kill(-tree->main, signal);
	} else if (!tree->descendants) {
		(void)kill(tree->main, signal);
	}
	for (int pass = 0; tree->descendants && pass < TELLINGS && signal_new(&message) > 0;
		pass++) {}
	seen_fini(&message.seen);
}

/*
 * Signals every descendant, at once where it is a child of ours, as all orphans are: before we reap
 * it, its pid is nobody else's, and in a fork storm only the quick catch anybody. Returns how many
 * ran on.
 */
static size_t sweep(int signal)
{
	struct pids pids = {0};
	size_t running = 0;
	size_t own;

	(void)reaper_reap();
	proc_children(getpid(), &pids);
	own = pids.count;
	for (size_t i = 0; i < own; i++) {
		(void)kill(pids.items[i], signal);
	}
	for (size_t i = 0; i < pids.count; i++) {
		struct proc_stat stat;

		if (!proc_stat(pids.items[i], &stat) || !stat.alive) {
			continue;
		}
		running += stat.state != 'T';
		if (i >= own) {
			signal_descendant(&pids, pids.items[i], signal);
		}
		proc_children(pids.items[i], &pids);
	}
	pids_fini(&pids);
	return running;
}

void tree_kill(const struct tree *tree)
{
	(void)cgroup_kill(&tree->cgroup);
	if (!tree->descendants) {
		tree_signal(tree, SIGKILL, 0);
	} else if (getpid() == 1) {
		(void)kill(-1, SIGKILL);
	} else {
		for (int pass = 0; pass < PASSES && sweep(SIGSTOP) > 0; pass++) {}
		(void)sweep(SIGKILL);
	}
}

/* The group's members are not all our children: look at everybody. */
static void list_group(const struct tree *tree, struct pids *pids)
{
	struct pids all = {0};

	proc_all(&all);
	for (size_t i = 0; i < all.count; i++) {
		struct proc_stat stat;

		if (proc_stat(all.items[i], &stat) && stat.group == tree->main) {
			pids_add(pids, all.items[i]);
		}
	}
	pids_fini(&all);
}

/* Lists all that may belong to the tree, the main process and zombies too. */
static void list_tree(const struct tree *tree, struct pids *pids)
{
	if (tree->descendants) {
		list_descendants(pids);
	} else if (tree->own_group) {
		list_group(tree, pids);
	}
}

static bool lives_beside_main(const struct tree *tree, pid_t pid)
{
	struct proc_stat stat;

	return pid != tree->main && proc_stat(pid, &stat) && stat.alive;
}

/*
 * Returns whether a child of this process lives. Without WEXITED, waitid(2) does not consider
 * zombies: where there is nobody else, it fails.
 */
static bool has_living_child(void)
{
	siginfo_t info;

	return waitid(P_ALL, 0, &info, WSTOPPED | WNOHANG | WNOWAIT) == 0;
}

pid_t tree_survivor(const struct tree *tree)
{
	struct pids pids = {0};
	pid_t survivor = 0;

	/* Whoever lives in a tree of descendants has an ancestor among our children that does. */
	if (tree->descendants && has_living_child()) {
		survivor = TREE_SOMEBODY;
		proc_children(getpid(), &pids);
	} else if (!tree->descendants) {
		list_tree(tree, &pids);
	}
	for (size_t i = 0; i < pids.count && survivor <= 0; i++) {
		if (lives_beside_main(tree, pids.items[i])) {
			survivor = pids.items[i];
		}
	}
	pids_fini(&pids);
	return survivor;
}

void tree_list(const struct tree *tree, void (*each)(const char *name, void *arg), void *arg)
{
	struct pids pids = {0};

	list_tree(tree, &pids);
	for (size_t i = 0; i < pids.count; i++) {
		char command[PROC_NAME_BYTES];
		char name[NAME_BYTES];

		if (lives_beside_main(tree, pids.items[i]) && proc_name(pids.items[i], command)) {
			(void)snprintf(
				name, sizeof(name), "%s pid %d", command, (int)pids.items[i]);
			each(name, arg);
		}
	}
	pids_fini(&pids);
}
