/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that run jobs, for code that blocks and is not ours. All signals from outside are blocked
 * in them; what a fault of their own raises is not, so that handlers of a plugin's runtime see it.
 *
 * The thread that became idle last gets the next job: its stack and its memory are still at hand,
 * and the others stay asleep. A job that no thread is idle for waits, in order.
 *
 * A job that ends its thread, by pthread_exit(3), ends that alone: another takes its place.
 *
 * Any thread, but for init, stop and fini.
 */
#ifndef SERVE_THREAD_POOL_H
#define SERVE_THREAD_POOL_H

#include <pthread.h>
#include <stdbool.h>

#include <curfew/link.h>

/* Zeroed but for run and left; in no pool any more when run is called. */
struct thread_pool_job {
	struct curfew_link link;
	void (*run)(struct thread_pool_job *job);
	/* Called where run does not return: it has ended its thread, in which this is. NULL */
	void (*left)(struct thread_pool_job *job);
};

struct thread_pool {
	pthread_mutex_t lock;
	struct curfew_link jobs; /* that wait for a thread */
	struct curfew_link idle; /* threads, the last one first */
	struct pool_thread *threads;
	int count;
	bool stopping;
};

/* Starts the threads, 1 or more. Returns 0 or a negative errno; then none is left. */
int thread_pool_init(struct thread_pool *pool, int count);

/* Has job->run called in one of the threads. Not after thread_pool_stop. */
void thread_pool_submit(struct thread_pool *pool, struct thread_pool_job *job);

/*
 * No more jobs come. Returns when the threads that were idle have ended; those that have a job end
 * behind it, and behind those that wait. Once, or again.
 */
void thread_pool_stop(struct thread_pool *pool);

/* The same, and waits for all of them. */
void thread_pool_fini(struct thread_pool *pool);

#endif
