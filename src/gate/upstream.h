/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The service behind the gate: whether it is ready yet, and, where it is our child, its life.
 *
 * At the start it is asked until it answers: a connection is enough, or, with --ready-path, a 2xx
 * to GET. After --wait the gate fails. Once it was ready it is asked no more: requests tell.
 */
#ifndef GATE_UPSTREAM_H
#define GATE_UPSTREAM_H

#include <stdatomic.h>
#include <stdbool.h>

#include <curfew/child.h>

#include "http/client.h"
#include "net/deadline.h"
#include "net/dial.h"

#define UPSTREAM_STATES(X)                                                                         \
	X(WAITING, "waiting") /* for its first answer */                                           \
	X(READY, "ready")                                                                          \
	X(GONE, "gone") /* it will never be ready: the wait or the process is over */

enum upstream_state {
#define UPSTREAM_STATE(name, word) UPSTREAM_##name,
	UPSTREAM_STATES(UPSTREAM_STATE)
#undef UPSTREAM_STATE
};

struct gate;

struct upstream {
	struct gate *gate;
	_Atomic(enum upstream_state) state;
	struct curfew_child *child; /* NULL: the service is not ours */
	int64_t began;              /* when it was first waited for */

	/* The question whether it is ready; on worker 0. */
	struct dial_target target;
	struct dial *dial;
	struct http_client client;
	bool asking;             /* client is in use */
	struct deadline again;   /* when to ask next, or that an answer takes too long */
	struct deadline wait;    /* --wait is over */
	struct curfew_hold hold; /* while something is asked */
};

/* Starts the child, if there is one. Returns 0, or an exit code: a line was printed. */
int upstream_start(struct upstream *upstream, struct gate *gate);

/* Begins to ask. */
void upstream_ask(struct upstream *upstream);

/* The end has begun: nothing is asked any more. */
void upstream_stop(struct upstream *upstream);
void upstream_fini(struct upstream *upstream);

const char *upstream_state_name(enum upstream_state state);

#endif
