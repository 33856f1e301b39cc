/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request on its way through the gate: from a client's connection to one of the upstream's, and
 * the response back. Nothing of either body is kept: what one side does not take the other does not
 * read.
 *
 *	HELD -> CONNECTING -> SENT -> ANSWERING -> OVER
 *	            ^           |`--> TUNNEL ------^
 *	            `-- retry --'
 *
 *	HELD        the upstream is not ready yet
 *	CONNECTING  a connection is made
 *	SENT        the request, or its beginning, is on its way
 *	ANSWERING   the head of the response has come
 *	TUNNEL      another protocol, both ways
 *	OVER        the client's side has ended; the memory goes
 */
#ifndef GATE_EXCHANGE_H
#define GATE_EXCHANGE_H

#include "gate/lane.h"
#include "gate/tunnel.h"
#include "http/event_stream.h"

#define EXCHANGE_STATES(X)                                                                         \
	X(HELD)                                                                                    \
	X(CONNECTING)                                                                              \
	X(SENT)                                                                                    \
	X(ANSWERING)                                                                               \
	X(TUNNEL)                                                                                  \
	X(OVER)

enum exchange_state {
#define EXCHANGE_STATE(name) EXCHANGE_##name,
	EXCHANGE_STATES(EXCHANGE_STATE)
#undef EXCHANGE_STATE
};

struct exchange {
	struct lane *lane;
	struct http_connection *client;
	struct http_pooled *upstream; /* NULL: none, or not any more */
	struct http_unsent unsent;    /* what was written to one that was gone already */
	struct dial *dial;
	enum exchange_state state;
	bool retried;
	bool request_rests;              /* the upstream's queue is full */
	bool response_rests;             /* the client's is */
	struct http_event_stream events; /* what the response is, and where it may end */
	struct curfew_link held;
	struct deadline timeout; /* of the response's head, and of its next bytes */
	struct deadline whole;   /* --request-timeout */
	struct tunnel tunnel;
};

/* What the gate does with its clients' connections. */
extern const struct http_handler exchange_handler;

/* The upstream's state has changed: goes on with one that is held, or refuses it. */
void exchange_unhold(struct exchange *exchange);

/* The only writer of the state; knows the edges. */
void exchange_enter(struct exchange *exchange, enum exchange_state state);

/* The response cannot be had: this status says so; or not to its end: it breaks off. It is over. */
void exchange_fail(struct exchange *exchange, unsigned status, const char *text);

/* From now on, --response-timeout for the next of what the upstream has to say. */
void exchange_await_upstream(struct exchange *exchange);

/* Makes a new connection to the upstream, and sends the request there. */
void exchange_dial(struct exchange *exchange);
bool exchange_has_body(const struct exchange *exchange);

/* response.c: what the gate does with connections to the upstream. */
extern const struct http_client_handler exchange_upstream_handler;

/* tunnel.c: the tunnel's other half. */
void exchange_tunnel_begin(struct exchange *exchange);
size_t exchange_tunnel_up(struct exchange *exchange, char *bytes, size_t length);
size_t exchange_tunnel_down(struct exchange *exchange, char *bytes, size_t length);
void exchange_tunnel_up_ended(struct exchange *exchange);
void exchange_tunnel_down_ended(struct exchange *exchange);
void exchange_tunnel_finish(struct exchange *exchange);
void exchange_tunnel_cut(struct exchange *exchange);
void exchange_tunnel_broken(struct exchange *exchange);
void exchange_tunnel_fini(struct exchange *exchange);

/* Gives the upstream's connection up. */
void exchange_drop_upstream(struct exchange *exchange, bool reset);

#endif
