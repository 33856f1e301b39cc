/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.1 over http/client.h. A request leaves in one piece, at once. What is short is put
 * together here first, since a call of the kernel's with one piece costs less than with several.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curfew/time.h>

#include "base/list.h"
#include "http/client.h"
#include "load/channel.h"
#include "load/crew.h"
#include "load/lane.h"
#include "net/tls.h"

#define SHORT 2048 /* bytes of a whole request that is put together */

struct http_channel {
	struct channel channel;
	struct http_client client;
	struct load_answer answer;
	struct buffer body;         /* of an answer that is kept */
	struct worker_flush opened; /* its handshake is over */
	bool keeps;
};

static struct http_channel *of_client(struct http_client *client)
{
	return container_of(client, struct http_channel, client);
}

/* The answer. */

static void head(struct http_client *client)
{
	struct http_channel *http = of_client(client);
	const struct http_head *answer = &client->parser.head;
	bool retry_after =
		answer->status == 503 && http_head_find(answer, "Retry-After", NULL) != NULL;

	http->answer.status = answer->status;
	http->answer.outcome = load_outcome_of_status(answer->status, retry_after);
}

static size_t body(struct http_client *client, char *bytes, size_t length)
{
	struct http_channel *http = of_client(client);

	if (http->keeps) {
		if (http->body.length + length > LOAD_ANSWER_MOST) {
			http->keeps = false;
			http->answer.outcome = LOAD_MALFORMED;
		} else {
			buffer_append(&http->body, bytes, length);
		}
	}
	return length;
}

/* A channel that takes no other request leaves its lane before that hears of the answer. */
static void end(struct http_client *client)
{
	struct http_channel *http = of_client(client);
	struct lane *lane = http->channel.lane;

	channel_count(&http->channel, &client->stream);
	if (http->keeps) {
		http->answer.body = buffer_text(&http->body);
		http->answer.length = http->body.length;
		if (http->body.failed) {
			http->answer.body = NULL;
			http->answer.outcome = LOAD_LOCAL;
		}
	}
	if (!client->reusable || http->channel.crew->plan->fresh) {
		channel_detach(&http->channel);
		http_client_close(client);
	}
	lane_answered(lane, &http->answer);
}

/* What goes wrong. */

/* Once it has had an answer, a record that is wrong is no more than the end of the connection. */
static bool is_tls_refusal(const struct http_client *client)
{
	int error = client->stream.error;

	return error == -EKEYREJECTED || (error == -EPROTO && !client->reused);
}

enum load_outcome http_channel_outcome(
	const struct http_client *client, enum http_client_failure failure)
{
	switch (failure) {
	case HTTP_CLIENT_TRUNCATED:
		return LOAD_TRUNCATED;
	case HTTP_CLIENT_MALFORMED:
		return LOAD_MALFORMED;
	case HTTP_CLIENT_NO_MEMORY:
		return LOAD_LOCAL;
	default:
		break;
	}
	if (is_tls_refusal(client)) {
		return LOAD_TLS;
	}
	return client->sent ? LOAD_RESET_SENT : LOAD_RESET_UNSENT;
}

static void failed(struct http_client *client, enum http_client_failure failure)
{
	struct http_channel *http = of_client(client);
	enum load_outcome outcome = http_channel_outcome(client, failure);
	struct lane *lane = http->channel.lane;

	if (outcome == LOAD_TLS) {
		channel_note_tls(&http->channel, &client->stream);
	}
	channel_count(&http->channel, &client->stream);
	channel_detach(&http->channel);
	http_client_close(client);
	if (lane) {
		lane_lost(lane, http->channel.endpoint, outcome);
	}
}

static void closed(struct http_client *client)
{
	struct http_channel *http = of_client(client);
	struct channel channel = http->channel;

	worker_flush_forget(&http->opened);
	buffer_fini(&http->body);
	free(http);
	channel_gone(&channel);
}

static const struct http_client_handler handler = {
	.head = head,
	.body = body,
	.end = end,
	.failed = failed,
	.closed = closed,
};

/* The request. */

static size_t put(char *to, const char *bytes, size_t length)
{
	memcpy(to, bytes, length);
	return length;
}

/* A server that closes first has the port to wait. */
size_t http_channel_framing(
	char framing[HTTP_CHANNEL_FRAMING], const struct load_request *request, bool is_fresh)
{
	const char *closing = is_fresh ? "Connection: close\r\n" : "";

	if (request->body) {
		return (size_t)snprintf(framing, HTTP_CHANNEL_FRAMING,
			"%sContent-Length: %zu\r\n\r\n", closing, request->body_length);
	}
	return is_fresh ? (size_t)snprintf(framing, HTTP_CHANNEL_FRAMING, "%s\r\n", closing)
			: put(framing, "\r\n", 2);
}

static void send_request(struct channel *channel, const struct load_request *request)
{
	struct http_channel *http = container_of(channel, struct http_channel, channel);
	const struct http_asked asked = {.head = request->is_head};
	char framing[HTTP_CHANNEL_FRAMING];
	size_t framing_length = http_channel_framing(framing, request, channel->crew->plan->fresh);
	char whole[SHORT];

	http->answer = (struct load_answer){0};
	http->keeps = request->keeps_answer;
	buffer_clear(&http->body);
	if (request->head_length + framing_length + request->body_length <= sizeof(whole)) {
		size_t at = put(whole, request->head, request->head_length);
		struct stream_part part = {.bytes = whole};

		at += put(whole + at, framing, framing_length);
		if (request->body_length) {
			at += put(whole + at, request->body, request->body_length);
		}
		part.length = at;
		http_client_send(&http->client, asked, &part, 1);
	} else {
		const struct stream_part parts[] = {
			{request->head, request->head_length},
			{framing, framing_length},
			{request->body, request->body_length},
		};

		http_client_send(&http->client, asked, parts, request->body_length ? 3 : 2);
	}
}

static void close_channel(struct channel *channel, bool reset)
{
	struct http_channel *http = container_of(channel, struct http_channel, channel);

	channel_count(channel, &http->client.stream);
	channel_detach(channel);
	if (reset) {
		http_client_reset(&http->client);
	} else {
		http_client_close(&http->client);
	}
}

static const struct channel_ops ops = {
	.send = send_request,
	.close = close_channel,
};

/* At the end of the round in which the handshake came to its end. */
static void opened(struct worker_flush *flush)
{
	struct http_channel *http = container_of(flush, struct http_channel, opened);

	http->channel.open = true;
	if (http->channel.lane) {
		lane_opened(&http->channel);
	}
}

static void connected(void *arg)
{
	struct http_channel *http = arg;

	worker_flush_later(http->channel.crew->worker, &http->opened);
}

static struct channel *new_channel(
	struct lane *lane, uint32_t endpoint, int fd, struct stream_filter *filter)
{
	struct http_channel *http = calloc(1, sizeof(*http));
	int error = http
		? http_client_init(&http->client, lane->crew->worker, fd, filter, &handler, NULL)
		: -ENOMEM;

	if (error < 0) {
		free(http);
		errno = -error;
		return NULL;
	}
	load_channel_init(&http->channel, &ops, lane, endpoint);
	http->channel.open = !filter;
	http->opened.run = opened;
	if (filter) {
		tls_on_connected(filter, connected, http);
	}
	return &http->channel;
}

const struct channel_kind http_channel_kind = {.new = new_channel};
