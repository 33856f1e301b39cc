/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WebSocket messages: one out, and the next one that comes is its answer; others are dropped.
 *
 * An http_client makes the opening handshake as soon as there is a socket (new_channel, head); then
 * the connection of src/ws takes over what is below it, and the client is closed. The memory goes
 * when both are (bury).
 *
 * It ends in order with 1000, when its lane has no more requests; or the peer ends it, which is
 * CLOSED for a request that waits; or it breaks off, or breaks the protocol. Each of these passes
 * through lose(). The drain only cuts: who has begun nothing more, and when, is the crew's affair.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <curfew/time.h>

#include "base/list.h"
#include "load/channel.h"
#include "load/crew.h"
#include "load/lane.h"
#include "ws/opening.h"
#include "ws/send.h"

struct ws_channel {
	struct channel channel;
	struct http_client client; /* until the handshake is over */
	struct ws_connection connection;
	struct ws_opening opening;
	struct load_answer answer;
	struct buffer body; /* of an answer that is kept */
	uint64_t begins;    /* the request, in what the stream sends */
	struct worker_flush opened;
	bool has_client, has_connection;
	bool awaits; /* an answer */
	bool keeps;
	bool answers; /* the message that comes is one */
};

/* The lane's deadline is the one for all but the end. */
static const struct ws_limits limits = {
	.outbox_most = SIZE_MAX / 2,
	.ping_ms = CURFEW_NEVER,
	.pong_ms = CURFEW_NEVER,
	.message_ms = CURFEW_NEVER,
	.write_ms = CURFEW_NEVER,
	.close_ms = 5000,
};

/* Where the work's stage is closed already, nobody cuts it at that stage's deadline. */
static const struct ws_limits late_limits = {
	.outbox_most = SIZE_MAX / 2,
	.ping_ms = CURFEW_NEVER,
	.pong_ms = CURFEW_NEVER,
	.message_ms = CURFEW_NEVER,
	.write_ms = CURFEW_NEVER,
	.close_ms = 500,
};

static struct ws_channel *of_client(struct http_client *client)
{
	return container_of(client, struct ws_channel, client);
}

static struct ws_channel *of_connection(struct ws_connection *connection)
{
	return container_of(connection, struct ws_channel, connection);
}

/* The end. */

/* Leaves its lane, whose request has failed so, if it has one here. The last statement. */
static void lose(struct ws_channel *ws, const struct stream *stream, enum load_outcome outcome)
{
	struct lane *lane = ws->channel.lane;

	channel_count(&ws->channel, stream);
	channel_detach(&ws->channel);
	if (lane) {
		lane_lost(lane, ws->channel.endpoint, outcome);
	}
}

static void bury(struct ws_channel *ws)
{
	struct channel channel = ws->channel;

	if (ws->has_client || ws->has_connection) {
		return;
	}
	worker_flush_forget(&ws->opened);
	buffer_fini(&ws->body);
	free(ws);
	channel_gone(&channel);
}

/* Messages. */

static void take(struct ws_channel *ws, const struct ws_event *piece)
{
	if (piece->starts) {
		ws->answers = ws->awaits;
		buffer_clear(&ws->body);
	}
	if (!ws->answers || !ws->keeps || !piece->length) {
		return;
	}
	if (ws->body.length + piece->length > LOAD_ANSWER_MOST) {
		ws->keeps = false;
		ws->answer.outcome = LOAD_MALFORMED;
	} else {
		buffer_append(&ws->body, piece->bytes, piece->length);
	}
}

/* The last statement, since the next request may be begun in it. */
static void tell_answer(struct ws_channel *ws)
{
	struct lane *lane = ws->channel.lane;

	ws->awaits = ws->answers = false;
	channel_count(&ws->channel, &ws->connection.stream);
	if (ws->keeps) {
		ws->answer.body = buffer_text(&ws->body);
		ws->answer.length = ws->body.length;
		if (ws->body.failed) {
			ws->answer.body = NULL;
			ws->answer.outcome = LOAD_LOCAL;
		}
	}
	if (ws->channel.crew->plan->fresh) {
		channel_detach(&ws->channel);
		ws_connection_close(&ws->connection, WS_CLOSE_NORMAL, "");
	}
	lane_answered(lane, &ws->answer);
}

static size_t data(struct ws_connection *connection, const struct ws_event *piece)
{
	struct ws_channel *ws = of_connection(connection);
	size_t length = piece->length;

	if (ws->channel.lane) {
		take(ws, piece);
		if (piece->ends && ws->answers) {
			tell_answer(ws);
		}
	}
	return length;
}

static void finish(struct ws_connection *connection)
{
	(void)connection; /* its lane closes it */
}

/* Of the request that waits for its answer. */
static enum load_outcome outcome_of(const struct ws_channel *ws)
{
	switch (ws->connection.cause) {
	case WS_CAUSE_PEER:
		return LOAD_CLOSED;
	case WS_CAUSE_FAULT:
		return LOAD_MALFORMED;
	default:
		break;
	}
	if (ws->answers) {
		return LOAD_TRUNCATED;
	}
	return ws->connection.stream.bytes_out > ws->begins ? LOAD_RESET_SENT : LOAD_RESET_UNSENT;
}

static void ended(struct ws_connection *connection)
{
	struct ws_channel *ws = of_connection(connection);

	lose(ws, &connection->stream, outcome_of(ws));
}

static void closed(struct ws_connection *connection, uint16_t code, bool clean)
{
	struct ws_channel *ws = of_connection(connection);

	(void)code;
	(void)clean;
	channel_count(&ws->channel, &connection->stream);
	ws->has_connection = false;
	bury(ws);
}

static const struct ws_handler handler = {
	.data = data,
	.finish = finish,
	.ended = ended,
	.closed = closed,
};

/* The handshake. */

/* Answered, but not with a WebSocket. */
static void refuse(struct ws_channel *ws)
{
	const struct http_head *head = &ws->client.parser.head;
	bool retry_after = http_head_find(head, "Retry-After", NULL) != NULL;
	struct load_answer answer = {.status = head->status, .outcome = LOAD_MALFORMED};
	struct lane *lane = ws->channel.lane;

	if (head->status >= 400) {
		answer.outcome = load_outcome_of_status(head->status, retry_after);
	}
	channel_count(&ws->channel, &ws->client.stream);
	channel_detach(&ws->channel);
	http_client_reset(&ws->client);
	lane_refused(lane, ws->channel.endpoint, &answer);
}

static int connect_on(struct ws_channel *ws)
{
	struct worker *worker = ws->channel.crew->worker;
	int error = ws_connect(&ws->connection, &ws->client, &worker->drain, &handler, &limits);

	return error != -ESHUTDOWN
		? error
		: ws_connect(&ws->connection, &ws->client, &worker->peers, &handler, &late_limits);
}

static void head(struct http_client *client)
{
	struct ws_channel *ws = of_client(client);

	if (ws_opening_fault(&ws->opening, client)) {
		refuse(ws);
		return;
	}
	if (connect_on(ws) < 0) {
		http_client_reset(client);
		lose(ws, &client->stream, LOAD_LOCAL);
		return;
	}
	ws->has_connection = true;
	worker_flush_later(ws->channel.crew->worker, &ws->opened);
}

/* At the end of that round: what came with the answer, unasked, has been dropped by then. */
static void opened(struct worker_flush *flush)
{
	struct ws_channel *ws = container_of(flush, struct ws_channel, opened);

	ws->channel.open = true;
	if (ws->channel.lane) {
		lane_opened(&ws->channel);
	}
}

static size_t body(struct http_client *client, char *bytes, size_t length)
{
	(void)client;
	(void)bytes;
	return length;
}

static void end(struct http_client *client)
{
	(void)client; /* it was reset in head() */
}

/* The request itself has not left by then. */
static void failed(struct http_client *client, enum http_client_failure failure)
{
	struct ws_channel *ws = of_client(client);
	enum load_outcome outcome = http_channel_outcome(client, failure);

	if (outcome == LOAD_RESET_SENT || outcome == LOAD_TRUNCATED) {
		outcome = LOAD_RESET_UNSENT;
	}
	if (outcome == LOAD_TLS) {
		channel_note_tls(&ws->channel, &client->stream);
	}
	http_client_reset(client);
	lose(ws, &client->stream, outcome);
}

static void client_closed(struct http_client *client)
{
	struct ws_channel *ws = of_client(client);

	ws->has_client = false;
	bury(ws);
}

static const struct http_client_handler opening_handler = {
	.head = head,
	.body = body,
	.end = end,
	.failed = failed,
	.closed = client_closed,
};

/* What a lane asks. */

/* The only failure is that it has ended, which the lane hears of at once: then it has none. */
static void send_request(struct channel *channel, const struct load_request *request)
{
	struct ws_channel *ws = container_of(channel, struct ws_channel, channel);

	ws->answer = (struct load_answer){.outcome = LOAD_OK};
	ws->keeps = request->keeps_answer;
	ws->awaits = true;
	ws->begins = stream_position(&ws->connection.stream);
	(void)ws_send(&ws->connection, WS_OPCODE_TEXT, request->body ? request->body : "",
		request->body_length);
}

static void close_channel(struct channel *channel, bool reset)
{
	struct ws_channel *ws = container_of(channel, struct ws_channel, channel);

	channel_count(channel, ws->has_connection ? &ws->connection.stream : &ws->client.stream);
	channel_detach(channel);
	if (!ws->has_connection) {
		http_client_reset(&ws->client);
	} else if (reset) {
		ws_connection_cut(&ws->connection);
	} else {
		ws_connection_close(&ws->connection, WS_CLOSE_NORMAL, "");
	}
}

static const struct channel_ops ops = {
	.send = send_request,
	.close = close_channel,
};

static struct channel *new_channel(
	struct lane *lane, uint32_t endpoint, int fd, struct stream_filter *filter)
{
	const struct endpoint *to = &lane->crew->plan->endpoints[endpoint];
	struct ws_channel *ws = calloc(1, sizeof(*ws));
	int error = ws ? http_client_init(&ws->client, lane->crew->worker, fd, filter,
				 &opening_handler, NULL)
		       : -ENOMEM;

	if (error < 0) {
		free(ws);
		errno = -error;
		return NULL;
	}
	load_channel_init(&ws->channel, &ops, lane, endpoint);
	ws->has_client = true;
	ws->opened.run = opened;
	ws_opening_request_with(&ws->opening, &ws->client, to->target,
		(struct http_text){lane->request.head, lane->request.head_length});
	ws_opening_request_end(&ws->client);
	return &ws->channel;
}

const struct channel_kind ws_channel_kind = {.new = new_channel};
