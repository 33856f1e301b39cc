/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads what a child writes into a pipe, as bytes. The end of the child is not the end of its
 * output: what is in the pipe by then is still read, and no more, since a process that escaped may
 * hold the other end for ever.
 */
#ifndef CHILD_PUMP_H
#define CHILD_PUMP_H

#include <stdbool.h>
#include <stddef.h>

#include "loop/loop.h"

struct pump {
	struct loop *loop;
	struct source source;
	bool paused;
	bool finishing;
	size_t left; /* bytes to read still, when finishing */
	/*
	 * Gets bytes; length 0: the end, once, after which the pump is closed. May pause the pump.
	 */
	void (*read)(struct pump *pump, const char *bytes, size_t length);
};

/*
 * Takes over fd, which is non-blocking. Returns 0 or a negative errno, and then fd is still the
 * caller's.
 */
int pump_init(struct pump *pump, struct loop *loop, int fd,
	void (*read)(struct pump *pump, const char *bytes, size_t length));

/* Closes it without another call of read. A zeroed pump is fine. */
void pump_fini(struct pump *pump);

void pump_pause(struct pump *pump);
void pump_resume(struct pump *pump);

/* The writer is gone: reads what is there, and ends. May call read. */
void pump_finish(struct pump *pump);

/* Ends at once. Returns how many bytes were there to be read. May call read. */
size_t pump_abort(struct pump *pump);

#endif
