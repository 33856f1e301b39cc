/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PROXY protocol, versions 1 and 2 (haproxy's proxy-protocol.txt): a header in front of a
 * connection that tells whose it is. Bytes in, no I/O.
 */
#ifndef NET_PROXY_HEADER_H
#define NET_PROXY_HEADER_H

#include <stddef.h>

#include "net/address.h"
#include "net/stream.h"

#define PROXY_HEADER_MOST 536 /* bytes: version 2 with 520 of addresses and TLVs; version 1 has 107 */

enum proxy_verdict {
	PROXY_MORE,   /* so far it may be one: more is needed */
	PROXY_WHOLE,
	PROXY_REFUSED /* it is none, or a longer one than we take */
};

struct proxy_header {
	size_t length;  /* bytes of the header */
	bool has_peer;  /* false for LOCAL and UNKNOWN: the connection's own addresses are right */
	struct socket_address peer; /* the client's */
};

/* Reads from the first byte of the connection. bytes are all that came so far. */
enum proxy_verdict proxy_header_read(const char *bytes, size_t length, struct proxy_header *header);

/*
 * Returns a filter that reads the header off an accepted connection, and then stands aside for
 * inner (NULL: the socket), which becomes its own. A connection that does not begin with a header
 * fails (-EPROTO). NULL with errno ENOMEM; then inner stays the caller's. Any thread.
 */
struct stream_filter *proxy_accept(struct stream_filter *inner);

#endif
