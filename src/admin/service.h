/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every command that serves has in common: the lifecycle with its signals, the workers, the
 * listeners with TLS and PROXY protocol, the admin face, the log, the report.
 *
 *	code = service_init(&service, &config, &ops, arg)	0, or an exit code: a line was printed
 *	service_listen(&service)				the listeners begin to accept
 *	service_ready(&service)				readiness is offered
 *	code = service_run(&service)				until DONE; report and last line written
 *	service_fini(&service)
 *
 * Signals: TERM, INT and QUIT begin the end (QUIT prints the state dump too), USR1 prints the dump,
 * HUP reads the certificate again.
 */
#ifndef ADMIN_SERVICE_H
#define ADMIN_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "admin/journal.h"
#include "base/words.h"
#include "net/address.h"
#include "net/tls.h"
#include "net/worker.h"

/* The options that serving commands share; durations in milliseconds. Strings are borrowed. */
struct service_config {
	const char *command; /* "gate" */
	struct words listen; /* addresses; none: 127.0.0.1:8080, or what systemd handed over */
	const char *admin;   /* address; NULL: no admin face */
	int64_t grace_ms;
	int64_t announce_ms;
	int64_t child_reserve_ms; /* of the grace, for a child's ladder; 0 without a child */
	const char *report;       /* file, "-" for stderr; NULL: none */
	unsigned log_level;       /* enum curfew_level */
	unsigned log_format;      /* enum journal_format */
	const char *tls_cert, *tls_key;
	struct words trust_forwarded; /* address ranges */
	int max_connections;
	bool proxy_protocol;
	int threads; /* 0: as many as there are cores */
	unsigned insist;
	int forced_exit;
};

struct service;

struct service_ops {
	/*
	 * A connection was accepted, for this worker: fd and filter (NULL: none) are the callee's.
	 * Worker 0's thread. Returns 0 or a negative errno: then both were closed.
	 */
	int (*accepted)(struct service *service, struct worker *worker, int fd,
		struct stream_filter *filter);
	/* The phase has changed. NULL */
	void (*phase)(struct service *service, enum curfew_phase phase);
};

#endif
