/* SPDX-License-Identifier: Apache-2.0 */
#include "child/proc.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define CHILDREN 100

#define TAIL " 17 17 0 -1 4194560 100 0 0 0 1 2 3 4 20 0 3 0 5555 6666 77"
#define DEAD " 17 17 0 -1 4194560 100 0 0 0 1 2 3 4 20 0 1 0 5555 6666 77"

static const struct row {
	const char *text;
	bool parses;
	char state;
	bool alive;
} rows[] = {
	{"17 (sh) S 16" TAIL, true, 'S', true},
	{"17 (a b) R 16" TAIL, true, 'R', true},
	{"17 (x) R 1 2 (y) T 16" TAIL, true, 'T', true},
	{"17 ()) S 16" TAIL, true, 'S', true},
	{"17 () S 16" TAIL, true, 'S', true},
	{"17 (a\nb) D 16" TAIL, true, 'D', true},
	{"17 (sh) Z 16" DEAD, true, 'Z', false},
	{"17 (sh) Z 16" TAIL, true, 'Z', true}, /* the leader ended, other threads run on */
	{"17 (sh) X 16" DEAD, true, 'X', false},
	{"17 (sh) S 16" TAIL "\n", true, 'S', true},
	{"", false, 0, false},
	{"17", false, 0, false},
	{"17 (sh", false, 0, false},
	{"17 (sh)", false, 0, false},
	{"17 (sh) S", false, 0, false},
	{"17 (sh) S 16", false, 0, false},
	{"17 (sh) S x y", false, 0, false},
};

static void names_may_hold_anything(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct proc_stat stat;

		if (proc_parse_stat(rows[i].text, &stat) != rows[i].parses) {
			fail_msg("'%s'", rows[i].text);
		}
		if (rows[i].parses) {
			assert_int_equal(stat.parent, 16);
			assert_int_equal(stat.group, 17);
			assert_int_equal(stat.alive, rows[i].alive);
		}
	}
}

static void one_that_is_on_its_way_out_is_seen(void **state)
{
	static const char *const flags[] = {"4194560", "4194564"};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct proc_stat stat;
		char text[128];

		(void)snprintf(text, sizeof(text),
			"17 (sh) R 16 17 17 0 -1 %s 100 0 0 0 1 2 3 4 20 0 1 0 5555 6666 77",
			flags[i]);
		assert_true(proc_parse_stat(text, &stat));
		assert_true(stat.alive);
		assert_int_equal(stat.exiting, i);
	}
}

static void own_process_is_found_under_an_odd_name(void **state)
{
	static const char *const names[] = {") Z 1 1 (", "a\n(b", "", "(((((((((((((((", ")))))"};
	struct proc_stat stat;
	char name[PROC_NAME_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		prctl(PR_SET_NAME, names[i]);
		assert_true(proc_stat(getpid(), &stat));
		assert_int_equal(stat.parent, getppid());
		assert_int_equal(stat.group, getpgrp());
		assert_true(stat.alive && !stat.exiting);
		assert_true(proc_name(getpid(), name));
	}
	prctl(PR_SET_NAME, "proc_test");
	assert_true(proc_name(getpid(), name));
	assert_string_equal(name, "proc_test");
}

static void process_that_is_gone_is_not_found(void **state)
{
	struct proc_stat stat;
	pid_t pid = fork();
	siginfo_t info;

	(void)state;
	if (pid == 0) {
		_exit(0);
	}
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	assert_true(proc_stat(pid, &stat));
	assert_int_equal(stat.parent, getpid());
	assert_false(stat.alive);
	waitpid(pid, NULL, 0);
	assert_false(proc_stat(pid, &stat));
	assert_false(proc_stat(0, &stat));
	assert_false(proc_stat(-1, &stat));
}

static bool holds(const struct pids *pids, pid_t pid)
{
	for (size_t i = 0; i < pids->count; i++) {
		if (pids->items[i] == pid) {
			return true;
		}
	}
	return false;
}

static pid_t fork_sleeper(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pause();
		_exit(0);
	}
	return pid;
}

static sem_t forked;
static sem_t listed;

static void *fork_in_thread(void *arg)
{
	*(pid_t *)arg = fork_sleeper();
	sem_post(&forked);
	sem_wait(&listed);
	return NULL;
}

static void children_of_all_threads_are_listed(void **state)
{
	pid_t children[CHILDREN + 1];
	struct pids pids = {0};
	pthread_t thread;

	(void)state;
	sem_init(&forked, 0, 0);
	sem_init(&listed, 0, 0);
	for (int i = 0; i < CHILDREN; i++) {
		children[i] = fork_sleeper();
	}
	pthread_create(&thread, NULL, fork_in_thread, &children[CHILDREN]);
	sem_wait(&forked);
	proc_children(getpid(), &pids);
	sem_post(&listed);
	assert_int_equal(pids.count, CHILDREN + 1);
	for (int i = 0; i <= CHILDREN; i++) {
		assert_true(holds(&pids, children[i]));
		kill(children[i], SIGKILL);
		waitpid(children[i], NULL, 0);
	}
	pthread_join(thread, NULL);
	pids_fini(&pids);
	proc_children(getpid(), &pids);
	assert_int_equal(pids.count, 0);
	proc_all(&pids);
	assert_true(holds(&pids, getpid()));
	pids_fini(&pids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_may_hold_anything),
		cmocka_unit_test(one_that_is_on_its_way_out_is_seen),
		cmocka_unit_test(own_process_is_found_under_an_odd_name),
		cmocka_unit_test(process_that_is_gone_is_not_found),
		cmocka_unit_test(children_of_all_threads_are_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
