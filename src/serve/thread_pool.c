/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each thread sleeps on a semaphore of its own, and is handed its job before it is woken. It is in
 * one of three places: on the list of the idle; with a job; ended.
 */
#include "serve/thread_pool.h"

#include <assert.h>
#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>

#include "base/list.h"

struct pool_thread {
	struct curfew_link link; /* of the idle */
	struct thread_pool *pool;
	struct thread_pool_job *job; /* NULL: to end */
	sem_t wake;
	pthread_t thread;
	bool dismissed; /* was idle when the pool stopped */
	bool joined;
};

/* Returns the next job, or NULL when there will be none. */
static struct thread_pool_job *next_job(struct pool_thread *thread)
{
	struct thread_pool *pool = thread->pool;
	struct curfew_link *waiting;
	bool stopping;

	pthread_mutex_lock(&pool->lock);
	waiting = list_take(&pool->jobs);
	stopping = pool->stopping;
	if (!waiting && !stopping) {
		list_append(pool->idle.next, &thread->link); /* in front of the others */
	}
	pthread_mutex_unlock(&pool->lock);
	if (waiting) {
		return container_of(waiting, struct thread_pool_job, link);
	}
	if (stopping) {
		return NULL;
	}
	while (sem_wait(&thread->wake) < 0) {
		assert(errno == EINTR);
	}
	return thread->job;
}

static int start_thread(struct pool_thread *thread);

/*
 * In a thread that its job has ended. If no other can be started, the pool has one less; whoever
 * waits for the job is told all the same, and last, since the pool may be gone behind that.
 */
static void replace(void *arg)
{
	struct pool_thread *thread = arg;
	struct thread_pool_job *job = thread->job;

	(void)pthread_detach(pthread_self());
	thread->joined = start_thread(thread) < 0;
	if (job->left) {
		job->left(job);
	}
}

static void run_job(struct pool_thread *thread)
{
	pthread_cleanup_push(replace, thread);
	thread->job->run(thread->job);
	pthread_cleanup_pop(false);
}

static void *thread_main(void *arg)
{
	struct pool_thread *thread = arg;

	while ((thread->job = next_job(thread))) {
		run_job(thread);
	}
	return NULL;
}

/* A new thread has its creator's mask. */
static int start_thread(struct pool_thread *thread)
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};
	sigset_t mask;
	sigset_t before;
	int error;

	sigfillset(&mask);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		sigdelset(&mask, faults[i]);
	}
	pthread_sigmask(SIG_SETMASK, &mask, &before);
	error = pthread_create(&thread->thread, NULL, thread_main, thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -error;
}

int thread_pool_init(struct thread_pool *pool, int count)
{
	assert(count > 0);
	*pool = (struct thread_pool){.threads = calloc((size_t)count, sizeof(*pool->threads))};
	if (!pool->threads) {
		return -ENOMEM;
	}
	pthread_mutex_init(&pool->lock, NULL);
	list_init(&pool->jobs);
	list_init(&pool->idle);
	for (; pool->count < count; pool->count++) {
		struct pool_thread *thread = &pool->threads[pool->count];
		int error;

		thread->pool = pool;
		sem_init(&thread->wake, 0, 0);
		error = start_thread(thread);
		if (error) {
			sem_destroy(&thread->wake);
			thread_pool_fini(pool);
			return error;
		}
	}
	return 0;
}

void thread_pool_submit(struct thread_pool *pool, struct thread_pool_job *job)
{
	struct pool_thread *thread = NULL;
	struct curfew_link *idle;

	pthread_mutex_lock(&pool->lock);
	assert(!pool->stopping);
	idle = list_take(&pool->idle);
	if (idle) {
		thread = container_of(idle, struct pool_thread, link);
		thread->job = job;
	} else {
		list_append(&pool->jobs, &job->link);
	}
	pthread_mutex_unlock(&pool->lock);
	if (thread) {
		sem_post(&thread->wake);
	}
}

static void join(struct pool_thread *thread)
{
	if (!thread->joined) {
		(void)pthread_join(thread->thread, NULL);
		thread->joined = true;
	}
}

void thread_pool_stop(struct thread_pool *pool)
{
	struct curfew_link *idle;

	pthread_mutex_lock(&pool->lock);
	pool->stopping = true;
	while ((idle = list_take(&pool->idle))) {
		struct pool_thread *thread = container_of(idle, struct pool_thread, link);

		thread->job = NULL;
		thread->dismissed = true;
		sem_post(&thread->wake);
	}
	pthread_mutex_unlock(&pool->lock);
	for (int i = 0; i < pool->count; i++) {
		if (pool->threads[i].dismissed) {
			join(&pool->threads[i]);
		}
	}
}

void thread_pool_fini(struct thread_pool *pool)
{
	thread_pool_stop(pool);
	for (int i = 0; i < pool->count; i++) {
		join(&pool->threads[i]);
		sem_destroy(&pool->threads[i].wake);
	}
	free(pool->threads);
	pthread_mutex_destroy(&pool->lock);
	*pool = (struct thread_pool){0};
}
