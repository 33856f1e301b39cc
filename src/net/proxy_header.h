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

/*
 * Bytes of the longest header that is taken. Version 1 has 107 at most; version 2 should fit into
 * 536, but its type-length-value triples (an authority, an id, a client's certificate) need not.
 */
#define PROXY_HEADER_MOST 4096

enum proxy_verdict {
	PROXY_MORE, /* so far it may be one: more is needed, and all that came is part of it */
	PROXY_WHOLE,
	PROXY_REFUSED /* it is none, or a longer one than we take */
};

struct proxy_header {
	size_t length; /* bytes of the header */
	bool has_peer; /* false for LOCAL and UNKNOWN: the connection's own addresses are right */
	struct socket_address peer; /* the client's: IPv4, IPv6 or unix */
};

/*
 * Reads from the first byte of the connection. bytes are all that came so far; header is set where
 * the verdict is PROXY_WHOLE.
 */
enum proxy_verdict proxy_header_read(const char *bytes, size_t length, struct proxy_header *header);

/*
 * Returns a filter that reads the header off an accepted connection, byte for byte and no further,
 * and then stands aside for inner (NULL: the socket), which becomes its own. A connection that does
 * not begin with a header fails (-EPROTO); one that ends before its first byte has just ended, for
 * so a balancer asks whether we live. Nothing is written before the header has come. NULL with
 * errno ENOMEM; then inner stays the caller's. Any thread.
 */
struct stream_filter *proxy_accept(struct stream_filter *inner);

#endif
