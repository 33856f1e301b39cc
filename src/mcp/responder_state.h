/* SPDX-License-Identifier: Apache-2.0 */
/* What responder.c and responder_output.c share, which is about what the child says. */
#ifndef MCP_RESPONDER_STATE_H
#define MCP_RESPONDER_STATE_H

#include "mcp/query.h"
#include "mcp/responder.h"
#include "mcp/stateless.h"

/* responder.c: what it waits for ends with each state. */
void responder_enter(struct responder *responder, enum responder_state state);

/* Has it end, or give up, unless it comes to another state before. */
void responder_wait(struct responder *responder, int64_t ms);

/* Takes its query from it, if it has one; the child is read as fast as it can from then on. */
struct query *responder_take_query(struct responder *responder);

/* Sends it initialize. Returns 0 or a negative errno. */
int responder_greet(struct responder *responder);

/* It was initialized, or is idle, and has a query. */
void responder_serve(struct responder *responder);

/* Its request is over. The last statement of whoever calls it. */
void responder_release(struct responder *responder);

/* Ends it; its query is answered with an error. */
void responder_fail(struct responder *responder, int code, const char *reason);

/* Its child is gone. */
void responder_free(struct responder *responder);

/* responder_output.c: gives its query what the child has answered. */
void responder_deliver(struct responder *responder, const char *line, size_t length);

/* Has its query's client asked for what the child asks for, and waits for the client. */
void responder_inquire(struct responder *responder);

extern const struct call_ops responder_probe_ops, responder_greeting_ops, responder_level_ops,
	responder_request_ops;
extern const struct backend_ops responder_backend_ops;

#endif
