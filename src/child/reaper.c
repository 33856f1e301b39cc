/* SPDX-License-Identifier: Apache-2.0 */
#include "child/reaper.h"

#include <pthread.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/list.h"
#include "child/proc.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct curfew_link anchors = {&anchors, &anchors};

void reaper_add_anchor(struct anchor *anchor, pid_t pid)
{
	pthread_mutex_lock(&lock);
	anchor->pid = pid;
	list_append(&anchors, &anchor->link);
	pthread_mutex_unlock(&lock);
}

void reaper_remove_anchor(struct anchor *anchor)
{
	pthread_mutex_lock(&lock);
	link_remove(&anchor->link);
	pthread_mutex_unlock(&lock);
}

static bool is_anchor(pid_t pid)
{
	list_each(link, &anchors) {
		if (container_of(link, struct anchor, link)->pid == pid) {
			return true;
		}
	}
	return false;
}

static void reap(pid_t pid)
{
	siginfo_t info;

	(void)waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG);
}

/* Looks at each child in turn: slower than asking the kernel for one that has ended, but sees past anchors. */
static void reap_listed(void)
{
	struct pids pids = {0};

	proc_children(getpid(), &pids);
	for (size_t i = 0; i < pids.count; i++) {
		if (!is_anchor(pids.items[i])) {
			reap(pids.items[i]);
		}
	}
	pids_fini(&pids);
}

void reaper_reap(void)
{
	pthread_mutex_lock(&lock);
	for (;;) {
		siginfo_t info = {0};

		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || !info.si_pid) {
			break;
		}
		if (is_anchor(info.si_pid)) {
			reap_listed();
			break;
		}
		reap(info.si_pid);
	}
	pthread_mutex_unlock(&lock);
}
