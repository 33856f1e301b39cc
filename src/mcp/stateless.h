/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stateless era of MCP (2026-07-28): each request says its version, and has no session. A child
 * answers it that serves nobody else meanwhile: one of its own, or one of a pool
 * (--stateless-pool). Children speak the session era: they were initialized by us.
 */
#ifndef MCP_STATELESS_H
#define MCP_STATELESS_H

#include "mcp/exchange.h"
#include "mcp/host.h"
#include "mcp/message.h"

/* Whether a request is of this era: its params say so. */
bool stateless_is(const struct message *message);

/* Answers a request or notification that is whole. text is the message's; copied where needed. */
void stateless_post(
	struct mcp *mcp, struct http_connection *connection, const struct message *message);

/* The end has begun: children that are idle end. And the end: nothing is in flight. */
void stateless_announce(struct mcp *mcp);
void stateless_fini(struct mcp *mcp);

#endif
