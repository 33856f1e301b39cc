/* SPDX-License-Identifier: Apache-2.0 */
#include "child/spawn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK_BYTES (64 * 1024)
#define SHELL "/bin/sh"
#define DEFAULT_SEARCH "/usr/local/bin:/usr/bin:/bin"

/* What the child is given; its memory is ours until it runs its program. */
struct plan {
	const struct spawn *spawn;
	pid_t parent;
	char **script;      /* room for "/bin/sh", the path, and argv[1...] */
	volatile int error; /* out */
};

/*
 * From here to start_program: in the child, which shares our memory. System calls only, and no
 * errno that another thread could not do without: glibc's errno is the calling thread's, which
 * waits in clone.
 */

/* Moves descriptors that stand in the way of 0-2 above them, then puts each in its place. */
static int place_stdio(const int wanted[3])
{
	int from[3];

	for (int i = 0; i < 3; i++) {
		from[i] = wanted[i];
		if (wanted[i] >= 0 && wanted[i] != i) {
			from[i] = fcntl(wanted[i], F_DUPFD_CLOEXEC, 3);
			if (from[i] < 0) {
				return -1;
			}
		}
	}
	for (int i = 0; i < 3; i++) {
		if (from[i] >= 0 && from[i] != i && dup2(from[i], i) < 0) {
			return -1;
		}
	}
	return 0;
}

static int descriptor_of(const char *name)
{
	int fd = 0;

	for (; *name >= '0' && *name <= '9'; name++) {
		fd = fd * 10 + (*name - '0');
	}
	return fd; /* 0 for "." and ".." */
}

/* The limit may be a thousand million: only those that are open are touched. */
static void mark_cloexec_listed(void)
{
	char entries[1024] __attribute__((aligned(8)));
	int folder = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	long length;

	while (folder >= 0 &&
		(length = syscall(SYS_getdents64, folder, entries, sizeof(entries))) > 0) {
		for (long at = 0; at < length;) {
			const struct dirent64 *entry =
				(const struct dirent64 *)(const void *)(entries + at);
			int fd = descriptor_of(entry->d_name);

			if (fd >= 3) {
				(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
			}
			at += entry->d_reclen;
		}
	}
}

/* CLOSE_RANGE_CLOEXEC is of Linux 5.11. */
static void mark_cloexec(void)
{
	if (syscall(SYS_close_range, 3U, UINT_MAX, CLOSE_RANGE_CLOEXEC) < 0) {
		mark_cloexec_listed();
	}
}

static int enter_group(const struct spawn *spawn)
{
	if (spawn->group == SPAWN_GROUP_OWN && setpgid(0, 0) < 0) {
		return -1;
	}
	/* SIGTTOU is blocked, and so does not stop us. */
	if (spawn->terminal >= 0 && tcsetpgrp(spawn->terminal, getpgrp()) < 0) {
		return -1;
	}
	return 0;
}

static int set_parent_death(const struct plan *plan)
{
	int signal = plan->spawn->parent_death_signal;

	if (!signal) {
		return 0;
	}
	if (prctl(PR_SET_PDEATHSIG, signal) < 0) {
		return -1;
	}
	if (getppid() != plan->parent) {
		errno = ESRCH;
		return -1;
	}
	return 0;
}

static void write_pid(char *digits)
{
	pid_t pid = getpid();
	char reversed[SPAWN_PID_DIGITS];
	int count = 0;

	do {
		reversed[count++] = (char)('0' + pid % 10);
		pid /= 10;
	} while (pid);
	while (count) {
		*digits++ = reversed[--count];
	}
	*digits = '\0';
}

static int prepare(const struct plan *plan)
{
	const struct spawn *spawn = plan->spawn;

	if (spawn->cgroup_procs >= 0) {
		(void)!write(spawn->cgroup_procs, "0",
			1); /* best effort: the tree is found without it too */
	}
	if (set_parent_death(plan) < 0 || enter_group(spawn) < 0 || place_stdio(spawn->stdio) < 0) {
		return -1;
	}
	if (spawn->cwd && chdir(spawn->cwd) < 0) {
		return -1;
	}
	if (!spawn->inherit_descriptors) {
		mark_cloexec();
	}
	if (spawn->keep >= 0 && fcntl(spawn->keep, F_SETFD, 0) < 0) {
		return -1;
	}
	if (spawn->own_pid) {
		write_pid(spawn->own_pid);
	}
	return 0;
}

/* Returns whether the search for a program goes on after this error, as in execvp(3). */
static bool looks_further(int error)
{
	return error == ENOENT || error == ENOTDIR || error == EACCES || error == ESTALE ||
		error == ENODEV || error == ETIMEDOUT;
}

/*
 * Runs a program; a file without a format that the kernel knows is a script of sh(1), as in
 * execvp(3).
 */
static void execute(const struct plan *plan, char *path)
{
	const struct spawn *spawn = plan->spawn;
	size_t count = 0;

	execve(path, spawn->argv, spawn->environment);
	if (errno != ENOEXEC) {
		return;
	}
	plan->script[count++] = SHELL;
	plan->script[count++] = path;
	for (size_t i = 1; spawn->argv[0] && spawn->argv[i]; i++) {
		plan->script[count++] = spawn->argv[i];
	}
	plan->script[count] = NULL;
	execve(SHELL, plan->script, spawn->environment);
}

/* Returns the errno with which no program of the search could be run. */
static int search_and_execute(const struct plan *plan)
{
	const struct spawn *spawn = plan->spawn;
	const char *search = spawn->search ? spawn->search : DEFAULT_SEARCH;
	size_t name_length = strlen(spawn->path);
	int found = ENOENT;

	if (name_length == 0) {
		return ENOENT;
	}
	for (const char *start = search;; start++) {
		const char *end = strchrnul(start, ':');
		size_t length = (size_t)(end - start);
		char path[PATH_MAX];

		if (length + name_length + 2 <= sizeof(path)) {
			memcpy(path, start, length);
			path[length] = '/';
			memcpy(path + length + (length > 0), spawn->path, name_length + 1);
			execute(plan, path);
			if (!looks_further(errno)) {
				return errno;
			}
			found = errno == EACCES ? EACCES : found;
		}
		if (!*end) {
			return found;
		}
		start = end;
	}
}

/*
 * sigaction(2) without the library in between, whose tables (a sanitizer's, too) are the parent's.
 * The structure is the kernel's.
 */
struct kernel_sigaction {
	void (*handler)(int);
	unsigned long flags;
	void (*restorer)(void);
	unsigned long mask;
};

static void (*disposition(int signal))(int)
{
	struct kernel_sigaction action = {.handler = SIG_DFL};

	(void)syscall(SYS_rt_sigaction, signal, NULL, &action, sizeof(action.mask));
	return action.handler;
}

static void set_disposition(int signal, void (*handler)(int))
{
	const struct kernel_sigaction action = {.handler = handler};

	(void)syscall(SYS_rt_sigaction, signal, &action, NULL, sizeof(action.mask));
}

/*
 * A handler of ours must not run here, with our memory, once the mask is open. Ignored stays
 * ignored.
 */
static void reset_handlers(void)
{
	for (int signal = 1; signal < _NSIG; signal++) {
		void (*handler)(int) = disposition(signal);

		if (handler != SIG_DFL && handler != SIG_IGN) {
			set_disposition(signal, SIG_DFL);
		}
	}
}

static void ignore_signals(const sigset_t *ignore)
{
	for (int signal = 1; signal < _NSIG; signal++) {
		if (sigismember(ignore, signal) == 1) {
			set_disposition(signal, SIG_IGN);
		}
	}
}

/*
 * On a stack that AddressSanitizer does not know: not instrumented, or it would complain at _exit.
 */
__attribute__((no_sanitize_address)) static int run_child(void *arg)
{
	struct plan *plan = arg;
	const struct spawn *spawn = plan->spawn;

	if (prepare(plan) < 0) {
		plan->error = errno;
		_exit(127);
	}
	if (spawn->reset_handlers) {
		reset_handlers();
	}
	ignore_signals(&spawn->ignore);
	if (spawn->descriptors) {
		(void)setrlimit(RLIMIT_NOFILE, spawn->descriptors);
	}
	(void)sigprocmask(SIG_SETMASK, &spawn->mask, NULL);
	if (strchr(spawn->path, '/')) {
		execute(plan, (char *)spawn->path);
		plan->error = errno;
	} else {
		plan->error = search_and_execute(plan);
	}
	_exit(127);
}

static void block_all(sigset_t *before)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, before);
}

#ifdef __SANITIZE_THREAD__
/*
 * The thread sanitizer takes clone(2) for a fork: in the child, which here shares its memory, it
 * stops to follow locks, and so it does in the parent. By this name glibc's is not in its hands.
 */
int __clone(int (*function)(void *), void *stack, int flags, void *arg, ...);
#define clone __clone
#endif

static int clone_child(struct plan *plan, char *stack, int *pidfd)
{
	int flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD;

	return clone(run_child, stack + STACK_BYTES, flags, plan, pidfd);
}

static size_t count_words(char *const *words)
{
	size_t count = 0;

	while (words[count]) {
		count++;
	}
	return count;
}

/* Clones with all signals blocked. Returns 0 or a negative errno of clone(2). */
static int clone_blocked(struct plan *plan, char *stack, pid_t *pid, int *pidfd)
{
	sigset_t before;
	int error;

	block_all(&before);
	*pid = clone_child(plan, stack, pidfd);
	error = *pid < 0 ? -errno : 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error;
}

void spawn_reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
}

int spawn_start(const struct spawn *spawn, pid_t *pid, int *pidfd)
{
	struct plan plan = {.spawn = spawn, .parent = getpid()};
	char *stack;
	int error = -ENOMEM;

	*pidfd = -1;
	stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (stack == MAP_FAILED) {
		return error;
	}
	plan.script = malloc((count_words(spawn->argv) + 3) * sizeof(*plan.script));
	if (!plan.script) {
		goto out;
	}
	error = clone_blocked(&plan, stack, pid, pidfd);
	if (!error && plan.error) {
		error = -plan.error;
		spawn_reap(*pid);
		close(*pidfd);
	}
	if (error) {
		*pidfd = -1;
	}
	free(plan.script);
out:
	munmap(stack, STACK_BYTES);
	return error;
}
