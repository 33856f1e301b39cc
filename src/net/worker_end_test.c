/* SPDX-License-Identifier: Apache-2.0 */
/* How workers end: with the lifecycle's stages, with work that does not let go, and half-made. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/list.h"
#include "net/worker.h"
#include "net/worker_script.h"
#include "tests/allocation.h"
#include "tests/descriptors.h"

#define WORKERS 3
#define CYCLES 100

/* A connection of a worker's, or what it needs: it lets go a task later, in its thread. */
struct part {
	struct curfew_hold hold;
	struct worker *worker;
	struct task let_go;
	pthread_t asked_on;
	int finished;
	int cut;
	int order; /* in which it let go */
	bool stubborn;
};

static atomic_int let_go_count;

static void let_go(struct task *task)
{
	struct part *part = container_of(task, struct part, let_go);

	part->order = atomic_fetch_add(&let_go_count, 1);
	curfew_hold_release(&part->hold);
}

static void finish(struct curfew_hold *hold)
{
	struct part *part = container_of(hold, struct part, hold);

	part->finished++;
	part->asked_on = pthread_self();
	if (!part->stubborn) {
		agenda_post(&part->worker->loop->agenda, &part->let_go);
	}
}

static void cut(struct curfew_hold *hold)
{
	struct part *part = container_of(hold, struct part, hold);

	part->cut++;
	part->asked_on = pthread_self();
	agenda_post(&part->worker->loop->agenda, &part->let_go);
}

static const struct curfew_hold_ops part_ops = {"part", finish, cut};
static const struct curfew_hold_ops deaf_ops = {.kind = "deaf"};

static void join(struct part *part, struct worker *of, struct curfew_drain *drain)
{
	*part = (struct part){.worker = of, .let_go.run = let_go};
	assert_int_equal(curfew_drain_hold(drain, &part->hold, &part_ops, NULL), 0);
}

static bool ran_on(const struct part *part)
{
	return pthread_equal(
		part->asked_on, part->worker->index ? part->worker->thread : pthread_self());
}

static void connections_end_before_what_they_need(void **state)
{
	struct part connections[WORKERS], peers[WORKERS];
	bool on_worker = true;

	(void)state;
	workers_begin(WORKERS, 20000);
	atomic_store(&let_go_count, 0);
	for (int i = 0; i < WORKERS; i++) {
		join(&connections[i], &pool.workers[i], &pool.workers[i].drain);
		join(&peers[i], &pool.workers[i], &pool.workers[i].peers);
	}
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	assert_int_equal(worker_pool_run(&pool), 0);
	for (int i = 0; i < WORKERS; i++) {
		assert_int_equal(connections[i].finished, 1);
		assert_int_equal(peers[i].finished, 1);
		assert_int_equal(connections[i].cut + peers[i].cut, 0);
		assert_true(connections[i].order < WORKERS);
		assert_true(peers[i].order >= WORKERS);
		on_worker = on_worker && ran_on(&connections[i]) && ran_on(&peers[i]);
	}
	assert_true(on_worker);
	assert_true(worker_pool_fini(&pool));
	curfew_lifecycle_free(life);
}

static void what_does_not_end_is_cut(void **state)
{
	struct part stubborn;
	char *report;

	(void)state;
	workers_begin(WORKERS, 100);
	join(&stubborn, &pool.workers[1], &pool.workers[1].drain);
	stubborn.stubborn = true;
	assert_true(workers_stop());
	assert_int_equal(stubborn.finished, 1);
	assert_int_equal(stubborn.cut, 1);
	report = curfew_lifecycle_report(life);
	assert_non_null(strstr(report, "\"part\""));
	free(report);
	curfew_lifecycle_free(life);
}

static void nobody_joins_after_the_end_has_begun(void **state)
{
	struct part late = {0};

	(void)state;
	workers_begin(WORKERS, 20000);
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	assert_int_equal(worker_pool_run(&pool), 0);
	for (int i = 0; i < WORKERS; i++) {
		assert_int_equal(
			curfew_drain_hold(&pool.workers[i].drain, &late.hold, &part_ops, NULL),
			-ESHUTDOWN);
	}
	assert_true(worker_pool_fini(&pool));
	curfew_lifecycle_free(life);
}

static void nothing_is_left_of_workers(void **state)
{
	int count = descriptors_count();

	(void)state;
	for (int i = 0; i < CYCLES; i++) {
		workers_begin(1 + i % WORKERS, 20000);
		assert_true(workers_end());
		assert_int_equal(descriptors_count(), count);
	}
	workers_begin(WORKERS_MOST, 20000);
	assert_true(workers_end());
	assert_int_equal(descriptors_count(), count);
}

/* Returns a lifecycle on which no pool is. */
static struct curfew_lifecycle *bare_lifecycle(void)
{
	struct curfew_lifecycle_options options;

	curfew_lifecycle_defaults(&options);
	options.signals = CURFEW_SIGNALS_NONE;
	return curfew_lifecycle_new(&options);
}

/* It ends at once: no worker that was half made holds it. */
static void end_bare(struct curfew_lifecycle *bare)
{
	curfew_lifecycle_stop_for(bare, CURFEW_COMPLETED, NULL);
	assert_int_equal(curfew_lifecycle_wait(bare), 0);
	assert_int_equal(curfew_lifecycle_abandoned(bare), 0);
	curfew_lifecycle_free(bare);
}

static void short_of_memory_there_is_no_pool(void **state)
{
	int count = descriptors_count();
	bool failed = true;

	(void)state;
	for (int n = 1; failed; n++) {
		struct curfew_lifecycle *bare = bare_lifecycle();
		int error;

		allocation_fail(n);
		error = worker_pool_init(&pool, bare, WORKERS);
		failed = allocation_failed();
		assert_int_equal(error, failed ? -ENOMEM : 0);
		if (failed) {
			assert_int_equal(pool.count, 0);
			end_bare(bare);
		} else {
			life = bare;
			assert_true(workers_end());
		}
		assert_int_equal(descriptors_count(), count);
	}
}

/* A uv_loop_init that fails keeps one (libuv 1.44): that much may be missing. */
static void short_of_descriptors_there_is_no_pool(void **state)
{
	int error = -1;

	(void)state;
	for (int left = 0; error; left++) {
		int count = descriptors_count();
		struct curfew_lifecycle *bare = bare_lifecycle();

		descriptors_leave(left);
		error = worker_pool_init(&pool, bare, 2);
		descriptors_restore();
		if (error) {
			assert_int_equal(error, -EMFILE);
			end_bare(bare);
		} else {
			life = bare;
			assert_true(workers_end());
		}
		assert_in_range(descriptors_count(), count, count + 1);
	}
}

static void no_pool_is_made_in_the_end(void **state)
{
	int count = descriptors_count();
	struct curfew_lifecycle *bare = bare_lifecycle();

	(void)state;
	curfew_lifecycle_stop_for(bare, CURFEW_COMPLETED, NULL);
	assert_int_equal(curfew_lifecycle_wait(bare), 0);
	assert_int_equal(worker_pool_init(&pool, bare, WORKERS), -ESHUTDOWN);
	curfew_lifecycle_free(bare);
	assert_int_equal(descriptors_count(), count);
}

/* Something that is deaf, on a worker or beside them. Returns whether it was told. */
static bool tells_of_the_deaf(bool on_worker)
{
	struct curfew_hold deaf = {0};
	struct curfew_drain *drain;

	workers_begin(WORKERS, 0);
	drain = on_worker ? &pool.workers[1].drain : curfew_lifecycle_stage(life, CURFEW_WORK);
	assert_int_equal(curfew_drain_hold(drain, &deaf, &deaf_ops, NULL), 0);
	return !workers_stop() && curfew_lifecycle_abandoned(life) > 0;
}

/* In a child, since its threads go on. */
static void what_was_abandoned_is_told(void **state)
{
	(void)state;
	for (int on_worker = 0; on_worker < 2; on_worker++) {
		pid_t pid = fork();
		int status;

		assert_true(pid >= 0);
		if (pid == 0) {
			_exit(!tells_of_the_deaf(on_worker));
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

static void a_handle_that_was_left_is_told(void **state)
{
	static uv_timer_t left;

	(void)state;
	workers_begin(1, 20000);
	assert_int_equal(uv_timer_init(&worker->uv, &left), 0);
	assert_false(workers_end());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_end_before_what_they_need),
		cmocka_unit_test(what_does_not_end_is_cut),
		cmocka_unit_test(nobody_joins_after_the_end_has_begun),
		cmocka_unit_test(nothing_is_left_of_workers),
		cmocka_unit_test(short_of_memory_there_is_no_pool),
		cmocka_unit_test(short_of_descriptors_there_is_no_pool),
		cmocka_unit_test(no_pool_is_made_in_the_end),
		cmocka_unit_test(what_was_abandoned_is_told),
		cmocka_unit_test(a_handle_that_was_left_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
