/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's side of the stateless era. A request is checked against its header fields, and
 * becomes a query (query.h), which waits for a child (responder.h): of its own, or one of the pool.
 * server/discover is answered without a child, once one has told.
 *
 * Where no child can be had now, queries wait in line for those that end or become idle. A query is
 * refused (503) only where nobody of ours could make room.
 */
#include "mcp/stateless.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "mcp/event.h"
#include "mcp/query.h"
#include "mcp/replica.h"

#define TOO_MANY "as many servers run as there may be"

bool stateless_is(const struct message *message, const struct http_head *head)
{
	return message->era.kind != JSON_ABSENT || era_is_named(head);
}

static struct stateless *stateless_of(struct mcp *mcp)
{
	if (!mcp->stateless) {
		mcp->stateless = calloc(1, sizeof(*mcp->stateless));
		if (mcp->stateless) {
			mcp->stateless->mcp = mcp;
			list_init(&mcp->stateless->waiting);
			list_init(&mcp->stateless->responders);
		}
	}
	return mcp->stateless;
}

/* Children. */

/* Whether there may be one more. */
static bool has_place(const struct stateless *stateless)
{
	const struct mcp *mcp = stateless->mcp;
	const struct mcp_config *config = mcp->config;

	if (config->stateless_pool > 0 &&
		stateless->count - stateless->lent >= config->stateless_pool) {
		return false;
	}
	return mcp->session_count + stateless->count < config->max_sessions;
}

static bool may_start(const struct stateless *stateless)
{
	return has_place(stateless) &&
		stateless->mcp->starting < stateless->mcp->config->spawn_most;
}

static struct responder *find_idle(const struct stateless *stateless)
{
	list_each(link, &stateless->responders) {
		struct responder *responder = container_of(link, struct responder, link);

		if (responder->state == RESPONDER_IDLE) {
			return responder;
		}
	}
	return NULL;
}

/* Whether a query would get a child, sooner or later. */
static bool has_prospect(const struct stateless *stateless)
{
	list_each(link, &stateless->responders) {
		struct responder *responder = container_of(link, struct responder, link);

		if (!responder->flight.mcp) { /* else it waits for somebody who may not come */
			return true;
		}
	}
	return has_place(stateless); /* and those that start now make room for one that may */
}

/* There is a child for it, or may be one. */
static void begin_answer(struct query *query)
{
	struct responder *idle = find_idle(query->stateless);
	int error;

	if (idle) {
		responder_take(idle, query);
		return;
	}
	error = responder_start(query->stateless, query);
	if (error == -ESHUTDOWN) {
		query_fail(query, 503, MESSAGE_INTERNAL_ERROR, QUERY_SHUTTING_DOWN);
	} else if (error) {
		query_fail(query, 500, MESSAGE_INTERNAL_ERROR, "the server cannot be started");
	}
}

void stateless_go_on(struct mcp *mcp)
{
	struct stateless *stateless = mcp->stateless;

	if (!stateless || stateless->is_going_on) {
		return; /* the loop below sees what has changed */
	}
	stateless->is_going_on = true;
	while (!list_empty(&stateless->waiting)) {
		struct query *query = container_of(stateless->waiting.next, struct query, link);
		bool can_begin = find_idle(stateless) || may_start(stateless);

		if (!can_begin && has_prospect(stateless)) {
			break;
		}
		query_wait_no_more(query);
		if (can_begin) {
			begin_answer(query);
		} else {
			query_fail(query, 503, MESSAGE_INTERNAL_ERROR, TOO_MANY);
		}
	}
	stateless->is_going_on = false;
}

/* Answers in one call. */

static void tell_refused(
	struct http_connection *connection, unsigned status, const struct buffer *body)
{
	static const struct json_path path = {{"error", "message"}};
	struct mcp *mcp = connection->server->arg;
	struct json_value text;
	struct json_reader reader = {.paths = &path, .values = &text, .count = 1};
	struct buffer reason = {0};

	if (json_read(&reader, buffer_text(body), body->length) == JSON_OK &&
		text.kind == JSON_STRING) {
		json_string_decode(&reason, body->data, &text);
	}
	journal_tell(&mcp->service.journal, &mcp_events[MCP_REFUSED],
		journal_text(http_peer(connection)), journal_number(status),
		journal_text(buffer_text(&reason)));
	buffer_fini(&reason);
}

/* body: a JSON-RPC error. */
static void refuse(struct http_connection *connection, unsigned status, const struct buffer *body,
	const char *fields)
{
	struct buffer all = {0};

	tell_refused(connection, status, body);
	buffer_append_text(&all, fields);
	if (status == 503) {
		buffer_append_text(&all, "Retry-After: 1\r\n");
	}
	http_answer_whole(
		connection, status, "application/json", buffer_text(body), buffer_text(&all));
	buffer_fini(&all);
}

static void refuse_for(struct http_connection *connection, unsigned status,
	const struct message *message, int code, const char *reason, const char *fields)
{
	struct buffer body = {0};

	message_write_error(
		&body, message->text + message->id.start, message->id.length, code, reason);
	refuse(connection, status, &body, fields);
	buffer_fini(&body);
}

/* Whether it could be answered by what was told before. */
static bool answer_discovery(const struct stateless *stateless, struct http_connection *connection,
	const struct message *message, const char *fields)
{
	struct buffer body = {0};

	if (!stateless->welcome.length || stateless->welcome.failed ||
		!message_is(message, "server/discover")) {
		return false;
	}
	era_write_discovery(&body, message, stateless->welcome.data, stateless->welcome.length);
	http_answer_whole(connection, 200, "application/json", buffer_text(&body), fields);
	buffer_fini(&body);
	return true;
}

/* Requests. */

struct arrival {
	struct stateless *stateless;
	struct http_connection *connection;
	const struct message *message;
	const struct stateless_post *post;
	struct era era;
};

/* Whether its client may have to come back, on another connection. */
static bool may_be_asked(const struct arrival *arrival)
{
	bool may = false;

	for (int i = 0; i < ERA_INPUT_KINDS; i++) {
		may = may || arrival->era.may_ask[i];
	}
	return may && era_takes_inputs(arrival->message);
}

static void begin_query(const struct arrival *arrival, struct responder *responder)
{
	struct query *query = query_new(
		arrival->stateless, arrival->message, &arrival->era, arrival->post->environment);

	if (!query) {
		refuse_for(arrival->connection, 500, arrival->message, MESSAGE_INTERNAL_ERROR,
			"there is no memory", arrival->post->fields);
		return;
	}
	query_begin(query, arrival->connection, arrival->post->fields, may_be_asked(arrival));
	if (responder) {
		responder_return(responder, query);
		return;
	}
	query_wait(query);
	stateless_go_on(arrival->stateless->mcp);
}

/* One with a ticket of ours goes to the child that waits, which another replica may have. */
static bool come_back(const struct arrival *arrival)
{
	struct mcp *mcp = arrival->stateless->mcp;
	const struct message *message = arrival->message;
	struct buffer ticket = {0}, body = {0};
	struct responder *responder;
	size_t replica;
	bool is_ours, is_elsewhere;

	json_string_decode(&ticket, message->text, &arrival->era.state);
	is_ours = session_id_check(&mcp->key, buffer_text(&ticket), ticket.length, &replica);
	responder = is_ours
		? responder_find(arrival->stateless, message, buffer_text(&ticket), ticket.length)
		: NULL;
	is_elsewhere = is_ours && mcp->config->peer_url &&
		!replica_passed_on(&arrival->connection->parser.head) &&
		(replica != strlen(mcp->replica) ||
			memcmp(buffer_text(&ticket), mcp->replica, replica) != 0);
	if (responder) {
		begin_query(arrival, responder);
	} else if (is_elsewhere) {
		buffer_append(&body, message->text, message->length);
		replica_pass_on(mcp, arrival->connection, buffer_text(&ticket), replica, &body,
			arrival->post->fields);
	} else if (is_ours || arrival->stateless->welcome.length) {
		refuse_for(arrival->connection, 400, message, MESSAGE_BAD_PARAMS,
			"nothing waits for this requestState: begin anew without it",
			arrival->post->fields);
	}
	buffer_fini(&ticket);
	return responder || is_elsewhere || is_ours || arrival->stateless->welcome.length;
}

static void answer_request(const struct arrival *arrival)
{
	if (answer_discovery(arrival->stateless, arrival->connection, arrival->message,
		    arrival->post->fields)) {
		return;
	}
	if (arrival->era.state.kind == JSON_STRING && come_back(arrival)) {
		return;
	}
	if (arrival->stateless->is_draining && era_is_subscription(arrival->message)) {
		refuse_for(arrival->connection, 503, arrival->message, MESSAGE_INTERNAL_ERROR,
			QUERY_SHUTTING_DOWN, arrival->post->fields);
		return;
	}
	if (!find_idle(arrival->stateless) && !has_prospect(arrival->stateless)) {
		refuse_for(arrival->connection, 503, arrival->message, MESSAGE_INTERNAL_ERROR,
			TOO_MANY, arrival->post->fields);
		return;
	}
	begin_query(arrival, NULL);
}

void stateless_post(struct mcp *mcp, struct http_connection *connection,
	const struct message *message, const struct stateless_post *post)
{
	struct arrival arrival = {
		.stateless = stateless_of(mcp),
		.connection = connection,
		.message = message,
		.post = post,
	};
	struct buffer refusal = {0};
	unsigned status;

	if (message->kind == MESSAGE_NOTIFICATION) { /* none of this era is for servers */
		http_answer_whole(connection, 202, NULL, NULL, post->fields);
		return;
	}
	if (message->kind != MESSAGE_REQUEST) {
		message_write_error(&refusal, NULL, 0, MESSAGE_INVALID_REQUEST,
			"this version of the protocol has neither batches nor responses to "
			"servers");
		refuse(connection, 400, &refusal, post->fields);
		buffer_fini(&refusal);
		return;
	}
	if (!arrival.stateless) {
		refuse_for(connection, 500, message, MESSAGE_INTERNAL_ERROR, "there is no memory",
			post->fields);
		return;
	}
	status = era_read(&arrival.era, message, &connection->parser.head, &refusal);
	if (status) {
		refuse(connection, status, &refusal, post->fields);
	} else {
		answer_request(&arrival);
	}
	buffer_fini(&refusal);
}

/* The end. */

void stateless_drain(struct mcp *mcp)
{
	struct stateless *stateless = mcp->stateless;

	if (!stateless) {
		return;
	}
	stateless->is_draining = true;
	list_each_safe(link, &stateless->waiting) {
		struct query *query = container_of(link, struct query, link);

		if (era_is_subscription(&query->message)) {
			query_end_subscription(query);
		}
	}
	list_each(link, &stateless->responders) {
		struct responder *responder = container_of(link, struct responder, link);

		if (responder->query && era_is_subscription(&responder->query->message)) {
			query_end_subscription(responder->query);
		} else if (responder->state == RESPONDER_IDLE) {
			responder_stop(responder, QUERY_SHUTTING_DOWN);
		}
	}
}

void stateless_fini(struct mcp *mcp)
{
	struct stateless *stateless = mcp->stateless;

	if (stateless) {
		assert(list_empty(&stateless->responders) && list_empty(&stateless->waiting));
		buffer_fini(&stateless->welcome);
		free(stateless);
		mcp->stateless = NULL;
	}
}
