/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request of the client's, from its POST to its answer.
 *
 *	FRESH -> WAITING -> SENT -> CANCELLED -> OVER
 *	  `-----------------^ `-----------------^
 *
 * It is in flight while it is WAITING or SENT: a hold on the work stage, counted in its session and
 * in all. The child's answer ends it (answered), or the reason why there will be none (failed), its
 * deadline, or the cut of its hold. When the client has cancelled it, it is in flight no more; the
 * child's answer is passed on if it comes soon.
 *
 * Whatever ends it frees it, and gives the client exactly one answer.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/list.h"
#include "mcp/session_state.h"

#define SHUTTING_DOWN "the server is shutting down"

#define TO(state) (1U << SESSION_CALL_##state)

static const unsigned edges[] = {
	[SESSION_CALL_FRESH] = TO(WAITING) | TO(SENT) | TO(OVER),
	[SESSION_CALL_WAITING] = TO(SENT) | TO(OVER),
	[SESSION_CALL_SENT] = TO(CANCELLED) | TO(OVER),
	[SESSION_CALL_CANCELLED] = TO(OVER),
	[SESSION_CALL_OVER] = 0,
};

static void cut(struct flight *flight);

static void begin_flight(struct session_call *call)
{
	struct mcp *mcp = call->session->mcp;

	flight_begin(&call->flight, mcp, call->name, true, cut);
	deadline_set(&call->deadline,
		clock_add_ms(worker_now(mcp->worker), mcp->config->request_timeout_ms));
	call->session->in_flight++;
	mcp->counts.calls_begun++;
}

static void end_flight(struct session_call *call)
{
	flight_end(&call->flight);
	deadline_set(&call->deadline, CURFEW_NEVER);
	call->session->in_flight--;
}

/* The only writer of the state. */
static void call_enter(struct session_call *call, enum session_call_state state)
{
	bool was = session_call_in_flight(call);

	assert(edges[call->state] & (1U << state));
	call->state = state;
	if (!was && session_call_in_flight(call)) {
		begin_flight(call);
	} else if (was && !session_call_in_flight(call)) {
		end_flight(call);
	}
}

/* Nothing of it comes back any more; its memory goes. */
static void call_over(struct session_call *call)
{
	call_enter(call, SESSION_CALL_OVER);
	call_forget(&call->call);
	deadline_fini(&call->deadline);
	link_remove(&call->link);
	call->session->call_count--;
	free(call);
}

/* Its end. */

void session_call_answer(struct session_call *call, const char *line, size_t length)
{
	struct session *session = call->session;
	struct session_post *post = call->post;

	session->mcp->counts.calls_answered++;
	if (call->is_initialize) {
		session_initialized(session, line, length);
	}
	call_over(call);
	session_deliver(session, post, line, length);
	session_settle(session);
}

static void end_with_error(struct session_call *call, int code, const char *reason)
{
	struct session *session = call->session;
	struct session_post *post = call->post;
	struct buffer text = {0};

	message_write_error(&text, call->call.id.data, call->call.id.length, code, reason);
	if (call->is_initialize) {
		session_doom(session, "it was not initialized");
	}
	call_over(call);
	session_deliver(session, post, buffer_text(&text), text.length);
	session_settle(session);
	buffer_fini(&text);
}

void session_call_fail(struct session_call *call, int code, const char *reason)
{
	if (call->state != SESSION_CALL_FRESH) {
		call->session->mcp->counts.calls_failed++;
	}
	end_with_error(call, code, reason);
}

static void tell_child(struct session_call *call, const char *reason)
{
	if (call->state == SESSION_CALL_SENT && call->call.backend && !call->is_initialize) {
		backend_cancel(&call->call, reason);
	}
}

static void force(struct session_call *call)
{
	call->session->mcp->counts.calls_forced++;
	tell_child(call, SHUTTING_DOWN);
	end_with_error(call, MESSAGE_SERVER_ERROR, SHUTTING_DOWN);
}

/* Where a connection has it, that one is cut next: by then it is counted as a forced request. */
static void cut(struct flight *flight)
{
	struct session_call *call = container_of(flight, struct session_call, flight);

	if (call->post && channel_is_carried(&call->post->channel)) {
		http_told(call->post->channel.connection);
	} else {
		curfew_lifecycle_count(call->session->mcp->worker->life, CURFEW_REQUESTS_FORCED, 1);
		force(call);
	}
}

void session_post_force(struct session_post *post)
{
	struct session *session = post->session;

	list_each_safe(link, &session->calls) {
		struct session_call *call = container_of(link, struct session_call, link);

		if (call->post == post) {
			force(call);
		}
	}
}

static void deadline_passed(struct deadline *deadline)
{
	struct session_call *call = container_of(deadline, struct session_call, deadline);

	if (call->state == SESSION_CALL_CANCELLED) {
		session_call_fail(call, MESSAGE_SERVER_ERROR, "the request was cancelled");
		return;
	}
	tell_child(call, "it took too long");
	session_call_fail(call, MESSAGE_SERVER_ERROR, "the request was not answered in time");
}

void session_call_end(struct session_call *call, const char *reason)
{
	if (call->session->backend != &call->session->own) {
		tell_child(call, reason);
	}
	session_call_fail(call, MESSAGE_SERVER_ERROR, reason);
}

/* From the backend. */

static void answered(struct call *call, const char *line, size_t length)
{
	session_call_answer(container_of(call, struct session_call, call), line, length);
}

static void progress(struct call *call, const char *line, size_t length)
{
	struct session_call *of = container_of(call, struct session_call, call);

	session_send(
		of->session, of->post ? &of->post->channel : &of->session->stream, line, length);
}

static void failed(struct call *call, int code, const char *reason)
{
	session_call_fail(container_of(call, struct session_call, call), code, reason);
}

static const struct call_ops call_ops = {
	.answered = answered,
	.progress = progress,
	.failed = failed,
};

/* Its beginning. */

static void name_call(struct session_call *call, const struct message *message)
{
	struct buffer name = {0};

	json_string_decode(&name, message->text, &message->method);
	if (message->name.kind == JSON_STRING) {
		buffer_append_char(&name, ' ');
		json_string_decode(&name, message->text, &message->name);
	}
	(void)snprintf(call->name, sizeof(call->name), "%s", buffer_text(&name));
	buffer_fini(&name);
}

static void refuse(struct session *session, struct session_post *post,
	const struct message *message, int code, const char *text)
{
	session_deliver_error(
		session, post, message->text + message->id.start, message->id.length, code, text);
}

struct session_call *session_call_new(
	struct session *session, struct session_post *post, const struct message *message)
{
	struct session_call *call = calloc(1, sizeof(*call));

	if (!call) {
		refuse(session, post, message, MESSAGE_INTERNAL_ERROR,
			"there is no memory for the request");
		return NULL;
	}
	call->call.ops = &call_ops;
	call->session = session;
	call->post = post;
	call->begun = worker_now(session->mcp->worker);
	deadline_init(&call->deadline, session_agenda(session), deadline_passed);
	name_call(call, message);
	list_append(&session->calls, &call->link);
	session->call_count++;
	return call;
}

static void point_at_id(struct session_call *call, const struct message *message)
{
	call->call.id = (struct call_text){message->text + message->id.start, message->id.length};
}

void session_call_wait(struct session_call *call, const struct message *message)
{
	point_at_id(call, message);
	call_enter(call, SESSION_CALL_WAITING);
}

void session_call_refuse(
	struct session_call *call, const struct message *message, const char *reason)
{
	point_at_id(call, message);
	session_call_fail(call, MESSAGE_SERVER_ERROR, reason);
}

static const char *send_to_backend(struct session_call *call, const struct message *message)
{
	struct session *session = call->session;

	if (!session->backend) {
		return "the session is not initialized";
	}
	if (session->call_count > SESSION_CALLS_MOST) {
		return "too many requests are in flight";
	}
	if (!call->post &&
		curfew_drain_closed(
			curfew_lifecycle_stage(session->mcp->worker->life, CURFEW_WORK))) {
		return SHUTTING_DOWN; /* nothing would keep its stream open */
	}
	return backend_call(session->backend, &call->call, message) < 0
		? "the server does not take the request"
		: NULL;
}

bool session_call_send(struct session_call *call, const struct message *message)
{
	const char *refusal = send_to_backend(call, message);

	if (refusal) {
		session_call_refuse(call, message, refusal);
		return false;
	}
	call_enter(call, SESSION_CALL_SENT);
	return true;
}

struct session_call *session_initialize_call(struct session *session)
{
	list_each(link, &session->calls) {
		struct session_call *call = container_of(link, struct session_call, link);

		if (call->is_initialize) {
			return call;
		}
	}
	return NULL;
}

/* Cancelling. */

/* Duplicate ids are normal; a client means the one that it sent last. */
static struct session_call *find_newest(struct session *session, const struct message *message)
{
	for (struct curfew_link *link = session->calls.prev; link != &session->calls;
		link = link->prev) {
		struct session_call *call = container_of(link, struct session_call, link);

		if (call->state == SESSION_CALL_SENT && !call->is_initialize &&
			message_same_id(message->text, &message->cancelled, call->call.id.data,
				call->call.id.length)) {
			return call;
		}
	}
	return NULL;
}

void session_cancel(struct session *session, const struct message *message)
{
	struct session_call *call = find_newest(session, message);

	if (!call) {
		return; /* it is over: the child must not take it for another's */
	}
	backend_cancel_as(&call->call, message);
	call_enter(call, SESSION_CALL_CANCELLED);
	deadline_set(&call->deadline, curfew_after_ms(SESSION_CANCEL_MS));
	if (session->mcp->ending) {
		session_calls_give_up(session);
	}
}

void session_calls_give_up(struct session *session)
{
	list_each_safe(link, &session->calls) {
		struct session_call *call = container_of(link, struct session_call, link);

		if (call->state == SESSION_CALL_CANCELLED) {
			session_call_fail(call, MESSAGE_SERVER_ERROR, "the request was cancelled");
		}
	}
}
