/* SPDX-License-Identifier: Apache-2.0 */
#include "core/agenda.h"

#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/list.h"
#include "tests/timeline.h"

#define YIELDS 2000
#define THREADS 4
#define ROUNDS 3000

struct job {
	struct task task;
	struct timer timer;
	int runs;
	int order;
	void (*then)(struct job *job);
	struct job *other;
};

static int ran;

static void task_ran(struct task *task)
{
	struct job *job = container_of(task, struct job, task);

	job->runs++;
	job->order = ++ran;
	if (job->then) {
		job->then(job);
	}
}

static void timer_ran(struct timer *timer)
{
	struct job *job = container_of(timer, struct job, timer);

	job->runs++;
	job->order = ++ran;
	if (job->then) {
		job->then(job);
	}
}

static struct job make(void (*then)(struct job *job), struct job *other)
{
	return (struct job){
		.task.run = task_ran, .timer.fired = timer_ran, .then = then, .other = other};
}

static void post_again(struct job *job)
{
	agenda_post(&timeline.agenda, &job->task);
}

static void unpost_other(struct job *job)
{
	agenda_unpost(&timeline.agenda, &job->other->task);
}

static void stop_self(struct job *job)
{
	agenda_stop(&timeline.agenda, &job->timer);
	agenda_unpost(&timeline.agenda, &job->task);
}

static void task_posted_twice_runs_once(void **state)
{
	struct job job = make(NULL, NULL);

	(void)state;
	agenda_post(&timeline.agenda, &job.task);
	agenda_post(&timeline.agenda, &job.task);
	assert_int_equal(agenda_run(&timeline.agenda, timeline.now), 1);
	assert_int_equal(agenda_run(&timeline.agenda, timeline.now), 0);
	assert_int_equal(job.runs, 1);
}

static void task_posted_by_a_task_waits_for_the_next_run(void **state)
{
	struct job job = make(post_again, NULL);

	(void)state;
	agenda_post(&timeline.agenda, &job.task);
	assert_int_equal(agenda_run(&timeline.agenda, timeline.now), 1);
	assert_int_equal(agenda_next(&timeline.agenda), 0);
	assert_int_equal(timeline.due, 0);
	assert_int_equal(agenda_run(&timeline.agenda, timeline.now), 1);
	agenda_unpost(&timeline.agenda, &job.task);
	assert_int_equal(agenda_next(&timeline.agenda), CURFEW_NEVER);
}

static void unposted_task_does_not_run_even_when_its_run_has_begun(void **state)
{
	struct job last = make(NULL, NULL);
	struct job first = make(unpost_other, &last);

	(void)state;
	agenda_post(&timeline.agenda, &first.task);
	agenda_post(&timeline.agenda, &last.task);
	assert_int_equal(agenda_run(&timeline.agenda, timeline.now), 1);
	assert_int_equal(last.runs, 0);
	agenda_post(&timeline.agenda, &last.task);
	timeline_settle();
	assert_int_equal(last.runs, 1);
}

static void timers_fire_in_order_of_their_deadlines(void **state)
{
	struct job early = make(NULL, NULL);
	struct job late = make(NULL, NULL);
	struct job never = make(NULL, NULL);

	(void)state;
	ran = 0;
	agenda_start(&timeline.agenda, &late.timer, timeline.now + 20 * NS_PER_MS);
	agenda_start(&timeline.agenda, &early.timer, timeline.now + 10 * NS_PER_MS);
	agenda_start(&timeline.agenda, &never.timer, CURFEW_NEVER);
	assert_false(timer_started(&never.timer));
	timeline_advance_ms(9);
	assert_int_equal(early.runs, 0);
	timeline_advance_ms(50);
	assert_int_equal(early.order, 1);
	assert_int_equal(late.order, 2);
	assert_int_equal(early.runs + late.runs, 2);
}

static void timer_that_is_started_again_fires_once_at_the_new_time(void **state)
{
	struct job job = make(NULL, NULL);

	(void)state;
	agenda_start(&timeline.agenda, &job.timer, timeline.now + 10 * NS_PER_MS);
	agenda_start(&timeline.agenda, &job.timer, timeline.now + 30 * NS_PER_MS);
	timeline_advance_ms(29);
	assert_int_equal(job.runs, 0);
	timeline_advance_ms(100);
	assert_int_equal(job.runs, 1);
	agenda_start(&timeline.agenda, &job.timer, timeline.now + NS_PER_MS);
	agenda_start(&timeline.agenda, &job.timer, CURFEW_NEVER);
	timeline_advance_ms(100);
	assert_int_equal(job.runs, 1);
}

static void callback_may_stop_itself(void **state)
{
	struct job job = make(stop_self, NULL);

	(void)state;
	agenda_post(&timeline.agenda, &job.task);
	timeline_settle();
	agenda_start(&timeline.agenda, &job.timer, timeline.now);
	timeline_settle();
	assert_int_equal(job.runs, 2);
}

static void attend_is_told_only_what_is_due_earlier(void **state)
{
	struct job job = make(NULL, NULL);
	struct job other = make(NULL, NULL);

	(void)state;
	agenda_start(&timeline.agenda, &job.timer, timeline.now + 20);
	assert_int_equal(timeline.attended, 1);
	assert_int_equal(timeline.due, timeline.now + 20);
	agenda_start(&timeline.agenda, &other.timer, timeline.now + 30);
	assert_int_equal(timeline.attended, 1);
	agenda_start(&timeline.agenda, &other.timer, timeline.now + 10);
	assert_int_equal(timeline.attended, 2);
	agenda_post(&timeline.agenda, &job.task);
	agenda_post(&timeline.agenda, &other.task);
	assert_int_equal(timeline.attended, 3);
	assert_int_equal(timeline.due, 0);
	agenda_run(&timeline.agenda, timeline.now);
	assert_int_equal(timeline.due, timeline.now + 10);
	agenda_stop(&timeline.agenda, &other.timer);
	agenda_run(&timeline.agenda, timeline.now + 20);
	assert_int_equal(timeline.due, CURFEW_NEVER);
}

/* A callback that runs while another thread takes it off the agenda. */
static struct {
	struct task task;
	struct timer timer;
	sem_t running;
	sem_t stopping;
	atomic_bool finished;
	bool by_timer;
} slow;

static void run_slowly(void)
{
	sem_post(&slow.running);
	sem_wait(&slow.stopping);
	for (int i = 0; i < YIELDS; i++) {
		sched_yield();
	}
	atomic_store(&slow.finished, true);
}

static void slow_task(struct task *task)
{
	(void)task;
	run_slowly();
}

static void slow_timer(struct timer *timer)
{
	(void)timer;
	run_slowly();
}

static void *stop_slow(void *arg)
{
	(void)arg;
	sem_wait(&slow.running);
	sem_post(&slow.stopping);
	if (slow.by_timer) {
		agenda_stop(&timeline.agenda, &slow.timer);
	} else {
		agenda_unpost(&timeline.agenda, &slow.task);
	}
	return (void *)(uintptr_t)atomic_load(&slow.finished);
}

static void stop_slow_in_thread(bool by_timer)
{
	pthread_t thread;
	void *finished;

	sem_init(&slow.running, 0, 0);
	sem_init(&slow.stopping, 0, 0);
	atomic_store(&slow.finished, false);
	slow.by_timer = by_timer;
	slow.task.run = slow_task;
	slow.timer.fired = slow_timer;
	pthread_create(&thread, NULL, stop_slow, NULL);
	if (by_timer) {
		agenda_start(&timeline.agenda, &slow.timer, timeline.now);
	} else {
		agenda_post(&timeline.agenda, &slow.task);
	}
	timeline_settle();
	pthread_join(thread, &finished);
	assert_non_null(finished);
}

static void unpost_in_another_thread_waits_for_the_callback(void **state)
{
	(void)state;
	stop_slow_in_thread(false);
}

static void stop_in_another_thread_waits_for_the_callback(void **state)
{
	(void)state;
	stop_slow_in_thread(true);
}

struct worker {
	struct task task;
	struct timer timer;
	atomic_bool alive; /* the callbacks may run */
	atomic_int runs;
	atomic_int wrong;
};

static atomic_int working;

static void note_run(struct worker *worker)
{
	atomic_fetch_add(&worker->runs, 1);
	if (!atomic_load(&worker->alive)) {
		atomic_fetch_add(&worker->wrong, 1);
	}
}

static void worker_task(struct task *task)
{
	note_run(container_of(task, struct worker, task));
}

static void worker_timer(struct timer *timer)
{
	note_run(container_of(timer, struct worker, timer));
}

static void *work(void *arg)
{
	struct worker *worker = arg;

	for (int i = 0; i < ROUNDS; i++) {
		atomic_store(&worker->alive, true);
		agenda_post(&timeline.agenda, &worker->task);
		agenda_start(&timeline.agenda, &worker->timer, TIMELINE_START + i % 3 - 1);
		if (i % 16 == 0) {
			sched_yield();
		}
		agenda_unpost(&timeline.agenda, &worker->task);
		agenda_stop(&timeline.agenda, &worker->timer);
		atomic_store(&worker->alive, false);
	}
	atomic_store(&worker->alive, true);
	atomic_fetch_sub(&working, 1);
	agenda_post(&timeline.agenda, &worker->task);
	return NULL;
}

static void nothing_runs_after_it_was_stopped_by_its_thread(void **state)
{
	struct worker workers[THREADS] = {0};
	pthread_t threads[THREADS];

	(void)state;
	atomic_store(&working, THREADS);
	for (int i = 0; i < THREADS; i++) {
		workers[i].task.run = worker_task;
		workers[i].timer.fired = worker_timer;
		pthread_create(&threads[i], NULL, work, &workers[i]);
	}
	while (atomic_load(&working) > 0) {
		timeline_await();
		agenda_run(&timeline.agenda, timeline.now);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
	}
	timeline_settle();
	for (int i = 0; i < THREADS; i++) {
		assert_true(atomic_load(&workers[i].runs) > 0);
		assert_int_equal(atomic_load(&workers[i].wrong), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		timeline_test(task_posted_twice_runs_once),
		timeline_test(task_posted_by_a_task_waits_for_the_next_run),
		timeline_test(unposted_task_does_not_run_even_when_its_run_has_begun),
		timeline_test(timers_fire_in_order_of_their_deadlines),
		timeline_test(timer_that_is_started_again_fires_once_at_the_new_time),
		timeline_test(callback_may_stop_itself),
		timeline_test(attend_is_told_only_what_is_due_earlier),
		timeline_test(unpost_in_another_thread_waits_for_the_callback),
		timeline_test(stop_in_another_thread_waits_for_the_callback),
		timeline_test(nothing_runs_after_it_was_stopped_by_its_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
