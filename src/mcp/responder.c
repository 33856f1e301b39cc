/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The usual way: start -> initialize -> its answer, and notifications/initialized -> the request,
 * behind logging/setLevel if it asks for log messages -> the answer -> the end of input, or idle.
 *
 * A child that fails leaves by backend's ended(), which frees it; whoever waits for it has heard by
 * then. Whatever a call of its fails of, the child is not used again.
 */
#include "mcp/responder.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "mcp/responder_state.h"

void responder_enter(struct responder *responder, enum responder_state state)
{
	static const unsigned edges[] = {
		[RESPONDER_STARTING] =
			1u << RESPONDER_IDLE | 1u << RESPONDER_BUSY | 1u << RESPONDER_ENDING,
		[RESPONDER_IDLE] = 1u << RESPONDER_BUSY | 1u << RESPONDER_ENDING,
		[RESPONDER_BUSY] =
			1u << RESPONDER_IDLE | 1u << RESPONDER_ASIDE | 1u << RESPONDER_ENDING,
		[RESPONDER_ASIDE] =
			1u << RESPONDER_IDLE | 1u << RESPONDER_BUSY | 1u << RESPONDER_ENDING,
		[RESPONDER_ENDING] = 0,
	};
	struct mcp *mcp = responder->stateless->mcp;

	assert(edges[responder->state] & 1u << state);
	if (responder->state == RESPONDER_STARTING) {
		mcp->starting--;
		if (mcp->start_next.run) {
			agenda_post(&mcp->worker->loop->agenda, &mcp->start_next);
		}
	}
	deadline_set(&responder->patience, CURFEW_NEVER);
	flight_end(&responder->flight);
	responder->state = state;
}

void responder_wait(struct responder *responder, int64_t ms)
{
	deadline_set(&responder->patience,
		clock_add_ms(worker_now(responder->stateless->mcp->worker), ms));
}

/* Takes its query from it, which is read as fast as it can from then on. */
struct query *responder_take_query(struct responder *responder)
{
	struct query *query = responder->query;

	if (query) {
		if (query->has_paused) {
			query->has_paused = false;
			backend_resume(&responder->backend);
		}
		query->responder = NULL;
		responder->query = NULL;
	}
	return query;
}

void responder_stop(struct responder *responder, const char *reason)
{
	(void)responder_take_query(responder);
	if (responder->state != RESPONDER_ENDING) {
		responder_enter(responder, RESPONDER_ENDING);
		call_forget(&responder->greeting);
		call_forget(&responder->level);
		call_forget(&responder->call);
		backend_stop(&responder->backend, MESSAGE_INTERNAL_ERROR, reason);
	}
}

/* Its request is over. */
void responder_release(struct responder *responder)
{
	struct stateless *stateless = responder->stateless;

	if (!responder->is_pooled || responder->state == RESPONDER_ENDING ||
		(stateless->is_draining && list_empty(&stateless->waiting))) {
		responder_stop(responder, "its request is over");
		return;
	}
	call_forget(&responder->level);
	buffer_consume(&responder->origin, responder->origin.length);
	responder_enter(responder, RESPONDER_IDLE);
	stateless_go_on(stateless->mcp);
}

void responder_fail(struct responder *responder, int code, const char *reason)
{
	struct query *query = responder_take_query(responder);

	responder_stop(responder, reason);
	if (query) {
		query_fail(query, 200, code, reason);
	}
}

/* The start. */

static const char **list_strings(const struct buffer *strings)
{
	size_t count = 0;
	const char **list;

	for (size_t at = 0; at < strings->length; at += strlen(strings->data + at) + 1) {
		count++;
	}
	list = calloc(count + 1, sizeof(*list));
	for (size_t at = 0, i = 0; list && i < count; i++) {
		list[i] = strings->data + at;
		at += strlen(strings->data + at) + 1;
	}
	return list;
}

static int start_backend(struct responder *responder, const struct query *query)
{
	static unsigned number;
	const char **environment = NULL;
	char name[32];
	int error;

	if (!responder->is_pooled && query->environment.length) {
		environment = list_strings(&query->environment);
		if (!environment) {
			return -ENOMEM;
		}
	}
	(void)snprintf(name, sizeof(name), "stateless-%u", ++number);
	error = backend_start(&responder->backend, responder->stateless->mcp,
		&responder_backend_ops, name, environment);
	free(environment);
	return error;
}

static int call_own(struct responder *responder, struct call *call, const struct call_ops *ops,
	const struct buffer *text)
{
	struct message message;

	*call = (struct call){.ops = ops};
	if (text->failed || message_read(&message, text->data, text->length, NULL) != JSON_OK) {
		return -ENOMEM;
	}
	return backend_call(&responder->backend, call, &message);
}

static int probe(struct responder *responder)
{
	struct buffer text = {0};
	int error;

	era_write_probe(&text);
	error = call_own(responder, &responder->greeting, &responder_probe_ops, &text);
	buffer_fini(&text);
	responder->is_probed = true;
	responder_wait(responder, RESPONDER_PROBE_MS);
	return error;
}

int responder_greet(struct responder *responder)
{
	const struct query *query = responder->is_pooled ? NULL : responder->query;
	struct buffer text = {0};
	int error;

	responder->is_probed = false;
	responder_wait(responder, responder->stateless->mcp->config->start_timeout_ms);
	era_write_initialize(&text, query ? &query->message : NULL, query ? &query->era : NULL);
	error = call_own(responder, &responder->greeting, &responder_greeting_ops, &text);
	buffer_fini(&text);
	return error;
}

static void patience_passed(struct deadline *deadline)
{
	struct responder *responder = container_of(deadline, struct responder, patience);

	if (responder->is_probed) {
		call_forget(&responder->greeting);
		if (responder_greet(responder)) {
			responder_fail(responder, MESSAGE_INTERNAL_ERROR,
				"the server could not be initialized");
		}
	} else if (responder->state == RESPONDER_STARTING) {
		responder_fail(
			responder, MESSAGE_INTERNAL_ERROR, "the server did not answer initialize");
	} else {
		responder_stop(responder, "nobody waited for its answer any more");
	}
}

static struct responder *responder_new(struct stateless *stateless)
{
	struct responder *responder = calloc(1, sizeof(*responder));

	if (responder) {
		responder->stateless = stateless;
		responder->is_pooled = stateless->mcp->config->stateless_pool > 0;
		inquiries_init(&responder->inquiries);
		deadline_init(&responder->patience, &stateless->mcp->worker->loop->agenda,
			patience_passed);
	}
	return responder;
}

void responder_free(struct responder *responder)
{
	deadline_fini(&responder->patience);
	inquiries_fini(&responder->inquiries);
	buffer_fini(&responder->welcome);
	buffer_fini(&responder->origin);
	buffer_fini(&responder->kept);
	free(responder);
}

/* Its era is asked for once in a process, as long as nobody has answered. */
static int begin(struct responder *responder)
{
	struct stateless *stateless = responder->stateless;

	if (stateless->children == CHILDREN_OF_ERA) {
		responder->is_of_era = true;
		responder_serve(responder);
		return 0;
	}
	return stateless->children == CHILDREN_UNKNOWN && !responder->query->skips_probe
		? probe(responder)
		: responder_greet(responder);
}

int responder_start(struct stateless *stateless, struct query *query)
{
	struct responder *responder = responder_new(stateless);
	int error;

	if (!responder) {
		return -ENOMEM;
	}
	error = start_backend(responder, query);
	if (error) {
		responder_free(responder);
		return error;
	}
	list_append(&stateless->responders, &responder->link);
	stateless->count++;
	stateless->mcp->starting++;
	responder->query = query;
	query->responder = responder;
	error = begin(responder);
	if (error) {
		responder_stop(responder, "it could not be initialized");
	}
	return error;
}

/* Requests. */

/* An answer that needs no more than what initialize was answered. */
static bool answer_discovery(struct responder *responder)
{
	struct buffer out = {0};
	struct query *query;

	if (responder->is_of_era || !message_is(&responder->query->message, "server/discover")) {
		return false;
	}
	query = responder_take_query(responder);
	era_write_discovery(
		&out, &query->message, responder->welcome.data, responder->welcome.length);
	query_answer(query, buffer_text(&out), out.length, 200);
	buffer_fini(&out);
	responder_release(responder);
	return true;
}

static void set_level(struct responder *responder, const struct query *query)
{
	const struct json_value *level = &query->era.log_level;
	struct buffer text = {0};

	if (level->kind != JSON_STRING || responder->is_of_era ||
		!era_logs(responder->welcome.data, responder->welcome.length)) {
		return;
	}
	buffer_append_text(&text,
		"{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"logging/setLevel\","
		"\"params\":{\"level\":");
	buffer_append(&text, query->message.text + level->start, level->length);
	buffer_append_text(&text, "}}");
	(void)call_own(responder, &responder->level, &responder_level_ops, &text);
	buffer_fini(&text);
}

/* What a request is for: one that comes back with input has to be the same. */
static void write_origin(struct buffer *out, const struct message *message)
{
	const struct json_value *const parts[] = {&message->method, &message->name, &message->uri};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		buffer_append(out, message->text + parts[i]->start, parts[i]->length);
		buffer_append_char(out, '\n');
	}
}

/* A child that is not the request's own, or is of this era, has no business to ask. */
static void note_client(struct responder *responder)
{
	const struct query *query = responder->query;
	bool may_ask =
		!responder->is_pooled && !responder->is_of_era && era_takes_inputs(&query->message);

	for (int i = 0; i < ERA_INPUT_KINDS; i++) {
		responder->may_ask[i] = may_ask && query->era.may_ask[i];
	}
}

/* A subscription lasts: whom it has is of the pool no more, which has room for another one. */
static void lend(struct responder *responder)
{
	responder->is_pooled = false;
	responder->is_lent = true;
	responder->stateless->lent++;
}

void responder_serve(struct responder *responder)
{
	struct query *query = responder->query;

	responder_enter(responder, RESPONDER_BUSY);
	if (responder->is_pooled && era_is_subscription(&query->message)) {
		lend(responder);
	}
	if (answer_discovery(responder)) {
		return;
	}
	set_level(responder, query);
	note_client(responder);
	write_origin(&responder->origin, &query->message);
	responder->call = (struct call){.ops = &responder_request_ops};
	if (responder->origin.failed ||
		backend_call(&responder->backend, &responder->call, &query->message)) {
		responder_fail(
			responder, MESSAGE_INTERNAL_ERROR, "the server does not take requests");
	}
}

void responder_take(struct responder *responder, struct query *query)
{
	assert(responder->state == RESPONDER_IDLE && !responder->query);
	responder->query = query;
	query->responder = responder;
	responder_serve(responder);
}

void responder_abandon(struct responder *responder, const char *reason)
{
	(void)responder_take_query(responder);
	if (responder->state == RESPONDER_BUSY) {
		backend_cancel(&responder->call, reason);
	}
	if (!responder->is_pooled) {
		responder_stop(responder, reason);
	} else if (responder->state == RESPONDER_BUSY) {
		responder_enter(responder, RESPONDER_ASIDE);
		responder_wait(responder, RESPONDER_CANCEL_MS);
	}
}

/* Clients that come back. */

struct responder *responder_find(struct stateless *stateless, const struct message *message,
	const char *ticket, size_t length)
{
	struct buffer origin = {0};
	struct responder *found = NULL;

	write_origin(&origin, message);
	list_each(link, &stateless->responders) {
		struct responder *responder = container_of(link, struct responder, link);

		if (responder->flight.mcp && strlen(responder->inquiries.ticket) == length &&
			!memcmp(responder->inquiries.ticket, ticket, length) && !origin.failed &&
			origin.length == responder->origin.length &&
			!memcmp(origin.data, responder->origin.data, origin.length)) {
			found = responder;
		}
	}
	buffer_fini(&origin);
	return found;
}

void responder_return(struct responder *responder, struct query *query)
{
	responder_enter(responder, RESPONDER_BUSY);
	responder->query = query;
	query->responder = responder;
	query->has_returned = true;
	note_client(responder);
	if (responder->kept.length) {
		responder_deliver(responder, responder->kept.data, responder->kept.length);
		return;
	}
	inquiries_answer(&responder->inquiries, &responder->backend, &query->message, &query->era);
	if (responder->inquiries.count) {
		responder_inquire(responder);
	}
}
