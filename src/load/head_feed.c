/* SPDX-License-Identifier: Apache-2.0 */
/*
 *	PAUSED -> DIALLING -> OPENING -> SUBSCRIBING -> SUBSCRIBED
 *	  ^-----------'----------'------------'--------------'
 *
 * OPENING is the handshake over HTTP; from SUBSCRIBING on there is a WebSocket, on which the node's
 * answer, and then its notifications, come. Whatever goes wrong ends in PAUSED, for PAUSE_MS and
 * then twice as long each time until it has subscribed, PAUSE_MOST_MS at most. A connection that
 * is given up may take its time to close: the next one is dialled when it has.
 */
#include "load/head_feed.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"
#include "http/client.h"
#include "load/block.h"
#include "load/rpc_answer.h"
#include "load/rpc_client.h"
#include "net/deadline.h"
#include "net/dial.h"
#include "net/tls.h"
#include "ws/opening.h"
#include "ws/send.h"

#define PAUSE_MS 50
#define PAUSE_MOST_MS 1000
#define HANDSHAKE_MS 5000
#define MESSAGE_MOST ((size_t)1 << 20)

static const char subscribe[] =
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_subscribe\",\"params\":[\"newHeads\"]}";

enum feed_state { PAUSED, DIALLING, OPENING, SUBSCRIBING, SUBSCRIBED };

struct head_feed {
	struct worker *worker;
	const struct endpoint *endpoint;
	struct tls_client *tls;
	const struct head_feed_handler *handler;
	void *arg;
	enum feed_state state;
	bool closed;           /* by its owner */
	bool cut;              /* no connections are made any more */
	bool has_http, has_ws; /* which are not closed yet */
	struct dial_target target;
	struct dial *dial;
	struct deadline deadline; /* of the pause, or of the handshake */
	int64_t pause_ms;
	struct http_client http;
	struct ws_opening opening;
	struct ws_limits limits;
	struct ws_connection ws;
	struct buffer message;
	struct curfew_hold hold;
	struct task leave;
};

static const struct http_client_handler http_handler;
static const struct ws_handler ws_handler;

static void leave(struct task *task)
{
	struct head_feed *feed = container_of(task, struct head_feed, leave);

	deadline_fini(&feed->deadline);
	dial_target_fini(&feed->target);
	buffer_fini(&feed->message);
	curfew_hold_release(&feed->hold);
	free(feed);
}

/* What is left of a connection was closed. */
static void connection_gone(struct head_feed *feed)
{
	if (feed->closed && !feed->has_http && !feed->has_ws && !feed->dial) {
		agenda_post(&feed->worker->loop->agenda, &feed->leave);
	}
}

static void let_go(struct head_feed *feed)
{
	if (feed->dial) {
		dial_cancel(feed->dial);
		feed->dial = NULL;
	}
	if (feed->has_http) {
		http_client_reset(&feed->http);
	}
	if (feed->has_ws) {
		ws_connection_cut(&feed->ws);
	}
}

/* Goes back to PAUSED, from wherever it is; once for each connection. */
static void lose(struct head_feed *feed, const char *why)
{
	if (feed->state == PAUSED || feed->closed) {
		return;
	}
	feed->state = PAUSED;
	let_go(feed);
	deadline_set(&feed->deadline, feed->cut ? CURFEW_NEVER : curfew_after_ms(feed->pause_ms));
	feed->pause_ms = feed->pause_ms * 2 < PAUSE_MOST_MS ? feed->pause_ms * 2 : PAUSE_MOST_MS;
	feed->handler->lost(feed->arg, why);
}

/* The handshake. */

static int http_begin(struct head_feed *feed, int fd)
{
	struct stream_filter *filter = NULL;
	int error;

	if (feed->endpoint->is_tls) {
		filter = tls_connect(feed->tls, feed->endpoint->address.host);
		if (!filter) {
			return -errno;
		}
	}
	error = http_client_init(&feed->http, feed->worker, fd, filter, &http_handler, feed);
	if (error < 0 && filter) {
		filter->ops->free(filter);
	}
	return error;
}

static void dialled(void *arg, int fd, int error)
{
	struct head_feed *feed = arg;

	feed->dial = NULL;
	if (!error) {
		error = http_begin(feed, fd);
		if (error < 0) {
			close(fd);
		}
	}
	if (error < 0) {
		lose(feed, dial_error_text(error));
		return;
	}
	feed->state = OPENING;
	feed->has_http = true;
	ws_opening_request(
		&feed->opening, &feed->http, feed->endpoint->host, feed->endpoint->target);
	ws_opening_request_end(&feed->http);
	deadline_set(&feed->deadline, curfew_after_ms(HANDSHAKE_MS));
}

static void connect_anew(struct head_feed *feed)
{
	if (feed->has_http || feed->has_ws) {
		deadline_set(&feed->deadline, curfew_after_ms(feed->pause_ms));
		return;
	}
	feed->state = DIALLING;
	feed->dial = dial_start(
		&feed->target, feed->worker, curfew_after_ms(HANDSHAKE_MS), dialled, feed);
	if (!feed->dial) {
		feed->state = PAUSED;
		deadline_set(&feed->deadline, curfew_after_ms(feed->pause_ms));
	}
}

static void passed(struct deadline *deadline)
{
	struct head_feed *feed = container_of(deadline, struct head_feed, deadline);

	if (feed->closed) {
		return;
	}
	if (feed->state == PAUSED) {
		connect_anew(feed);
	} else if (feed->state != SUBSCRIBED) {
		lose(feed, "does not open a WebSocket in time");
	}
}

static void http_head(struct http_client *http)
{
	struct head_feed *feed = http->arg;
	const char *fault = ws_opening_fault(&feed->opening, http);

	if (feed->state != OPENING) {
		return;
	}
	if (fault ||
		ws_connect(&feed->ws, http, &feed->worker->peers, &ws_handler, &feed->limits) < 0) {
		lose(feed, fault ? "does not open a WebSocket" : "could not be connected");
		return;
	}
	feed->has_ws = true;
	feed->state = SUBSCRIBING;
	(void)ws_send(&feed->ws, WS_OPCODE_TEXT, subscribe, sizeof(subscribe) - 1);
}

static size_t http_body(struct http_client *http, char *bytes, size_t length)
{
	(void)http;
	(void)bytes;
	return length;
}

static void http_end(struct http_client *http)
{
	lose(http->arg, "does not open a WebSocket");
}

static void http_failed(struct http_client *http, enum http_client_failure failure)
{
	const char *why = rpc_failure_text(http, failure);

	http_client_reset(http);
	lose(http->arg, why);
}

static void http_closed(struct http_client *http)
{
	struct head_feed *feed = http->arg;

	feed->has_http = false;
	connection_gone(feed);
}

static const struct http_client_handler http_handler = {
	.head = http_head,
	.body = http_body,
	.end = http_end,
	.failed = http_failed,
	.closed = http_closed,
};

/* The WebSocket. */

static void hear_answer(struct head_feed *feed)
{
	struct rpc_answer answer;
	struct rpc_notice notice;

	if (rpc_notice_read(&notice, buffer_text(&feed->message), feed->message.length)) {
		return; /* of a block before the answer */
	}
	rpc_answer_read(&answer, 1, buffer_text(&feed->message), feed->message.length);
	if (answer.verdict != RPC_RESULT) {
		lose(feed, "does not let us subscribe");
		return;
	}
	feed->state = SUBSCRIBED;
	feed->pause_ms = PAUSE_MS;
	deadline_set(&feed->deadline, CURFEW_NEVER);
	feed->handler->subscribed(feed->arg);
}

static void hear_notice(struct head_feed *feed)
{
	struct rpc_notice notice;
	uint64_t number;

	if (rpc_notice_read(&notice, buffer_text(&feed->message), feed->message.length) &&
		block_read_number(notice.text, &notice.result, &number)) {
		feed->handler->head(feed->arg, number);
	}
}

static size_t ws_data(struct ws_connection *ws, const struct ws_event *piece)
{
	struct head_feed *feed = container_of(ws, struct head_feed, ws);

	if (piece->starts) {
		buffer_clear(&feed->message);
	}
	buffer_append(&feed->message, piece->bytes, piece->length);
	if (feed->message.failed) {
		buffer_fini(&feed->message);
		lose(feed, "cannot be heard for lack of memory");
	}
	if (feed->closed || !piece->ends) {
		return piece->length;
	}
	if (feed->state == SUBSCRIBING) {
		hear_answer(feed);
	} else if (feed->state == SUBSCRIBED) {
		hear_notice(feed);
	}
	return piece->length;
}

static void ws_ended(struct ws_connection *ws)
{
	lose(container_of(ws, struct head_feed, ws), "ended the WebSocket");
}

static void ws_closed(struct ws_connection *ws, uint16_t code, bool clean)
{
	struct head_feed *feed = container_of(ws, struct head_feed, ws);

	(void)code;
	(void)clean;
	feed->has_ws = false;
	connection_gone(feed);
}

static const struct ws_handler ws_handler = {
	.data = ws_data,
	.ended = ws_ended,
	.closed = ws_closed,
};

/* The feed. */

static void finish(struct curfew_hold *hold)
{
	(void)hold; /* its owner closes it in time */
}

static void cut(struct curfew_hold *hold)
{
	struct head_feed *feed = container_of(hold, struct head_feed, hold);

	feed->cut = true;
	deadline_set(&feed->deadline, CURFEW_NEVER);
	let_go(feed);
	connection_gone(feed);
}

static const struct curfew_hold_ops hold_ops = {"block feed", finish, cut};

struct head_feed *head_feed_new(struct worker *worker, const struct endpoint *endpoint,
	struct tls_client *tls, const struct head_feed_handler *handler, void *arg)
{
	struct head_feed *feed = calloc(1, sizeof(*feed));
	int error = feed ? curfew_drain_hold(&worker->peers, &feed->hold, &hold_ops, endpoint->host)
			 : -ENOMEM;

	if (error < 0) {
		free(feed);
		errno = -error;
		return NULL;
	}
	feed->worker = worker;
	feed->endpoint = endpoint;
	feed->tls = tls;
	feed->handler = handler;
	feed->arg = arg;
	feed->target.address = endpoint->address;
	feed->pause_ms = PAUSE_MS;
	feed->leave.run = leave;
	ws_limits_default(&feed->limits);
	feed->limits.message_most = MESSAGE_MOST;
	deadline_init(&feed->deadline, &worker->loop->agenda, passed);
	connect_anew(feed);
	return feed;
}

void head_feed_close(struct head_feed *feed)
{
	if (feed) {
		feed->closed = true;
		deadline_set(&feed->deadline, CURFEW_NEVER);
		let_go(feed);
		connection_gone(feed);
	}
}
