/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request comes (request). While the upstream is not ready, it is held; else it gets a connection,
 * an idle one of the pool or a new one, and is sent there (send). Its body follows as the upstream
 * takes it; the response comes back the same way, and its end ends the exchange (response_end).
 *
 * What can go wrong. The upstream cannot be reached, ends the connection, or speaks nonsense
 * (upstream_failed): another try if nothing can have happened yet, else 502, or, when the head was
 * passed on, an answer that breaks off. It takes too long: 504. The client goes away, or what it
 * sends is no request (over): the upstream's connection is reset, since its answer has no reader.
 * The work's deadline (cut): 503, or the end of an event stream between two events.
 *
 * The client's connection owns the exchange: over() is its end.
 */
#include "gate/exchange.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/list.h"
#include "gate/access.h"
#include "gate/forward.h"
#include "http/compose.h"

#define TO(state) (1U << EXCHANGE_##state)

static const unsigned edges[] = {
	[EXCHANGE_HELD] = TO(CONNECTING) | TO(OVER),
	[EXCHANGE_CONNECTING] = TO(CONNECTING) | TO(SENT) | TO(OVER),
	[EXCHANGE_SENT] = TO(CONNECTING) | TO(ANSWERING) | TO(TUNNEL) | TO(OVER),
	[EXCHANGE_ANSWERING] = TO(OVER),
	[EXCHANGE_TUNNEL] = TO(OVER),
	[EXCHANGE_OVER] = 0,
};

static void exchange_enter(struct exchange *exchange, enum exchange_state state)
{
	assert(edges[exchange->state] & (1U << state));
	exchange->state = state;
}

static const struct http_client_handler upstream_handler;

static struct exchange *exchange_of(struct http_connection *client)
{
	return client->user;
}

static const struct gate_config *config_of(const struct exchange *exchange)
{
	return exchange->lane->gate->config;
}

/* Answers that are the gate's own. */

static void refuse(struct exchange *exchange, unsigned status, const char *text)
{
	http_answer_error(exchange->client, status, text); /* the exchange is over */
}

/* The response cannot be had, or not to its end. */
static void fail(struct exchange *exchange, unsigned status, const char *text)
{
	if (exchange->client->answer == HTTP_ANSWER_NONE ||
		http_answer_take_back(exchange->client)) {
		refuse(exchange, status, text);
	} else {
		atomic_fetch_add(&exchange->lane->gate->truncated, 1);
		http_answer_abort(exchange->client);
	}
}

void exchange_drop_upstream(struct exchange *exchange, bool reset)
{
	struct http_pooled *upstream = exchange->upstream;

	exchange->upstream = NULL;
	if (upstream) {
		http_pool_discard(upstream, reset);
	}
}

static void wait_for_upstream(struct exchange *exchange)
{
	deadline_set(
		&exchange->timeout, curfew_after_ms(config_of(exchange)->response_timeout_ms));
}

static void timed_out(struct deadline *deadline)
{
	struct exchange *exchange = container_of(deadline, struct exchange, timeout);

	fail(exchange, 504, "the upstream did not answer in time");
}

static void took_too_long(struct deadline *deadline)
{
	struct exchange *exchange = container_of(deadline, struct exchange, whole);

	if (exchange->state != EXCHANGE_TUNNEL) {
		fail(exchange, 504, "the request took too long");
	}
}

/* To the upstream. */

static bool has_body(const struct exchange *exchange)
{
	return exchange->client->parser.head.framing != HTTP_FRAMING_NONE;
}

static void send_request(struct exchange *exchange, struct http_pooled *upstream)
{
	const struct http_head *head = &exchange->client->parser.head;
	const struct http_asked asked = {
		.head = exchange->client->is_head,
		.upgrade = head->upgrade,
	};
	struct buffer *out = http_client_request(&upstream->client, asked);

	exchange->upstream = upstream;
	exchange_enter(exchange, EXCHANGE_SENT);
	forward_request(exchange->lane->gate, exchange->client, out);
	http_client_head_end(&upstream->client, head->framing, head->content_length);
	http_resume(exchange->client); /* its body */
	wait_for_upstream(exchange);
}

static void refuse_unreached(struct exchange *exchange, int error)
{
	char text[160];

	atomic_fetch_add(&exchange->lane->gate->unreached, 1);
	(void)snprintf(text, sizeof(text), "the upstream cannot be reached: %s", strerror(-error));
	refuse(exchange, 502, text);
}

static void dialled(void *arg, int fd, int error)
{
	struct exchange *exchange = arg;
	struct http_pooled *upstream;

	exchange->dial = NULL;
	if (error < 0) {
		refuse_unreached(exchange, error);
		return;
	}
	upstream = http_pool_add(&exchange->lane->pool, fd, &upstream_handler, exchange);
	if (upstream) {
		send_request(exchange, upstream);
	} else {
		refuse_unreached(exchange, -errno);
	}
}

static void dial(struct exchange *exchange)
{
	exchange_enter(exchange, EXCHANGE_CONNECTING);
	atomic_fetch_add(&exchange->lane->gate->dials, 1);
	exchange->dial = dial_start(&exchange->lane->pool.target, exchange->lane->worker,
		curfew_after_ms(config_of(exchange)->connect_timeout_ms), dialled, exchange);
	if (!exchange->dial) {
		refuse_unreached(exchange, -errno);
	}
}

static void connect_upstream(struct exchange *exchange)
{
	struct http_pooled *idle = http_pool_take(&exchange->lane->pool);

	if (!idle) {
		dial(exchange);
		return;
	}
	exchange_enter(exchange, EXCHANGE_CONNECTING);
	idle->client.handler = &upstream_handler;
	idle->client.arg = exchange;
	send_request(exchange, idle);
}

/* RFC 9110, 9.2.2 */
static bool is_idempotent(const struct http_head *head)
{
	static const char *const methods[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"};

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (http_head_says(head, head->method, methods[i])) {
			return true;
		}
	}
	return false;
}

/*
 * One more try: of any request of which the upstream has no byte; and of one that may be made twice,
 * if a connection from the pool ended without a word, as one does that was idle for too long.
 */
static bool may_retry(const struct exchange *exchange)
{
	const struct http_client *client = &exchange->upstream->client;

	if (exchange->retried || exchange->state != EXCHANGE_SENT) {
		return false;
	}
	return !client->sent ||
		(client->reused && !client->answered && !has_body(exchange) &&
			is_idempotent(&exchange->client->parser.head));
}

/* From the upstream. */

static void upstream_failed(struct http_client *client, enum http_client_failure failure)
{
	struct exchange *exchange = client->arg;
	char text[128];

	if (exchange->state == EXCHANGE_TUNNEL) {
		exchange_tunnel_broken(exchange);
		return;
	}
	if (may_retry(exchange)) {
		exchange->retried = true;
		atomic_fetch_add(&exchange->lane->gate->retries, 1);
		exchange_drop_upstream(exchange, false);
		dial(exchange);
		return;
	}
	(void)snprintf(text, sizeof(text), "the upstream %s", http_client_failure_text(failure));
	fail(exchange, 502, text);
}

static void upstream_interim(struct http_client *client)
{
	struct exchange *exchange = client->arg;
	const struct http_head *head = &client->parser.head;

	forward_interim(head, http_answer_interim(exchange->client, head->status));
	http_answer_interim_end(exchange->client);
}

static bool is_events(const struct http_head *head)
{
	const struct http_field *type = http_head_find(head, "Content-Type", NULL);
	static const char events[] = "text/event-stream";
	struct http_text text;

	if (!type) {
		return false;
	}
	text = http_head_text(head, type->value);
	if (text.length > sizeof(events) - 1) {
		text.length = sizeof(events) - 1; /* parameters may follow */
	}
	return http_text_equal(text, events);
}

static void upstream_head(struct http_client *client)
{
	struct exchange *exchange = client->arg;
	const struct http_head *head = &client->parser.head;
	struct buffer *out = http_answer(exchange->client, head->status);
	bool has_date;

	forward_response(head, out, &has_date);
	if (head->status == 101) {
		exchange_enter(exchange, EXCHANGE_TUNNEL);
		exchange_tunnel_begin(exchange);
		http_tunnel(exchange->client, has_date);
		if (curfew_drain_closed(exchange->client->server->drain)) {
			exchange_tunnel_finish(exchange); /* the drain asked before it was one */
		}
		return;
	}
	exchange_enter(exchange, EXCHANGE_ANSWERING);
	exchange->is_events = is_events(head);
	if (exchange->is_events) {
		deadline_set(&exchange->timeout, CURFEW_NEVER);
	}
	switch (head->framing) {
	case HTTP_FRAMING_NONE:
		http_answer_none(exchange->client, has_date);
		break;
	case HTTP_FRAMING_LENGTH:
		http_answer_length(exchange->client, head->content_length, has_date);
		break;
	default:
		http_answer_chunked(exchange->client, has_date);
		break;
	}
}

/* The end of what was written last: whether an event stream may end there. */
static void note_tail(struct exchange *exchange, const char *bytes, size_t length)
{
	size_t kept = length < EXCHANGE_TAIL ? EXCHANGE_TAIL - length : 0;

	memmove(exchange->tail, exchange->tail + EXCHANGE_TAIL - kept, kept);
	memcpy(exchange->tail + kept, bytes + length - (EXCHANGE_TAIL - kept), EXCHANGE_TAIL - kept);
}

static bool between_events(const struct exchange *exchange)
{
	const char *end = exchange->tail + EXCHANGE_TAIL;

	return exchange->is_events &&
		(!end[-1] || !memcmp(end - 2, "\n\n", 2) || !memcmp(end - 2, "\r\r", 2) ||
			!memcmp(end - 4, "\r\n\r\n", 4));
}

static size_t upstream_body(struct http_client *client, char *bytes, size_t length)
{
	struct exchange *exchange = client->arg;

	if (http_queued(exchange->client) >= STREAM_QUEUE_HIGH) {
		exchange->response_rests = true;
		deadline_set(&exchange->timeout, CURFEW_NEVER); /* the client's turn to be slow */
		return 0;
	}
	if (exchange->is_events) {
		note_tail(exchange, bytes, length);
	} else {
		wait_for_upstream(exchange);
	}
	http_answer_write(exchange->client, bytes, length);
	return length;
}

static void upstream_end(struct http_client *client)
{
	struct exchange *exchange = client->arg;
	struct http_pooled *upstream = exchange->upstream;

	exchange->upstream = NULL;
	http_answer_end(exchange->client, &client->parser.head); /* the exchange is over */
	http_pool_give(upstream);
}

static void upstream_writable(struct http_client *client)
{
	struct exchange *exchange = client->arg;

	if (exchange->state == EXCHANGE_TUNNEL) {
		exchange->tunnel.up.rests = false;
		http_resume(exchange->client);
	} else if (exchange->request_rests) {
		exchange->request_rests = false;
		http_resume(exchange->client);
	}
}

static size_t upstream_tunnel(struct http_client *client, char *bytes, size_t length)
{
	return exchange_tunnel_down(client->arg, bytes, length);
}

static void upstream_tunnel_end(struct http_client *client)
{
	exchange_tunnel_down_ended(client->arg);
}

static const struct http_client_handler upstream_handler = {
	.interim = upstream_interim,
	.head = upstream_head,
	.body = upstream_body,
	.end = upstream_end,
	.writable = upstream_writable,
	.tunnel = upstream_tunnel,
	.tunnel_end = upstream_tunnel_end,
	.failed = upstream_failed,
};

/* From the client. */

static void hold_back(struct exchange *exchange)
{
	struct gate *gate = exchange->lane->gate;

	if (atomic_fetch_add(&gate->held, 1) >= GATE_HELD_MOST) {
		atomic_fetch_sub(&gate->held, 1);
		refuse(exchange, 503, "the upstream is not ready, and too many requests wait for it");
		return;
	}
	list_append(&exchange->lane->held, &exchange->held);
}

static void leave_held(struct exchange *exchange)
{
	if (exchange->held.next) {
		link_remove(&exchange->held);
		exchange->held.next = exchange->held.prev = NULL;
		atomic_fetch_sub(&exchange->lane->gate->held, 1);
	}
}

static void proceed(struct exchange *exchange)
{
	switch (atomic_load(&exchange->lane->gate->upstream.state)) {
	case UPSTREAM_WAITING:
		hold_back(exchange);
		break;
	case UPSTREAM_READY:
		connect_upstream(exchange);
		break;
	case UPSTREAM_GONE:
		refuse(exchange, 503, "the upstream is not ready, and the gate is on its way to its end");
		break;
	}
}

void exchange_unhold(struct exchange *exchange)
{
	leave_held(exchange);
	proceed(exchange);
}

static void request(struct http_connection *client)
{
	struct lane *lane = client->server->arg;
	const struct gate_config *config = lane->gate->config;
	struct exchange *exchange;

	request_metrics_begin(&lane->metrics);
	if (config->respond) {
		return; /* at its end */
	}
	exchange = calloc(1, sizeof(*exchange));
	if (!exchange) {
		http_answer_error(client, 503, "there is no memory for the request");
		return;
	}
	client->user = exchange;
	exchange->lane = lane;
	exchange->client = client;
	deadline_init(&exchange->timeout, &lane->worker->loop->agenda, timed_out);
	deadline_init(&exchange->whole, &lane->worker->loop->agenda, took_too_long);
	if (config->service.request_timeout_ms != CURFEW_NEVER) {
		deadline_set(&exchange->whole, curfew_after_ms(config->service.request_timeout_ms));
	}
	proceed(exchange);
}

static size_t request_body(struct http_connection *client, char *bytes, size_t length)
{
	struct exchange *exchange = exchange_of(client);

	if (!exchange) {
		return length; /* it was answered without being asked */
	}
	if (exchange->state < EXCHANGE_SENT) {
		return 0;
	}
	if (!exchange->upstream) {
		return length;
	}
	if (http_client_queued(&exchange->upstream->client) >= STREAM_QUEUE_HIGH) {
		exchange->request_rests = true;
		return 0;
	}
	if (exchange->state == EXCHANGE_SENT) {
		wait_for_upstream(exchange);
	}
	http_client_write(&exchange->upstream->client, bytes, length);
	return length;
}

static void request_end(struct http_connection *client)
{
	struct lane *lane = client->server->arg;
	struct exchange *exchange = exchange_of(client);

	if (lane->gate->config->respond) {
		http_answer_whole(
			client, (unsigned)lane->gate->config->respond, NULL, NULL, NULL);
	} else if (exchange && exchange->upstream && has_body(exchange)) {
		http_client_end(&exchange->upstream->client, &client->parser.head);
	}
}

static void client_writable(struct http_connection *client)
{
	struct exchange *exchange = exchange_of(client);

	if (!exchange || !exchange->upstream) {
		return;
	}
	if (exchange->state == EXCHANGE_TUNNEL) {
		exchange->tunnel.down.rests = false;
	} else if (exchange->response_rests) {
		exchange->response_rests = false;
		if (!exchange->is_events) {
			wait_for_upstream(exchange);
		}
	} else {
		return;
	}
	http_client_resume(&exchange->upstream->client);
}

static size_t client_tunnel(struct http_connection *client, char *bytes, size_t length)
{
	return exchange_tunnel_up(exchange_of(client), bytes, length);
}

static void client_tunnel_end(struct http_connection *client)
{
	exchange_tunnel_up_ended(exchange_of(client));
}

static void finish_tunnel(struct http_connection *client)
{
	exchange_tunnel_finish(exchange_of(client));
}

static void cut(struct http_connection *client)
{
	struct exchange *exchange = exchange_of(client);

	if (exchange && exchange->state == EXCHANGE_TUNNEL) {
		exchange_tunnel_cut(exchange);
	} else if (client->answer == HTTP_ANSWER_NONE) {
		http_answer_error(client, 503, "the server is shutting down");
	} else if (exchange && between_events(exchange)) {
		http_answer_end(client, NULL);
	} else {
		http_answer_abort(client);
	}
}

static void over(struct http_connection *client, bool whole)
{
	struct lane *lane = client->server->arg;
	struct exchange *exchange = exchange_of(client);

	request_metrics_end(&lane->metrics, client->status, curfew_now() - client->began);
	access_log(lane, client, whole);
	if (!exchange) {
		return;
	}
	leave_held(exchange);
	if (exchange->dial) {
		dial_cancel(exchange->dial);
	}
	if (exchange->state == EXCHANGE_TUNNEL) {
		exchange_tunnel_fini(exchange);
	}
	exchange_drop_upstream(exchange, true);
	exchange_enter(exchange, EXCHANGE_OVER);
	deadline_fini(&exchange->timeout);
	deadline_fini(&exchange->whole);
	free(exchange);
}

static void refused(struct http_connection *client, unsigned status)
{
	struct lane *lane = client->server->arg;

	request_metrics_begin(&lane->metrics);
	request_metrics_end(&lane->metrics, status, 0);
}

const struct http_handler exchange_handler = {
	.request = request,
	.body = request_body,
	.end = request_end,
	.writable = client_writable,
	.tunnel = client_tunnel,
	.tunnel_end = client_tunnel_end,
	.finish_tunnel = finish_tunnel,
	.cut = cut,
	.over = over,
	.refused = refused,
};
