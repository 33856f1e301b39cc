/* SPDX-License-Identifier: Apache-2.0 */
/*
 *	sweep life|held STARTS LEAF CONTENDER... (see contender.h)
 *
 * Starts every contender around `LEAF wait` STARTS times, in turn, and sends it TERM once. The
 * instant is swept over the first SWEEP_MS of its life, densely at the beginning (quadratically):
 * from the exec on, or, with `held`, from the moment at which /proc shows TERM blocked or caught.
 * Writes a line for each contender: starts, those that had not ended LOST_MS after the TERM, those
 * that died of it by its default action, those that ended but left their child.
 */
#include "contender.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SWEEP_MS 20
#define LOST_MS 1500
#define PATIENCE_MS 60 /* after the TERM, before the next start goes ahead beside this one */
#define HELD_WITHIN_MS 500
#define SPIN_NS 80000 /* what a sleep may miss its instant by */
#define MS INT64_C(1000000)
#define PENDING 1024

struct tally {
	int starts, lost, by_default, left;
};

struct pending {
	pid_t pid;
	int contender;
	int64_t since;
};

static struct tally tallies[CONTENDERS];
static struct pending pendings[PENDING];
static int pending_count;

static void wait_until(int64_t deadline)
{
	struct timespec at;

	if (deadline - SPIN_NS > now_ns()) {
		at.tv_sec = (deadline - SPIN_NS) / (1000 * MS);
		at.tv_nsec = (deadline - SPIN_NS) % (1000 * MS);
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
	}
	while (now_ns() < deadline) {}
}

/* Waits for the end of a process of ours, without reaping it. */
static bool ended(pid_t pid, int ms)
{
	struct pollfd poller = {.events = POLLIN};
	bool ready;

	poller.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (poller.fd < 0) {
		return true;
	}
	ready = poll(&poller, 1, ms) == 1;
	close(poller.fd);
	return ready;
}

/* Reads a file of /proc as text, which is empty where it cannot be read. */
static void read_proc(pid_t pid, const char *file, char *text, size_t size)
{
	char name[96];
	ssize_t length;
	int fd;

	snprintf(name, sizeof(name), "/proc/%d/%s", (int)pid, file);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	length = fd < 0 ? 0 : read(fd, text, size - 1);
	text[length < 0 ? 0 : length] = '\0';
	if (fd >= 0) {
		close(fd);
	}
}

/*
 * TERM is held where it is blocked or caught. While sigtimedwait(2) waits for it, /proc shows it as
 * neither; then the system call tells.
 */
static bool term_held(pid_t pid)
{
	char text[4096];

	read_proc(pid, "syscall", text, sizeof(text));
	if (text[0] >= '0' && text[0] <= '9' && atoi(text) == SYS_rt_sigtimedwait) {
		return true;
	}
	read_proc(pid, "status", text, sizeof(text));
	for (int i = 0; i < 2; i++) {
		const char *key = i ? "\nSigCgt:" : "\nSigBlk:", *line = strstr(text, key);

		if (line && strtoull(line + strlen(key), NULL, 16) & (1ULL << (SIGTERM - 1))) {
			return true;
		}
	}
	return false;
}

static bool is_pending(pid_t pid)
{
	for (int i = 0; i < pending_count; i++) {
		if (pendings[i].pid == pid) {
			return true;
		}
	}
	return false;
}

/*
 * Ends what has been adopted from contenders that are gone. Returns how many did not end by
 * themselves.
 */
static int sweep_adopted(void)
{
	char file[64], text[8192], *word = text;
	int alive = 0;

	snprintf(file, sizeof(file), "task/%d/children", (int)getpid());
	read_proc(getpid(), file, text, sizeof(text));
	for (long pid; (pid = strtol(word, &word, 10)) > 0;) {
		if (is_pending((pid_t)pid)) {
			continue;
		}
		if (!ended((pid_t)pid, 100)) {
			kill((pid_t)pid, SIGKILL);
			alive++;
		}
		waitpid((pid_t)pid, NULL, 0);
	}
	return alive;
}

/* A contender has ended: reads how, and looks for what it left. */
static void settle(pid_t pid, int contender)
{
	siginfo_t info = {0};

	waitid(P_PID, (id_t)pid, &info, WEXITED);
	if (info.si_code == CLD_KILLED && info.si_status == SIGTERM) {
		tallies[contender].by_default++;
	}
	tallies[contender].left += sweep_adopted() > 0;
}

static void give_up(pid_t pid, int contender)
{
	tallies[contender].lost++;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	sweep_adopted();
}

/* Looks after those that outlived our patience; all of them, if wait is set. */
static void look_after(bool wait)
{
	for (int i = 0; i < pending_count;) {
		struct pending item = pendings[i];
		int64_t left = item.since + LOST_MS * MS - now_ns();
		bool gone = ended(item.pid, wait && left > 0 ? (int)(left / MS) + 1 : 0);

		if (!gone && left > 0 && !wait) {
			i++;
			continue;
		}
		pendings[i] = pendings[--pending_count];
		if (gone) {
			settle(item.pid, item.contender);
		} else {
			give_up(item.pid, item.contender);
		}
	}
}

static void start(const struct contender *contender, int number, bool held, double part, int out)
{
	pid_t pid = contender_start(contender, out);
	int64_t origin = now_ns(), limit = origin + HELD_WITHIN_MS * MS;

	while (held && !term_held(pid) && now_ns() < limit) {}
	if (held) {
		origin = now_ns();
	}
	wait_until(origin + (int64_t)(part * part * SWEEP_MS * MS));
	kill(pid, SIGTERM);
	origin = now_ns();
	tallies[number].starts++;
	if (ended(pid, PATIENCE_MS)) {
		settle(pid, number);
	} else if (pending_count < PENDING) {
		pendings[pending_count++] = (struct pending){pid, number, origin};
	} else {
		give_up(pid, number);
	}
}

int main(int argc, char **argv)
{
	static struct contender list[CONTENDERS];
	char *child[3];
	int starts, n, out = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (argc < 5 || out < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1)) {
		return 2;
	}
	child[0] = argv[3];
	child[1] = (char[]){"wait"};
	child[2] = NULL;
	starts = atoi(argv[2]);
	n = contender_read(list, argv + 4, child);
	for (int i = 0; i < starts; i++) {
		for (int number = 0; number < n; number++) {
			start(&list[number], number, !strcmp(argv[1], "held"), (double)i / starts,
				out);
			look_after(false);
		}
	}
	look_after(true);
	for (int number = 0; number < n; number++) {
		struct tally *tally = &tallies[number];

		printf("%d %d %d %d %d\n", number, tally->starts, tally->lost, tally->by_default,
			tally->left);
	}
	return 0;
}
