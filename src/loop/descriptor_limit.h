/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many descriptors we may have: for a program that serves, as many as it is allowed to ask for.
 * Children are given the limit that was before, for which they may have been made (select(2)).
 */
#ifndef LOOP_DESCRIPTOR_LIMIT_H
#define LOOP_DESCRIPTOR_LIMIT_H

#include <stdbool.h>
#include <sys/resource.h>

#define DESCRIPTOR_LIMIT_MOST (1 << 20) /* more is not asked for */

/* Raises the limit; call it once. Returns what it is now. */
unsigned descriptor_limit_raise(void);

/* Returns whether it was raised, and then what it was before. */
bool descriptor_limit_original(struct rlimit *limit);

#endif
