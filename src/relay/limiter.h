/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often an address may ask for a connection (a token bucket), and how many it may have. Shared
 * by all threads, behind one lock. An IPv6 network of 64 bits counts as one address.
 *
 * Memory is bounded: addresses that have no connection and a full bucket are forgotten as others
 * come; and of those without a connection there are LIMITER_MOST at most, of which the one with the
 * fullest bucket goes first. Those that have connections are never more than there are connections.
 */
#ifndef RELAY_LIMITER_H
#define RELAY_LIMITER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <curfew/link.h>

#include "base/heap.h"

#define LIMITER_MOST 65536

struct limiter {
	int64_t interval_ms; /* a token every so often; 0: no limit */
	int burst;           /* tokens that can be saved up */
	int most;            /* connections of one address; 0: any */

	/* Private. */
	pthread_mutex_t lock;
	struct curfew_link *table; /* of addresses, by their hash */
	struct heap idle;          /* those without a connection, by when their bucket is full */
	size_t idle_count;
	uint64_t key[2];
};

enum limiter_answer { LIMITER_WELCOME, LIMITER_TOO_OFTEN, LIMITER_TOO_MANY };

/* The first three fields are set. Returns 0 or -ENOMEM. */
int limiter_init(struct limiter *limiter);
/* Zeroed: does nothing. */
void limiter_fini(struct limiter *limiter);

/*
 * Takes a token, and a connection's place, for this address (as text; what is none, such as "unix",
 * is not limited; nor is anybody without memory). now: curfew_now(). Any thread. After
 * LIMITER_WELCOME each has one limiter_leave.
 */
enum limiter_answer limiter_enter(struct limiter *limiter, const char *address, int64_t now);
void limiter_leave(struct limiter *limiter, const char *address);

/* Seconds until the next token, for Retry-After: at least 1. */
int64_t limiter_wait_s(struct limiter *limiter, const char *address, int64_t now);

#endif
