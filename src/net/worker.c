/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop of a worker's thread is libuv's; it polls the agenda's epoll descriptor among the
 * sockets. What was queued in a round is flushed behind its callbacks (uv_check), and what a flush
 * or a closing handle queues, before the next wait (uv_prepare); if that queues more, the wait is
 * none (uv_idle).
 *
 * A worker ends when it is told to (stop), after the lifecycle is DONE: then its drain is empty.
 */
#include "net/worker.h"

#include <errno.h>
#include <stdlib.h>

#include <curfew/time.h>

#include "base/list.h"
#include "loop/host.h"

static void agenda_ready(uv_poll_t *handle, int status, int events)
{
	struct worker *worker = container_of(handle, struct worker, agenda_poll);

	(void)status;
	(void)events;
	loop_dispatch(worker->loop);
}

/* Runs what is queued now; what that queues waits for the next time. */
static void flush_queued(struct worker *worker)
{
	struct curfew_link queued;
	struct curfew_link *link;

	list_init(&queued);
	list_splice(&queued, &worker->unflushed);
	while ((link = list_take(&queued))) {
		struct worker_flush *flush = container_of(link, struct worker_flush, link);

		link->next = link->prev = NULL;
		flush->run(flush);
	}
}

static void no_wait(uv_idle_t *handle)
{
	(void)handle;
}

static void before_wait(uv_prepare_t *handle)
{
	struct worker *worker = container_of(handle, struct worker, before_wait);

	flush_queued(worker);
	worker->now = 0;
	if (list_empty(&worker->unflushed)) {
		(void)uv_idle_stop(&worker->again);
	} else {
		(void)uv_idle_start(&worker->again, no_wait);
	}
}

static void after_wait(uv_check_t *handle)
{
	flush_queued(container_of(handle, struct worker, after_wait));
}

int64_t worker_now(struct worker *worker)
{
	if (!worker->now) {
		worker->now = curfew_now();
	}
	return worker->now;
}

void worker_flush_later(struct worker *worker, struct worker_flush *flush)
{
	if (!flush->link.next) {
		list_append(&worker->unflushed, &flush->link);
	}
}

void worker_flush_forget(struct worker_flush *flush)
{
	if (flush->link.next) {
		link_remove(&flush->link);
		flush->link.next = flush->link.prev = NULL;
	}
}

/* Its uv_run returns after this round. */
static void stop(struct task *task)
{
	container_of(task, struct worker, stop)->stopped = true;
}

static void close_handles(struct worker *worker)
{
	uv_close((uv_handle_t *)&worker->agenda_poll, NULL);
	uv_close((uv_handle_t *)&worker->before_wait, NULL);
	uv_close((uv_handle_t *)&worker->after_wait, NULL);
	uv_close((uv_handle_t *)&worker->again, NULL);
	(void)uv_run(&worker->uv, UV_RUN_NOWAIT);
	worker->busy = uv_loop_close(&worker->uv) != 0;
}

/* In the worker's own thread, where its drain belongs. */
static void worker_fini(struct worker *worker)
{
	if (curfew_drain_count(&worker->drain) || curfew_drain_count(&worker->peers)) {
		worker->busy = true; /* it was abandoned */
		return;
	}
	drain_fini(&worker->drain);
	drain_fini(&worker->peers);
	close_handles(worker);
	if (worker->loop == &worker->own_loop && !worker->busy) {
		loop_fini(&worker->own_loop);
	}
}

static void *thread_main(void *arg)
{
	struct worker *worker = arg;

	while (!worker->stopped) {
		(void)uv_run(&worker->uv, UV_RUN_ONCE);
	}
	worker_fini(worker);
	return NULL;
}

static int init_handles(struct worker *worker)
{
	int error = uv_loop_init(&worker->uv);

	if (error) {
		return error;
	}
	(void)uv_prepare_init(&worker->uv, &worker->before_wait);
	(void)uv_prepare_start(&worker->before_wait, before_wait);
	(void)uv_check_init(&worker->uv, &worker->after_wait);
	(void)uv_check_start(&worker->after_wait, after_wait);
	(void)uv_idle_init(&worker->uv, &worker->again);
	error = uv_poll_init(&worker->uv, &worker->agenda_poll, worker->loop->epoll_fd);
	if (!error) {
		error = uv_poll_start(&worker->agenda_poll, UV_READABLE, agenda_ready);
	}
	return error;
}

static int worker_init(struct worker *worker, struct curfew_lifecycle *life, int index)
{
	int error = 0;

	worker->life = life;
	worker->index = index;
	worker->stop.run = stop;
	list_init(&worker->unflushed);
	worker->loop = index ? &worker->own_loop : lifecycle_loop(life);
	worker->scratch = malloc(WORKER_SCRATCH);
	if (!worker->scratch) {
		return -ENOMEM;
	}
	if (index) {
		error = loop_init(worker->loop);
	}
	if (!error) {
		error = init_handles(worker);
	}
	if (error) {
		return error;
	}
	drain_init(&worker->drain, &worker->loop->agenda);
	drain_init(&worker->peers, &worker->loop->agenda);
	error = drain_join(
		&worker->drain, curfew_lifecycle_stage(life, CURFEW_WORK), "worker", NULL);
	if (error) {
		return error;
	}
	return drain_join(
		&worker->peers, curfew_lifecycle_stage(life, CURFEW_CHILDREN), "peers", NULL);
}

int worker_pool_init(struct worker_pool *pool, struct curfew_lifecycle *life, int count)
{
	pool->next = 0;
	pool->count = 0;
	pool->workers = calloc((size_t)count, sizeof(*pool->workers));
	if (!pool->workers) {
		return -ENOMEM;
	}
	for (int i = 0; i < count; i++) {
		struct worker *worker = &pool->workers[i];
		int error = worker_init(worker, life, i);

		if (!error && i) {
			error = -pthread_create(&worker->thread, NULL, thread_main, worker);
		}
		if (error) {
			return error; /* refused at the start: the process ends */
		}
		pool->count++;
	}
	return 0;
}

int worker_pool_run(struct worker_pool *pool)
{
	struct worker *worker = &pool->workers[0];

	while (!curfew_lifecycle_done(worker->life)) {
		(void)uv_run(&worker->uv, UV_RUN_ONCE);
	}
	return curfew_lifecycle_exit_code(worker->life);
}

bool worker_pool_fini(struct worker_pool *pool)
{
	bool all = !curfew_lifecycle_abandoned(pool->workers[0].life);

	if (!all) {
		return false;
	}
	for (int i = 1; i < pool->count; i++) {
		agenda_post(&pool->workers[i].loop->agenda, &pool->workers[i].stop);
	}
	for (int i = 0; i < pool->count; i++) {
		struct worker *worker = &pool->workers[i];

		if (i) {
			(void)pthread_join(worker->thread, NULL);
		} else {
			worker_fini(worker);
		}
		all = all && !worker->busy;
		free(worker->scratch);
		buffer_fini(&worker->dropped);
	}
	if (all) {
		free(pool->workers);
	}
	return all;
}

struct worker *worker_pool_next(struct worker_pool *pool)
{
	struct worker *worker = &pool->workers[pool->next];

	pool->next = (pool->next + 1) % pool->count;
	return worker;
}
