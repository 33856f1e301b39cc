/* SPDX-License-Identifier: Apache-2.0 */
/* A fake clock, and an agenda that a test runs: time passes when the test says so. */
#ifndef TIMELINE_H
#define TIMELINE_H

#include <pthread.h>
#include <stdint.h>

#include "core/agenda.h"

#define TIMELINE_START                                                                             \
	INT64_C(1000000000000) /* where the fake clock stands at first, in nanoseconds */

struct timeline {
	struct agenda agenda;
	int64_t now;
	pthread_mutex_t lock; /* of what attend() tells: */
	pthread_cond_t told;
	int64_t due;
	int attended; /* how many times */
};

extern struct timeline timeline;

void timeline_init(void);
void timeline_fini(void);

/* A cmocka test on a timeline of its own. */
int timeline_setup(void **state);
int timeline_teardown(void **state);
#define timeline_test(test) cmocka_unit_test_setup_teardown(test, timeline_setup, timeline_teardown)

/* Runs the agenda until nothing is due at this time. */
void timeline_settle(void);

/* Lets time pass, stopping at each deadline on the way to run what is due. */
void timeline_advance_ms(int64_t ms);

/* The milliseconds since the start. */
int64_t timeline_ms(void);

/* Waits, in real time, until another thread has posted something; fails the test if none does. */
void timeline_await(void);

#endif
