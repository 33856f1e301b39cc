/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request that reached us, and whose session is another replica's: it is passed on to that one,
 * and its answer is passed back as it comes, event streams too. Only names of sessions whose MAC is
 * right lead here, so that nobody can send us anywhere (--peer-url with {replica}).
 */
#ifndef MCP_REPLICA_H
#define MCP_REPLICA_H

#include "mcp/exchange.h"
#include "mcp/host.h"

/* Checks --peer-url and --replica. Returns NULL, or what is wrong, which fits behind the option. */
const char *replica_check(const char *peer_url);

/*
 * Passes on a request that is whole; replica: the owner's name. The answer's 404 where the owner is
 * gone (refused, no such host, no answer in 5 s), 502 where it breaks off. A request that was passed
 * on to us once is not passed on again (a header says so).
 */
void replica_pass_on(struct mcp *mcp, struct http_connection *connection, const char *replica,
	size_t length, const char *body, size_t body_length);

/* Whether a request comes from another replica. */
bool replica_passed_on(const struct http_head *head);

#endif
