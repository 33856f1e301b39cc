/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: a lifecycle that takes no signals, with workers of which the test itself runs the
 * first. A test that waits for what does not come is ended by SIGALRM.
 */
#ifndef NET_WORKER_SCRIPT_H
#define NET_WORKER_SCRIPT_H

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/list.h"
#include "net/worker.h"

#define WATCHDOG_S 60

static struct curfew_lifecycle *life;
static struct worker_pool pool;
static struct worker *worker; /* the first */

static inline void workers_begin_announcing(int count, int64_t grace_ms, int64_t announce_ms)
{
	struct curfew_lifecycle_options options;

	(void)alarm(WATCHDOG_S);
	curfew_lifecycle_defaults(&options);
	options.signals = CURFEW_SIGNALS_NONE;
	options.grace_ms = grace_ms;
	options.announce_ms = announce_ms;
	life = curfew_lifecycle_new(&options);
	assert_non_null(life);
	assert_int_equal(worker_pool_init(&pool, life, count), 0);
	worker = &pool.workers[0];
	assert_true(curfew_lifecycle_ready(life));
}

static inline void workers_begin(int count, int64_t grace_ms)
{
	workers_begin_announcing(count, grace_ms, 0);
}

/* In order; returns whether all of it ended. */
static inline bool workers_stop(void)
{
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	assert_int_equal(worker_pool_run(&pool), 0);
	return worker_pool_fini(&pool);
}

static inline bool workers_end(void)
{
	bool all = workers_stop();

	curfew_lifecycle_free(life);
	return all;
}

/* One round of the first worker, without waiting. */
static inline void round_now(void)
{
	worker_round(worker, false);
}

/* How long the next round would wait: 0, or -1 for ever. */
static inline int round_timeout(void)
{
	return worker_idle(worker) ? -1 : 0;
}

/* Waits until the first worker has something to do. */
static inline void round_wait(void)
{
	struct pollfd ready = {.fd = worker->loop->epoll_fd, .events = POLLIN};

	(void)poll(&ready, 1, round_timeout());
}

/* Runs the first worker until something is true: also what becomes true before it would wait. */
#define run_until(condition)                                                                       \
	do {                                                                                       \
		round_now();                                                                       \
		while (!(condition)) {                                                             \
			round_wait();                                                              \
			round_now();                                                               \
		}                                                                                  \
	} while (0)

static inline int worker_setup(void **state)
{
	(void)state;
	workers_begin(1, 20000);
	return 0;
}

static inline int worker_teardown(void **state)
{
	(void)state;
	return workers_end() ? 0 : -1;
}

/* A test with one worker, of which nothing may be left. */
#define worker_test(test) cmocka_unit_test_setup_teardown(test, worker_setup, worker_teardown)

#endif
