/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a thread has to do: tasks that were posted to it, and timers. Any thread may post and start;
 * only the owner runs the agenda, so that every callback of a thing happens in one thread.
 *
 * The agenda has no descriptors and reads no clock. Whoever owns it (loop/loop.h) passes the time
 * in, and is told through attend() when something became due earlier than it knew.
 */
#ifndef CORE_AGENDA_H
#define CORE_AGENDA_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <curfew/link.h>

#include "base/heap.h"

struct agenda {
	pthread_mutex_t lock;
	pthread_cond_t ran; /* running became another */
	struct curfew_link posted;
	struct heap timers;
	int64_t told;        /* what attend() was last told */
	const void *running; /* whose callback is being run */
	pthread_t runner;    /* the thread that runs it */
	void (*attend)(struct agenda *agenda, int64_t due);
};

struct task {
	struct curfew_link link;
	void (*run)(struct task *task);
};

struct timer {
	struct heap_node node;
	void (*fired)(struct timer *timer);
};

/*
 * attend(agenda, due): what is due first is due then (0: now; CURFEW_NEVER: nothing is). Called by
 * whoever adds something that is due earlier than what was told before, and at the end of each
 * agenda_run; with the agenda locked: it must not call back.
 */
void agenda_init(struct agenda *agenda, void (*attend)(struct agenda *agenda, int64_t due));
void agenda_fini(struct agenda *agenda);

/* Instead of fini, where somebody may still post: the memory must stay, nothing is run any more. */
void agenda_abandon(struct agenda *agenda);

/* Has task->run called soon, once however often it is posted before. Any thread. */
void agenda_post(struct agenda *agenda, struct task *task);

/* Has timer->fired called when due has come; restarts a timer that runs. Any thread. */
void agenda_start(struct agenda *agenda, struct timer *timer, int64_t due);

/*
 * Takes a task or timer off the agenda. After these return, its callback does not run and is not
 * running, unless they were called from inside it. Any thread.
 */
void agenda_unpost(struct agenda *agenda, struct task *task);
void agenda_stop(struct agenda *agenda, struct timer *timer);

/* The same without waiting for a callback that runs. Any thread. */
void agenda_forget(struct agenda *agenda, struct timer *timer);

/* Returns whether the timer is waiting. */
static inline bool timer_started(const struct timer *timer)
{
	return timer->node.queued;
}

/* Returns when something is due next: 0 for a posted task, CURFEW_NEVER for nothing. Any thread. */
int64_t agenda_next(struct agenda *agenda);

/* Runs the tasks posted until now and the timers due at now. The owner. Returns how many it ran. */
int agenda_run(struct agenda *agenda, int64_t now);

/*
 * For owners of finer things than tasks: between enter and leave, a callback of object runs. await
 * returns when no other thread is in one of object.
 */
const void *agenda_enter(struct agenda *agenda, const void *object);
void agenda_leave(struct agenda *agenda, const void *before);
void agenda_await(struct agenda *agenda, const void *object);

#endif
