/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of curfew mcp share: the service, the sessions, the counts. One worker: all of it
 * is in the thread of worker 0.
 *
 * From the lowest up: message, session_id; backend, channel; session, stateless, replica; endpoint
 * (HTTP: routes, checks, bodies), mcp (the start and the end).
 */
#ifndef MCP_HOST_H
#define MCP_HOST_H

#include "admin/service.h"
#include "http/server.h"
#include "mcp/mcp.h"
#include "mcp/session_id.h"

#define MCP_SESSION_BUCKETS 4096

struct shared;
struct stateless;

/* What is counted for /metrics, plainly: worker 0 alone writes and reads. */
struct mcp_counts {
	uint64_t sessions_opened, sessions_ended;
	uint64_t calls_begun, calls_answered, calls_failed, calls_forced;
	uint64_t noise_lines;      /* of the children's, that are no JSON-RPC */
	uint64_t messages_dropped; /* that no stream has taken in time */
	uint64_t passed_on;        /* requests to other replicas */
};

struct mcp {
	const struct mcp_config *config;
	struct service service;
	struct worker *worker;
	struct http_limits limits;
	struct http_server server;
	struct request_metrics requests;
	struct metric_table metrics;
	struct mcp_counts counts;
	struct session_key key;
	const char *replica;
	char host_name[SESSION_REPLICA_MOST + 1]; /* where replica is that */
	size_t gathered;     /* bytes of messages that have not been passed on yet */
	struct buffer token; /* the bearer's; empty: none is asked for */
	bool ending;         /* ANNOUNCING or later */

	struct curfew_link sessions[MCP_SESSION_BUCKETS];
	int session_count;        /* those that can be found */
	struct curfew_link ended; /* sessions whose children are ending */
	int ended_count;
	struct curfew_link queued; /* sessions whose children are to be started */
	int queued_count;
	int starting;           /* children that have not answered initialize */
	struct task start_next; /* of those that are queued */
	struct shared *shared;  /* --shared; NULL: a child for each session */

	size_t in_flight;            /* calls (mcp/flight.h) */
	int prolonging;              /* those of them that keep the listeners open */
	struct stateless *stateless; /* NULL: there was no request of that era */

	struct curfew_link peers; /* replicas that requests were passed on to (replica_peer.h) */
	int peer_count;
	struct curfew_link passes; /* requests that are being passed on (replica.c) */
};

#endif
