/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A listening socket that loses nothing when it closes. close(2) resets the connections that wait
 * in its queue; this one, when the front stage drains, accepts until the queue is empty, lets
 * handshakes in progress settle, accepts until it is empty again, and closes then. Whatever a
 * client saw established before is handed to on_connection. Afterwards new connections are
 * refused at once.
 */
#ifndef CURFEW_LISTENER_H
#define CURFEW_LISTENER_H

#include <stdint.h>

#include <curfew/lifecycle.h>
#include <curfew/visibility.h>

CURFEW_BEGIN

struct curfew_listener;

/*
 * Gets a connection: non-blocking, close-on-exec, and from here on the callee's. In the dispatch;
 * it may pause the listener, and must not free it.
 */
typedef void curfew_listener_fn(int fd, void *arg);

/*
 * Starts to accept on a socket that is bound and listening (TCP, or a unix stream socket), and
 * holds the front stage. The socket belongs to the listener and is made non-blocking. NULL with
 * errno on failure (ENOMEM; EINVAL: not a listening socket; ESHUTDOWN: the end has begun); then
 * the socket stays the caller's. Connections that arrive when descriptors are short wait in the
 * queue. Where the socket has ceased to listen (somebody has shut it down) the end begins, with
 * CURFEW_FAILURE. The socket must be this process's alone: before the close a filter is set on
 * it, which would keep new connections out of any other process that listens on the same one.
 */
CURFEW_API struct curfew_listener *curfew_listener_new(
	struct curfew_lifecycle *life, int fd, curfew_listener_fn *on_connection, void *arg);

/*
 * Stops accepting for a while (back-pressure), and goes on. Emptying at the end goes on
 * regardless.
 */
CURFEW_API void curfew_listener_pause(struct curfew_listener *listener);
CURFEW_API void curfew_listener_resume(struct curfew_listener *listener);

/* Returns how many connections were handed over so far. */
CURFEW_API uint64_t curfew_listener_accepted(const struct curfew_listener *listener);

/* Empties and closes the socket early, as the drain would. */
CURFEW_API void curfew_listener_close(struct curfew_listener *listener);

/* Frees a listener; if it is still open, closes its socket without emptying it. NULL is fine. */
CURFEW_API void curfew_listener_free(struct curfew_listener *listener);

CURFEW_END

#endif
