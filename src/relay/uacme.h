/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run of uacme(1), Debian's ACME client, as a child under a keeper: it ends with the children
 * stage of the lifecycle, by the ladder and with all that it has started.
 *
 *	no account's key in the cache	new, issue
 *	else				issue; if that fails: new, and, if there was none at this
 *					CA, issue
 *
 * What it says on standard error is logged. Worker 0's thread.
 *
 * Its hook writes a file that the CA names: the token. That it is no path is uacme's to see to,
 * which it does from 1.7.4 on; tests/relay has a CA that tries.
 */
#ifndef RELAY_UACME_H
#define RELAY_UACME_H

#include <curfew/child.h>

#include "admin/service.h"
#include "relay/cache.h"

#define UACME_TERM_WAIT_MS 2000
#define UACME_SAID 512

enum uacme_outcome {
	UACME_ISSUED,  /* there is a new certificate */
	UACME_CURRENT, /* the one that there is will do */
	UACME_FAILED,
	UACME_STOPPED /* the process ends */
};

/* What all runs have in common; borrowed. */
struct uacme_config {
	const char *program; /* "uacme" */
	const char *hook;    /* uacme.sh of its package, which writes the challenges */
	const char *url;     /* of the CA's directory; NULL: uacme's own choice */
	const char *keeper;  /* struct curfew_child_config's */
	int64_t run_most_ms; /* a run that takes longer is stopped, and has failed */
};

enum uacme_step { UACME_IDLE, UACME_ACCOUNT, UACME_ISSUE };

/* Zeroed: nothing runs. */
struct uacme {
	/* Set before a run. */
	const struct uacme_config *config;
	const struct cache *cache;
	struct service *service;
	/* Once for each run; reason: one line where it FAILED. It may start the next. */
	void (*done)(struct uacme *uacme, enum uacme_outcome outcome, const char *reason);

	/* Private. */
	struct curfew_child *child;
	enum uacme_step step;
	int days;           /* 0: whatever there is, a new one is issued */
	bool asked_account; /* in this run */
	bool late;
	struct timer bound;
	char said[UACME_SAID];      /* the first line of the step, and the CA's detail */
	char complaint[UACME_SAID]; /* the same of the issue that failed */
};

/*
 * Looks whether the program and its hook are there. Returns 0, or -1 with a refusal.
 */
int uacme_check(const struct uacme_config *config, struct buffer *refusal);

/*
 * Begins a run: a certificate is issued if that of the cache is valid for no more than days (0: in
 * any case). Returns 0, or a negative errno: then done is not called.
 */
int uacme_start(struct uacme *uacme, int days);

/* When the lifecycle is DONE, or no run was ever begun. */
void uacme_fini(struct uacme *uacme);

#endif
