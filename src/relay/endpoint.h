/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public port: GET /v1/server and /v1/client, which become members, /healthz, and everything
 * else, which is refused. The thread of the lane that accepted, whose server has it as its arg.
 *
 * A request for a member is looked at in this order; the first that is wrong refuses it:
 *
 *	404	there is nothing at this path
 *	405	it is not a GET
 *	421	the Host is not --domain
 *	400	a field is missing, empty, there twice, or no server-id
 *	426	no WebSocket is asked for; 400: it is asked for wrongly
 *	503	the end has begun
 *	429	the address asks too often, or has too many connections
 *	503	there are as many members as there may be
 */
#ifndef RELAY_ENDPOINT_H
#define RELAY_ENDPOINT_H

#include "relay/host.h"

#define ENDPOINT_PREFIX "X-Relay" /* of the header fields, besides --header-prefix */
#define ENDPOINT_PREFIX_MOST 40   /* bytes of a prefix */

extern const struct http_handler endpoint_handler;

#endif
