/* SPDX-License-Identifier: Apache-2.0 */
/* Rounds and what is flushed at their end; threads, and what others give them to do. */
#include "net/worker.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/list.h"
#include "net/worker_script.h"

#define WORKERS 4
#define POSTERS 3
#define POSTS 2000

/* Flushes, and the order in which they ran. */

struct flusher {
	struct worker_flush flush;
	char name;
	int again;               /* how often it queues itself anew */
	struct flusher *queues;  /* another one, from its run */
	struct flusher *forgets; /* the same */
};

static char order[64];

static void run(struct worker_flush *flush)
{
	struct flusher *flusher = container_of(flush, struct flusher, flush);

	strncat(order, &flusher->name, 1);
	if (flusher->again) {
		flusher->again--;
		worker_flush_later(worker, flush);
	}
	if (flusher->queues) {
		worker_flush_later(worker, &flusher->queues->flush);
	}
	if (flusher->forgets) {
		worker_flush_forget(&flusher->forgets->flush);
	}
}

static struct flusher flusher(char name)
{
	return (struct flusher){.flush.run = run, .name = name};
}

static void flushes_run_once_in_order(void **state)
{
	struct flusher a = flusher('a'), b = flusher('b'), c = flusher('c');

	(void)state;
	order[0] = '\0';
	worker_flush_later(worker, &b.flush);
	worker_flush_later(worker, &a.flush);
	worker_flush_later(worker, &b.flush);
	worker_flush_later(worker, &c.flush);
	worker_flush_later(worker, &a.flush);
	assert_string_equal(order, "");
	round_now();
	assert_string_equal(order, "bac");
	round_now();
	assert_string_equal(order, "bac");
	worker_flush_later(worker, &a.flush); /* again */
	round_now();
	assert_string_equal(order, "baca");
}

static void what_is_forgotten_does_not_run(void **state)
{
	struct flusher a = flusher('a'), b = flusher('b'), c = flusher('c');

	(void)state;
	order[0] = '\0';
	worker_flush_forget(&a.flush); /* was not queued */
	worker_flush_later(worker, &a.flush);
	worker_flush_forget(&a.flush);
	worker_flush_forget(&a.flush);
	worker_flush_later(worker, &b.flush);
	worker_flush_later(worker, &c.flush);
	b.forgets = &c; /* which is queued behind it */
	round_now();
	assert_string_equal(order, "b");
	worker_flush_later(worker, &c.flush);
	round_now();
	assert_string_equal(order, "bc");
}

/* What a flush queues runs behind all the others, and nothing is waited for before. */
static void a_flush_may_queue_flushes(void **state)
{
	struct flusher a = flusher('a'), b = flusher('b'), c = flusher('c');

	(void)state;
	order[0] = '\0';
	a.queues = &c;
	b.again = 20;
	worker_flush_later(worker, &a.flush);
	worker_flush_later(worker, &b.flush);
	while (b.again) {
		worker_round(worker, true); /* would wait for ever */
	}
	round_now();
	assert_memory_equal(order, "abcb", 4);
	assert_int_equal(strlen(order), 23);
	assert_true(worker_idle(worker)); /* now it waits */
}

/* At the end of the round in which it was asked for, not of the next. */

static struct {
	struct task task;
	struct flusher flusher;
} asker;

static void ask_for_flush(struct task *task)
{
	(void)task;
	worker_flush_later(worker, &asker.flusher.flush);
	worker_flush_later(worker, &asker.flusher.flush);
	assert_string_equal(order, "");
}

static void what_a_callback_queues_is_flushed_in_its_round(void **state)
{
	(void)state;
	order[0] = '\0';
	asker.task.run = ask_for_flush;
	asker.flusher = flusher('a');
	agenda_post(&worker->loop->agenda, &asker.task);
	worker_round(worker, true);
	assert_string_equal(order, "a");
}

static void the_clock_is_read_once_a_round(void **state)
{
	int64_t first = worker_now(worker);

	(void)state;
	while (curfew_now() == first) {
		sched_yield();
	}
	assert_true(worker_now(worker) == first);
	round_now();
	assert_true(worker_now(worker) > first);
}

/* Threads. */

struct post {
	struct task task;
	struct worker *worker;
	pthread_t ran_on;
	int ran;
};

static atomic_int ran;

static void note_thread(struct task *task)
{
	struct post *post = container_of(task, struct post, task);

	post->ran_on = pthread_self();
	post->ran++;
	atomic_fetch_add(&ran, 1);
}

static struct post posts[POSTERS][POSTS];

static void *post_all(void *arg)
{
	struct post *mine = arg;

	for (int i = 0; i < POSTS; i++) {
		mine[i] = (struct post){
			.task.run = note_thread, .worker = &pool.workers[i % WORKERS]};
		agenda_post(&mine[i].worker->loop->agenda, &mine[i].task);
	}
	return NULL;
}

static void tasks_of_other_threads_run_on_the_worker(void **state)
{
	pthread_t posters[POSTERS];

	(void)state;
	workers_begin(WORKERS, 20000);
	atomic_store(&ran, 0);
	for (int i = 0; i < POSTERS; i++) {
		pthread_create(&posters[i], NULL, post_all, posts[i]);
	}
	while (atomic_load(&ran) < POSTERS * POSTS) {
		round_now(); /* the first worker's share */
		sched_yield();
	}
	for (int i = 0; i < POSTERS; i++) {
		pthread_join(posters[i], NULL);
		for (int j = 0; j < POSTS; j++) {
			struct worker *of = posts[i][j].worker;
			pthread_t expected = of->index ? of->thread : pthread_self();

			assert_int_equal(posts[i][j].ran, 1);
			assert_true(pthread_equal(posts[i][j].ran_on, expected));
		}
	}
	assert_true(workers_end());
}

static void connections_are_dealt_in_turn(void **state)
{
	(void)state;
	workers_begin(3, 20000);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(worker_pool_next(&pool)->index, i % 3);
	}
	assert_true(workers_end());
	workers_begin(1, 20000);
	assert_int_equal(worker_pool_next(&pool)->index, 0);
	assert_int_equal(worker_pool_next(&pool)->index, 0);
	assert_true(workers_end());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		worker_test(flushes_run_once_in_order),
		worker_test(what_is_forgotten_does_not_run),
		worker_test(a_flush_may_queue_flushes),
		worker_test(what_a_callback_queues_is_flushed_in_its_round),
		worker_test(the_clock_is_read_once_a_round),
		cmocka_unit_test(tasks_of_other_threads_run_on_the_worker),
		cmocka_unit_test(connections_are_dealt_in_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
