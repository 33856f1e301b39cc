/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The opening handshake over HTTP (RFC 6455, 4), without extensions. A server of ours chooses no
 * subprotocol.
 *
 * A server, in request() or later in the exchange:
 *
 *	status = ws_opening_status(from)
 *	if (status)
 *		ws_opening_refuse(from, status)
 *	else
 *		error = ws_accept_on(connection, from, &setting)
 *
 * A client, with an http_client that is IDLE; and in its head():
 *
 *	ws_opening_request(&opening, client, host, target), or ws_opening_request_with
 *	ws_opening_request_end(client)
 *	...
 *	fault = ws_opening_fault(&opening, client)
 *	error = fault ? ... : ws_connect(connection, client, drain, &setting)
 */
#ifndef WS_OPENING_H
#define WS_OPENING_H

#include "http/client.h"
#include "http/server.h"
#include "ws/connection.h"
#include "ws/handshake.h"

/*
 * Returns 0 for a request that opens a WebSocket (4.2.1); else the status that it is refused with:
 * 405 if it is not a GET, 426 if it asks for no WebSocket or for another version, 400 if it asks
 * wrongly.
 */
unsigned ws_opening_status(const struct http_connection *from);

/* Refuses it so, with the fields that tell how to ask (4.2.2, 4.4). The exchange is over. */
void ws_opening_refuse(struct http_connection *from, unsigned status);

/*
 * Answers 101, and makes a connection of what is below, on any worker. The exchange is over; the
 * connection belongs to the worker's thread from here on, ARRIVING, and calls begin with opened(),
 * in a later round. What the client sent ahead comes behind that. The place that the HTTP
 * connection had is the owner's (http_server.left is not called), who gives it back with closed().
 * http_peer is to be asked before, if at all. Returns 0, or -ESHUTDOWN: the drain is closed;
 * nothing was answered, and nothing is left of the connection. From's thread.
 */
int ws_accept_on(struct ws_connection *connection, struct http_connection *from,
	const struct ws_setting *setting);

/* The same on the worker, and the drain, of the HTTP connection. */
int ws_accept(struct ws_connection *connection, struct http_connection *from,
	const struct ws_handler *handler, const struct ws_limits *limits, const char *name);

struct ws_opening {
	char key[WS_KEY_CHARS + 1];
	struct http_text fields; /* that were added; borrowed */
};

/* Begins the request. host: for Host, with the port if need be */
void ws_opening_request(struct ws_opening *opening, struct http_client *client, const char *host,
	const char *target);

/*
 * The same with header fields, each with its CRLF, Host among them; borrowed until the answer is
 * looked at. Of the subprotocols that they list (Sec-WebSocket-Protocol) the server may choose one.
 */
void ws_opening_request_with(struct ws_opening *opening, struct http_client *client,
	const char *target, struct http_text fields);
void ws_opening_request_end(struct http_client *client);

/*
 * Returns NULL if the response in client->parser.head opens a WebSocket (4.1), else why it does
 * not, static: then the client is to be closed.
 */
const char *ws_opening_fault(const struct ws_opening *opening, const struct http_client *client);

/*
 * Makes a connection, held by drain, of what is below a client that had such a response; in head()
 * or later. The client is to expect nothing but its closed(). Returns 0 or a negative errno: then
 * it is still there.
 */
int ws_connect(struct ws_connection *connection, struct http_client *client,
	struct curfew_drain *drain, const struct ws_handler *handler,
	const struct ws_limits *limits);

#endif
