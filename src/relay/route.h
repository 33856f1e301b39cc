/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole messages on their way: from a client to the server of its id, and from a server to one of
 * its clients. In order, and none left out: where one cannot be queued the connection that it was
 * for is ended (1011, backlog full).
 */
#ifndef RELAY_ROUTE_H
#define RELAY_ROUTE_H

#include "relay/member.h"

/*
 * It has to be one JSON value, or ends the client (1000). Dropped while its id has no server: the
 * client will be evicted, or closed, for that.
 */
void route_from_client(struct member *client, const char *bytes, size_t length);

/* An envelope; what is none, or for nobody, is logged, counted and dropped. */
void route_from_server(struct member *server, const char *bytes, size_t length);

/* Tells the server of a client's end, behind its last frame: once. */
void route_notice(struct member *client, unsigned code);

#endif
