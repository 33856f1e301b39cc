/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/thread_pool.h"

#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/list.h"
#include "tests/allocation.h"

#define WATCHDOG_S 60
#define JOBS 2000

struct job {
	struct thread_pool_job job;
	pthread_t thread; /* where it ran */
	sem_t *began;     /* posted; NULL: nobody waits for it */
	sem_t *go;        /* waited for; NULL: it ends at once */
	sem_t *done;
	atomic_int ran;
};

static struct thread_pool pool;
static sem_t began;
static sem_t go;
static sem_t done;

static int setup(void **state)
{
	(void)state;
	(void)alarm(WATCHDOG_S);
	sem_init(&began, 0, 0);
	sem_init(&go, 0, 0);
	sem_init(&done, 0, 0);
	return 0;
}

static void play(struct thread_pool_job *base)
{
	struct job *job = container_of(base, struct job, job);

	job->thread = pthread_self();
	atomic_fetch_add(&job->ran, 1);
	if (job->began) {
		sem_post(job->began);
	}
	if (job->go) {
		sem_wait(job->go);
	}
	if (job->done) {
		sem_post(job->done);
	}
}

static void submit(struct job *job)
{
	job->job.run = play;
	thread_pool_submit(&pool, &job->job);
}

/* Waits until so many threads are idle; they tell nobody. */
static void await_idle(int wanted)
{
	int count;

	do {
		count = 0;
		pthread_mutex_lock(&pool.lock);
		list_each(link, &pool.idle) {
			count++;
		}
		pthread_mutex_unlock(&pool.lock);
		sched_yield();
	} while (count < wanted);
}

static void every_job_runs_once(void **state)
{
	static struct job jobs[JOBS];

	(void)state;
	assert_int_equal(thread_pool_init(&pool, 4), 0);
	for (int i = 0; i < JOBS; i++) {
		jobs[i] = (struct job){.done = &done};
		submit(&jobs[i]);
	}
	for (int i = 0; i < JOBS; i++) {
		sem_wait(&done);
	}
	thread_pool_fini(&pool);
	for (int i = 0; i < JOBS; i++) {
		assert_int_equal(atomic_load(&jobs[i].ran), 1);
	}
}

static void as_many_run_at_once_as_there_are_threads(void **state)
{
	struct job jobs[3];

	(void)state;
	assert_int_equal(thread_pool_init(&pool, 2), 0);
	for (int i = 0; i < 3; i++) {
		jobs[i] = (struct job){.began = &began, .go = &go, .done = &done};
		submit(&jobs[i]);
	}
	sem_wait(&began);
	sem_wait(&began);
	assert_int_equal(sem_trywait(&began), -1);
	assert_int_equal(atomic_load(&jobs[2].ran), 0); /* in order */
	sem_post(&go);
	sem_wait(&began);
	assert_int_equal(atomic_load(&jobs[2].ran), 1);
	sem_post(&go);
	sem_post(&go);
	thread_pool_fini(&pool);
}

static void the_last_idle_thread_is_the_next(void **state)
{
	struct job first = {.done = &done};
	struct job second = {.done = &done};

	(void)state;
	assert_int_equal(thread_pool_init(&pool, 4), 0);
	await_idle(4);
	submit(&first);
	sem_wait(&done);
	await_idle(4);
	submit(&second);
	sem_wait(&done);
	assert_true(pthread_equal(first.thread, second.thread));
	thread_pool_fini(&pool);
}

static void stop_waits_for_the_idle_only(void **state)
{
	struct job busy = {.began = &began, .go = &go};
	struct job waiting = {.done = &done};

	(void)state;
	assert_int_equal(thread_pool_init(&pool, 3), 0);
	submit(&busy);
	sem_wait(&began);
	await_idle(2);
	thread_pool_stop(&pool); /* returns, though one is busy */
	thread_pool_stop(&pool);
	sem_post(&go);
	thread_pool_fini(&pool);

	assert_int_equal(thread_pool_init(&pool, 1), 0);
	submit(&busy);
	sem_wait(&began);
	submit(&waiting);
	thread_pool_stop(&pool);
	sem_post(&go);
	thread_pool_fini(&pool);
	assert_int_equal(atomic_load(&waiting.ran), 1); /* what was begun is finished */
}

static sigset_t seen_mask;

static void read_mask(struct thread_pool_job *job)
{
	(void)job;
	pthread_sigmask(SIG_BLOCK, NULL, &seen_mask);
	sem_post(&done);
}

static void no_signal_comes_to_a_thread(void **state)
{
	struct thread_pool_job job = {.run = read_mask};
	sigset_t ours;

	(void)state;
	assert_int_equal(thread_pool_init(&pool, 1), 0);
	thread_pool_submit(&pool, &job);
	sem_wait(&done);
	thread_pool_fini(&pool);
	for (int signal = 1; signal < 32; signal++) {
		bool fault = signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE ||
			signal == SIGILL || signal == SIGTRAP || signal == SIGSYS;

		if (signal != SIGKILL && signal != SIGSTOP) {
			assert_int_equal(sigismember(&seen_mask, signal), !fault);
		}
	}
	pthread_sigmask(SIG_BLOCK, NULL, &ours);
	assert_false(sigismember(&ours, SIGTERM)); /* the creator's is as it was */
}

static void end_thread(struct thread_pool_job *job)
{
	(void)job;
	pthread_exit(NULL);
}

static void note_left(struct thread_pool_job *base)
{
	struct job *job = container_of(base, struct job, job);

	atomic_fetch_add(&job->ran, 1);
	sem_post(&done);
}

static void a_thread_that_its_job_ends_is_replaced(void **state)
{
	struct job last[2];

	(void)state;
	assert_int_equal(thread_pool_init(&pool, 2), 0);
	for (int i = 0; i < 100; i++) {
		struct job job = {.job = {.run = end_thread, .left = note_left}};

		thread_pool_submit(&pool, &job.job);
		sem_wait(&done);
		assert_int_equal(atomic_load(&job.ran), 1);
	}
	for (int i = 0; i < 2; i++) {
		last[i] = (struct job){.began = &began, .go = &go};
		submit(&last[i]);
	}
	sem_wait(&began);
	sem_wait(&began); /* there are two still */
	sem_post(&go);
	sem_post(&go);
	thread_pool_fini(&pool);
}

static void no_memory_is_told(void **state)
{
	(void)state;
	allocation_fail(1);
	assert_int_equal(thread_pool_init(&pool, 2), -ENOMEM);
	assert_true(allocation_failed());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_job_runs_once, setup),
		cmocka_unit_test_setup(as_many_run_at_once_as_there_are_threads, setup),
		cmocka_unit_test_setup(the_last_idle_thread_is_the_next, setup),
		cmocka_unit_test_setup(stop_waits_for_the_idle_only, setup),
		cmocka_unit_test_setup(no_signal_comes_to_a_thread, setup),
		cmocka_unit_test_setup(a_thread_that_its_job_ends_is_replaced, setup),
		cmocka_unit_test_setup(no_memory_is_told, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
