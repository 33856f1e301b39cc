/* SPDX-License-Identifier: Apache-2.0 */
#include "child/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PATH_BYTES 64
#define STAT_BYTES 512
#define FIRST_CAPACITY 64
#define EXITING 0x4 /* PF_EXITING of the kernel's, in the flags that it shows */

void pids_add(struct pids *pids, pid_t pid)
{
	if (pids->count == pids->capacity) {
		size_t capacity = pids->capacity ? 2 * pids->capacity : FIRST_CAPACITY;
		pid_t *items = realloc(pids->items, capacity * sizeof(*items));

		if (!items) {
			return;
		}
		pids->items = items;
		pids->capacity = capacity;
	}
	pids->items[pids->count++] = pid;
}

void pids_fini(struct pids *pids)
{
	free(pids->items);
	*pids = (struct pids){0};
}

bool proc_parse_stat(const char *text, struct proc_stat *stat)
{
	/* The name, in parentheses, may hold anything, parentheses too. */
	const char *rest = strrchr(text, ')');
	int parent;
	int group;
	unsigned flags;
	long threads;

	/* Fields 3, 4, 5, 9, 20 and 22; those between are numbers. */
	if (!rest ||
		sscanf(rest + 1, " %c %d %d%*s%*s%*s %u%*s%*s%*s%*s%*s%*s%*s%*s%*s%*s %ld%*s %llu",
			&stat->state, &parent, &group, &flags, &threads, &stat->started) != 6) {
		return false;
	}
	stat->alive = (stat->state != 'Z' && stat->state != 'X') || threads > 1;
	stat->exiting = flags & EXITING;
	stat->parent = parent;
	stat->group = group;
	return true;
}

/* Reads the beginning of /proc/PID/FILE as a text. */
static bool read_file(pid_t pid, const char *file, char *text, size_t size)
{
	char path[PATH_BYTES];
	ssize_t length;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return false;
	}
	length = read(fd, text, size - 1);
	close(fd);
	if (length <= 0) {
		return false;
	}
	text[length] = '\0';
	return true;
}

bool proc_stat(pid_t pid, struct proc_stat *stat)
{
	char text[STAT_BYTES];

	return read_file(pid, "stat", text, sizeof(text)) && proc_parse_stat(text, stat);
}

bool proc_name(pid_t pid, char name[PROC_NAME_BYTES])
{
	if (!read_file(pid, "comm", name, PROC_NAME_BYTES)) {
		return false;
	}
	name[strcspn(name, "\n")] = '\0';
	return true;
}

static pid_t parse_pid(const char *name)
{
	char *end;
	long pid = strtol(name, &end, 10);

	return end != name && (*end == '\0' || *end == ' ') && pid > 0 && pid <= INT32_MAX
		? (pid_t)pid
		: 0;
}

/*
 * Appends the entries of a directory that are numbers. Returns whether the directory can be read.
 */
static bool list_numbers(const char *path, struct pids *numbers)
{
	char entries[4096] __attribute__((aligned(8)));
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	long length;

	if (fd < 0) {
		return false;
	}
	while ((length = syscall(SYS_getdents64, fd, entries, sizeof(entries))) > 0) {
		for (long at = 0; at < length;) {
			const struct dirent64 *entry =
				(const struct dirent64 *)(const void *)(entries + at);
			pid_t number = parse_pid(entry->d_name);

			if (number) {
				pids_add(numbers, number);
			}
			at += entry->d_reclen;
		}
	}
	close(fd);
	return true;
}

void proc_all(struct pids *pids)
{
	(void)list_numbers("/proc", pids);
}

/*
 * Appends the numbers of a text like "12 345 "; what is cut off at the end of a piece is kept in
 * *carry.
 */
static void add_numbers(const char *text, size_t length, pid_t *carry, struct pids *pids)
{
	for (size_t i = 0; i < length; i++) {
		if (text[i] >= '0' && text[i] <= '9') {
			*carry = *carry * 10 + (text[i] - '0');
		} else if (*carry) {
			pids_add(pids, *carry);
			*carry = 0;
		}
	}
}

/*
 * Returns whether the kernel has the file (CONFIG_PROC_CHILDREN); a thread that is gone has no
 * children.
 */
static bool thread_children(pid_t pid, pid_t thread, struct pids *pids)
{
	char path[PATH_BYTES];
	char text[4096];
	ssize_t length;
	pid_t carry = 0;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)thread);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		struct proc_stat stat;

		return errno != ENOENT || !proc_stat(pid, &stat);
	}
	while ((length = read(fd, text, sizeof(text))) > 0) {
		add_numbers(text, (size_t)length, &carry, pids);
	}
	if (carry) {
		pids_add(pids, carry);
	}
	close(fd);
	return true;
}

static void children_by_parent(pid_t pid, struct pids *pids)
{
	struct pids all = {0};

	proc_all(&all);
	for (size_t i = 0; i < all.count; i++) {
		struct proc_stat stat;

		if (proc_stat(all.items[i], &stat) && stat.parent == pid) {
			pids_add(pids, all.items[i]);
		}
	}
	pids_fini(&all);
}

void proc_children(pid_t pid, struct pids *pids)
{
	char path[PATH_BYTES];
	struct pids threads = {0};

	(void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	(void)list_numbers(path, &threads);
	for (size_t i = 0; i < threads.count; i++) {
		if (!thread_children(pid, threads.items[i], pids)) {
			children_by_parent(pid, pids);
			break;
		}
	}
	pids_fini(&threads);
}
