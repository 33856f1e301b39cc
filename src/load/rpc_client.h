/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of JSON-RPC to a node, over HTTP, on one worker: for what is not load, such as nonces and
 * blocks. A few connections are kept alive, and made anew when they are lost; what finds none free
 * waits. All of it in the worker's thread.
 *
 *	client = rpc_client_new(worker, endpoint, tls)
 *	call.done = ...
 *	rpc_call(client, &call, deadline, "eth_getBalance", "\"0x%s\",\"latest\"", address)
 *	...
 *	rpc_client_close(client)
 *
 * A call is made again by itself where the server has closed a kept connection under it; and, if
 * it is patient, wherever there is no connection, until its deadline. So calls are questions, or
 * such that may be made twice.
 */
#ifndef LOAD_RPC_CLIENT_H
#define LOAD_RPC_CLIENT_H

#include "http/client.h"
#include "load/plan.h"
#include "load/rpc_answer.h"
#include "net/deadline.h"
#include "net/worker.h"

#define RPC_CONNECTIONS 8
#define RPC_ANSWER_MOST ((size_t)64 << 20) /* bytes */

struct rpc_client;

/* Embedded in its owner, and kept until done(). Zero it. */
struct rpc_call {
	/*
	 * It is over. answer is NULL where there is none: failure tells why, in words that fit
	 * behind "the node". The call may be used again, and the client be closed.
	 */
	void (*done)(struct rpc_call *call, const struct rpc_answer *answer, const char *failure);
	bool patient;
	/* Where there is no connection to the node: a negative errno; else 0. Set before done(). */
	int error;

	/* Private from here on. */
	struct rpc_client *client; /* NULL: it is not under way */
	struct curfew_link link;   /* of those that wait */
	struct rpc_connection *connection;
	struct deadline deadline;
	struct buffer body;
	uint64_t id;
};

/* The endpoint is borrowed. NULL with errno ENOMEM, or ESHUTDOWN: the end has come. */
struct rpc_client *rpc_client_new(
	struct worker *worker, const struct endpoint *endpoint, struct tls_client *tls);

/*
 * Calls that are under way are given up, without done(). The memory goes when the connections are
 * closed: until then the worker's peers are held. NULL is fine.
 */
void rpc_client_close(struct rpc_client *client);

/*
 * Makes a call with these parameters, which are JSON, without the brackets. done() comes exactly
 * once, never before this returns.
 */
__attribute__((format(printf, 5, 6))) void rpc_call(struct rpc_client *client,
	struct rpc_call *call, int64_t deadline, const char *method, const char *params, ...);

/* Gives it up, if it is under way: done() does not come. */
void rpc_cancel(struct rpc_call *call);

/* Frees what a call keeps for the next; it is not under way. */
void rpc_call_fini(struct rpc_call *call);

/* Why an exchange with the node failed, in words that fit behind "the node". Static. */
const char *rpc_failure_text(const struct http_client *http, enum http_client_failure failure);

static inline bool rpc_under_way(const struct rpc_call *call)
{
	return call->client;
}

#endif
