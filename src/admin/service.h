/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every command that serves has in common: the lifecycle with its signals, the workers, the
 * listeners with TLS and PROXY protocol, the admin face, the log, the report.
 *
 *	code = service_init(&service, &config, &ops, arg)	0, or the exit code after a notice
 *	... the command's own parts on service.pool.workers ...
 *	code = service_listen(&service)				the listeners begin to accept
 *	service_ready(&service)					readiness is offered
 *	code = service_run(&service)				until DONE, and all is told
 *	... the command's own parts are freed ...
 *	service_fini(&service)
 *
 * Signals: TERM, INT and QUIT begin the end (QUIT prints the state dump too), USR1 prints the dump,
 * HUP reads the certificate again. One that came before service_init opens no socket:
 * service_is_ending tells, and whoever would start something asks it; the rest is as always.
 *
 * All of it belongs to the thread of worker 0, but for what says otherwise.
 */
#ifndef ADMIN_SERVICE_H
#define ADMIN_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "admin/event.h"
#include "admin/face.h"
#include "admin/front.h"
#include "admin/journal.h"
#include "admin/metrics.h"
#include "admin/notify.h"
#include "admin/service_config.h"
#include "http/trusted.h"
#include "net/tls.h"
#include "net/worker.h"

#define SERVICE_LISTEN_PRESET "127.0.0.1:8080"

struct service;

struct service_ops {
	/*
	 * A connection was accepted, for this worker: fd and filter (NULL: none) are the callee's,
	 * who calls service_left when it is over. Worker 0's thread. Returns 0, or a negative
	 * errno: then both were closed, and service_left is not called.
	 */
	int (*accepted)(struct service *service, struct worker *worker, int fd,
		struct stream_filter *filter);
	/* The phase has changed. NULL */
	void (*phase)(struct service *service, enum curfew_phase phase);
};

#define SERVICE_FAILURE_MOST 600 /* bytes, the NUL included */

struct service {
	const struct service_config *config;
	const struct service_ops *ops;
	void *arg; /* the command's */
	struct curfew_lifecycle *life;
	struct worker_pool pool;
	struct journal journal;
	struct metrics metrics;

	/* Private. */
	struct front front;
	struct tls_server *tls;
	struct notifier notifier;
	struct admin_face face;
	struct admin_content content;
	struct buffer addresses; /* as text, for the start line */
	struct buffer admin_address;
	struct address admin; /* where it has a socket */
	int admin_fd;         /* -1: the face's, or none */
	int64_t full_told;    /* when it was logged last */
	int report_fd;
	bool has_face;
	bool has_pool;
	bool has_notifier;
	bool stopping; /* the end has been told */
	/* The first failure that was told of, whole; a cause has less room. */
	_Atomic bool has_failed, is_failure_told;
	char failure[SERVICE_FAILURE_MOST];
	int64_t started;
};

/* Returns 0, or the exit code after a notice; then nothing is left to be freed. */
int service_init(struct service *service, const struct service_config *config,
	const struct service_ops *ops, void *arg);

/* Returns whether the end has begun, or a signal is there that will begin it. */
bool service_is_ending(const struct service *service);

/* Returns 0, or the exit code after a notice; then service_fini comes next. */
int service_listen(struct service *service);

/* Offers readiness. Returns false if the end has begun meanwhile. */
bool service_ready(struct service *service);

/*
 * Reads the certificate that is there by now (config->tls_later), or a new one. Connections that
 * come before the first are closed at once. Returns 0, or -1 with a refusal: then all stays.
 */
int service_load_certificate(struct service *service, struct buffer *refusal);

/* Has /status tell one thing more (admin/status.h). */
void service_add_status(struct service *service, struct status_part *part);

/* A connection that was accepted is over. Any thread. */
void service_left(struct service *service);

/*
 * Begins the end because of a failure; text, one sentence, goes to log and report: exit code 1. Any
 * thread.
 */
__attribute__((format(printf, 2, 3))) void service_fail(
	struct service *service, const char *format, ...);

/*
 * Runs until the lifecycle is DONE, writes what is to be told of it, and returns the exit code. If
 * something had to be abandoned it does not return: threads may still use what is the command's.
 */
int service_run(struct service *service);

/* After service_run, or instead of it. May end the process, if a thread is still busy. */
void service_fini(struct service *service);

/*
 * Reads --trust-forwarded. Returns 0, or the exit code after a notice. Before service_init too,
 * where service->config is set.
 */
int service_read_trusted(const struct service *service, struct http_trusted *trusted);

/*
 * Refuse at the start: print one line, "curfew gate: ...", and return the exit code: 2; for a
 * command that could not be executed for this errno, 126 or 127. Before service_init too, where
 * service->config is set.
 */
__attribute__((format(printf, 2, 3))) int service_refuse(
	const struct service *service, const char *format, ...);
int service_refuse_command(const struct service *service, const char *name, int error);

#endif
