/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHILD_STDIO_H
#define CHILD_STDIO_H

#include <stdbool.h>

#include <curfew/child.h>

/* Both ends of what is opened for the child's stdio: theirs are closed after the spawn. */
struct stdio {
	int theirs[3];
	int ours[3];
	bool close_theirs[3];
};

/* Opens what in, out and err ask for. Returns 0, or a negative errno with nothing left open. */
int stdio_open(struct stdio *stdio, const struct curfew_child_config *config);

void stdio_close_theirs(struct stdio *stdio);
void stdio_close_ours(struct stdio *stdio);

/*
 * Takes those of 0-2 that are closed, so that nothing that is opened later stands there and is read
 * or written by mistake. Reading and writing fail as before; a child finds them closed.
 */
void stdio_reserve(void);

/*
 * Moves a descriptor that is one of 0-2 above them. On failure it is closed, and *fd negative.
 * Returns 0 or a negative errno.
 */
int stdio_move_above(int *fd);

#endif
