/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call waits (in `waiting`) until a connection takes it: an idle one, or one that is dialled for
 * it (pump). It ends by its answer, by its connection's failure, by its deadline, or, unless it is
 * patient, by a dial that fails; patient ones wait for the next dial, after RPC_AGAIN_MS and then
 * twice as long each time.
 *
 *	EMPTY -> DIALLING -> IDLE <-> BUSY
 *	  ^----------'        `-> CLOSING -> EMPTY
 */
#include "load/rpc_client.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/list.h"
#include "load/rpc_client_state.h"

#define AGAIN_MOST_MS 1000

/* Ends. */

static void leave(struct task *task)
{
	struct rpc_client *client = container_of(task, struct rpc_client, leave);

	deadline_fini(&client->again);
	dial_target_fini(&client->target);
	for (int i = 0; i < RPC_CONNECTIONS; i++) {
		buffer_fini(&client->connections[i].body);
	}
	curfew_hold_release(&client->hold);
	free(client);
}

void rpc_client_leave_when_empty(struct rpc_client *client)
{
	for (int i = 0; i < RPC_CONNECTIONS; i++) {
		if (client->connections[i].state != RPC_EMPTY) {
			return;
		}
	}
	if (client->closed) {
		agenda_post(&client->worker->loop->agenda, &client->leave);
	}
}

/* Takes a call off wherever it is. */
void rpc_call_detach(struct rpc_call *call)
{
	struct rpc_connection *connection = call->connection;

	deadline_fini(&call->deadline);
	link_remove(&call->link);
	call->client = NULL;
	call->connection = NULL;
	if (connection) {
		connection->call = NULL;
	}
}

static void fail(struct rpc_call *call, int error)
{
	rpc_call_detach(call);
	call->error = error;
	call->done(call, NULL, dial_error_text(error));
}

void rpc_cancel(struct rpc_call *call)
{
	struct rpc_connection *connection = call->connection;

	if (!rpc_under_way(call)) {
		return;
	}
	rpc_call_detach(call);
	if (connection) {
		rpc_connection_close(connection, true);
	}
}

void rpc_call_fini(struct rpc_call *call)
{
	assert(!rpc_under_way(call));
	buffer_fini(&call->body);
}

static void too_late(struct deadline *deadline)
{
	struct rpc_call *call = container_of(deadline, struct rpc_call, deadline);

	rpc_cancel(call);
	call->error = call->body.failed ? -ENOMEM : -ETIMEDOUT;
	call->done(call, NULL,
		call->body.failed ? "could not be asked for lack of memory"
				  : "does not answer in time");
}

/* Connections. */

void rpc_client_await_again(struct rpc_client *client)
{
	if (client->again.due != CURFEW_NEVER) {
		return;
	}
	deadline_set(&client->again, curfew_after_ms(client->again_ms));
	client->again_ms =
		client->again_ms * 2 < AGAIN_MOST_MS ? client->again_ms * 2 : AGAIN_MOST_MS;
}

/* There is no connection to be had now. */
void rpc_client_fail_waiting(struct rpc_client *client, int error)
{
	struct curfew_link failed;

	list_init(&failed);
	list_each_safe(link, &client->waiting) {
		if (!container_of(link, struct rpc_call, link)->patient) {
			link_remove(link);
			list_append(&failed, link);
		}
	}
	if (!list_empty(&client->waiting)) {
		rpc_client_await_again(client);
	}
	while (!list_empty(&failed)) {
		struct rpc_call *call = container_of(failed.next, struct rpc_call, link);

		if (client->closed) {
			rpc_call_detach(call); /* by the one before */
		} else {
			fail(call, error);
		}
	}
}

static struct rpc_connection *connection_in(
	struct rpc_client *client, enum rpc_connection_state state)
{
	for (int i = 0; i < RPC_CONNECTIONS; i++) {
		if (client->connections[i].state == state) {
			return &client->connections[i];
		}
	}
	return NULL;
}

static size_t count_in(const struct rpc_client *client, enum rpc_connection_state state)
{
	size_t count = 0;

	for (int i = 0; i < RPC_CONNECTIONS; i++) {
		count += client->connections[i].state == state;
	}
	return count;
}

/* Sends what waits, as far as there are connections, and dials for the rest. */
void rpc_client_pump(struct rpc_client *client)
{
	size_t waiting = 0, dialling;
	struct rpc_connection *connection;

	while (!list_empty(&client->waiting) && (connection = connection_in(client, RPC_IDLE))) {
		rpc_connection_begin(
			connection, container_of(client->waiting.next, struct rpc_call, link));
	}
	list_each(link, &client->waiting) {
		waiting++;
	}
	dialling = count_in(client, RPC_DIALLING);
	while (waiting > dialling && !client->error && !client->cut &&
		(connection = connection_in(client, RPC_EMPTY))) {
		rpc_connection_dial(connection);
		dialling++;
	}
}

static void again(struct deadline *deadline)
{
	struct rpc_client *client = container_of(deadline, struct rpc_client, again);
	int error = client->error;

	client->error = 0;
	if (error) {
		rpc_client_fail_waiting(client, error);
	} else {
		rpc_client_pump(client);
	}
}

/* The client. */

void rpc_client_close(struct rpc_client *client)
{
	if (!client) {
		return;
	}
	client->closed = true;
	deadline_set(&client->again, CURFEW_NEVER);
	while (!list_empty(&client->waiting)) {
		rpc_call_detach(container_of(client->waiting.next, struct rpc_call, link));
	}
	for (int i = 0; i < RPC_CONNECTIONS; i++) {
		struct rpc_connection *connection = &client->connections[i];
		bool is_busy = connection->call;

		if (is_busy) {
			rpc_call_detach(connection->call);
		}
		rpc_connection_close(connection, is_busy);
	}
	rpc_client_leave_when_empty(client);
}

/* What the drain asks: its owner closes it in time, and then it is a matter of moments. */
static void finish(struct curfew_hold *hold)
{
	(void)hold;
}

/* Its owner is about to close it, too; calls are left to that, or to their deadlines. */
static void cut(struct curfew_hold *hold)
{
	struct rpc_client *client = container_of(hold, struct rpc_client, hold);

	client->cut = true;
	for (int i = 0; i < RPC_CONNECTIONS; i++) {
		struct rpc_connection *connection = &client->connections[i];

		if (connection->call) {
			list_append(&client->waiting, &connection->call->link);
			connection->call->connection = NULL;
			connection->call = NULL;
		}
		rpc_connection_close(connection, true);
	}
	rpc_client_leave_when_empty(client);
}

static const struct curfew_hold_ops hold_ops = {"node", finish, cut};

struct rpc_client *rpc_client_new(
	struct worker *worker, const struct endpoint *endpoint, struct tls_client *tls)
{
	struct rpc_client *client = calloc(1, sizeof(*client));
	int error = client
		? curfew_drain_hold(&worker->peers, &client->hold, &hold_ops, endpoint->host)
		: -ENOMEM;

	if (error < 0) {
		free(client);
		errno = -error;
		return NULL;
	}
	client->worker = worker;
	client->endpoint = endpoint;
	client->tls = tls;
	client->target.address = endpoint->address;
	client->again_ms = RPC_AGAIN_MS;
	client->leave.run = leave;
	list_init(&client->waiting);
	deadline_init(&client->again, &worker->loop->agenda, again);
	for (int i = 0; i < RPC_CONNECTIONS; i++) {
		client->connections[i].client = client;
	}
	return client;
}

void rpc_call(struct rpc_client *client, struct rpc_call *call, int64_t deadline,
	const char *method, const char *params, ...)
{
	char parameters[512];
	va_list arguments;

	assert(!rpc_under_way(call) && !client->closed);
	call->id = ++client->last_id;
	call->error = 0;
	buffer_clear(&call->body);
	buffer_appendf(&call->body,
		"{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":\"%s\",\"params\":[",
		(unsigned long long)call->id, method);
	va_start(arguments, params);
	(void)vsnprintf(parameters, sizeof(parameters), params, arguments);
	va_end(arguments);
	buffer_append_text(&call->body, parameters);
	buffer_append_text(&call->body, "]}");
	call->client = client;
	call->connection = NULL;
	deadline_init(&call->deadline, &client->worker->loop->agenda, too_late);
	if (call->body.failed) {
		deadline_set(&call->deadline, 0);
		return;
	}
	deadline_set(&call->deadline, deadline);
	list_append(&client->waiting, &call->link);
	rpc_client_pump(client);
}
