/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stateless era of MCP (2026-07-28): each request says its version, and has no session. A child
 * answers it that serves nobody else meanwhile: one of its own, or one of a pool
 * (--stateless-pool). Children speak the session era: they were initialized by us. One that refuses
 * initialize is taken for one of this era, and gets and gives everything as it is.
 */
#ifndef MCP_STATELESS_H
#define MCP_STATELESS_H

#include "mcp/exchange.h"
#include "mcp/host.h"
#include "mcp/message.h"

/* Whether a message is of this era: its params say so, or the field MCP-Protocol-Version does. */
bool stateless_is(const struct message *message, const struct http_head *head);

/* What belongs to a request besides its message; copied where needed. */
struct stateless_post {
	const char *fields;             /* for the answer's head, as channel_attach has it; "" */
	const char *const *environment; /* for a child of its own, as backend_start has it; NULL */
};

/* Answers a request or notification that is whole. text is the message's; copied where needed. */
void stateless_post(struct mcp *mcp, struct http_connection *connection,
	const struct message *message, const struct stateless_post *post);

/*
 * There is room: a child is idle or gone, or one that started has (mcp->starting): requests that
 * wait may have it.
 */
void stateless_go_on(struct mcp *mcp);

/*
 * No more requests come than those that are there: children that are idle end, and
 * subscriptions, which would not end by themselves (DRAINING).
 */
void stateless_drain(struct mcp *mcp);

/* Nothing is in flight any more, and no child is left. */
void stateless_fini(struct mcp *mcp);

#endif
