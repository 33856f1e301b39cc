/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gate and its lanes, one for each worker: the connections of clients there (server), those to
 * the upstream (pool), and the requests that wait for the upstream to be ready.
 */
#ifndef GATE_LANE_H
#define GATE_LANE_H

#include <stdatomic.h>

#include "admin/metrics.h"
#include "admin/service.h"
#include "gate/gate.h"
#include "gate/upstream.h"
#include "http/pool.h"
#include "http/server.h"
#include "http/trusted.h"

#define GATE_HELD_MOST 1024 /* requests that wait for the upstream, in all lanes */

struct gate;

struct lane {
	struct gate *gate;
	struct worker *worker;
	struct http_server server;
	struct http_pool pool;
	struct request_metrics metrics;
	struct curfew_link held; /* exchanges */
	struct task tell;        /* the upstream's state has changed */
};

struct gate {
	const struct gate_config *config;
	struct service service;
	struct http_limits limits;
	struct lane *lanes;
	int lane_count;
	struct address address; /* of the upstream */
	struct upstream upstream;
	struct http_trusted trusted;
	atomic_size_t held;
	struct metric_table metrics;
	atomic_uint_least64_t retries;   /* requests that were sent a second time */
	atomic_uint_least64_t dials;     /* connections to the upstream that were tried */
	atomic_uint_least64_t unreached; /* and failed */
	atomic_uint_least64_t truncated; /* answers that broke off within their body */
};

/* Returns 0 or a negative errno. A lane is closed by its worker's drains. */
int lane_init(struct lane *lane, struct gate *gate, struct worker *worker);
void lane_fini(struct lane *lane);

/* Has each lane look at the upstream's state. Worker 0's thread. */
void lanes_tell(struct gate *gate);

#endif
