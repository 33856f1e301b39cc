/* SPDX-License-Identifier: Apache-2.0 */
/*
 * curfew load: load that ends when it said it would, and tells the truth.
 */
#ifndef LOAD_LOAD_H
#define LOAD_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "admin/service_config.h"
#include "base/words.h"

#define LOAD_NOT_GIVEN (-1) /* what no option can mean */

enum load_live { LOAD_LIVE_AUTO, LOAD_LIVE_ALWAYS, LOAD_LIVE_NEVER };

/* Durations in milliseconds, CURFEW_NEVER for none. Strings are borrowed. */
struct load_config {
	struct service_config service;
	char *const *results;   /* to be merged: files, ends with NULL; NULL: a run */
	char *const *urls;      /* operands, ends with NULL; none where there is a profile */
	const char *profile;    /* a file; NULL: none */
	int connections;        /* of a closed loop; 0: not given */
	const char *rate;       /* of an open loop, "5000/s" or "5000"; NULL: closed */
	unsigned arrival;       /* enum schedule_arrival, or LOAD_NOT_GIVEN */
	int max_in_flight;      /* of an open loop; 0: not given */
	int64_t duration_ms;    /* LOAD_NOT_GIVEN */
	const char *requests;   /* a number; NULL: any */
	struct words stages;    /* "100/s:30s" each */
	const char *ramp_start; /* a rate; NULL: no ramp */
	const char *ramp_step;
	int64_t ramp_every_ms;  /* LOAD_NOT_GIVEN */
	const char *ramp_while; /* "p90<1s" */
	const char *method;     /* NULL: GET, or POST with a body */
	struct words headers;   /* "Name: value" each */
	const char *body;
	const char *body_file;
	bool places; /* ${number} and others, in URLs, headers and body */
	bool fresh;
	int64_t timeout_ms; /* LOAD_NOT_GIVEN */
	const char *seed;
	bool dry_run;
	const char *presign; /* a file that transactions are signed into; NULL: none */
	bool prewarm;
	const char *tls_ca;
	bool tls_insecure;
	struct words fail_on; /* "errors>0.1%", "p99>50ms" */
	bool expect_restart;
	const char *json; /* a file, "-" for stdout */
	const char *html;
	int64_t stats_interval_ms;
	unsigned live; /* enum load_live */
	int64_t flush_delay_ms;
	const char *run_id;
	struct words labels; /* "NAME=VALUE" each, for target_info and results */
};

/* Runs it to its end. Returns the exit code. */
int load_main(const struct load_config *config);

/*
 * curfew load merge: makes one result of those in config->results, writes it to --json and --html,
 * and its summary; --fail-on is judged anew. Returns the exit code.
 */
int load_merge_main(const struct load_config *config);

#endif
