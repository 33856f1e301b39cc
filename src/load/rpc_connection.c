/* SPDX-License-Identifier: Apache-2.0 */
/* A connection of a client for calls, as rpc_client.c has them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/list.h"
#include "http/compose.h"
#include "load/channel.h"
#include "load/rpc_client_state.h"
#include "net/tls.h"

#define DIAL_MS 5000

void rpc_connection_close(struct rpc_connection *connection, bool reset)
{
	if (connection->state == RPC_DIALLING) {
		dial_cancel(connection->dial);
		connection->state = RPC_EMPTY;
	} else if (connection->state != RPC_EMPTY) {
		connection->state = RPC_CLOSING;
		if (reset) {
			http_client_reset(&connection->http);
		} else {
			http_client_close(&connection->http);
		}
	}
}

static const struct http_client_handler handler;

void rpc_connection_begin(struct rpc_connection *connection, struct rpc_call *call)
{
	const struct endpoint *endpoint = connection->client->endpoint;
	struct buffer *out;

	link_remove(&call->link);
	connection->state = RPC_BUSY;
	connection->call = call;
	call->connection = connection;
	buffer_clear(&connection->body);
	connection->is_too_long = false;
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
	connection->state = RPC_EMPTY;
	if (!error) {
		error = connection_init(connection, fd);
		if (error < 0) {
			close(fd);
		}
	}
	if (error < 0) {
		rpc_client_fail_waiting(client, error);
		return;
	}
	connection->state = RPC_IDLE;
	client->again_ms = RPC_AGAIN_MS;
	rpc_client_pump(client);
}

void rpc_connection_dial(struct rpc_connection *connection)
{
	struct rpc_client *client = connection->client;

	connection->dial = dial_start(
		&client->target, client->worker, curfew_after_ms(DIAL_MS), dialled, connection);
	if (connection->dial) {
		connection->state = RPC_DIALLING;
	} else {
		client->error = -errno;
		deadline_set(&client->again, curfew_now());
	}
}

/* What comes. */

static void answer_head(struct http_client *http)
{
	struct rpc_connection *connection = http->arg;

	connection->status = http->parser.head.status;
}

static size_t answer_body(struct http_client *http, char *bytes, size_t length)
{
	struct rpc_connection *connection = http->arg;

	if (connection->body.length + length > RPC_ANSWER_MOST) {
		connection->is_too_long = true;
	}
	if (connection->is_too_long) {
		buffer_fini(&connection->body);
	} else {
		buffer_append(&connection->body, bytes, length);
	}
	return length;
}

/* Why a whole answer is none. */
static void describe_garbage(const struct rpc_connection *connection, char *text, size_t size)
{
	if (connection->is_too_long) {
		(void)snprintf(text, size, "answers with more than %zu MB", RPC_ANSWER_MOST >> 20);
	} else if (connection->body.failed) {
		(void)snprintf(text, size, "answers more than there is memory for");
	} else if (connection->status < 400) {
		(void)snprintf(text, size, "does not answer with JSON-RPC");
	} else {
		(void)snprintf(text, size, "answers with status %u", connection->status);
	}
}

static void answer_end(struct http_client *http)
{
	struct rpc_connection *connection = http->arg;
	struct rpc_client *client = connection->client;
	struct rpc_call *call = connection->call;
	struct buffer body = connection->body;
	struct rpc_answer answer;
	char failure[64];

	describe_garbage(connection, failure, sizeof(failure)); /* before it is another call's */
	connection->body = (struct buffer){0};
	if (!http->reusable) {
		rpc_connection_close(connection, false);
	} else if (connection->state == RPC_BUSY) {
		connection->state = RPC_IDLE;
	}
	if (!call) {
		buffer_fini(&body);
		return;
	}
	rpc_call_detach(call);
	connection->call = NULL;
	rpc_client_pump(client);
	rpc_answer_read(&answer, call->id, body.failed ? NULL : buffer_text(&body), body.length);
	if (answer.verdict != RPC_GARBAGE) {
		call->done(call, &answer, NULL);
	} else {
		call->done(call, NULL, failure);
	}
	buffer_fini(&body);
}

static bool is_of_tls(const struct http_client *http, enum http_client_failure failure)
{
	return http_channel_outcome(http, failure) == LOAD_TLS;
}

const char *rpc_failure_text(const struct http_client *http, enum http_client_failure failure)
{
	if (!is_of_tls(http, failure)) {
		return http_client_failure_text(failure);
	}
	return http->stream.error == -EKEYREJECTED
		? "has a certificate that does not verify (--tls-ca FILE)"
		: "does not speak TLS";
}

static void failed(struct http_client *http, enum http_client_failure failure)
{
	struct rpc_connection *connection = http->arg;
	struct rpc_client *client = connection->client;
	struct rpc_call *call = connection->call;
	bool again =
		http->reused && (failure == HTTP_CLIENT_CLOSED || failure == HTTP_CLIENT_RESET);
	const char *why = rpc_failure_text(http, failure);
	int error = is_of_tls(http, failure) ? http->stream.error : -ECONNRESET;

	rpc_connection_close(connection, true);
	connection->call = NULL;
	if (!call) {
		return;
	}
	call->connection = NULL;
	call->error = error;
	if (again || call->patient) {
		list_append(client->waiting.next, &call->link); /* in front */
		if (again) {
			rpc_client_pump(client);
		} else {
			rpc_client_await_again(client);
		}
	} else {
		rpc_call_detach(call);
		call->done(call, NULL, why);
	}
}

static void gone(struct http_client *http)
{
	struct rpc_connection *connection = http->arg;
	struct rpc_client *client = connection->client;

	connection->state = RPC_EMPTY;
	rpc_client_leave_when_empty(client);
	if (!client->closed && client->again.due == CURFEW_NEVER) {
		rpc_client_pump(client);
	}
}

static const struct http_client_handler handler = {
	.head = answer_head,
	.body = answer_body,
	.end = answer_end,
	.failed = failed,
	.closed = gone,
};
