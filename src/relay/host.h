/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of curfew relay share. There is a lane for each worker, which owns the server-ids
 * whose hash is its own: a connection is asked for in the lane that accepted it (endpoint), and
 * moves to that of its id, where it becomes a member: forwarding never crosses threads.
 *
 * From the lowest up: envelope, limiter, memory; member (a connection, and what it says), route
 * (from one to another), registry (who has which id), ending; endpoint (HTTP: paths, headers,
 * refusals), relay (the start and the end).
 */
#ifndef RELAY_HOST_H
#define RELAY_HOST_H

#include <stdatomic.h>

#include "admin/service.h"
#include "http/server.h"
#include "http/trusted.h"
#include "relay/acme.h"
#include "relay/limiter.h"
#include "relay/registry.h"
#include "relay/relay.h"
#include "relay/telling.h"
#include "ws/connection.h"

/* How an upgrade went, by the endpoint that was asked: X(NAME, word) */
#define RELAY_OUTCOMES(X)                                                                          \
	X(OPENED, "opened")                                                                        \
	X(BAD_REQUEST, "bad_request")                                                              \
	X(RATE_LIMITED, "rate_limited")                                                            \
	X(FULL, "full")                                                                            \
	X(ENDING, "ending")                                                                        \
	X(WRONG_HOST, "wrong_host")                                                                \
	X(NO_UPGRADE, "no_upgrade")                                                                \
	X(FAILED, "failed") /* no memory */

enum relay_outcome {
#define RELAY_OUTCOME(name, word) RELAY_##name,
	RELAY_OUTCOMES(RELAY_OUTCOME) RELAY_OUTCOMES_COUNT
#undef RELAY_OUTCOME
};

/* Why an open connection was not registered. X(NAME, word, code) */
#define RELAY_FAILURES(X)                                                                          \
	X(NO_SERVER, "no_server", 4404)                                                            \
	X(ID_TAKEN, "id_taken", 4409)                                                              \
	X(TOO_MANY, "too_many_clients", 4429)

enum relay_failure {
#define RELAY_FAILURE(name, word, code) RELAY_FAILURE_##name,
	RELAY_FAILURES(RELAY_FAILURE) RELAY_FAILURES_COUNT
#undef RELAY_FAILURE
};

/* Which way a frame goes. */
enum relay_direction { RELAY_TO_SERVER, RELAY_TO_CLIENT, RELAY_DIRECTIONS };

/* Of a lane; its thread alone counts (relay_count), any may read. */
struct relay_counts {
	_Atomic uint64_t upgrades[2][RELAY_OUTCOMES_COUNT]; /* by enum member_role */
	_Atomic uint64_t failures[RELAY_FAILURES_COUNT];
	_Atomic uint64_t frames[RELAY_DIRECTIONS];
	_Atomic uint64_t bytes[RELAY_DIRECTIONS]; /* of payload, without envelopes */
	_Atomic uint64_t dropped;                 /* frames of a server that went nowhere */
	_Atomic uint64_t grace_expiries;
	_Atomic uint64_t takeovers;
	_Atomic uint64_t servers, clients;            /* registered now */
	_Atomic uint64_t gathered;                    /* bytes of messages that are not whole */
	_Atomic uint64_t closed_clean, closed_forced; /* in the drain */
	/*
	 * From a message's first piece to its place in an outbox; 0 for one that was there whole,
	 * which leaves in the round in which it was read. Buckets as of METRIC_BUCKETS.
	 */
	_Atomic uint64_t latency[METRIC_BUCKET_COUNT + 1];
	_Atomic uint64_t latency_ns;
};

/* Adds to a count of one's own lane. */
static inline void relay_count(_Atomic uint64_t *count, int64_t more)
{
	atomic_store_explicit(count,
		atomic_load_explicit(count, memory_order_relaxed) + (uint64_t)more,
		memory_order_relaxed);
}

struct lane {
	struct relay *relay;
	struct worker *worker;
	struct http_server server; /* of what is asked for here */
	struct registry registry;  /* of the ids that live here */
	struct relay_counts counts;
	struct request_metrics requests;
	struct telling telling; /* of requests that are refused */
};

struct relay {
	const struct relay_config *config;
	struct service_config common; /* its options, as the certificates want them */
	struct service service;
	struct acme_config acme_config;
	struct acme acme; /* --domain */
	struct http_limits http_limits;
	struct ws_limits ws_limits;
	struct limiter limiter;
	struct http_trusted trusted; /* --trust-forwarded */
	struct metric_table metrics;
	struct metric_table reference; /* the same under the names of --metrics-prefix */
	int most;                      /* members at a time */
	struct lane *lanes;
	int lane_count;
	uint64_t key[2];        /* of the hash of ids (slot.c) */
	atomic_int connections; /* members, on their way to their lanes too */
	atomic_bool ending;     /* ANNOUNCING or later: no new claims */
	int64_t started;
};

#endif
