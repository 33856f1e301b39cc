/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates by ACME (RFC 8555): what the cache has is served at once; what it lacks is issued,
 * and renewed in time, by uacme(1), while the listener for challenges (relay/challenge.h) answers
 * the CA. Until there is a certificate, TLS connections are closed as they come, and readiness is
 * not offered.
 *
 *	ABSENT	 -> ISSUING	at once, and again after each wait
 *	ABSENT	 -> VALID	it was in the cache
 *	ISSUING	 -> VALID	it is served from now on, and readiness offered
 *	ISSUING	 -> ABSENT	that failed; another try after a wait that grows
 *	VALID	 -> RENEWING	a look at it: twice a day, and when a third of its time is left
 *	RENEWING -> VALID	renewed, or not due; or that failed: the old one stays, another try
 *	RENEWING -> ABSENT	that failed, and the old one has expired (it is still served)
 *	any	 -> ENDED	the process ends
 *
 * Worker 0's thread.
 */
#ifndef RELAY_ACME_H
#define RELAY_ACME_H

#include "admin/service.h"
#include "relay/cache.h"
#include "relay/certificate.h"
#include "relay/challenge.h"
#include "relay/uacme.h"

/* Durations in milliseconds. Strings are borrowed. */
struct acme_config {
	const char *domain;
	const char *cache;         /* folder */
	const char *listen;        /* of the challenges; ":80" */
	struct uacme_config uacme; /* its keeper and url are NULL */
	int64_t check_ms;          /* between two looks at a certificate; 12 h */
	int64_t retry_least_ms;    /* the first wait after a failure; 1 min */
	int64_t retry_most_ms;     /* no wait is longer; 3 h */
};

/* Fills in the defaults; domain and cache are NULL. */
void acme_config_default(struct acme_config *config);

#define ACME_STATES(X)                                                                             \
	X(ABSENT, "absent")                                                                        \
	X(ISSUING, "issuing")                                                                      \
	X(VALID, "valid")                                                                          \
	X(RENEWING, "renewing")                                                                    \
	X(ENDED, "ended")

enum acme_state {
#define ACME_STATE(name, word) ACME_##name,
	ACME_STATES(ACME_STATE)
#undef ACME_STATE
};

/* Zeroed: not used. */
struct acme {
	const struct acme_config *config;
	struct service *service;
	enum acme_state state;
	struct cache cache;
	struct certificate certificate; /* that is served; no serial: none is */
	struct challenge challenge;
	struct uacme uacme;
	bool offered;            /* readiness */
	unsigned failures;       /* in a row */
	char reason[UACME_SAID]; /* of the last one */
	int64_t next_at;         /* when the timer fires */
	struct timer next;
	struct task begin;
	struct status_part part;
};

/*
 * Checks the config, and makes the cache where it is absent, before there is a socket. Has the
 * service wait for the files of the cache (tls_cert, tls_key, tls_later) and keep some of the grace
 * for a child. Both configs are borrowed. Returns 0, or -1 with a refusal.
 */
int acme_check(struct acme *acme, const struct acme_config *config, struct service_config *service,
	struct buffer *refusal);

/*
 * Opens the listener for challenges, between service_init and service_listen. All else comes once
 * the lifecycle runs, service_ready too: the command does not call it. Returns 0, or the exit code
 * after a notice.
 */
int acme_start(struct acme *acme, struct service *service);

/* After service_run, before service_fini; or instead of running at all. Zeroed: does nothing. */
void acme_fini(struct acme *acme);

/*
 * Returns how long to wait after so many failures in a row, at least one: each time three times as
 * long as before, up to most, and up to a third shorter by chance, so that not all come back at
 * once. With the presets these are five tries in the first hour, as many as a CA allows.
 */
int64_t acme_wait_ms(unsigned failures, int64_t least_ms, int64_t most_ms, uint32_t chance);

#endif
