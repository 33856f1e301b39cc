/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connects to an address with a deadline. A name is looked up on libuv's threads, and what was
 * found is kept for a few seconds; its addresses are tried one after the other, the next one 250 ms
 * after the last if that did not answer yet (RFC 8305, 5, with the families interleaved).
 */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include "net/address.h"
#include "net/worker.h"

struct dial; /* one attempt */

/*
 * What is dialled, on one worker; embedded in its owner and kept by it as long as dials run. Set
 * address, zero the rest.
 */
struct dial_target {
	struct address address;
	/* Private: what the last look-up found. */
	struct socket_address *found;
	int count;
	int64_t found_until;
};

void dial_target_fini(struct dial_target *target);

/*
 * Starts to connect. done(arg, fd, error) is called exactly once, never before this returns: with a
 * connected non-blocking socket (TCP_NODELAY), the caller's from then on, or -1 and a negative
 * errno: -ECONNREFUSED, -ETIMEDOUT (the deadline, too), -EHOSTUNREACH, ..., -ENOENT for a name that
 * is not known. Returns NULL with errno if it cannot start. The dial is gone once done was called.
 */
struct dial *dial_start(struct dial_target *target, struct worker *worker, int64_t deadline,
	void (*done)(void *arg, int fd, int error), void *arg);

/* Gives it up: done is not called any more. */
void dial_cancel(struct dial *dial);

#endif
