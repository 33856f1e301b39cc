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
	if (!link_linked(&flush->link)) {
		list_append(&worker->unflushed, &flush->link);
	}
}

void worker_flush_forget(struct worker_flush *flush)
{
	link_remove(&flush->link);
}

struct buffer worker_spare_take(struct worker *worker)
{
	struct buffer buffer = {0};

	if (worker->spare_count) {
		buffer = worker->spares[--worker->spare_count];
		worker->spare_bytes -= buffer.capacity;
		return buffer;
	}
	(void)buffer_reserve(&buffer, WORKER_SPARE_FIRST);
	return buffer;
}

void worker_spare_give(struct worker *worker, struct buffer *buffer)
{
	if (!buffer->data || buffer->failed || buffer->capacity > WORKER_SPARE_MOST ||
		worker->spare_count == WORKER_SPARES ||
		worker->spare_bytes + buffer->capacity > WORKER_SPARES_MOST) {
		buffer_fini(buffer);
		return;
	}
	buffer->length = 0;
	worker->spare_bytes += buffer->capacity;
	worker->spares[worker->spare_count++] = *buffer;
	buffer_init(buffer);
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

/* Only the first two of these can fail. */
static int init_handles(struct worker *worker)
{
	int error = uv_loop_init(&worker->uv);

	if (error) {
		return error;
	}
	error = uv_poll_init(&worker->uv, &worker->agenda_poll, worker->loop->epoll_fd);
	if (error) {
		(void)uv_loop_close(&worker->uv);
		return error;
	}
	(void)uv_poll_start(&worker->agenda_poll, UV_READABLE, agenda_ready);
	(void)uv_prepare_init(&worker->uv, &worker->before_wait);
	(void)uv_prepare_start(&worker->before_wait, before_wait);
	(void)uv_check_init(&worker->uv, &worker->after_wait);
	(void)uv_check_start(&worker->after_wait, after_wait);
	(void)uv_idle_init(&worker->uv, &worker->again);
	return 0;
}

static int join_stages(struct worker *worker)
{
	struct curfew_drain *work = curfew_lifecycle_stage(worker->life, CURFEW_WORK);
	struct curfew_drain *children = curfew_lifecycle_stage(worker->life, CURFEW_CHILDREN);
	int error;

	drain_init(&worker->drain, &worker->loop->agenda);
	drain_init(&worker->peers, &worker->loop->agenda);
	error = drain_join(&worker->drain, work, "worker", NULL);
	return error ? error : drain_join(&worker->peers, children, "peers", NULL);
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
	if (error) {
		goto fail_scratch;
	}
	error = init_handles(worker);
	if (error) {
		goto fail_loop;
	}
	error = join_stages(worker);
	if (!error && index) {
		error = -pthread_create(&worker->thread, NULL, thread_main, worker);
	}
	if (error) {
		worker_fini(worker);
		goto fail_scratch;
	}
	return 0;
fail_loop:
	if (index) {
		loop_fini(worker->loop);
	}
fail_scratch:
	free(worker->scratch);
	return error;
}

/* Ends the threads and the workers. Returns whether all of them ended. */
static bool end_workers(struct worker_pool *pool)
{
	bool all = true;

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
		while (worker->spare_count) {
			buffer_fini(&worker->spares[--worker->spare_count]);
		}
	}
	if (all) {
		free(pool->workers);
	}
	return all;
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

		if (error) {
			(void)end_workers(pool);
			*pool = (struct worker_pool){0};
			return error;
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
	return !curfew_lifecycle_abandoned(pool->workers[0].life) && end_workers(pool);
}

struct worker *worker_pool_next(struct worker_pool *pool)
{
	struct worker *worker = &pool->workers[pool->next];

	pool->next = (pool->next + 1) % pool->count;
	return worker;
}
