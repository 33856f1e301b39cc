/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of curfew/listener.h: for a listener that is not of the front. */
#ifndef LOOP_LISTENER_H
#define LOOP_LISTENER_H

#include <curfew/listener.h>

#include "core/drain.h"

/*
 * As curfew_listener_new, with a hold on another drain of the thread that dispatches, whose end
 * empties and closes it.
 */
struct curfew_listener *listener_new_on(struct curfew_lifecycle *life, struct curfew_drain *drain,
	int fd, curfew_listener_fn *on_connection, void *arg);

/* Accepts what waits in the queue now, and closes at once: what comes in between is lost. */
void listener_cut(struct curfew_listener *listener);

/*
 * The socket is another process's as well, as one that systemd handed over: it goes on listening
 * when ours is closed, so that nothing may be set on it that would keep connections out.
 */
void listener_share(struct curfew_listener *listener);

#endif
