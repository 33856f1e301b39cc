/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of curfew serve share. One worker: all of it is in the thread of worker 0, but for
 * the threads of the pool, which see requests, responses and tokens only.
 *
 * From the lowest up: schema, choice and fitting (values against it), sorted_json and identifier,
 * arguments, envelope; function (what is served); invocation; the runners: library, request,
 * response, item_queue and thread_pool (plugins in C), describe, dialogue, process and
 * kept_process (programs); exchange (one call over HTTP), endpoint (routes), openapi, docs; event,
 * metrics; serve (the start and the end).
 */
#ifndef SERVE_HOST_H
#define SERVE_HOST_H

#include <curfew/context.h>

#include "admin/service.h"
#include "http/server.h"
#include "serve/function.h"
#include "serve/serve.h"

#define SERVE_BODIES_MOST ((size_t)64 * 1024 * 1024) /* bytes of all bodies that wait or are read */

/* What is counted for /metrics, plainly: worker 0 alone writes and reads. */
struct serve_counts {
	uint64_t calls_begun, calls_done, calls_failed, calls_crashed;
	uint64_t calls_stopped;   /* by the end: 503 */
	uint64_t calls_timed_out; /* 504 */
	uint64_t calls_left;      /* their clients went away */
	uint64_t calls_refused;   /* the queue was full, or the end had begun */
	uint64_t calls_forced;    /* cut while they ran */
	uint64_t items;
	uint64_t processes_started, processes_died;
};

struct serve {
	const struct serve_config *config;
	struct service service;
	struct worker *worker;
	struct http_limits limits;
	struct http_server server;
	struct request_metrics requests;
	struct metric_table metrics;
	struct status_part status;
	struct serve_counts counts;
	struct function function;

	struct curfew_context *context; /* of all calls */
	struct timer cancel;            /* --cancel-after */
	bool cancelled;                 /* the context was, because of the end */
	bool ending;                    /* ANNOUNCING or later */
	bool listens;                   /* the listeners were opened */
	bool started;                   /* the runner was */

	int slots;   /* calls that may run at the same time */
	int running; /* that do */
	int queued;
	struct curfew_link queue;
	struct curfew_link calls; /* that run */
	size_t gathered;          /* bytes of bodies that are there */
};

#endif
