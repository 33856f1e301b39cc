/* SPDX-License-Identifier: Apache-2.0 */
/*
 * curfew gate: stands in front of an HTTP service, and gives it the end that it has not; with a
 * command it starts that service too.
 */
#ifndef GATE_GATE_H
#define GATE_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "admin/service_config.h"

/* Durations in milliseconds, CURFEW_NEVER for none. Strings are borrowed. */
struct gate_config {
	struct service_config service;
	const char *upstream;        /* URL; NULL: respond */
	int respond;                 /* status of every answer, without an upstream; 0: proxy */
	int64_t wait_ms;             /* for the upstream, at the start */
	const char *ready_path;      /* which answers 200 when it is ready; NULL: it accepts */
	int64_t connect_timeout_ms;  /* to the upstream */
	int64_t response_timeout_ms; /* to the head of its answer */
	uint64_t max_body;           /* bytes of a request's body; UINT64_MAX: any */
	int64_t head_timeout_ms;     /* for a request's head to be whole */
	int64_t idle_timeout_ms;     /* of a connection between two requests */
	bool access_log;
	int64_t spread_ms;    /* over which WebSockets are closed */
	int ws_close_code;    /* with which they are */
	int64_t term_wait_ms; /* of the child, after the stop signal */
	char *const *command; /* of the service, ends with NULL; NULL: it is not our child */
	const char *keeper;   /* the program that keeps the child (curfew/child.h) */
};

/* Runs the gate to its end. Returns the exit code. */
int gate_main(const struct gate_config *config);

#endif
