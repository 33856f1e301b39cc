/* SPDX-License-Identifier: Apache-2.0 */
/*
 * curfew serve: a function as a web service, whose work stops when it is asked to.
 */
#ifndef SERVE_SERVE_H
#define SERVE_SERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "admin/service_config.h"
#include "base/words.h"

/* Durations in milliseconds, CURFEW_NEVER for none. Strings are borrowed. */
struct serve_config {
	struct service_config service;
	const char *plugin;         /* a shared object; NULL: a program */
	char *const *command;       /* of the program, ends with NULL; NULL: a shared object */
	const char *function;       /* of the plugin's; NULL: its only one */
	const char *id;             /* NULL: the plugin's own, or made of the schema */
	int threads;                /* calls at a time; 0: twice the cores */
	int workers;                /* processes that are kept; 0: one for each call */
	int queue;                  /* calls that may wait for a thread or process */
	uint64_t max_body;          /* bytes of a request */
	uint64_t max_line;          /* bytes of a line that a program writes */
	int64_t request_timeout_ms; /* of a call */
	int64_t cancel_after_ms;    /* from the signal until the token fires */
	bool envelope_status;       /* HTTP 200 whatever the envelope says */
	struct words environment;   /* "NAME=value", for the processes */
	const char *cwd;            /* of the processes; NULL: ours */
	int64_t start_timeout_ms;   /* for --describe */
	int64_t eof_wait_ms;        /* of a kept process, after the end of its input */
	int64_t term_wait_ms;       /* of a process, after the stop signal */
	const char *keeper;         /* the program that keeps the processes (curfew/child.h) */
};

/* Runs it to its end. Returns the exit code. */
int serve_main(const struct serve_config *config);

#endif
