/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker waits in its agenda's loop, where its sockets are, too. What was queued in a round is
 * flushed behind its callbacks; what that queues, before the next wait, which then is none.
 *
 * libuv has threads for what would block. Its loop is a descriptor among the others.
 *
 * A worker ends when it is told to (stop), after the lifecycle is DONE: then its drain is empty.
 */
#include "net/worker.h"

#include <errno.h>
#include <stdlib.h>

#include <curfew/time.h>

#include "base/list.h"
#include "loop/host.h"

static void uv_ready(struct source *source, uint32_t events)
{
	(void)events;
	(void)uv_run(&container_of(source, struct worker, uv_ready)->uv, UV_RUN_NOWAIT);
}

/* libuv begins to watch its own descriptors when it is run with a request. */
static void uv_begun(struct worker_flush *flush)
{
	(void)uv_run(&container_of(flush, struct worker, uv_begun)->uv, UV_RUN_NOWAIT);
}

uv_loop_t *worker_uv(struct worker *worker)
{
	worker_flush_later(worker, &worker->uv_begun);
	return &worker->uv;
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

/* What a flush left is done before the wait; and that may have been what the caller waits for. */
void worker_round(struct worker *worker, bool waits)
{
	waits = waits && worker_idle(worker);
	flush_queued(worker);
	worker->now = 0;
	loop_round(worker->loop, waits);
	flush_queued(worker);
}

bool worker_idle(const struct worker *worker)
{
	return list_empty(&worker->unflushed);
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

/* This round is its last. */
static void stop(struct task *task)
{
	container_of(task, struct worker, stop)->stopped = true;
}

static void close_uv(struct worker *worker)
{
	loop_unwatch(worker->loop, &worker->uv_ready);
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
	close_uv(worker);
	if (worker->loop == &worker->own_loop && !worker->busy) {
		loop_fini(&worker->own_loop);
	}
}

static void *thread_main(void *arg)
{
	struct worker *worker = arg;

	while (!worker->stopped) {
		worker_round(worker, true);
	}
	worker_fini(worker);
	return NULL;
}

static int init_uv(struct worker *worker)
{
	int error = uv_loop_init(&worker->uv);

	if (error) {
		return error;
	}
	worker->uv_begun.run = uv_begun;
	worker->uv_ready.ready = uv_ready;
	worker->uv_ready.fd = uv_backend_fd(&worker->uv);
	error = loop_watch(worker->loop, &worker->uv_ready, EPOLLIN);
	if (error) {
		(void)uv_loop_close(&worker->uv);
	}
	return error;
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
	error = init_uv(worker);
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
		worker_round(worker, true);
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
