/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes back from the upstream: interim responses, the head, the body and its end, each
 * passed on as it comes; a tunnel's bytes; or a failure, after which a request is sent once more,
 * if nothing can have come of the first try.
 */
#include <stdio.h>
#include <string.h>

#include "gate/exchange.h"
#include "gate/forward.h"

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
 * One more try: of any request of which the upstream has no byte, with its body; and of one that
 * may be made twice, if a connection from the pool ended without a word, as one does that was idle
 * for too long. Returns whether there may be one.
 */
static bool prepare_retry(struct exchange *exchange)
{
	struct http_client *client = &exchange->upstream->client;

	if (exchange->retried || exchange->state != EXCHANGE_SENT) {
		return false;
	}
	return http_client_take_back(client, &exchange->unsent) ||
		(client->reused && !client->answered && !exchange_has_body(exchange) &&
			is_idempotent(&exchange->client->parser.head));
}

static void upstream_failed(struct http_client *client, enum http_client_failure failure)
{
	struct exchange *exchange = client->arg;
	char text[128];

	if (exchange->state == EXCHANGE_TUNNEL) {
		exchange_tunnel_broken(exchange);
		return;
	}
	if (prepare_retry(exchange)) {
		exchange->retried = true;
		atomic_fetch_add(&exchange->lane->gate->retries, 1);
		exchange_drop_upstream(exchange, false);
		exchange_dial(exchange);
		return;
	}
	(void)snprintf(text, sizeof(text), "the upstream %s", http_client_failure_text(failure));
	exchange_fail(exchange, 502, text);
}

static void upstream_interim(struct http_client *client)
{
	struct exchange *exchange = client->arg;
	const struct http_head *head = &client->parser.head;

	forward_interim(head, http_answer_interim(exchange->client, head->status));
	http_answer_interim_end(exchange->client);
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
	http_event_stream_begin(&exchange->events, head);
	if (exchange->events.is_one) {
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

static size_t upstream_body(struct http_client *client, char *bytes, size_t length)
{
	struct exchange *exchange = client->arg;

	if (http_queued(exchange->client) >= STREAM_QUEUE_HIGH) {
		exchange->response_rests = true;
		deadline_set(&exchange->timeout, CURFEW_NEVER); /* the client's turn to be slow */
		return 0;
	}
	if (exchange->events.is_one) {
		http_event_stream_note(&exchange->events, bytes, length);
	} else {
		exchange_await_upstream(exchange);
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

const struct http_client_handler exchange_upstream_handler = {
	.interim = upstream_interim,
	.head = upstream_head,
	.body = upstream_body,
	.end = upstream_end,
	.writable = upstream_writable,
	.tunnel = upstream_tunnel,
	.tunnel_end = upstream_tunnel_end,
	.failed = upstream_failed,
};
