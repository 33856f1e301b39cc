/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request at the endpoint, as those see it who answer it: a channel, another replica. The
 * endpoint makes it, embedded in what else it knows of the request, as connection->user, and frees
 * it when the connection's over() comes; meanwhile it has a carrier, or none.
 */
#ifndef MCP_EXCHANGE_H
#define MCP_EXCHANGE_H

#include <stdbool.h>

#include "http/server.h"

struct carrier;

struct carrier_ops {
	/* As http_handler has it. NULL */
	void (*writable)(struct carrier *carrier);
	/* It is over: the connection is not to be used any more; whole: all was written. */
	void (*left)(struct carrier *carrier, bool whole);
	/* The work's deadline is over: give the final answer now, or end it. NULL: it is aborted */
	void (*cut)(struct carrier *carrier);
	/* As http_handler has it. NULL */
	void (*half_closed)(struct carrier *carrier);
};

/* Who answers; embedded in it. */
struct carrier {
	const struct carrier_ops *ops;
};

struct exchange {
	struct http_connection *connection;
	struct carrier *carrier; /* NULL: the endpoint itself */
};

static inline struct exchange *exchange_of(struct http_connection *connection)
{
	return connection->user;
}

/* From now on carrier hears of the connection; NULL: nobody does any more. */
static inline void exchange_carry(struct http_connection *connection, struct carrier *carrier)
{
	exchange_of(connection)->carrier = carrier;
}

#endif
