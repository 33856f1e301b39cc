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

static bool reap(pid_t pid)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG) == 0 && info.si_pid;
}

/*
 * Looks at each child in turn: slower than asking the kernel for one that has ended, but sees past
 * anchors.
 */
static size_t reap_listed(void)
{
	struct pids pids = {0};
	size_t count = 0;

	proc_children(getpid(), &pids);
	for (size_t i = 0; i < pids.count; i++) {
		if (!is_anchor(pids.items[i])) {
			count += reap(pids.items[i]);
		}
	}
	pids_fini(&pids);
	return count;
}

size_t reaper_reap(void)
{
	size_t count = 0;

	pthread_mutex_lock(&lock);
	for (;;) {
		siginfo_t info = {0};

		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || !info.si_pid) {
			break;
		}
		if (is_anchor(info.si_pid)) {
			count += reap_listed();
			break;
		}
		count += reap(info.si_pid);
	}
	pthread_mutex_unlock(&lock);
	return count;
}
