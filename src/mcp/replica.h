/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request that reached us, and whose session is another replica's: it is passed on to that one,
 * and its answer is passed back as it comes, event streams too. Only names of sessions whose MAC is
 * right lead here, so that nobody can send us anywhere (--peer-url with {replica}).
 *
 *	replica_init(mcp)	at the start; before it nothing is passed on
 *	replica_announce(mcp)	the end has begun
 *	replica_fini(mcp)	when the lifecycle is DONE, before service_fini
 */
#ifndef MCP_REPLICA_H
#define MCP_REPLICA_H

#include "mcp/exchange.h"
#include "mcp/host.h"

#define REPLICA_MARK "{replica}" /* in --peer-url */

/* Checks --peer-url. Returns NULL, or what is wrong, which fits behind it. */
const char *replica_check(const char *peer_url);

void replica_init(struct mcp *mcp);

/*
 * Passes on a request that is whole; replica: the owner's name; body: is taken over, and left
 * empty; fields: of an answer of our own, lines that end with CRLF, or NULL. Such an answer is 404
 * where the owner is gone (refused, no such host, no answer in 5 s), 502 where it breaks off, 503
 * where we cannot ask it. A request that was passed on to us is not passed on again, but answered
 * 404. May end the exchange.
 */
void replica_pass_on(struct mcp *mcp, struct http_connection *connection, const char *replica,
	size_t length, struct buffer *body, const char *fields);

/* Whether a request comes from another replica, or says so: nothing is granted for it. */
bool replica_passed_on(const struct http_head *head);

/* Streams of GET, in which there may be nothing for hours, end between two events. */
void replica_announce(struct mcp *mcp);

void replica_fini(struct mcp *mcp);

#endif
