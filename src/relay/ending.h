/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end, in the order that loses nothing: clients first. Each client is closed with 1001, at once
 * or at a moment drawn at random (--spread); a server, likewise, but not before all clients of its
 * id have ended, and their notices are queued for it. Each close has its bound
 * (ws_limits.close_ms), the whole that of the work: the moments leave time for the closes of both,
 * and a server whose clients do not end is closed while there is time for its own.
 *
 * It begins once in each lane: kept ids are given up, claims that wait get their 1001, and from
 * then on whoever joins does.
 */
#ifndef RELAY_ENDING_H
#define RELAY_ENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curfew/drain.h>

#include "core/agenda.h"

#define ENDING_REASON "shutting down"

struct lane;
struct member;
struct slot;
struct turn;

/* Of a lane, in its registry; for ending.c alone, but for begun. */
struct ending {
	bool begun;
	bool in_order;           /* the turns are */
	struct curfew_hold hold; /* on the worker's drain: by its finish the end begins */
	int64_t began;
	int64_t window_ms;  /* which the moments are drawn from */
	int64_t server_due; /* when a server is closed whoever of its clients is left */
	struct turn *turns; /* whose moment is still to come */
	size_t count, room; /* of turns */
	size_t next;        /* the first turn that has not come */
	struct timer timer; /* of that */
	struct agenda *agenda;
};

/* The lane has its worker, and nobody on it. For the registry. */
void ending_init(struct lane *lane);
void ending_fini(struct lane *lane);

/* The drain asks a member to finish. */
void ending_finish(struct member *member);

/* Somebody of this slot has ended: its server's turn may have come. */
void ending_look(struct slot *slot);

/* It is closed, or has ended: it has no turn any more. */
void ending_forget(struct member *member);

#endif
