/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request comes (request). While the upstream is not ready, it is held; else it gets a
 * connection, an idle one of the pool or a new one, and is sent there (send_request). Its body
 * follows as the upstream takes it; the response comes back the same way (response.c), and its end
 * ends the exchange.
 *
 * What can go wrong. The upstream cannot be reached, ends the connection, or speaks nonsense:
 * another try if nothing can have happened yet, else 502, or, when the head has left, an answer
 * that breaks off. It takes too long: 504. The client goes away, or what it sends is no request
 * (over): the upstream's connection is reset, since its answer has no reader. The work's deadline
 * (cut): 503, or the end of an event stream between two events.
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

void exchange_enter(struct exchange *exchange, enum exchange_state state)
{
	assert(edges[exchange->state] & (1U << state));
	exchange->state = state;
}

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
void exchange_fail(struct exchange *exchange, unsigned status, const char *text)
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

void exchange_await_upstream(struct exchange *exchange)
{
	deadline_set(&exchange->timeout, curfew_after_ms(config_of(exchange)->response_timeout_ms));
}

static void timed_out(struct deadline *deadline)
{
	struct exchange *exchange = container_of(deadline, struct exchange, timeout);

	exchange_fail(exchange, 504, "the upstream did not answer in time");
}

static void took_too_long(struct deadline *deadline)
{
	struct exchange *exchange = container_of(deadline, struct exchange, whole);

	if (exchange->state != EXCHANGE_TUNNEL) {
		exchange_fail(exchange, 504, "the request took too long");
	}
}

/* To the upstream. */

bool exchange_has_body(const struct exchange *exchange)
{
	return exchange->client->parser.head.framing != HTTP_FRAMING_NONE;
}

static void end_request(struct exchange *exchange)
{
	if (exchange_has_body(exchange)) {
		http_client_end(&exchange->upstream->client, &exchange->client->parser.head);
	}
}

/* The head; and what came of the body, if it was written before. */
static void write_request(struct exchange *exchange, struct http_client *upstream)
{
	const struct http_head *head = &exchange->client->parser.head;
	const struct http_asked asked = {
		.head = exchange->client->is_head,
		.upgrade = head->upgrade,
	};
	struct buffer *out;

	if (exchange->unsent.bytes.length) {
		http_client_send_again(upstream, &exchange->unsent);
		return;
	}
	out = http_client_request(upstream, asked);
	forward_request(exchange->lane->gate, exchange->client, out);
	http_client_head_end(upstream, head->framing, head->content_length);
}

static void send_request(struct exchange *exchange, struct http_pooled *upstream)
{
	exchange->upstream = upstream;
	exchange_enter(exchange, EXCHANGE_SENT);
	write_request(exchange, &upstream->client);
	if (exchange->client->received) {
		end_request(exchange); /* it came when there was nobody to tell */
	}
	http_resume(exchange->client); /* its body */
	exchange_await_upstream(exchange);
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
	upstream = http_pool_add(&exchange->lane->pool, fd, &exchange_upstream_handler, exchange);
	if (upstream) {
		send_request(exchange, upstream);
	} else {
		refuse_unreached(exchange, -errno);
	}
}

void exchange_dial(struct exchange *exchange)
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
		exchange_dial(exchange);
		return;
	}
	exchange_enter(exchange, EXCHANGE_CONNECTING);
	idle->client.handler = &exchange_upstream_handler;
	idle->client.arg = exchange;
	send_request(exchange, idle);
}

/* From the client. */

static void hold_back(struct exchange *exchange)
{
	struct gate *gate = exchange->lane->gate;

	if (atomic_fetch_add(&gate->held, 1) >= GATE_HELD_MOST) {
		atomic_fetch_sub(&gate->held, 1);
		refuse(exchange, 503, "too many requests wait for the upstream to be ready");
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
		refuse(exchange, 503, "the upstream is not ready, and the gate is ending");
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
		exchange_await_upstream(exchange);
	}
	http_client_write(&exchange->upstream->client, bytes, length);
	return length;
}

static void request_end(struct http_connection *client)
{
	struct lane *lane = client->server->arg;
	struct exchange *exchange = exchange_of(client);

	if (lane->gate->config->respond) {
		http_answer_whole(client, (unsigned)lane->gate->config->respond, NULL, NULL, NULL);
	} else if (exchange && exchange->upstream) {
		end_request(exchange);
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
		if (!exchange->events.is_one) {
			exchange_await_upstream(exchange);
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
	} else if (exchange && http_event_stream_between(&exchange->events)) {
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
	http_unsent_fini(&exchange->unsent);
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
