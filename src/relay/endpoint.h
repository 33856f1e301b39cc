/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public port: GET /v1/server and /v1/client, which become members, /healthz, and everything
 * else, which is refused. The thread of the lane that accepted.
 */
#ifndef RELAY_ENDPOINT_H
#define RELAY_ENDPOINT_H

#include "relay/host.h"

extern const struct http_handler endpoint_handler;

#endif
