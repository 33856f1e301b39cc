/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection is in use, with its user's handler; idle, in the list that the next user takes from;
 * or leaving, until it is closed and its memory goes (gone). The latter two have the pool's own
 * handler, which hears of no exchange: only that the server has given an idle connection up.
 */
#include "http/pool.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <curfew/time.h>

#include "base/list.h"

#define EARLIER_MS 1000 /* than the server would end it */

static struct http_pooled *pooled_of(struct http_client *client)
{
	return container_of(client, struct http_pooled, client);
}

static void leave(struct http_pooled *pooled, bool reset)
{
	link_remove(&pooled->link);
	list_append(&pooled->pool->leaving, &pooled->link);
	deadline_set(&pooled->expiry, CURFEW_NEVER);
	if (reset) {
		http_client_reset(&pooled->client);
	} else {
		http_client_close(&pooled->client);
	}
}

/* When nobody uses it. */

static void given_up(struct http_client *client, enum http_client_failure failure)
{
	(void)failure;
	leave(pooled_of(client), false);
}

static void release_when_empty(struct http_pool *pool)
{
	if (pool->finishing && !pool->count) {
		curfew_hold_release(&pool->hold); /* the pool may be gone */
	}
}

static void gone(struct http_client *client)
{
	struct http_pooled *pooled = pooled_of(client);
	struct http_pool *pool = pooled->pool;

	link_remove(&pooled->link);
	deadline_fini(&pooled->expiry);
	free(pooled);
	pool->count--;
	release_when_empty(pool);
}

static const struct http_client_handler unused = {.failed = given_up, .closed = gone};

static void expired(struct deadline *deadline)
{
	leave(container_of(deadline, struct http_pooled, expiry), false);
}

/* For how long it is worth keeping. */
static int64_t worth_ms(const struct http_pooled *pooled)
{
	int64_t ms = pooled->pool->idle_ms;
	int64_t server_ms = pooled->client.idle_ms;

	if (!pooled->client.reusable || pooled->pool->finishing) {
		return 0;
	}
	if (server_ms == CURFEW_NEVER || server_ms - EARLIER_MS > ms) {
		return ms;
	}
	return server_ms - EARLIER_MS;
}

void http_pool_give(struct http_pooled *pooled)
{
	int64_t ms = worth_ms(pooled);

	pooled->client.handler = &unused;
	if (ms <= 0) {
		leave(pooled, false);
		return;
	}
	list_append(pooled->pool->idle.next, &pooled->link); /* in front */
	deadline_set(&pooled->expiry, curfew_after_ms(ms));
}

void http_pool_discard(struct http_pooled *pooled, bool reset)
{
	pooled->client.handler = &unused;
	leave(pooled, reset);
}

/* One whose failure is not told yet is passed over. */
struct http_pooled *http_pool_take(struct http_pool *pool)
{
	list_each_safe(link, &pool->idle) {
		struct http_pooled *pooled = container_of(link, struct http_pooled, link);

		if (pooled->client.stream.state == STREAM_OPEN) {
			link_remove(link);
			deadline_set(&pooled->expiry, CURFEW_NEVER);
			return pooled;
		}
	}
	return NULL;
}

struct http_pooled *http_pool_add(
	struct http_pool *pool, int fd, const struct http_client_handler *handler, void *arg)
{
	struct http_pooled *pooled = calloc(1, sizeof(*pooled));
	int error = pooled ? http_client_init(&pooled->client, pool->worker, fd, NULL, handler, arg)
			   : -ENOMEM;

	if (error < 0) {
		close(fd);
		free(pooled);
		errno = -error;
		return NULL;
	}
	pooled->pool = pool;
	deadline_init(&pooled->expiry, &pool->worker->loop->agenda, expired);
	pool->count++;
	return pooled;
}

/* What the drain asks. Connections in use are their users' to end: the work before was theirs. */

static void finish(struct curfew_hold *hold)
{
	struct http_pool *pool = container_of(hold, struct http_pool, hold);

	pool->finishing = true;
	list_each_safe(link, &pool->idle) {
		leave(container_of(link, struct http_pooled, link), false);
	}
	release_when_empty(pool);
}

/* Where work took all of the grace, there was no finish before. */
static void cut(struct curfew_hold *hold)
{
	struct http_pool *pool = container_of(hold, struct http_pool, hold);

	list_each(link, &pool->leaving) {
		http_client_reset(&container_of(link, struct http_pooled, link)->client);
	}
	finish(hold);
}

static const struct curfew_hold_ops hold_ops = {"pool", finish, cut};

int http_pool_init(struct http_pool *pool, struct worker *worker, const struct address *address)
{
	*pool = (struct http_pool){
		.worker = worker,
		.target.address = *address,
		.idle_ms = HTTP_POOL_IDLE_MS,
	};
	list_init(&pool->idle);
	list_init(&pool->leaving);
	return curfew_drain_hold(
		&worker->peers, &pool->hold, &hold_ops, address_text(address, pool->name));
}

void http_pool_fini(struct http_pool *pool)
{
	assert(!pool->count);
	curfew_hold_release(&pool->hold);
	dial_target_fini(&pool->target);
}
