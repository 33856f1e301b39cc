/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP in front of the sessions: routes, who may ask (Host, Origin, bearer token), bodies up to
 * --max-message, the statuses of MCP, and the two transports of the session era, streamable HTTP
 * and HTTP+SSE.
 */
#ifndef MCP_ENDPOINT_H
#define MCP_ENDPOINT_H

#include "mcp/host.h"

/* Makes mcp->server. */
void endpoint_init(struct mcp *mcp);

/* A connection was accepted: as service_ops has it. */
int endpoint_take(struct mcp *mcp, int fd, struct stream_filter *filter);

/* Reads the bearer token, and checks hosts and origins. Returns 0, or the exit code. */
int endpoint_configure(struct mcp *mcp);

void endpoint_fini(struct mcp *mcp);

#endif
