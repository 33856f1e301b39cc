/* SPDX-License-Identifier: Apache-2.0 */
/* Between the halves of a pass: to the owner (replica.c), and back (replica_answer.c). */
#ifndef MCP_REPLICA_PASS_H
#define MCP_REPLICA_PASS_H

#include "http/event_stream.h"
#include "mcp/replica.h"
#include "mcp/replica_peer.h"

enum pass_state { PASS_CONNECTING, PASS_SENT, PASS_ANSWERING, PASS_OVER };

struct pass {
	struct carrier carrier;
	struct curfew_link link; /* in mcp->passes */
	struct http_connection *client;
	struct replica_peer *peer;
	struct http_pooled *owner; /* NULL: none, or not any more */
	struct dial *dial;
	struct http_unsent unsent; /* what was written to one that was gone already */
	struct buffer body;        /* until it is sent */
	size_t body_length, body_sent;
	enum pass_state state;
	bool body_ended;
	bool retried;
	bool rests;  /* the client does not take more of the answer */
	bool ending; /* an event stream, which is to end */
	struct http_event_stream events;
	char fields[];
};

/* The only writer of the state; knows the edges. */
void pass_enter(struct pass *pass, enum pass_state state);

/* Makes a new connection to the owner, and sends the request there. */
void pass_dial(struct pass *pass);

/* Some more of the body, as much as the owner takes. */
void pass_send_body(struct pass *pass);

/* Gives the owner's connection up. */
void pass_drop_owner(struct pass *pass, bool reset);

/* The owner will not answer, or not to the end: it is over. */
void pass_fail(struct pass *pass);

/* replica_answer.c: what is done with connections to owners. */
extern const struct http_client_handler pass_owner_handler;

/* Ends an event stream that is to end, if it may end here: then it is over. */
void pass_end_between_events(struct pass *pass);

#endif
