/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes to a descriptor that we were given (0-2, or a file) without ever blocking, and without
 * setting O_NONBLOCK on it, which would change it for everybody who shares it: the shell, the
 * child. A pipe or a terminal is opened anew through /proc/self/fd, which gives us a description of
 * our own; a socket is written with MSG_DONTWAIT; a regular file does not block for long.
 *
 * What cannot be written yet is kept; the drain is held until it is written, so that no line is
 * lost.
 */
#ifndef LOOP_WRITER_H
#define LOOP_WRITER_H

#include <stdbool.h>
#include <stddef.h>

#include <curfew/drain.h>

#include "base/buffer.h"
#include "loop/loop.h"

struct writer {
	struct loop *loop;
	struct source source;
	bool is_socket;
	bool is_shared; /* a pipe or terminal whose description is not ours: poll(2) goes first */
	bool failed; /* the reader is gone, or the disk full: everything is dropped from then on */
	struct buffer pending;
	struct curfew_drain *drain;
	struct curfew_hold hold;
	void (*emptied)(struct writer *writer); /* nothing is pending any more; NULL */
	void (*lost)(struct writer *writer);    /* what was pending is dropped: failed; NULL */
};

/*
 * The descriptor stays the caller's. The drain is held from init to fini while it is open, so that
 * all is written before it is done. Returns 0 or a negative errno.
 */
int writer_init(struct writer *writer, struct loop *loop, int fd, struct curfew_drain *drain);
void writer_fini(struct writer *writer);

/* Writes, or keeps what cannot be written now. Returns how many bytes are pending. */
size_t writer_write(struct writer *writer, const char *bytes, size_t length);

/* Writes what is pending, waiting for the reader until deadline: for the very end. */
void writer_flush(struct writer *writer, int64_t deadline);

#endif
