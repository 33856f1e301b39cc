/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a child asks for while it answers a request: elicitation, sampling, roots. In the session
 * era these are requests of its own. In the stateless era they are the request's result,
 * "input_required", with which its client comes back: the same request anew, with inputResponses,
 * and requestState, which is a name of ours for the child that waits (mcp/session_id.h).
 */
#ifndef MCP_INQUIRY_H
#define MCP_INQUIRY_H

#include "base/list.h"
#include "mcp/backend.h"
#include "mcp/era.h"
#include "mcp/session_id.h"

#define INQUIRIES_MOST 16 /* of one child that are not answered */

/* Those of one child that are not answered. */
struct inquiries {
	struct curfew_link list; /* struct inquiry */
	size_t count;
	unsigned last;                 /* the newest one's key */
	char ticket[SESSION_ID_BYTES]; /* "": none was given yet */
};

void inquiries_init(struct inquiries *inquiries);
void inquiries_fini(struct inquiries *inquiries);

/* Adds a request of the child's. Returns 0; -ENOMEM or -E2BIG. */
int inquiries_add(struct inquiries *inquiries, const struct message *asked);

/* Appends the input_required answer to a request: all of them, and the ticket. */
void inquiries_write(
	struct buffer *out, const struct inquiries *inquiries, const struct message *request);

/* Gives the child what the client has come back with; those that it left out stay. */
void inquiries_answer(struct inquiries *inquiries, struct backend *backend,
	const struct message *request, const struct era *era);

#endif
