/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listening sockets: made from addresses, or handed over by systemd (sd_listen_fds(3)): LISTEN_FDS
 * of them from descriptor 3 on, if LISTEN_PID is ours.
 */
#ifndef NET_OPEN_H
#define NET_OPEN_H

#include "base/buffer.h"
#include "net/address.h"

#define LISTEN_BACKLOG 4096

/*
 * Binds and listens: non-blocking, close-on-exec, SO_REUSEADDR, and TCP_NODELAY for those that are
 * accepted. A host that has to be looked up is (blocking: at the start only), and its first address
 * on this machine taken; "" listens on [::] for both IPv6 and IPv4, on 0.0.0.0 where there is no
 * IPv6; [::] written out is IPv6 alone. The file of a unix socket is removed first if nobody
 * listens on it any more. Returns the descriptor, or -1 with one line in refusal that says what
 * and how to mend it ("cannot listen on 0.0.0.0:80: permission denied (run with
 * CAP_NET_BIND_SERVICE, or listen above 1024)").
 */
int listen_open(const struct address *address, struct buffer *refusal);

/*
 * Removes the file of a unix socket that we made; for the end, when the socket is closed: as long
 * as somebody listens there, another one perhaps that took our place, the file stays.
 */
void listen_unlink(const struct address *address);

/*
 * Returns how many sockets systemd handed over: they are 3, 4, ... and become close-on-exec and
 * non-blocking; the variables are taken out of the environment. 0: none. -1 with a refusal, if one
 * of them is no listening stream socket.
 */
int listen_activated(struct buffer *refusal);

#endif
