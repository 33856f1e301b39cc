/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#include <curfew/time.h>

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

/*
 * Returns now to the kernel's tick (some milliseconds), five times as fast: for ages, not for
 * deadlines.
 */
int64_t clock_coarse(void);

/* Returns from + ms, with the rules of curfew_after_ms. */
int64_t clock_add_ms(int64_t from, int64_t ms);

/* Returns the whole milliseconds from one point to a later one. */
int64_t clock_ms_between(int64_t from, int64_t to);

/* For tests: every clock reads *now from here on; NULL: the real one again. */
void clock_fake(const int64_t *now);

#endif
