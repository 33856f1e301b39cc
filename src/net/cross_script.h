/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: a second worker, with a thread of its own, and what the test has done in it. What
 * lives there is looked at there too: whoever waits for something is woken by far_tell.
 */
#ifndef NET_CROSS_SCRIPT_H
#define NET_CROSS_SCRIPT_H

#include <semaphore.h>

#include "net/worker_script.h"

static struct worker *far;
static sem_t far_ran, far_told, far_holds, far_goes;

static struct errand {
	struct task task;
	void (*run)(void);
	bool (*is)(void);
	bool verdict;
} errand;

static inline void errand_run(struct task *task)
{
	(void)task;
	if (errand.run) {
		errand.run();
	} else {
		errand.verdict = errand.is();
	}
	sem_post(&far_ran);
}

static inline void errand_send(void (*run)(void), bool (*is)(void))
{
	errand = (struct errand){.task.run = errand_run, .run = run, .is = is};
	agenda_post(&far->loop->agenda, &errand.task);
	sem_wait(&far_ran);
}

/* Runs something there, behind what was posted before, and waits for it. */
static inline void there(void (*run)(void))
{
	errand_send(run, NULL);
}

/* From what happens there: somebody may wait for it. */
static inline void far_tell(void)
{
	sem_post(&far_told);
}

static inline void there_until(bool (*is)(void))
{
	for (errand_send(NULL, is); !errand.verdict; errand_send(NULL, is)) {
		sem_wait(&far_told);
	}
}

static inline void hold(struct task *task)
{
	(void)task;
	sem_post(&far_holds);
	sem_wait(&far_goes);
}

/* Nothing happens there from the first to the second. */
static inline void far_stop(void)
{
	static struct task holding = {.run = hold};

	agenda_post(&far->loop->agenda, &holding);
	sem_wait(&far_holds);
}

static inline void far_go(void)
{
	sem_post(&far_goes);
}

static inline int far_setup(void **state)
{
	(void)state;
	workers_begin(2, 20000);
	far = &pool.workers[1];
	sem_init(&far_ran, 0, 0);
	sem_init(&far_told, 0, 0);
	sem_init(&far_holds, 0, 0);
	sem_init(&far_goes, 0, 0);
	return 0;
}

static inline int far_teardown(void **state)
{
	(void)state;
	return workers_end() ? 0 : -1;
}

/* A test with two workers, on which nothing may be left. */
#define far_test(test) cmocka_unit_test_setup_teardown(test, far_setup, far_teardown)

#endif
