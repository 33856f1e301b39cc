/* SPDX-License-Identifier: Apache-2.0 */
/* What a responder's child says: answers, progress, what it asks for, its end. */
#include "mcp/responder_state.h"

/* It may be given a request. */
static void started(struct responder *responder)
{
	if (responder->query) {
		responder_serve(responder);
	} else {
		responder_enter(responder, RESPONDER_IDLE);
		stateless_go_on(responder->stateless->mcp);
	}
}

static void probed(struct call *call, const char *line, size_t length)
{
	struct responder *responder = container_of(call, struct responder, greeting);

	responder->is_probed = false;
	if (era_is_introduction(line, length)) {
		responder->stateless->children = CHILDREN_OF_ERA;
		responder->is_of_era = true;
		started(responder);
	} else if (responder_greet(responder)) {
		responder_fail(
			responder, MESSAGE_INTERNAL_ERROR, "the server could not be initialized");
	}
}

/* Either it is gone, or what it said was too long to be read, and it gets initialize later. */
static void probe_failed(struct call *call, int code, const char *reason)
{
	(void)call;
	(void)code;
	(void)reason;
}

static void greeted(struct call *call, const char *line, size_t length)
{
	static const char initialized[] =
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}";
	struct responder *responder = container_of(call, struct responder, greeting);
	struct stateless *stateless = responder->stateless;

	if (era_is_welcome(line, length)) {
		stateless->children = CHILDREN_OF_SESSIONS;
		buffer_append(&responder->welcome, line, length);
		buffer_consume(&stateless->welcome, stateless->welcome.length);
		buffer_append(&stateless->welcome, line, length);
		backend_send_text(&responder->backend, initialized, sizeof(initialized) - 1);
	} else {
		responder->is_of_era = true;
	}
	if (responder->welcome.failed || stateless->welcome.failed) {
		responder_fail(responder, MESSAGE_INTERNAL_ERROR, "there is no memory");
	} else {
		started(responder);
	}
}

/* This era has no codes of the range that JSON-RPC leaves to servers (basic, error codes). */
static int code_of(int code)
{
	return code == MESSAGE_SERVER_ERROR ? MESSAGE_INTERNAL_ERROR : code;
}

static void greeting_failed(struct call *call, int code, const char *reason)
{
	responder_fail(container_of(call, struct responder, greeting), code_of(code), reason);
}

/* Whether the level could be set is the child's matter: its messages tell. */
static void level_answered(struct call *call, const char *line, size_t length)
{
	(void)call;
	(void)line;
	(void)length;
}

static void level_failed(struct call *call, int code, const char *reason)
{
	(void)call;
	(void)code;
	(void)reason;
}

void responder_deliver(struct responder *responder, const char *line, size_t length)
{
	struct query *query = responder_take_query(responder);
	struct buffer out = {0};
	unsigned status;

	status = era_write_answer(&out, &query->message, line, length, responder->is_of_era);
	if (out.failed) {
		query_fail(query, 200, MESSAGE_INTERNAL_ERROR, "there is no memory");
	} else {
		query_answer(query, out.data, out.length, status);
	}
	buffer_fini(&out);
	responder_release(responder);
}

static void answered(struct call *call, const char *line, size_t length)
{
	struct responder *responder = container_of(call, struct responder, call);

	if (responder->query) {
		responder_deliver(responder, line, length);
	} else if (responder->flight.mcp) {
		buffer_append(&responder->kept, line, length);
		if (responder->kept.failed) {
			responder_stop(responder, "there is no memory");
		}
	} else {
		responder_release(responder);
	}
}

static void progressed(struct call *call, const char *line, size_t length)
{
	struct responder *responder = container_of(call, struct responder, call);
	struct query *query = responder->query;
	struct message message;
	struct buffer out = {0};

	if (!query) {
		return;
	}
	if (!query->has_returned) {
		query_tell(query, line, length);
		return;
	}
	if (query->message.token.kind && message_read(&message, line, length, NULL) == JSON_OK) {
		const struct message_change change = {
			.value = &message.progress,
			.bytes = query->message.text + query->message.token.start,
			.length = query->message.token.length,
		};

		message_write(&out, &message, &change, 1);
		query_tell(query, buffer_text(&out), out.length);
		buffer_fini(&out);
	}
}

static void failed(struct call *call, int code, const char *reason)
{
	responder_fail(container_of(call, struct responder, call), code_of(code), reason);
}

const struct call_ops responder_probe_ops = {.answered = probed, .failed = probe_failed};
const struct call_ops responder_greeting_ops = {.answered = greeted, .failed = greeting_failed};
const struct call_ops responder_level_ops = {.answered = level_answered, .failed = level_failed};
const struct call_ops responder_request_ops = {
	.answered = answered,
	.progress = progressed,
	.failed = failed,
};

/* What the child asks for. */

static void refuse(
	struct responder *responder, const struct message *asked, int code, const char *reason)
{
	struct buffer out = {0};

	message_write_error(&out, asked->text + asked->id.start, asked->id.length, code, reason);
	if (!out.failed) {
		backend_send_text(&responder->backend, out.data, out.length);
	}
	buffer_fini(&out);
}

static void pong(struct responder *responder, const struct message *asked)
{
	struct buffer out = {0};

	buffer_append_text(&out, "{\"jsonrpc\":\"2.0\",\"id\":");
	buffer_append(&out, asked->text + asked->id.start, asked->id.length);
	buffer_append_text(&out, ",\"result\":{}}");
	if (!out.failed) {
		backend_send_text(&responder->backend, out.data, out.length);
	}
	buffer_fini(&out);
}

static void inquiry_cut(struct flight *flight)
{
	struct responder *responder = container_of(flight, struct responder, flight);

	responder_stop(responder, "the gateway is shutting down");
}

/* Its client is to come back with what it asked for, and knows it by the ticket then. */
void responder_inquire(struct responder *responder)
{
	struct mcp *mcp = responder->stateless->mcp;
	struct buffer out = {0};
	struct query *query;

	if (session_id_mint(responder->inquiries.ticket, &mcp->key, mcp->replica)) {
		responder_fail(responder, MESSAGE_INTERNAL_ERROR, "there are no random bytes");
		return;
	}
	query = responder_take_query(responder);
	inquiries_write(&out, &responder->inquiries, &query->message);
	responder_enter(responder, RESPONDER_ASIDE);
	responder_wait(responder, RESPONDER_INQUIRY_MS);
	flight_begin(&responder->flight, mcp, "inquiry", true, inquiry_cut);
	if (out.failed) {
		responder_stop(responder, "there is no memory");
		query_fail(query, 200, MESSAGE_INTERNAL_ERROR, "there is no memory");
	} else {
		query_answer(query, out.data, out.length, 200);
	}
	buffer_fini(&out);
}

/* Also while nobody waits: then the client hears of it when it comes back. */
static bool may_ask(const struct responder *responder, const struct message *asked)
{
	enum era_input kind = era_input_of(asked);

	return kind != ERA_INPUT_KINDS && responder->may_ask[kind] &&
		(responder->query || responder->flight.mcp);
}

static void asked_for(struct responder *responder, const struct message *asked)
{
	if (message_is(asked, "ping")) {
		pong(responder, asked);
	} else if (!may_ask(responder, asked)) {
		refuse(responder, asked, MESSAGE_NO_METHOD,
			"the client of this request cannot be asked that");
	} else if (inquiries_add(&responder->inquiries, asked)) {
		refuse(responder, asked, MESSAGE_INTERNAL_ERROR,
			"too much is asked for at the same time");
	} else if (responder->query) {
		responder_inquire(responder);
	}
}

static void tell_as_of_era(struct query *query, const struct message *message)
{
	struct buffer out = {0};

	era_write_notification(&out, &query->message, message);
	if (!out.failed) {
		query_tell(query, out.data, out.length);
	}
	buffer_fini(&out);
}

static void said(struct backend *backend, const struct message *message)
{
	struct responder *responder = container_of(backend, struct responder, backend);
	struct query *query = responder->query;

	if (message->kind == MESSAGE_REQUEST) {
		asked_for(responder, message);
	} else if (message->kind == MESSAGE_NOTIFICATION && query &&
		responder->state == RESPONDER_BUSY) {
		if (responder->is_of_era) {
			tell_as_of_era(query, message);
		} else if (era_passes(message, query->era.log_level.kind == JSON_STRING)) {
			query_tell(query, message->text, message->length);
		}
	}
}

static void ended(struct backend *backend, const char *reason)
{
	struct responder *responder = container_of(backend, struct responder, backend);
	struct stateless *stateless = responder->stateless;
	struct query *query = responder_take_query(responder);
	bool is_probed = responder->is_probed;

	if (responder->state != RESPONDER_ENDING) {
		responder_enter(responder, RESPONDER_ENDING);
	}
	link_remove(&responder->link);
	stateless->count--;
	stateless->lent -= responder->is_lent;
	responder_free(responder);
	if (query && is_probed) {
		query->skips_probe = true;
		list_append(&stateless->waiting, &query->link);
	} else if (query) {
		query_fail(query, 200, MESSAGE_INTERNAL_ERROR, reason);
	}
	stateless_go_on(stateless->mcp);
}

const struct backend_ops responder_backend_ops = {.message = said, .ended = ended};
