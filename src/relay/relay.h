/* SPDX-License-Identifier: Apache-2.0 */
/*
 * curfew relay: WebSocket connections between servers behind NAT and their clients, forwarded in
 * order, and ended with 1001.
 */
#ifndef RELAY_RELAY_H
#define RELAY_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "admin/service_config.h"
#include "base/words.h"

/* Durations in milliseconds, CURFEW_NEVER for none. Strings are borrowed. */
struct relay_config {
	struct service_config service;
	const char *header_prefix; /* "X-Pyrycode"; NULL: X-Relay alone, which is always accepted */
	const char *metrics_prefix; /* of a second set of the reference's metrics; NULL: none */
	int max_clients;            /* of one server; 16 */
	int max_connections;        /* servers and clients; then 503; 0: 10 000, if they fit */
	int max_per_ip;             /* the same of one address; 0: any */
	uint64_t max_message;       /* bytes from a peer; 256k; then 1009 */
	uint64_t outbox;            /* bytes that wait for one peer; 4M; then 1011 */
	uint64_t max_memory;        /* bytes that wait in all (relay/memory.h); 1G */
	int64_t rate_interval_ms;   /* one upgrade for an address; 6 000; 0: no limit */
	int burst;                  /* upgrades that it may have saved up; 20 */
	int64_t ping_ms, pong_ms;   /* 30 000 each */
	int64_t message_ms;         /* for a message to be whole; 30 000 */
	int64_t write_ms;           /* 10 000 */
	int64_t close_ms;           /* 5 000 */
	int64_t head_ms;            /* 5 000 */
	int64_t reclaim_grace_ms;   /* for which the id of a server that dropped is kept; 30 000 */
	int64_t claim_ms;           /* for a holder to answer when its id is claimed; 10 000 */
	int64_t spread_ms;          /* the closes of the end are drawn from; 0 */
	bool production;            /* refuse what should not be reachable */
	const char *domain;         /* certificates by ACME; NULL: none */
	const char *cert_cache;     /* directory */
	const char *acme_url;       /* NULL: uacme's own */
	const char *acme_listen;    /* of the challenge; ":80" */
	const char *keeper;         /* the program that keeps the children (curfew/child.h) */
};

/* Runs it to its end. Returns the exit code. */
int relay_main(const struct relay_config *config);

#endif
