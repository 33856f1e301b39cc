/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a dial's target stands for: a literal address at once, a name by a look-up on libuv's
 * threads. There is at most one look-up of a target at a time; all dials that come meanwhile wait
 * for it. All in the worker's thread.
 */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include <curfew/link.h>

#include "net/dial.h"

#define RESOLVED_MOST 8       /* addresses: a name with more of them has more than are ever tried */
#define RESOLVED_KEPT_MS 5000 /* how long what was found is taken for true */

/* Addresses in the order in which they are tried, the families interleaved (RFC 8305, 4). */
struct resolved {
	int references;
	int count;
	struct socket_address addresses[];
};

/* Embedded in what waits. */
struct resolve_wait {
	struct curfew_link link;
	void (*done)(struct resolve_wait *wait, int error); /* 0: it is in target->resolved */
};

/*
 * Returns 1 if target->resolved is there to be used; 0 if wait->done is going to be called, never
 * before this returned; or a negative errno.
 */
int resolve(struct dial_target *target, struct worker *worker, struct resolve_wait *wait);

/* Does not wait any longer; nothing happens if it does not wait. */
void resolve_forget(struct resolve_wait *wait);

/* None of the addresses was of use: the next dial looks the name up again. */
void resolve_doubt(struct dial_target *target);

/* NULL is fine. */
struct resolved *resolved_ref(struct resolved *resolved);
void resolved_unref(struct resolved *resolved);

#endif
