/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options that serving commands share. They mean the same everywhere; a command offers those
 * that fit it.
 */
#ifndef ADMIN_SERVICE_CONFIG_H
#define ADMIN_SERVICE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/words.h"

/* When a second stop signal forces the end. */
enum service_insist { SERVICE_INSIST_NOW, SERVICE_INSIST_NEVER };

/* Durations in milliseconds, CURFEW_NEVER for none. Strings are borrowed. */
struct service_config {
	const char *command;       /* "gate" */
	struct words listen;       /* addresses; none: what systemd handed over, or: */
	const char *listen_preset; /* NULL: 127.0.0.1:8080 */
	bool listen_later;         /* the sockets are opened by service_listen */
	const char *admin;         /* address; NULL: no admin face */
	int64_t grace_ms;
	const char *grace_reason; /* why it is so long, for the start line */
	int64_t announce_ms;
	int64_t child_reserve_ms; /* of the grace, for a child's ladder; 0 without a child */
	const char *report;       /* file, "-" for stderr; NULL: none */
	unsigned log_level;       /* enum curfew_level */
	unsigned log_format;      /* enum journal_format */
	const char *tls_cert;     /* NULL: no TLS */
	const char *tls_key;
	bool tls_later;               /* both files are still to come: service_load_certificate */
	struct words trust_forwarded; /* address ranges, between commas in each word */
	int max_connections;          /* 0: what the descriptors allow */
	int descriptors_each; /* of a connection; 0: two, the client's and one to what it wants */
	int64_t request_timeout_ms; /* from a request's head to the end of its answer */
	bool proxy_protocol;
	int threads;     /* 0: as many as there are cores */
	unsigned insist; /* enum service_insist */
	int forced_exit;
};

#endif
