/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often an address may ask for a connection (a token bucket), and how many it may have. Shared
 * by all threads, behind one lock. Memory is bounded: of LIMITER_MOST addresses those go first that
 * say least: no connections, and a full bucket; where there is none such, the one whose bucket is
 * the fullest. An IPv6 network of 64 bits counts as one address.
 */
#ifndef RELAY_LIMITER_H
#define RELAY_LIMITER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <curfew/link.h>

#define LIMITER_MOST 65536

struct limiter {
	int64_t interval_ms; /* a token every so often; 0: no limit */
	int burst;           /* tokens that can be saved up */
	int most;            /* connections of one address; 0: any */

	/* Private. */
	pthread_mutex_t lock;
	struct curfew_link *buckets;
	struct curfew_link old; /* the one that was asked about longest ago first */
	size_t count;
	uint64_t key[2];
};

enum limiter_answer { LIMITER_WELCOME, LIMITER_TOO_OFTEN, LIMITER_TOO_MANY };

/* The first three fields are set. Returns 0 or -ENOMEM. */
int limiter_init(struct limiter *limiter);
void limiter_fini(struct limiter *limiter);

/*
 * Takes a token, and a connection's place, for this address (as text; what is none, such as "unix",
 * is not limited). now: curfew_now(). Any thread. After LIMITER_WELCOME each has one
 * limiter_leave.
 */
enum limiter_answer limiter_enter(struct limiter *limiter, const char *address, int64_t now);
void limiter_leave(struct limiter *limiter, const char *address);

/* Seconds until the next token, for Retry-After: at least 1. */
int64_t limiter_wait_s(struct limiter *limiter, const char *address, int64_t now);

#endif
