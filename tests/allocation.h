/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes the n-th allocation fail. Linked into every unit test, with the linker's --wrap in place of
 * malloc(3), calloc(3) and realloc(3). The count is the calling thread's.
 *
 *	for (int n = 1; failed; n++) {
 *		allocation_fail(n);
 *		thing = thing_new();
 *		failed = allocation_failed();
 *		...
 *	}
 */
#ifndef ALLOCATION_H
#define ALLOCATION_H

#include <stdbool.h>

/* From here on the n-th allocation fails, once; 0: none does. */
void allocation_fail(int n);

/* Ends it. Returns whether an allocation failed since allocation_fail. */
bool allocation_failed(void);

/* While it is on, allocations do not count: for what a test does itself between. */
void allocation_spare(bool on);

#endif
