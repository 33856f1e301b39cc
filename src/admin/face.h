/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The admin face: a listener of its own that is the last to close, so that a drain can be watched
 * to its end.
 *
 *	/healthz	200 as long as the process lives
 *	/readyz		200 in RUNNING, else 503, from the instant at which the end begins
 *	/metrics	metrics.h
 *	/status		the page for who asks for text/html, JSON for all others
 *	/status.json	status.h
 *	/status/events	the same as server-sent events: "status" when a phase begins, each second
 *			and, while the process ends, four times a second; "end" is the last one
 *	/		the page
 *
 * It belongs to worker 0, and is held on the log stage: nobody waits for its connections, neither
 * are they counted as work. While nobody looks it has no timer. At the end the viewers get their
 * last event, and what is not gone a few milliseconds later is cut.
 */
#ifndef ADMIN_FACE_H
#define ADMIN_FACE_H

#include "admin/metrics.h"
#include "admin/status.h"
#include "core/drain.h"
#include "http/server.h"
#include "net/worker.h"

#define ADMIN_CONNECTIONS_MOST 512
#define ADMIN_VIEWERS_MOST 32 /* of events */

/* What there is to tell besides what the lifecycle knows; borrowed. */
struct admin_content {
	const struct metrics *metrics;
};

/* Private. */
struct admin_face {
	struct curfew_lifecycle *life;
	struct curfew_drain drain;       /* on the log stage; on it are, in this order: */
	struct curfew_hold hold;         /* the last words */
	struct curfew_drain connections; /* and those who hear them */
	struct curfew_listener *listener;
	struct http_server server;
	struct http_limits limits;
	struct status status;
	struct curfew_link viewers;
	size_t viewer_count;
	struct timer tick;
	struct task tell;
};

/*
 * Starts to answer on a listening socket, at any time before the end; worker is worker 0 of its
 * pool. Returns 0, and the socket is the face's; or a negative errno, and it stays the caller's.
 */
int admin_face_start(struct admin_face *face, struct curfew_lifecycle *life, struct worker *worker,
	int listening_fd, const struct admin_content *content);

/* Tells the viewers that the phase has changed: to be called in on_phase. */
void admin_face_phase(struct admin_face *face);

/* Once the lifecycle is DONE and nothing was abandoned; also instead of running it at all. */
void admin_face_fini(struct admin_face *face);

#endif
