/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connects to an address with a deadline. A name is looked up on libuv's threads, and what was
 * found is kept for a few seconds; its addresses are tried one after the other, the next one 250 ms
 * after the last if that did not answer yet (RFC 8305, 5, with the families interleaved), at once
 * if it was refused. A unix socket whose backlog is full is tried again until the deadline.
 */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include "net/address.h"
#include "net/worker.h"

struct dial; /* one attempt */
struct lookup;
struct resolved;

/*
 * What is dialled, on one worker; embedded in its owner and kept by it as long as dials run. Set
 * address, zero the rest. The host "" is this machine (::1, 127.0.0.1).
 */
struct dial_target {
	struct address address;
	/* Private (net/resolve.h). */
	struct resolved *resolved; /* what the last look-up found */
	int64_t resolved_until;
	struct lookup *lookup; /* the one that runs */
};

/* No dial of the target runs any more. */
void dial_target_fini(struct dial_target *target);

/*
 * Starts to connect. done(arg, fd, error) is called exactly once, never before this returns: with a
 * connected non-blocking socket (TCP_NODELAY), the caller's from then on, or -1 and a negative
 * errno: -ECONNREFUSED, -ETIMEDOUT (the deadline, too), -EHOSTUNREACH, ..., -ENOENT for a name that
 * is not known or a path that is not there, -EAGAIN where no name server answers. Returns NULL with
 * errno if it cannot start. The dial is gone once done was called.
 */
struct dial *dial_start(struct dial_target *target, struct worker *worker, int64_t deadline,
	void (*done)(void *arg, int fd, int error), void *arg);

/* Gives it up: done is not called any more. */
void dial_cancel(struct dial *dial);

/* Returns words for such an error that fit behind "the upstream": "refuses connections". Static. */
const char *dial_error_text(int error);

#endif
