/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A place for one request in flight, a virtual user. It keeps at most one connection for each
 * endpoint that it has used. All of it in its worker's thread.
 *
 *	IDLE -> CONNECTING -> BUSY -> IDLE ...
 *	    `-----------------^
 *	IDLE -> PAUSED -> IDLE		a moment after it could not connect, in a closed loop
 *	IDLE -> WAITING -> IDLE		the source had nothing for it
 */
#ifndef LOAD_LANE_H
#define LOAD_LANE_H

#include <curfew/link.h>

#include "base/buffer.h"
#include "load/channel.h"
#include "load/source.h"
#include "net/deadline.h"
#include "net/dial.h"

#define LANE_PAUSE_MS 10

enum lane_state { LANE_IDLE, LANE_CONNECTING, LANE_BUSY, LANE_PAUSED, LANE_WAITING };

struct lane {
	struct curfew_link link; /* of the crew's: idle, or waiting */
	struct crew *crew;
	uint8_t state;   /* enum lane_state */
	bool is_counted; /* the request is one of the run */
	struct dial *dial;
	struct deadline deadline; /* of the request; of the pause */
	struct load_request request;
	struct buffer room;
	int64_t due_ns, begun_ns, sent_ns; /* curfew_now() */
	struct channel *channels[];        /* for each of the plan's endpoints; NULL: none */
};

/* NULL without memory. */
struct lane *lane_new(struct crew *crew);
/* Not in flight, and without channels. */
void lane_free(struct lane *lane);

/*
 * Begins the source's next request, in IDLE: due_ns is when it was to be sent; now, the clock.
 * Returns 0, or what source->next does: then it is as it was.
 */
int lane_begin(struct lane *lane, uint64_t number, int64_t due_ns, int64_t now);

static inline bool lane_in_flight(const struct lane *lane)
{
	return lane->state == LANE_CONNECTING || lane->state == LANE_BUSY;
}

/* Lets go of what is in flight, which is not counted as over, and of the pause. */
void lane_cut(struct lane *lane);

/* In PAUSED after a while: crew_resume is called. */
void lane_pause(struct lane *lane, int64_t now);

/* WAITING and back to IDLE; the list is the crew's. */
void lane_wait(struct lane *lane);
void lane_wake(struct lane *lane);

/* Closes the connections of a lane that is not in flight. */
void lane_close(struct lane *lane);

/* From channels: */

/* After a handshake of the channel's own. */
void lane_opened(struct channel *channel);

/*
 * The request is answered: answer has outcome, status and body. reusable: the channel takes
 * another, perhaps within this call; else it was detached, and closes itself. The last thing that
 * the channel does.
 */
void lane_answered(struct lane *lane, struct load_answer *answer);

/*
 * The channel was lost, detached, and closes itself; if it was the request's, that has failed so.
 * The last thing that it does.
 */
void lane_lost(struct lane *lane, uint32_t endpoint, enum load_outcome outcome);

/* The same of a handshake that was answered otherwise: answer has outcome and status. */
void lane_refused(struct lane *lane, uint32_t endpoint, struct load_answer *answer);

#endif
