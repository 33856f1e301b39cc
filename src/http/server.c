/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a connection: http_server_take holds it, and posts it to its worker, where it arrives.
 * Bytes come (received), the parser makes events of them, and the handler hears of those. An answer
 * that is whole ends the exchange (http_exchange_answered); then the connection is IDLE again, or on
 * its way out.
 *
 * What can go wrong. The client is slow: each state has its deadline. It speaks no HTTP: it is
 * answered so, and what else it sends is dropped while that goes out. It goes away: the stream
 * fails, and the handler hears of the exchange's end. The drain closes: an idle connection has its
 * idle grace, an exchange goes on, a tunnel is asked to finish. The drain is cut: a request gets its
 * final answer, or its answer is aborted, and the stream is cut.
 *
 * closed() of the stream is the one place where a connection's memory and its hold go.
 */
#include "http/server.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"
#include "http/exchange.h"
#include "net/address.h"

#define FORCE_MARGIN_MS 50

#define TO(state) (1U << HTTP_CONNECTION_##state)

static const unsigned edges[] = {
	[HTTP_CONNECTION_ARRIVING] = TO(IDLE) | TO(CLOSED),
	[HTTP_CONNECTION_IDLE] = TO(HEAD) | TO(EXCHANGE) | TO(CLOSING),
	[HTTP_CONNECTION_HEAD] = TO(EXCHANGE) | TO(CLOSING),
	[HTTP_CONNECTION_EXCHANGE] = TO(IDLE) | TO(TUNNEL) | TO(CLOSING),
	[HTTP_CONNECTION_TUNNEL] = TO(CLOSING),
	[HTTP_CONNECTION_CLOSING] = TO(CLOSED),
	[HTTP_CONNECTION_CLOSED] = 0,
};

static void connection_enter(struct http_connection *connection, enum http_connection_state state)
{
	assert(edges[connection->state] & (1U << state));
	connection->state = (uint8_t)state;
}

void http_limits_default(struct http_limits *limits)
{
	*limits = (struct http_limits){
		.head_ms = 5000,
		.idle_ms = 75000,
		.idle_grace_ms = 1000,
		.stall_ms = 60000,
		.body_most = UINT64_MAX,
	};
}

/* From the very signal on, before any phase is entered. */
bool http_draining(const struct http_connection *connection)
{
	struct curfew_lifecycle *life = connection->server->worker->life;

	return curfew_token_cancelled(curfew_context_token(curfew_lifecycle_context(life)));
}

bool http_more_input(const struct http_connection *connection)
{
	int waiting = 0;

	if (connection->behind || connection->stream.unread.length) {
		return true;
	}
	(void)ioctl(connection->stream.fd, FIONREAD, &waiting);
	return waiting > 0;
}

/* What a connection is held for. */

static void finish(struct curfew_hold *hold);
static void cut(struct curfew_hold *hold);

static const struct curfew_hold_ops connection_ops = {"connection", finish, cut};
static const struct curfew_hold_ops request_ops = {"request", finish, cut};
static const struct curfew_hold_ops tunnel_ops = {"tunnel", finish, cut};

/* Deadlines. */

static int64_t now(const struct http_connection *connection)
{
	return worker_now(connection->server->worker);
}

static void wait_at_most(struct http_connection *connection, int64_t ms)
{
	deadline_set(&connection->deadline, clock_add_ms(now(connection), ms));
}

/* Another so many milliseconds, from now on, for some byte to go in or out. */
static void watch_stall(struct http_connection *connection)
{
	connection->progress = connection->stream.bytes_in + connection->stream.bytes_out;
	wait_at_most(connection, connection->server->limits->stall_ms);
}

/*
 * In a drain: a connection in wait of a request is left open for a moment, but not until the work's
 * deadline, which would count it as something that had to be forced.
 */
static void clip_to_idle_grace(struct http_connection *connection)
{
	int64_t due = clock_add_ms(now(connection), connection->server->limits->idle_grace_ms);
	int64_t most = curfew_lifecycle_work_deadline(connection->server->worker->life) -
		FORCE_MARGIN_MS * NS_PER_MS;

	due = due < most ? due : most;
	if (due < connection->deadline.due) {
		deadline_set(&connection->deadline, due);
	}
}

static void enter_idle(struct http_connection *connection)
{
	const struct http_limits *limits = connection->server->limits;

	connection_enter(connection, HTTP_CONNECTION_IDLE);
	wait_at_most(connection, connection->fresh ? limits->head_ms : limits->idle_ms);
	if (http_draining(connection) && curfew_drain_closed(connection->server->drain)) {
		clip_to_idle_grace(connection);
	}
}

static void enter_closing(struct http_connection *connection, bool expects_input)
{
	connection_enter(connection, HTTP_CONNECTION_CLOSING);
	hold_become(&connection->hold, &connection_ops, NULL, now(connection));
	watch_stall(connection);
	stream_close(&connection->stream, expects_input);
}

/* The end of an exchange, or of a tunnel. */

static bool in_exchange(const struct http_connection *connection)
{
	return connection->state == HTTP_CONNECTION_EXCHANGE ||
		connection->state == HTTP_CONNECTION_TUNNEL;
}

static void tell_over(struct http_connection *connection, bool whole)
{
	connection->server->handler->over(connection, whole);
	connection->user = NULL;
}

/* It breaks off: the client or the stream is not there any more for an answer. */
static void break_off(struct http_connection *connection)
{
	tell_over(connection, false);
	connection_enter(connection, HTTP_CONNECTION_CLOSING);
}

void http_exchange_aborted(struct http_connection *connection)
{
	break_off(connection);
	stream_reset(&connection->stream);
}

static void count_answered(struct http_connection *connection)
{
	struct curfew_lifecycle *life = connection->server->worker->life;

	if (connection->forced || connection->server->uncounted) {
		return;
	}
	curfew_lifecycle_count(life, CURFEW_REQUESTS_COMPLETED, 1);
	if (http_draining(connection)) {
		curfew_lifecycle_count(life, CURFEW_REQUESTS_DRAINED, 1);
	}
}

void http_exchange_answered(struct http_connection *connection)
{
	count_answered(connection);
	tell_over(connection, true);
	if (connection->last || connection->half_closed) {
		enter_closing(connection, !connection->received);
		return;
	}
	http_parser_next(&connection->parser);
	http_head_hand_over(&connection->parser.head, &connection->server->spare);
	hold_become(&connection->hold, &connection_ops, NULL, now(connection));
	enter_idle(connection);
	stream_resume(&connection->stream);
}

void http_exchange_tunnelled(struct http_connection *connection)
{
	connection_enter(connection, HTTP_CONNECTION_TUNNEL);
	hold_become(&connection->hold, &tunnel_ops, connection->name, now(connection));
	deadline_set(&connection->deadline, CURFEW_NEVER);
	stream_resume(&connection->stream);
}

void http_tunnel_close(struct http_connection *connection, bool whole)
{
	if (connection->state == HTTP_CONNECTION_TUNNEL) {
		tell_over(connection, whole);
		enter_closing(connection, false);
	}
}

void http_tunnel_cut(struct http_connection *connection)
{
	if (connection->state == HTTP_CONNECTION_TUNNEL) {
		break_off(connection);
		stream_cut(&connection->stream);
	}
}

/* Refuses what is no request, or a request whose rest is none. */
static void refuse(struct http_connection *connection, unsigned status, const char *text)
{
	const struct http_handler *handler = connection->server->handler;

	if (connection->state == HTTP_CONNECTION_EXCHANGE) {
		if (connection->answer != HTTP_ANSWER_NONE) {
			http_exchange_aborted(connection);
			return;
		}
		connection->status = (uint16_t)status;
		tell_over(connection, false);
	} else if (handler->refused) {
		handler->refused(connection, status);
	}
	http_write_refusal(connection, status, text);
	enter_closing(connection, !connection->half_closed);
}

static void refuse_malformed(struct http_connection *connection)
{
	char text[128];

	(void)snprintf(text, sizeof(text), "the request is refused: %s",
		http_error_text(connection->parser.error));
	refuse(connection, http_parser_status(&connection->parser), text);
}

static void refuse_too_large(struct http_connection *connection)
{
	refuse(connection, 413, "the request's body is too large");
}

static void deadline_passed(struct deadline *deadline)
{
	struct http_connection *connection =
		container_of(deadline, struct http_connection, deadline);
	const struct stream *stream = &connection->stream;
	bool stalled = stream->bytes_in + stream->bytes_out == connection->progress;

	switch (connection->state) {
	case HTTP_CONNECTION_IDLE:
		enter_closing(connection, false);
		break;
	case HTTP_CONNECTION_HEAD:
		refuse(connection, 408, "the request's head did not come in time");
		break;
	case HTTP_CONNECTION_EXCHANGE:
		if (stalled && stream_queued(stream)) {
			http_exchange_aborted(connection);
		} else if (stalled && !connection->received && !stream_paused(stream)) {
			refuse(connection, 408, "the request's body did not come in time");
		} else {
			watch_stall(connection);
		}
		break;
	case HTTP_CONNECTION_CLOSING:
		if (stalled) {
			stream_reset(&connection->stream);
		} else {
			watch_stall(connection);
		}
		break;
	default:
		break;
	}
}

/* What the parser finds. */

static void name_exchange(struct http_connection *connection)
{
	const struct http_head *head = &connection->parser.head;
	struct http_text method = http_head_text(head, head->method);
	struct http_text path = http_head_text(head, head->path);
	size_t room = sizeof(connection->name) - 1;
	size_t length = method.length < room ? method.length : room;

	memcpy(connection->name, method.bytes, length);
	if (length < room) {
		connection->name[length++] = ' ';
	}
	if (path.length > room - length) {
		path.length = room - length;
	}
	memcpy(connection->name + length, path.bytes, path.length);
	connection->name[length + path.length] = '\0';
}

static void begin_exchange(struct http_connection *connection)
{
	const struct http_head *head = &connection->parser.head;
	size_t used;

	connection_enter(connection, HTTP_CONNECTION_EXCHANGE);
	connection->fresh = false;
	connection->answer = HTTP_ANSWER_NONE;
	connection->status = 0;
	connection->last = false;
	connection->body_length = 0;
	connection->body_sent = 0;
	connection->is_head = http_head_says(head, head->method, "HEAD");
	connection->received = head->framing == HTTP_FRAMING_NONE;
	if (connection->received) {
		(void)http_parser_read(&connection->parser, "", 0, &used); /* its END */
	}
	connection->began = now(connection);
	name_exchange(connection);
	hold_become(&connection->hold, &request_ops, connection->name, connection->began);
	watch_stall(connection);
}

static void tell_end(struct http_connection *connection)
{
	if (connection->state == HTTP_CONNECTION_EXCHANGE && connection->server->handler->end) {
		connection->server->handler->end(connection);
	}
}

static void take_head(struct http_connection *connection)
{
	if (connection->parser.head.content_length > connection->server->limits->body_most) {
		refuse_too_large(connection);
		return;
	}
	begin_exchange(connection);
	connection->server->handler->request(connection);
	if (connection->received) {
		tell_end(connection);
	}
}

/* Hands out some of the body; what is not taken stays in front of the input, known as passed. */
static size_t take_body(struct http_connection *connection, char *bytes, size_t length)
{
	const struct http_handler *handler = connection->server->handler;
	size_t taken = handler->body ? handler->body(connection, bytes, length) : length;

	connection->passed = taken < length ? length - taken : 0;
	return taken;
}

static bool too_much(struct http_connection *connection, size_t more)
{
	connection->body_length += more;
	return connection->body_length > connection->server->limits->body_most;
}

static bool wants_input(const struct http_connection *connection)
{
	switch (connection->state) {
	case HTTP_CONNECTION_IDLE:
	case HTTP_CONNECTION_HEAD:
		return true;
	case HTTP_CONNECTION_EXCHANGE:
		return !connection->received;
	default:
		return false;
	}
}

/* Some of the input; sets *at behind what was read. Returns whether to go on. */
static bool read_event(struct http_connection *connection, char *bytes, size_t length, size_t *at)
{
	struct http_parser *parser = &connection->parser;
	enum http_event event;
	size_t used;

	if (!parser->head.text.data) {
		http_head_hand_over(&connection->server->spare, &parser->head);
	}
	event = http_parser_read(parser, bytes + *at, length - *at, &used);
	*at += used;
	connection->behind = length - *at;
	switch (event) {
	case HTTP_EVENT_HEAD:
		take_head(connection);
		return true;
	case HTTP_EVENT_BODY:
		if (too_much(connection, parser->body.length)) {
			refuse_too_large(connection);
			return false;
		}
		*at -= parser->body.length;
		*at += take_body(connection, bytes + *at, parser->body.length);
		return !connection->passed;
	case HTTP_EVENT_END:
		connection->received = true;
		tell_end(connection);
		return true;
	case HTTP_EVENT_REFUSED:
		refuse_malformed(connection);
		return false;
	default:
		if (connection->state == HTTP_CONNECTION_IDLE && !http_parser_is_idle(parser)) {
			connection_enter(connection, HTTP_CONNECTION_HEAD);
			wait_at_most(connection, connection->server->limits->head_ms);
		}
		return false;
	}
}

/* What body() did not take when the parser had read it. Returns whether to go on. */
static bool read_passed(struct http_connection *connection, char *bytes, size_t *at)
{
	if (connection->passed) {
		*at = take_body(connection, bytes, connection->passed);
	}
	return !connection->passed;
}

static size_t received(struct stream *stream, char *bytes, size_t length)
{
	struct http_connection *connection = container_of(stream, struct http_connection, stream);
	size_t at = 0;
	bool more = read_passed(connection, bytes, &at);

	/* Behind the last byte there may still be the end of a request. */
	while (more && wants_input(connection) &&
		(at < length || connection->state == HTTP_CONNECTION_EXCHANGE)) {
		more = read_event(connection, bytes, length, &at);
	}
	connection->behind = 0;
	if (connection->state == HTTP_CONNECTION_TUNNEL && at < length) {
		at += connection->server->handler->tunnel(connection, bytes + at, length - at);
	}
	return connection->state == HTTP_CONNECTION_CLOSING ? length : at;
}

static void ended(struct stream *stream)
{
	struct http_connection *connection = container_of(stream, struct http_connection, stream);

	connection->half_closed = true;
	switch (connection->state) {
	case HTTP_CONNECTION_IDLE:
		enter_closing(connection, false);
		break;
	case HTTP_CONNECTION_HEAD:
		(void)http_parser_close(&connection->parser);
		refuse_malformed(connection);
		break;
	case HTTP_CONNECTION_EXCHANGE:
		if (!connection->received) {
			(void)http_parser_close(&connection->parser);
			refuse_malformed(connection);
		}
		break;
	case HTTP_CONNECTION_TUNNEL:
		connection->server->handler->tunnel_end(connection);
		break;
	default:
		break;
	}
}

static void writable(struct stream *stream)
{
	struct http_connection *connection = container_of(stream, struct http_connection, stream);

	if (in_exchange(connection) && connection->server->handler->writable) {
		connection->server->handler->writable(connection);
	}
}

static void failed(struct stream *stream, int error)
{
	struct http_connection *connection = container_of(stream, struct http_connection, stream);

	(void)error;
	if (in_exchange(connection)) {
		break_off(connection);
	} else if (connection->state != HTTP_CONNECTION_CLOSING) {
		connection_enter(connection, HTTP_CONNECTION_CLOSING);
	}
	stream_close(stream, false);
}

static void connection_free(struct http_connection *connection)
{
	struct http_server *server = connection->server;

	deadline_fini(&connection->deadline);
	http_parser_fini(&connection->parser);
	connection_enter(connection, HTTP_CONNECTION_CLOSED);
	curfew_hold_release(&connection->hold);
	free(connection);
	if (server->left) {
		server->left(server);
	}
}

static void closed(struct stream *stream)
{
	struct http_connection *connection = container_of(stream, struct http_connection, stream);

	connection->server->connections--;
	if (!connection->server->connections) {
		http_head_fini(&connection->server->spare);
	}
	connection_free(connection);
}

static const struct stream_ops stream_ops = {received, ended, writable, failed, closed};

/* What the drain asks. */

static void finish(struct curfew_hold *hold)
{
	struct http_connection *connection = container_of(hold, struct http_connection, hold);
	const struct http_handler *handler = connection->server->handler;

	if (connection->state == HTTP_CONNECTION_IDLE) {
		clip_to_idle_grace(connection);
	} else if (connection->state == HTTP_CONNECTION_TUNNEL && handler->finish_tunnel) {
		handler->finish_tunnel(connection);
	}
}

static void count_forced(struct http_connection *connection)
{
	if (!connection->server->uncounted) {
		curfew_lifecycle_count(connection->server->worker->life, CURFEW_REQUESTS_FORCED, 1);
	}
}

static void cut_exchange(struct http_connection *connection)
{
	const struct http_handler *handler = connection->server->handler;

	if (connection->state == HTTP_CONNECTION_EXCHANGE) {
		connection->forced = true;
		count_forced(connection);
	}
	if (handler->cut) {
		handler->cut(connection);
	} else if (connection->answer == HTTP_ANSWER_NONE) {
		http_answer_error(connection, 503, "the server is shutting down");
	}
	if (in_exchange(connection)) {
		http_exchange_aborted(connection);
	}
}

static void cut(struct curfew_hold *hold)
{
	struct http_connection *connection = container_of(hold, struct http_connection, hold);

	if (connection->state == HTTP_CONNECTION_ARRIVING) {
		connection->cut_asked = true;
		return;
	}
	if (in_exchange(connection)) {
		cut_exchange(connection);
	}
	if (connection->state != HTTP_CONNECTION_CLOSING) {
		connection_enter(connection, HTTP_CONNECTION_CLOSING);
	}
	stream_cut(&connection->stream);
}

/* Its beginning. */

static void let_go(int fd, struct stream_filter *filter)
{
	if (filter) {
		filter->ops->free(filter);
	}
	close(fd);
}

static void arrive(struct task *task)
{
	struct http_connection *connection = container_of(task, struct http_connection, arrive);
	struct http_server *server = connection->server;

	if (stream_init(&connection->stream, server->worker, connection->arriving_fd, &stream_ops,
		    connection->arriving_filter) < 0) {
		let_go(connection->arriving_fd, connection->arriving_filter);
		connection_free(connection);
		return;
	}
	server->connections++;
	enter_idle(connection);
	if (connection->cut_asked) {
		cut(&connection->hold);
	}
}

int http_server_take(struct http_server *server, int fd, struct stream_filter *filter)
{
	struct http_connection *connection = calloc(1, sizeof(*connection));
	int error = connection
		? curfew_drain_hold(server->drain, &connection->hold, &connection_ops, NULL)
		: -ENOMEM;

	if (error < 0) {
		let_go(fd, filter);
		free(connection);
		return error;
	}
	connection->server = server;
	connection->fresh = true;
	connection->arriving_fd = fd;
	connection->arriving_filter = filter;
	connection->arrive.run = arrive;
	http_parser_init(&connection->parser, HTTP_REQUESTS);
	deadline_init(&connection->deadline, &server->worker->loop->agenda, deadline_passed);
	if (server->worker->index == 0) {
		arrive(&connection->arrive);
	} else {
		agenda_post(&server->worker->loop->agenda, &connection->arrive);
	}
	return 0;
}

const char *http_peer(struct http_connection *connection)
{
	char text[ADDRESS_TEXT];
	struct socket_address peer;

	if (!connection->peer[0]) {
		stream_peer(&connection->stream, &peer);
		(void)snprintf(connection->peer, sizeof(connection->peer), "%.*s",
			(int)sizeof(connection->peer) - 1, socket_address_host(&peer, text));
	}
	return connection->peer;
}

void http_resume(struct http_connection *connection)
{
	stream_resume(&connection->stream);
}

size_t http_queued(const struct http_connection *connection)
{
	return stream_queued(&connection->stream);
}
