/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread with a loop on which sockets live. What is on a worker belongs to its thread.
 *
 * Worker 0 is the thread that dispatches the lifecycle; the others have an agenda of their own.
 * Each has a drain for its connections, which is a hold on the lifecycle's work stage, and one for
 * what the connections need, which is asked to finish when all work is done.
 *
 *	worker_pool_init(&pool, life, 2);	before the listeners
 *	... curfew_listener_new, curfew_lifecycle_ready ...
 *	code = worker_pool_run(&pool);		until the lifecycle is DONE
 *	worker_pool_fini(&pool);
 *
 * A round of a worker is: wait, call back for each descriptor that is ready, run the agenda, then
 * write what was queued meanwhile (worker_flush_later): many small writes of a round become one.
 */
#ifndef NET_WORKER_H
#define NET_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include <curfew/drain.h>
#include <curfew/lifecycle.h>

#include "base/buffer.h"
#include "core/drain.h"
#include "loop/loop.h"

#define WORKER_SCRATCH 131072 /* bytes that are read at once */
#define WORKERS_MOST 64
#define WORKER_SPARES 64         /* as many streams as may well write in one round */
#define WORKER_SPARE_FIRST 500   /* bytes of one at first: nearly any head */
#define WORKER_SPARE_MOST 131072 /* bytes of one that is kept: STREAM_QUEUE_AT_ONCE */
#define WORKER_SPARES_MOST ((size_t)4 * 1024 * 1024) /* bytes of all */

/* Something that has bytes to write at the end of the round; zeroed: not queued. */
struct worker_flush {
	struct curfew_link link; /* NULL: not queued */
	void (*run)(struct worker_flush *flush);
};

struct worker {
	struct curfew_lifecycle *life;
	struct loop *loop;         /* its agenda, and all descriptors */
	struct curfew_drain drain; /* of its connections: a hold on the work stage */
	struct curfew_drain peers; /* of what they need, such as pools: on the children stage */
	int index;
	/* Bytes that streams have queued since the kernel takes no more of them; any thread. */
	_Atomic uint64_t backlog;
	char *scratch; /* WORKER_SCRATCH bytes, valid until the callback returns */

	/* Private from here on. */
	struct loop own_loop;   /* of all but worker 0 */
	uv_loop_t uv;           /* for what it does on threads of its own */
	struct source uv_ready; /* libuv has something to tell */
	struct worker_flush uv_begun;
	int64_t now; /* worker_now; 0: not read in this round */
	struct curfew_link unflushed;
	struct buffer dropped; /* what is written to streams that are closed */
	/* Memory of queues that are empty, for the next streams that write. */
	struct buffer spares[WORKER_SPARES];
	int spare_count;
	size_t spare_bytes;
	struct task stop;
	pthread_t thread;
	bool stopped;
	bool busy; /* something of it could not be ended */
};

struct worker_pool {
	struct worker *workers;
	int count;
	int next;
};

/*
 * Makes count workers, 1 to WORKERS_MOST, and starts the threads of all but the first. Returns 0
 * or a negative errno (-ESHUTDOWN where the lifecycle has come to its work); then nothing is left.
 */
int worker_pool_init(struct worker_pool *pool, struct curfew_lifecycle *life, int count);

/*
 * One round, in the worker's own thread; waits: for something to do, first. The threads and
 * worker_pool_run do nothing else.
 */
void worker_round(struct worker *worker, bool waits);

/* Returns whether a round that waits would do so until a descriptor is ready. */
bool worker_idle(const struct worker *worker);

/* Returns libuv's loop, for a request that is begun in this round. */
uv_loop_t *worker_uv(struct worker *worker);

/* Runs worker 0 until the lifecycle is DONE; returns its exit code. */
int worker_pool_run(struct worker_pool *pool);

/*
 * Ends the threads and gives everything back. Nothing may be left on the workers. Returns whether
 * all ended; if not, a thread or libuv's own pool is still busy: leave by _exit(2).
 */
bool worker_pool_fini(struct worker_pool *pool);

/* Returns the worker whose turn it is to get a connection. Worker 0's thread. */
struct worker *worker_pool_next(struct worker_pool *pool);

/*
 * Returns what the clock was when it was first asked for in this round: it is read once for all
 * that happens in one. A deadline that is counted from it comes earlier by the time that the round
 * has taken so far.
 */
int64_t worker_now(struct worker *worker);

/* Has flush->run called once at the end of this round, however often it is asked for. */
void worker_flush_later(struct worker *worker, struct worker_flush *flush);
void worker_flush_forget(struct worker_flush *flush);

/*
 * Memory for a queue that was empty, and back when it is empty again: so that those that are not
 * writing keep none. Returns an empty buffer. The worker's thread.
 */
struct buffer worker_spare_take(struct worker *worker);

/* The buffer is empty and without memory afterwards. */
void worker_spare_give(struct worker *worker, struct buffer *buffer);

#endif
