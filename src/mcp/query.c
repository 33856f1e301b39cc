/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a query: made of a request -> begun, when its connection has somebody to hear of it
 * -> its answer, an error, or the client's leaving, each of which ends it.
 */
#include "mcp/query.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"

static const struct channel_ops channel_ops;

void query_wait(struct query *query)
{
	query->gathered = query->text.length;
	query->stateless->mcp->gathered += query->gathered;
	list_append(&query->stateless->waiting, &query->link);
}

void query_wait_no_more(struct query *query)
{
	query->stateless->mcp->gathered -= query->gathered;
	query->gathered = 0;
	link_remove(&query->link);
}

static void query_free(struct query *query)
{
	assert(!query->responder);
	query_wait_no_more(query);
	flight_end(&query->flight);
	deadline_fini(&query->timeout);
	channel_fini(&query->channel);
	buffer_fini(&query->text);
	buffer_fini(&query->environment);
	free(query);
}

static void query_end(struct query *query, const char *text, size_t length, unsigned status)
{
	query->channel.status = status;
	channel_send(&query->channel, text, length, true);
	query_free(query);
}

static void end_with_error(struct query *query, unsigned status, int code, const char *reason)
{
	const struct message *message = &query->message;
	struct buffer out = {0};

	message_write_error(
		&out, message->text + message->id.start, message->id.length, code, reason);
	query_end(query, buffer_text(&out), out.length, status);
	buffer_fini(&out);
}

void query_answer(struct query *query, const char *text, size_t length, unsigned status)
{
	query->stateless->mcp->counts.calls_answered++;
	query_end(query, text, length, status);
}

void query_fail(struct query *query, unsigned status, int code, const char *reason)
{
	query->stateless->mcp->counts.calls_failed++;
	end_with_error(query, status, code, reason);
}

void query_tell(struct query *query, const char *text, size_t length)
{
	channel_send(&query->channel, text, length, false);
	if (query->responder && !query->has_paused && channel_is_full(&query->channel)) {
		query->has_paused = true;
		backend_pause(&query->responder->backend);
	}
}

/* Its child, if it has one, is told so. */
static void leave_responder(struct query *query, const char *reason)
{
	query_wait_no_more(query);
	if (query->responder) {
		responder_abandon(query->responder, reason);
	}
}

static void client_has_room(struct channel *channel)
{
	struct query *query = container_of(channel, struct query, channel);

	if (query->has_paused) {
		query->has_paused = false;
		backend_resume(&query->responder->backend);
	}
}

static void client_left(struct channel *channel)
{
	struct query *query = container_of(channel, struct query, channel);

	query->stateless->mcp->counts.calls_failed++;
	leave_responder(query, "the client is gone");
	query_free(query);
}

static void channel_cut(struct channel *channel)
{
	struct query *query = container_of(channel, struct query, channel);

	query->stateless->mcp->counts.calls_forced++;
	leave_responder(query, QUERY_SHUTTING_DOWN);
	end_with_error(query, 503, MESSAGE_INTERNAL_ERROR, QUERY_SHUTTING_DOWN);
}

/* Its connection is cut next, and answers it: so it is counted as a forced request. */
static void flight_cut(struct flight *flight)
{
	http_told(container_of(flight, struct query, flight)->channel.connection);
}

static const struct channel_ops channel_ops = {
	.left = client_left,
	.writable = client_has_room,
	.cut = channel_cut,
};

static void timed_out(struct deadline *deadline)
{
	struct query *query = container_of(deadline, struct query, timeout);

	leave_responder(query, "the request has timed out");
	query_fail(query, 200, MESSAGE_INTERNAL_ERROR,
		"the server did not answer within the request timeout");
}

static void copy_name(char name[QUERY_NAME], const struct message *message)
{
	size_t length = message->method.length - 2; /* without its quotes */

	length = length < QUERY_NAME ? length : QUERY_NAME - 1;
	memcpy(name, message->text + message->method.start + 1, length);
	name[length] = '\0';
}

struct query *query_new(struct stateless *stateless, const struct message *message,
	const struct era *era, const char *const *environment)
{
	struct query *query = calloc(1, sizeof(*query));

	if (!query) {
		return NULL;
	}
	query->stateless = stateless;
	query->message = *message;
	query->era = *era;
	buffer_append(&query->text, message->text, message->length);
	query->message.text = buffer_text(&query->text);
	for (; environment && *environment; environment++) {
		buffer_append(&query->environment, *environment, strlen(*environment) + 1);
	}
	if (query->text.failed || query->environment.failed) {
		buffer_fini(&query->text);
		buffer_fini(&query->environment);
		free(query);
		return NULL;
	}
	copy_name(query->name, message);
	return query;
}

void query_begin(
	struct query *query, struct http_connection *connection, const char *fields, bool prolongs)
{
	struct mcp *mcp = query->stateless->mcp;
	struct worker *worker = mcp->worker;

	channel_init(&query->channel, CHANNEL_ONCE, &channel_ops, worker, NULL, 0);
	query->channel.expected = 1;
	deadline_init(&query->timeout, &worker->loop->agenda, timed_out);
	if (mcp->config->request_timeout_ms != CURFEW_NEVER) {
		deadline_set(&query->timeout,
			clock_add_ms(worker_now(worker), mcp->config->request_timeout_ms));
	}
	mcp->counts.calls_begun++;
	flight_begin(&query->flight, mcp, query->name, prolongs, flight_cut);
	channel_attach(&query->channel, connection, fields);
}

void query_end_subscription(struct query *query)
{
	struct buffer out = {0};

	era_write_end_of_subscription(&out, &query->message);
	leave_responder(query, QUERY_SHUTTING_DOWN);
	query_answer(query, buffer_text(&out), out.length, 200);
	buffer_fini(&out);
}
