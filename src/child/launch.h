/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHILD_LAUNCH_H
#define CHILD_LAUNCH_H

#include "child/child.h"
#include "child/stdio.h"

/*
 * Starts the process of a child, under a keeper where its tree asks for one: fills in its pid, its
 * pidfd and the channel to the keeper. Returns 0, or a negative errno with nothing left running.
 */
int launch(struct curfew_child *child, const struct stdio *stdio);

#endif
