/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run is to do: made of options and profile before the first thread starts, and only read
 * from then on.
 */
#ifndef LOAD_PLAN_H
#define LOAD_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "load/load.h"
#include "load/ramp.h"
#include "load/schedule.h"
#include "load/source.h"
#include "load/tally.h"
#include "load/threshold.h"
#include "net/address.h"

struct profile;
struct tls_client;
struct worker;

enum endpoint_kind { ENDPOINT_HTTP, ENDPOINT_WEBSOCKET };

/* Where connections go. */
struct endpoint {
	enum endpoint_kind kind;
	struct address address;
	bool is_tls;
	char *host;   /* for Host: with the port, unless it is the scheme's; owned */
	char *target; /* path and query of the URL, "/" at least; owned */
};

#define PLAN_ENDPOINTS_MOST 64

struct plan;
struct result_section;

/* A kind of source: one row for each, and what it reads of options and profile. */
struct source_kind {
	/*
	 * Makes the source of a worker. prepared is what the plan has of it (plan->shared). NULL
	 * with errno.
	 */
	struct load_source *(*new)(const struct plan *plan, struct worker *worker, int thread);
	/* Frees plan->shared, when all sources are gone. */
	void (*free_shared)(void *shared);
	/* Before the threads end: what the kind tells; appended to *sections. NULL: nothing */
	void (*tell)(void *shared, struct result_section **sections);
	/*
	 * Appends so many of the first requests, as far as they can be known without a target
	 * (--dry-run). Returns 0 or -ENOMEM. NULL: next() makes them, and there is no prepare().
	 */
	int (*show)(const void *shared, struct buffer *out, uint64_t count);
};

struct plan {
	struct endpoint endpoints[PLAN_ENDPOINTS_MOST];
	size_t endpoint_count;
	struct tls_client *tls; /* NULL: no endpoint has it */
	bool tls_insecure;

	bool is_open;
	const struct schedule_stage *stages; /* open: owned */
	size_t stage_count;
	bool has_ramp;    /* whose steps the stages are */
	struct ramp ramp; /* what its caller sets of it, to be copied */
	enum schedule_arrival arrival;
	int connections;        /* closed: how many; open: how many may be in flight */
	bool fresh;             /* a connection for each request */
	int64_t for_ns;         /* no more are begun after it; INT64_MAX */
	uint64_t requests_most; /* UINT64_MAX: any */
	int64_t timeout_ms;     /* of a request, connecting included */
	uint64_t seed;
	int threads;
	bool prewarm;
	bool expects_restart;

	/* --header, for the scenarios of a profile that have header fields; borrowed; NULL: none */
	const struct words *headers;
	bool has_taken_headers;  /* there is such a scenario */
	struct profile *profile; /* whose strings are used here; owned; NULL: none */
	const char **scenarios;  /* names; at least one */
	size_t scenario_count;
	struct threshold thresholds[WORDS_MOST]; /* --fail-on */
	size_t threshold_count;
	const struct source_kind *kind;
	void *shared; /* of the kind: templates, accounts; owned */
};

/*
 * Reads http://, https://, ws:// or wss://HOST[:PORT][/PATH[?QUERY]], also with unix:PATH for the
 * host (then the target is "/"). Returns NULL, or what is wrong with it; the endpoint is zeroed
 * then.
 */
const char *load_endpoint_parse(const char *url, struct endpoint *endpoint);
void load_endpoint_fini(struct endpoint *endpoint);

/*
 * Makes a plan of the options, and reads the files that they name. Returns 0, or -EINVAL with one
 * line in refusal, that says how to mend it. fini is to be called anyway.
 */
int plan_read(struct plan *plan, const struct load_config *config, struct buffer *refusal);
void plan_fini(struct plan *plan);

/* Writes how much, and for how long, for people: "1000/s for 30 s". */
void plan_describe(const struct plan *plan, char *text, size_t size);

#endif
