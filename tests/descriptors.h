/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process's descriptors: counted, so that none is lost, and short, so that opening one fails.
 */
#ifndef DESCRIPTORS_H
#define DESCRIPTORS_H

#include <stdbool.h>

/* Returns how many are open. */
int descriptors_count(void);

/* Takes all that can be had but for so many. */
void descriptors_leave(int count);

/* Gives them back. */
void descriptors_restore(void);

/* Waits until one is readable, within some milliseconds. Returns whether it is. */
bool descriptor_readable(int fd, int within_ms);

#endif
