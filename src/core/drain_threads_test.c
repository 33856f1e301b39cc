/* SPDX-License-Identifier: Apache-2.0 */
/* Drains whose holds come and go in many threads. */
#include "core/drain.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/timeline.h"

#define THREADS 4
#define ROUNDS 3000
#define YIELDS 2000

static const struct curfew_hold_ops silent_ops = {.kind = "silent"};

static atomic_bool all_done;

static void note_all_done(void *arg)
{
	(void)arg;
	atomic_store(&all_done, true);
}

static struct {
	struct curfew_hold hold;
	sem_t asked;
	sem_t releasing;
	atomic_bool finished;
} slow;

static void finish_slowly(struct curfew_hold *asked)
{
	(void)asked;
	sem_post(&slow.asked);
	sem_wait(&slow.releasing);
	for (int i = 0; i < YIELDS; i++) {
		sched_yield();
	}
	atomic_store(&slow.finished, true);
}

static void *release_slow(void *arg)
{
	(void)arg;
	sem_wait(&slow.asked);
	sem_post(&slow.releasing);
	curfew_hold_release(&slow.hold);
	return (void *)(uintptr_t)atomic_load(&slow.finished);
}

static void release_in_another_thread_waits_for_the_callback(void **state)
{
	static const struct curfew_hold_ops slow_ops = {.kind = "slow", .finish = finish_slowly};
	struct curfew_drain drain;
	pthread_t thread;
	void *finished;

	(void)state;
	drain_init(&drain, &timeline.agenda);
	curfew_drain_on_done(&drain, note_all_done, NULL);
	atomic_store(&all_done, false);
	sem_init(&slow.asked, 0, 0);
	sem_init(&slow.releasing, 0, 0);
	assert_int_equal(curfew_drain_hold(&drain, &slow.hold, &slow_ops, NULL), 0);
	pthread_create(&thread, NULL, release_slow, NULL);
	curfew_drain_close(&drain, CURFEW_NEVER);
	timeline_settle();
	pthread_join(thread, &finished);
	assert_non_null(finished);
	timeline_settle();
	assert_true(atomic_load(&all_done));
	drain_fini(&drain);
}

static void *hold_and_release(void *arg)
{
	struct curfew_drain *shared = arg;

	for (;;) {
		struct curfew_hold *one = calloc(1, sizeof(*one));
		struct curfew_hold two = {0};
		int error = curfew_drain_hold(shared, one, &silent_ops, "one");

		if (!error && curfew_drain_hold(shared, &two, &silent_ops, "two") == 0) {
			curfew_hold_release(&two);
		}
		curfew_hold_release(one);
		free(one);
		if (error) {
			return error == -ESHUTDOWN ? arg : NULL;
		}
	}
}

static void skip_story(struct curfew_hold *asked)
{
	(void)asked;
}

/*
 * The drain is freed the moment it is done, as a lifecycle is: no thread may touch it after its
 * release.
 */
static void nothing_slips_in_and_nothing_is_touched_after_done(void **state)
{
	static const struct curfew_hold_ops quiet = {"quiet", skip_story, skip_story};

	(void)state;
	for (int round = 0; round < ROUNDS / 20; round++) {
		struct curfew_drain *shared = malloc(sizeof(*shared));
		struct curfew_hold own = {0};
		pthread_t threads[THREADS];

		drain_init(shared, &timeline.agenda);
		curfew_drain_on_done(shared, note_all_done, NULL);
		atomic_store(&all_done, false);
		assert_int_equal(curfew_drain_hold(shared, &own, &quiet, NULL), 0);
		for (int i = 0; i < THREADS; i++) {
			pthread_create(&threads[i], NULL, hold_and_release, shared);
		}
		sched_yield();
		curfew_drain_close(shared, CURFEW_NEVER);
		for (int i = 0; i < THREADS; i++) {
			void *refused;

			pthread_join(threads[i], &refused);
			assert_non_null(refused);
		}
		curfew_hold_release(&own);
		while (!atomic_load(&all_done)) {
			timeline_await();
			agenda_run(&timeline.agenda, timeline.now);
		}
		drain_fini(shared);
		free(shared);
	}
}

static void *release_one(void *arg)
{
	curfew_hold_release(arg);
	return NULL;
}

static void last_release_touches_nothing_afterwards(void **state)
{
	static const struct curfew_hold_ops quiet = {"quiet", skip_story, skip_story};

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct curfew_drain *own = malloc(sizeof(*own));
		struct curfew_hold last = {0};
		pthread_t thread;

		drain_init(own, &timeline.agenda);
		curfew_drain_on_done(own, note_all_done, NULL);
		atomic_store(&all_done, false);
		assert_int_equal(curfew_drain_hold(own, &last, &quiet, NULL), 0);
		pthread_create(&thread, NULL, release_one, &last);
		curfew_drain_close(own, curfew_after_ms(-1));
		while (!atomic_load(&all_done)) {
			timeline_await();
			agenda_run(&timeline.agenda, timeline.now);
		}
		drain_fini(own);
		memset(own, 0xff, sizeof(*own));
		free(own);
		pthread_join(thread, NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		timeline_test(release_in_another_thread_waits_for_the_callback),
		timeline_test(nothing_slips_in_and_nothing_is_touched_after_done),
		timeline_test(last_release_touches_nothing_afterwards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
