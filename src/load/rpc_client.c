/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call waits (in `waiting`) until a connection takes it: an idle one, or one that is dialled for
 * it (pump). It ends by its answer, by its connection's failure, by its deadline, or, unless it is
 * patient, by a dial that fails; patient ones wait for the next dial, after AGAIN_MS and then twice
 * as long each time.
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
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"
#include "http/client.h"
#include "http/compose.h"
#include "net/dial.h"
#include "net/tls.h"

#define AGAIN_MS 50
#define AGAIN_MOST_MS 1000
#define DIAL_MS 5000

enum connection_state { EMPTY, DIALLING, IDLE, BUSY, CLOSING };

struct rpc_connection {
	struct rpc_client *client;
	enum connection_state state;
	struct rpc_call *call; /* BUSY */
	struct dial *dial;     /* DIALLING */
	struct buffer body;    /* of the answer */
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

static const struct http_client_handler handler;

static void pump(struct rpc_client *client);

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

static void leave_when_empty(struct rpc_client *client)
{
	for (int i = 0; i < RPC_CONNECTIONS; i++) {
		if (client->connections[i].state != EMPTY) {
			return;
		}
	}
	if (client->closed) {
		agenda_post(&client->worker->loop->agenda, &client->leave);
	}
}

static void connection_close(struct rpc_connection *connection, bool reset)
{
	if (connection->state == DIALLING) {
		dial_cancel(connection->dial);
		connection->state = EMPTY;
	} else if (connection->state != EMPTY) {
		connection->state = CLOSING;
		if (reset) {
			http_client_reset(&connection->http);
		} else {
			http_client_close(&connection->http);
		}
	}
}

/* Takes a call off wherever it is. */
static void detach(struct rpc_call *call)
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

static void fail(struct rpc_call *call, const char *failure)
{
	detach(call);
	call->done(call, NULL, failure);
}

void rpc_cancel(struct rpc_call *call)
{
	struct rpc_connection *connection = call->connection;

	if (!rpc_under_way(call)) {
		return;
	}
	detach(call);
	if (connection) {
		connection_close(connection, true);
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
	call->done(call, NULL, "does not answer in time");
}

/* Connections. */

static void await_again(struct rpc_client *client)
{
	deadline_set(&client->again, curfew_after_ms(client->again_ms));
	client->again_ms =
		client->again_ms * 2 < AGAIN_MOST_MS ? client->again_ms * 2 : AGAIN_MOST_MS;
}

/* There is no connection to be had now. */
static void fail_waiting(struct rpc_client *client, const char *failure)
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
		await_again(client);
	}
	while (!list_empty(&failed)) {
		struct rpc_call *call = container_of(failed.next, struct rpc_call, link);

		if (client->closed) {
			detach(call); /* by the one before */
		} else {
			fail(call, failure);
		}
	}
}

static void begin(struct rpc_connection *connection, struct rpc_call *call)
{
	const struct endpoint *endpoint = connection->client->endpoint;
	struct buffer *out;

	link_remove(&call->link);
	connection->state = BUSY;
	connection->call = call;
	call->connection = connection;
	connection->body.length = 0;
	connection->status = 0;
	out = http_client_request(&connection->http, (struct http_asked){0});
	http_compose_request(out, (struct http_text){"POST", 4},
		(struct http_text){endpoint->target, strlen(endpoint->target)});
	http_compose_field(out, "Host", endpoint->host);
	http_compose_field(out, "Content-Type", "application/json");
	http_client_head_end(&connection->http, HTTP_FRAMING_LENGTH, call->body.length);
	http_client_write(&connection->http, call->body.data, call->body.length);
	http_client_end(&connection->http, NULL);
}

static int connection_init(struct rpc_connection *connection, int fd)
{
	struct rpc_client *client = connection->client;
	struct stream_filter *filter = NULL;
	int error;

	if (client->endpoint->is_tls) {
		filter = tls_connect(client->tls, client->endpoint->address.host);
		if (!filter) {
			return -errno;
		}
	}
	error = http_client_init(
		&connection->http, client->worker, fd, filter, &handler, connection);
	if (error < 0 && filter) {
		filter->ops->free(filter);
	}
	return error;
}

static void dialled(void *arg, int fd, int error)
{
	struct rpc_connection *connection = arg;
	struct rpc_client *client = connection->client;

	connection->dial = NULL;
	connection->state = EMPTY;
	if (!error) {
		error = connection_init(connection, fd);
		if (error < 0) {
			close(fd);
		}
	}
	if (error < 0) {
		fail_waiting(client, dial_error_text(error));
		return;
	}
	connection->state = IDLE;
	client->again_ms = AGAIN_MS;
	pump(client);
}

static void connect_one(struct rpc_connection *connection)
{
	struct rpc_client *client = connection->client;

	connection->dial = dial_start(
		&client->target, client->worker, curfew_after_ms(DIAL_MS), dialled, connection);
	if (connection->dial) {
		connection->state = DIALLING;
	} else {
		client->error = -errno;
		deadline_set(&client->again, curfew_now());
	}
}

static struct rpc_connection *connection_in(struct rpc_client *client, enum connection_state state)
{
	for (int i = 0; i < RPC_CONNECTIONS; i++) {
		if (client->connections[i].state == state) {
			return &client->connections[i];
		}
	}
	return NULL;
}

static size_t count_in(const struct rpc_client *client, enum connection_state state)
{
	size_t count = 0;

	for (int i = 0; i < RPC_CONNECTIONS; i++) {
		count += client->connections[i].state == state;
	}
	return count;
}

/* Sends what waits, as far as there are connections, and dials for the rest. */
static void pump(struct rpc_client *client)
{
	size_t waiting = 0, dialling;
	struct rpc_connection *connection;

	while (!list_empty(&client->waiting) && (connection = connection_in(client, IDLE))) {
		begin(connection, container_of(client->waiting.next, struct rpc_call, link));
	}
	list_each(link, &client->waiting) {
		waiting++;
	}
	dialling = count_in(client, DIALLING);
	while (waiting > dialling && !client->error && !client->cut &&
		(connection = connection_in(client, EMPTY))) {
		connect_one(connection);
		dialling++;
	}
}

static void again(struct deadline *deadline)
{
	struct rpc_client *client = container_of(deadline, struct rpc_client, again);
	int error = client->error;

	client->error = 0;
	if (error) {
		fail_waiting(client, dial_error_text(error));
	} else {
		pump(client);
	}
}

/* What comes on a connection. */

static void answer_head(struct http_client *http)
{
	struct rpc_connection *connection = http->arg;

	connection->status = http->parser.head.status;
}

static size_t answer_body(struct http_client *http, char *bytes, size_t length)
{
	struct rpc_connection *connection = http->arg;

	if (connection->body.length + length <= RPC_ANSWER_MOST) {
		buffer_append(&connection->body, bytes, length);
	} else {
		connection->body.failed = true;
	}
	return length;
}

static void answer_end(struct http_client *http)
{
	struct rpc_connection *connection = http->arg;
	struct rpc_client *client = connection->client;
	struct rpc_call *call = connection->call;
	struct buffer body = connection->body;
	struct rpc_answer answer;
	char failure[64];

	connection->body = (struct buffer){0};
	if (!http->reusable) {
		connection_close(connection, false);
	} else if (connection->state == BUSY) {
		connection->state = IDLE;
	}
	if (!call) {
		buffer_fini(&body);
		return;
	}
	detach(call);
	connection->call = NULL;
	pump(client);
	rpc_answer_read(&answer, call->id, body.failed ? NULL : buffer_text(&body), body.length);
	if (answer.verdict != RPC_GARBAGE) {
		call->done(call, &answer, NULL);
	} else {
		(void)snprintf(failure, sizeof(failure),
			connection->status < 400 ? "does not answer with JSON-RPC"
						 : "answers with status %u",
			connection->status);
		call->done(call, NULL, failure);
	}
	buffer_fini(&body);
}

static void failed(struct http_client *http, enum http_client_failure failure)
{
	struct rpc_connection *connection = http->arg;
	struct rpc_client *client = connection->client;
	struct rpc_call *call = connection->call;
	bool again =
		http->reused && (failure == HTTP_CLIENT_CLOSED || failure == HTTP_CLIENT_RESET);

	connection_close(connection, true);
	connection->call = NULL;
	if (!call) {
		return;
	}
	call->connection = NULL;
	if (again || call->patient) {
		list_append(client->waiting.next, &call->link); /* in front */
		if (again) {
			pump(client);
		} else {
			await_again(client);
		}
	} else {
		fail(call, http_client_failure_text(failure));
	}
}

static void gone(struct http_client *http)
{
	struct rpc_connection *connection = http->arg;
	struct rpc_client *client = connection->client;

	connection->state = EMPTY;
	leave_when_empty(client);
	if (!client->closed && client->again.due == CURFEW_NEVER) {
		pump(client);
	}
}

static const struct http_client_handler handler = {
	.head = answer_head,
	.body = answer_body,
	.end = answer_end,
	.failed = failed,
	.closed = gone,
};

/* The client. */

void rpc_client_close(struct rpc_client *client)
{
	if (!client) {
		return;
	}
	client->closed = true;
	deadline_set(&client->again, CURFEW_NEVER);
	while (!list_empty(&client->waiting)) {
		detach(container_of(client->waiting.next, struct rpc_call, link));
	}
	for (int i = 0; i < RPC_CONNECTIONS; i++) {
		struct rpc_connection *connection = &client->connections[i];
		bool is_busy = connection->call;

		if (is_busy) {
			detach(connection->call);
		}
		connection_close(connection, is_busy);
	}
	leave_when_empty(client);
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
		connection_close(connection, true);
	}
	leave_when_empty(client);
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
	client->again_ms = AGAIN_MS;
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
	call->body.length = 0;
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
	list_append(&client->waiting, &call->link);
	deadline_init(&call->deadline, &client->worker->loop->agenda, too_late);
	deadline_set(&call->deadline, call->body.failed ? 0 : deadline);
	pump(client);
}
