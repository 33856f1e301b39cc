/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP in front of the function: routes, bodies up to --max-body, statuses, and calls (exchange.h).
 *
 *	GET /		307 /docs		GET /docs		a page that lets one call it
 *	GET /schema	inputs, outputs		GET /openapi.json
 *	GET /id		a JSON string		GET /metadata
 *	GET /precheck	whether it could work	POST /invoke	a call
 *
 * HEAD where GET is. All else: 404, and 405 with Allow, as {"detail":"..."}.
 */
#ifndef SERVE_ENDPOINT_H
#define SERVE_ENDPOINT_H

#include "serve/host.h"

/* Makes serve->server. */
void serve_endpoint_init(struct serve *serve);

/* A connection was accepted: as service_ops has it. */
int serve_endpoint_take(struct serve *serve, int fd, struct stream_filter *filter);

#endif
