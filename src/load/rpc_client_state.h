/* SPDX-License-Identifier: Apache-2.0 */
/* For rpc_client.c and rpc_connection.c. */
#ifndef LOAD_RPC_CLIENT_STATE_H
#define LOAD_RPC_CLIENT_STATE_H

#include "http/client.h"
#include "load/rpc_client.h"
#include "net/dial.h"

#define RPC_AGAIN_MS 50

enum rpc_connection_state { RPC_EMPTY, RPC_DIALLING, RPC_IDLE, RPC_BUSY, RPC_CLOSING };

struct rpc_connection {
	struct rpc_client *client;
	enum rpc_connection_state state;
	struct rpc_call *call; /* RPC_BUSY */
	struct dial *dial;     /* RPC_DIALLING */
	struct buffer body;    /* of the answer */
	bool is_too_long;      /* so that it is not kept */
	unsigned status;
	struct http_client http;
};

struct rpc_client {
	struct worker *worker;
	const struct endpoint *endpoint;
	struct tls_client *tls;
	struct dial_target target;
	struct curfew_link waiting;
	struct deadline again;
	int64_t again_ms;
	int error;   /* a dial that could not be started */
	bool closed; /* by its owner */
	bool cut;    /* no connections are made any more */
	uint64_t last_id;
	struct curfew_hold hold;
	struct task leave;
	struct rpc_connection connections[RPC_CONNECTIONS];
};

/* rpc_connection.c: one connection, and the call that is on it. */

/* For the calls that wait; rpc_client_pump, or _fail_waiting, when it is known how it went. */
void rpc_connection_dial(struct rpc_connection *connection);
/* Makes a call that waits, on one that is RPC_IDLE. */
void rpc_connection_begin(struct rpc_connection *connection, struct rpc_call *call);
void rpc_connection_close(struct rpc_connection *connection, bool reset);

/* rpc_client.c */

/* Sends what waits, as far as there are connections, and dials for the rest. */
void rpc_client_pump(struct rpc_client *client);
/* There is no connection to be had now. */
void rpc_client_fail_waiting(struct rpc_client *client, int error);
/* The next dial comes after a while, however many of them have failed now. */
void rpc_client_await_again(struct rpc_client *client);
void rpc_client_leave_when_empty(struct rpc_client *client);
/* Takes a call off wherever it is. */
void rpc_call_detach(struct rpc_call *call);

#endif
