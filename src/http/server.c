/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a connection: http_server_take holds it, and posts it to its worker, where it
 * arrives. Bytes come (received), the parser makes events of them, and the handler hears of those.
 * An answer that is whole ends the exchange (http_exchange_answered); then the connection is IDLE
 * again, or on its way out.
 *
 * What can go wrong. The client is slow: each state has its deadline. It speaks no HTTP: it is
 * answered so, and what else it sends is dropped while that goes out. It goes away: the stream
 * fails, and the handler hears of the exchange's end. The drain closes: an idle connection has its
 * idle grace, an exchange goes on, a tunnel is asked to finish. The drain is cut: a request gets
 * its final answer, or its answer is aborted, and the stream is cut.
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

void http_connection_enter(struct http_connection *connection, enum http_connection_state state)
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

void http_connection_wait(struct http_connection *connection, int64_t ms)
{
	deadline_set(&connection->deadline, clock_add_ms(now(connection), ms));
}

/* Another so many milliseconds, from now on, for some byte to go in or out. */
void http_connection_watch_stall(struct http_connection *connection)
{
	connection->progress = connection->stream.bytes_in + connection->stream.bytes_out;
	http_connection_wait(connection, connection->server->limits->stall_ms);
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

	http_connection_enter(connection, HTTP_CONNECTION_IDLE);
	http_connection_wait(connection, connection->fresh ? limits->head_ms : limits->idle_ms);
	if (http_draining(connection) && curfew_drain_closed(connection->server->drain)) {
		clip_to_idle_grace(connection);
	}
}

void http_connection_enter_closing(struct http_connection *connection, bool expects_input)
{
	http_connection_enter(connection, HTTP_CONNECTION_CLOSING);
	hold_become(&connection->hold, &connection_ops, NULL, now(connection));
	http_connection_watch_stall(connection);
	stream_close(&connection->stream, expects_input);
}

/* The end of an exchange, or of a tunnel. */

static bool in_exchange(const struct http_connection *connection)
{
	return connection->state == HTTP_CONNECTION_EXCHANGE ||
		connection->state == HTTP_CONNECTION_TUNNEL;
}

void http_exchange_tell_over(struct http_connection *connection, bool whole)
{
	connection->server->handler->over(connection, whole);
	connection->user = NULL;
}

void http_exchange_break_off(struct http_connection *connection)
{
	http_exchange_tell_over(connection, false);
	http_connection_enter(connection, HTTP_CONNECTION_CLOSING);
}

void http_exchange_aborted(struct http_connection *connection)
{
	http_exchange_break_off(connection);
	stream_reset(&connection->stream);
}

void http_exchange_dropped(struct http_connection *connection)
{
	http_exchange_tell_over(connection, false);
	http_connection_enter_closing(connection, !connection->received);
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
	http_exchange_tell_over(connection, true);
	if (connection->last || connection->half_closed) {
		http_connection_enter_closing(connection, !connection->received);
		return;
	}
	http_parser_next(&connection->parser);
	http_head_hand_over(&connection->parser.head, &connection->server->spare);
	hold_become(&connection->hold, &connection_ops, NULL, now(connection));
	enter_idle(connection);
	stream_resume(&connection->stream);
}

void http_hold_request(struct http_connection *connection)
{
	hold_become(&connection->hold, &request_ops, connection->name, connection->began);
}

void http_exchange_tunnelled(struct http_connection *connection)
{
	http_connection_enter(connection, HTTP_CONNECTION_TUNNEL);
	hold_become(&connection->hold, &tunnel_ops, connection->name, now(connection));
	/* Of an end that came before this was a tunnel its owner hears behind this call. */
	deadline_set(
		&connection->deadline, connection->half_closed ? now(connection) : CURFEW_NEVER);
	stream_resume(&connection->stream);
}

/* Refuses what is no request, or a request whose rest is none. */
void http_refuse(struct http_connection *connection, unsigned status, const char *text)
{
	const struct http_handler *handler = connection->server->handler;

	if (connection->state == HTTP_CONNECTION_EXCHANGE) {
		if (connection->answer != HTTP_ANSWER_NONE) {
			http_exchange_aborted(connection);
			return;
		}
		connection->status = (uint16_t)status;
		http_exchange_tell_over(connection, false);
	} else if (handler->refused) {
		handler->refused(connection, status);
	}
	http_write_refusal(connection, status, text);
	http_connection_enter_closing(connection, !connection->half_closed);
}

static void deadline_passed(struct deadline *deadline)
{
	struct http_connection *connection =
		container_of(deadline, struct http_connection, deadline);
	const struct stream *stream = &connection->stream;
	bool stalled = stream->bytes_in + stream->bytes_out == connection->progress;

	switch (connection->state) {
	case HTTP_CONNECTION_IDLE:
		/* What came in time, and was not looked at for lack of time, is not dropped. */
		if (!stream_paused(stream) && http_more_input(connection)) {
			http_connection_wait(connection, connection->server->limits->head_ms);
		} else {
			http_connection_enter_closing(connection, false);
		}
		break;
	case HTTP_CONNECTION_HEAD:
		http_refuse(connection, 408, "the request's head did not come in time");
		break;
	case HTTP_CONNECTION_EXCHANGE:
		if (stalled && stream_queued(stream)) {
			http_exchange_aborted(connection);
		} else if (stalled && !connection->received && !stream_paused(stream)) {
			http_refuse(connection, 408, "the request's body did not come in time");
		} else {
			http_connection_watch_stall(connection);
		}
		break;
	case HTTP_CONNECTION_TUNNEL:
		connection->server->handler->tunnel_end(connection);
		break;
	case HTTP_CONNECTION_CLOSING:
		if (stalled) {
			stream_reset(&connection->stream);
		} else {
			http_connection_watch_stall(connection);
		}
		break;
	default:
		break;
	}
}

static void writable(struct stream *stream)
{
	struct http_connection *connection = container_of(stream, struct http_connection, stream);

	if (!in_exchange(connection)) {
		stream_resume(stream); /* requests that were sent ahead had to wait */
	} else if (connection->server->handler->writable) {
		connection->server->handler->writable(connection);
	}
}

static void failed(struct stream *stream, int error)
{
	struct http_connection *connection = container_of(stream, struct http_connection, stream);

	(void)error;
	if (in_exchange(connection)) {
		http_exchange_break_off(connection);
	} else if (connection->state != HTTP_CONNECTION_CLOSING) {
		http_connection_enter(connection, HTTP_CONNECTION_CLOSING);
	}
	stream_close(stream, false);
}

static void connection_free(struct http_connection *connection)
{
	struct http_server *server = connection->server;
	bool has_left = server->left && !connection->handed_over;

	deadline_fini(&connection->deadline);
	http_parser_fini(&connection->parser);
	http_connection_enter(connection, HTTP_CONNECTION_CLOSED);
	curfew_hold_release(&connection->hold);
	free(connection);
	if (has_left) {
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

static const struct stream_ops stream_ops = {
	.received = http_received,
	.ended = http_ended,
	.writable = writable,
	.failed = failed,
	.closed = closed,
};

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

void http_told(struct http_connection *connection)
{
	hold_told(&connection->hold);
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
	if (connection->state == HTTP_CONNECTION_EXCHANGE &&
		connection->answer != HTTP_ANSWER_NONE) {
		http_exchange_aborted(connection);
	} else if (in_exchange(connection)) {
		http_exchange_break_off(connection);
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
		http_connection_enter(connection, HTTP_CONNECTION_CLOSING);
	}
	if (connection->framing == HTTP_FRAMING_CLOSE && stream_queued(&connection->stream)) {
		stream_reset(&connection->stream); /* half an answer would look whole */
	} else {
		stream_cut(&connection->stream);
	}
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
	if (server->minds_reset) {
		stream_mind_reset(&connection->stream);
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
