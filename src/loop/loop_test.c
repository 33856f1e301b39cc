/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/loop.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/list.h"
#include "tests/descriptors.h"

#define LONG_MS 20000
#define PIPES 8
#define POSTS 20000

static struct loop loop;

static int setup(void **state)
{
	(void)state;
	assert_int_equal(loop_init(&loop), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	loop_fini(&loop);
	return 0;
}

struct job {
	struct task task;
	struct timer timer;
	atomic_int runs;
	int64_t ran_at;
	bool again;
};

static void task_ran(struct task *task)
{
	struct job *job = container_of(task, struct job, task);

	atomic_fetch_add(&job->runs, 1);
	if (job->again) {
		agenda_post(&loop.agenda, task);
	}
}

static void timer_fired(struct timer *timer)
{
	struct job *job = container_of(timer, struct job, timer);

	atomic_fetch_add(&job->runs, 1);
	job->ran_at = curfew_now();
}

static void idle_loop_is_not_readable(void **state)
{
	(void)state;
	assert_false(descriptor_readable(loop.epoll_fd, 0));
	loop_dispatch(&loop);
	assert_false(descriptor_readable(loop.epoll_fd, 20));
}

static void timer_makes_it_readable_not_before_its_time(void **state)
{
	struct job early = {.timer.fired = timer_fired};
	struct job late = {.timer.fired = timer_fired};
	int64_t first = curfew_after_ms(20);
	int64_t second = curfew_after_ms(40);

	(void)state;
	agenda_start(&loop.agenda, &late.timer, second);
	agenda_start(&loop.agenda, &early.timer, first);
	while (!late.runs) {
		assert_true(descriptor_readable(loop.epoll_fd, LONG_MS));
		loop_dispatch(&loop);
	}
	assert_int_equal(early.runs, 1);
	assert_true(early.ran_at >= first && early.ran_at <= late.ran_at);
	assert_true(late.ran_at >= second);
	loop_dispatch(&loop);
	assert_false(descriptor_readable(loop.epoll_fd, 0));
}

static void timer_that_is_over_already_is_due_at_once(void **state)
{
	static const int64_t past[] = {INT64_MIN, -1, 0, 1, NS_PER_S};

	(void)state;
	for (size_t i = 0; i < sizeof(past) / sizeof(past[0]); i++) {
		struct job job = {.timer.fired = timer_fired};

		agenda_start(&loop.agenda, &job.timer, past[i]);
		assert_true(descriptor_readable(loop.epoll_fd, LONG_MS));
		loop_dispatch(&loop);
		assert_int_equal(job.runs, 1);
		loop_dispatch(&loop);
		assert_false(descriptor_readable(loop.epoll_fd, 0));
	}
}

static void stopped_timer_wakes_nobody_for_long(void **state)
{
	struct job job = {.timer.fired = timer_fired};

	(void)state;
	agenda_start(&loop.agenda, &job.timer, curfew_after_ms(5));
	agenda_stop(&loop.agenda, &job.timer);
	if (descriptor_readable(loop.epoll_fd, 20)) {
		loop_dispatch(&loop);
	}
	assert_int_equal(job.runs, 0);
	assert_false(descriptor_readable(loop.epoll_fd, 20));
}

static void task_that_posts_itself_does_not_hold_the_dispatch(void **state)
{
	struct job job = {.task.run = task_ran, .again = true};

	(void)state;
	agenda_post(&loop.agenda, &job.task);
	loop_dispatch(&loop);
	assert_true(job.runs > 1);
	assert_true(descriptor_readable(loop.epoll_fd, 0));
	job.again = false;
	loop_dispatch(&loop);
	loop_dispatch(&loop);
	assert_false(descriptor_readable(loop.epoll_fd, 0));
}

static void *wake(void *arg)
{
	(void)arg;
	loop_wake(&loop);
	return NULL;
}

static void other_threads_wake_it(void **state)
{
	pthread_t thread;

	(void)state;
	pthread_create(&thread, NULL, wake, NULL);
	loop_wait(&loop);
	loop_dispatch(&loop);
	pthread_join(thread, NULL);
	loop_dispatch(&loop);
	assert_false(descriptor_readable(loop.epoll_fd, 0));
}

static struct job posted = {.task.run = task_ran};

static void *post_many(void *arg)
{
	int seen = 0;

	(void)arg;
	for (int i = 0; i < POSTS; i++) {
		agenda_post(&loop.agenda, &posted.task);
		while (i % 64 == 0 && atomic_load(&posted.runs) == seen) {
			/* each batch is seen to run: a lost wake-up would hang here */
		}
		seen = atomic_load(&posted.runs);
	}
	return arg;
}

static void no_post_from_another_thread_is_lost(void **state)
{
	struct job last = {.timer.fired = timer_fired};
	pthread_t thread;
	void *finished = NULL;

	(void)state;
	pthread_create(&thread, NULL, post_many, &last);
	while (pthread_tryjoin_np(thread, &finished) != 0) {
		if (descriptor_readable(loop.epoll_fd, 100)) {
			loop_dispatch(&loop);
		}
	}
	assert_ptr_equal(finished, &last);
	loop_dispatch(&loop);
	assert_true(atomic_load(&posted.runs) > 0);
}

/* Descriptors. */

static struct end {
	struct source source;
	int other;
	int calls;
	bool unwatches_all;
	bool rewatches;
} ends[PIPES];

static void end_ready(struct source *source, uint32_t events)
{
	struct end *end = container_of(source, struct end, source);

	(void)events;
	end->calls++;
	for (int i = 0; i < PIPES && end->unwatches_all; i++) {
		loop_unwatch(&loop, &ends[i].source);
		if (end->rewatches) {
			assert_int_equal(loop_watch(&loop, &ends[i].source, EPOLLIN), 0);
		}
	}
}

static void open_ends(bool unwatches_all, bool rewatches)
{
	for (int i = 0; i < PIPES; i++) {
		int fds[2];

		assert_int_equal(pipe(fds), 0);
		ends[i] = (struct end){
			.source = {.fd = fds[0], .ready = end_ready},
			.other = fds[1],
			.unwatches_all = unwatches_all,
			.rewatches = rewatches,
		};
		assert_int_equal(loop_watch(&loop, &ends[i].source, EPOLLIN), 0);
		assert_int_equal(write(fds[1], "x", 1), 1);
	}
}

static int close_ends(void)
{
	int calls = 0;

	for (int i = 0; i < PIPES; i++) {
		calls += ends[i].calls;
		loop_unwatch(&loop, &ends[i].source);
		close(ends[i].source.fd);
		close(ends[i].other);
	}
	return calls;
}

static void source_that_is_unwatched_in_a_batch_is_not_called(void **state)
{
	(void)state;
	open_ends(true, false);
	loop_dispatch(&loop);
	loop_dispatch(&loop);
	assert_int_equal(close_ends(), 1);
}

static void source_that_is_watched_again_in_a_batch_is_called_later(void **state)
{
	(void)state;
	open_ends(true, true);
	loop_dispatch(&loop);
	assert_int_equal(ends[0].calls + ends[1].calls + ends[2].calls + ends[3].calls +
			ends[4].calls + ends[5].calls + ends[6].calls + ends[7].calls,
		1);
	loop_dispatch(&loop);
	assert_int_equal(close_ends(), 2);
}

static void ready_source_is_called_in_each_dispatch(void **state)
{
	(void)state;
	open_ends(false, false);
	loop_dispatch(&loop);
	loop_dispatch(&loop);
	assert_int_equal(loop_watch(&loop, &ends[0].source, EPOLLIN), 0);
	assert_int_equal(loop_watch(&loop, &ends[1].source, 0), 0);
	assert_int_equal(loop_watch(&loop, &ends[2].source, EPOLLOUT), 0);
	loop_dispatch(&loop);
	assert_int_equal(close_ends(), 3 * PIPES - 2);
}

/* How often the job had run when a source was called last. */
static int runs_before;
static struct job due;

static void note_runs(struct source *source, uint32_t events)
{
	assert_true(events & EPOLLIN);
	runs_before = due.runs;
	loop_unwatch(&loop, source);
}

static void many_that_are_ready_go_before_what_is_due(void **state)
{
	struct source sources[LOOP_BATCH + 1];
	int pair[2];

	(void)state;
	due = (struct job){.task.run = task_ran};
	assert_int_equal(pipe(pair), 0);
	assert_int_equal(write(pair[1], "x", 1), 1);
	for (int i = 0; i <= LOOP_BATCH; i++) {
		sources[i] = (struct source){.fd = dup(pair[0]), .ready = note_runs};
		assert_int_equal(loop_watch(&loop, &sources[i], EPOLLIN), 0);
	}
	agenda_post(&loop.agenda, &due.task);
	while (!due.runs) {
		loop_round(&loop, true);
	}
	assert_int_equal(runs_before, 0);
	for (int i = 0; i <= LOOP_BATCH; i++) {
		assert_int_equal(sources[i].events, 0);
		close(sources[i].fd);
	}
	close(pair[0]);
	close(pair[1]);
}

static int written_end;

/* In time something is there; but this takes until the time is over. */
static void write_and_take_long(struct source *source, uint32_t events)
{
	(void)events;
	loop_unwatch(&loop, source);
	assert_int_equal(write(written_end, "x", 1), 1);
	while (curfew_now() < due.timer.node.due) {}
}

static void what_came_in_time_goes_before_a_deadline(void **state)
{
	struct source slow = {.ready = write_and_take_long}, source = {.ready = note_runs};
	int first[2], second[2];

	(void)state;
	due = (struct job){.timer.fired = timer_fired};
	runs_before = -1;
	assert_int_equal(pipe(first), 0);
	assert_int_equal(pipe(second), 0);
	slow.fd = first[0];
	source.fd = second[0];
	written_end = second[1];
	assert_int_equal(write(first[1], "x", 1), 1);
	assert_int_equal(loop_watch(&loop, &slow, EPOLLIN), 0);
	assert_int_equal(loop_watch(&loop, &source, EPOLLIN), 0);
	agenda_start(&loop.agenda, &due.timer, curfew_after_ms(20));
	while (!due.runs) {
		loop_round(&loop, true);
	}
	assert_int_equal(runs_before, 0);
	for (int i = 0; i < 2; i++) {
		close(first[i]);
		close(second[i]);
	}
}

static void write_end(int number)
{
	(void)number;
	(void)!write(written_end, "x", 1);
}

/* As by SIGCONT, without a handler. */
static void what_came_while_it_was_interrupted_is_seen(void **state)
{
	const struct sigaction action = {.sa_handler = write_end};
	const struct itimerval soon = {.it_value.tv_usec = 20000};
	struct source source = {.ready = note_runs};
	struct sigaction before;
	int pair[2];

	(void)state;
	due = (struct job){.task.run = task_ran};
	runs_before = -1;
	assert_int_equal(pipe(pair), 0);
	source.fd = pair[0];
	written_end = pair[1];
	loop_dispatch(&loop);
	assert_int_equal(loop_watch(&loop, &source, EPOLLIN), 0);
	assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
	loop_round(&loop, true);
	assert_int_equal(runs_before, 0);
	assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
	close(pair[0]);
	close(pair[1]);
}

static void watch_of_what_cannot_be_polled_fails(void **state)
{
	struct source source = {.fd = -1, .ready = end_ready};

	(void)state;
	assert_int_equal(loop_watch(&loop, &source, EPOLLIN), -EBADF);
	assert_int_equal(source.events, 0);
	loop_unwatch(&loop, &source);
}

static void short_of_descriptors_it_fails_and_keeps_none(void **state)
{
	int count = descriptors_count();

	(void)state;
	for (int left = 0; left < 3; left++) {
		struct loop other;
		int error;

		descriptors_leave(left);
		error = loop_init(&other);
		descriptors_restore();
		assert_int_equal(error, -EMFILE);
		assert_int_equal(descriptors_count(), count);
	}
}

#define loop_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		loop_test(idle_loop_is_not_readable),
		loop_test(timer_makes_it_readable_not_before_its_time),
		loop_test(timer_that_is_over_already_is_due_at_once),
		loop_test(stopped_timer_wakes_nobody_for_long),
		loop_test(task_that_posts_itself_does_not_hold_the_dispatch),
		loop_test(other_threads_wake_it),
		loop_test(no_post_from_another_thread_is_lost),
		loop_test(source_that_is_unwatched_in_a_batch_is_not_called),
		loop_test(source_that_is_watched_again_in_a_batch_is_called_later),
		loop_test(ready_source_is_called_in_each_dispatch),
		loop_test(many_that_are_ready_go_before_what_is_due),
		loop_test(what_came_in_time_goes_before_a_deadline),
		loop_test(what_came_while_it_was_interrupted_is_seen),
		loop_test(watch_of_what_cannot_be_polled_fails),
		cmocka_unit_test(short_of_descriptors_it_fails_and_keeps_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
