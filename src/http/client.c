/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of an exchange. A request is composed in the stream's queue and goes out at the end of
 * the round; its body follows, as its owner has it. Bytes come (received), the parser makes events
 * of them, and the handler hears of those. The response is whole (end_response): with a request
 * that is whole the client is IDLE, or SPENT; else EARLY, until http_client_end. A 101 makes a
 * TUNNEL, in which the parser has no part any more.
 *
 * A body that the handler does not take stays with the stream, which reads no more meanwhile. The
 * parser has seen those bytes: they are in front of the input when it is handed out again, and
 * passed on without it (passed).
 *
 * What can go wrong, each time once (fail). The server ends or resets the connection, within its
 * answer or before: answered, sent and reused tell whether the request may be tried again. What
 * comes is not HTTP. It comes unasked: in IDLE, in EARLY, or before a byte of the request has gone
 * out, as when a server gives up an idle connection and says so (408); then it is no answer. Bytes
 * right behind an answer are the same, and found before end(): the client is not IDLE then.
 *
 * A call of the owner's may change the state in each callback; so a callback is the last thing in
 * a function, or the state is looked at again. Within end() the client may even be in its next
 * exchange already. Closing ends in the stream's closed().
 */
#include "http/client.h"

#include <assert.h>
#include <errno.h>

#include <curfew/time.h>

#include "base/list.h"
#include "http/client_state.h"

static const unsigned edges[] = {
	[HTTP_CLIENT_STATE_IDLE] = IS(HEAD) | IS(FAILED) | IS(CLOSING),
	[HTTP_CLIENT_STATE_HEAD] = IS(SENDING) | IS(AWAITING) | IS(FAILED) | IS(CLOSING),
	[HTTP_CLIENT_STATE_SENDING] = IS(AWAITING) | IS(EARLY) | IS(FAILED) | IS(CLOSING),
	[HTTP_CLIENT_STATE_AWAITING] = IS(IDLE) | IS(SPENT) | IS(TUNNEL) | IS(FAILED) | IS(CLOSING),
	[HTTP_CLIENT_STATE_EARLY] = IS(IDLE) | IS(SPENT) | IS(FAILED) | IS(CLOSING),
	[HTTP_CLIENT_STATE_SPENT] = IS(CLOSING),
	[HTTP_CLIENT_STATE_TUNNEL] = IS(FAILED) | IS(CLOSING),
	[HTTP_CLIENT_STATE_FAILED] = IS(CLOSING),
	[HTTP_CLIENT_STATE_CLOSING] = IS(CLOSED),
	[HTTP_CLIENT_STATE_CLOSED] = 0,
};

void http_client_enter(struct http_client *client, enum http_client_state state)
{
	assert(edges[client->state] & (1U << state));
	client->state = (uint8_t)state;
	client->reusable = state == HTTP_CLIENT_STATE_IDLE;
}

void http_client_enter_end(struct http_client *client)
{
	http_client_enter(
		client, client->lasting ? HTTP_CLIENT_STATE_IDLE : HTTP_CLIENT_STATE_SPENT);
}

/* A response may come. */
static bool awaits(const struct http_client *client)
{
	return is(client, IS(SENDING) | IS(AWAITING));
}

const char *http_client_failure_text(enum http_client_failure failure)
{
	static const char *const texts[] = {
#define HTTP_CLIENT_FAILURE(name, text) [HTTP_CLIENT_##name] = text,
		HTTP_CLIENT_FAILURES(HTTP_CLIENT_FAILURE)
#undef HTTP_CLIENT_FAILURE
	};

	return texts[failure];
}

static void note_sent(struct http_client *client)
{
	client->sent = client->stream.bytes_out > client->begins;
}

static void fail(struct http_client *client, enum http_client_failure failure)
{
	note_sent(client);
	http_client_enter(client, HTTP_CLIENT_STATE_FAILED);
	client->handler->failed(client, failure);
}

/* The response. */

/* The number of "timeout=5", in milliseconds; -1: it says something else. */
static int64_t timeout_ms(struct http_text parameter)
{
	static const char name[] = "timeout=";
	struct http_text digits = {parameter.bytes, sizeof(name) - 1};
	int64_t seconds = 0;

	if (parameter.length < sizeof(name) || !http_text_equal(digits, name)) {
		return -1;
	}
	for (size_t i = sizeof(name) - 1; i < parameter.length; i++) {
		if (parameter.bytes[i] < '0' || parameter.bytes[i] > '9') {
			return -1;
		}
		if (seconds < INT32_MAX) {
			seconds = seconds * 10 + (parameter.bytes[i] - '0');
		}
	}
	return seconds * 1000;
}

/* How long the server says that it keeps an idle connection; it need not say it each time. */
static void note_keep_alive(struct http_client *client)
{
	const struct http_head *head = &client->parser.head;

	for (uint16_t i = 0; i < head->count; i++) {
		struct http_text list, parameter;

		if (head->fields[i].known != HTTP_FIELD_KEEP_ALIVE) {
			continue;
		}
		list = http_head_text(head, head->fields[i].value);
		while (http_list_next(&list, &parameter)) {
			int64_t ms = timeout_ms(parameter);

			client->idle_ms = ms >= 0 ? ms : client->idle_ms;
		}
	}
}

/* unasked: something stands behind it that cannot be an answer to anything. */
static void end_response(struct http_client *client, bool unasked)
{
	client->lasting = client->parser.head.keep_alive && !unasked;
	if (client->lasting) {
		note_keep_alive(client);
	}
	if (is(client, IS(SENDING))) {
		http_client_enter(client, HTTP_CLIENT_STATE_EARLY);
	} else {
		http_client_enter_end(client);
	}
	client->handler->end(client);
	if (is(client, IS(IDLE)) && !http_parser_is_idle(&client->parser)) {
		http_parser_next(&client->parser);
	}
}

/* What asks for a tunnel has no body, and is whole. A tunnel needs no head any more. */
static void begin_tunnel(struct http_client *client)
{
	http_client_enter(client, HTTP_CLIENT_STATE_TUNNEL);
	client->handler->head(client);
	http_parser_fini(&client->parser);
}

static void take_head(struct http_client *client)
{
	unsigned status = client->parser.head.status;

	if (status == 101) {
		begin_tunnel(client);
	} else if (status >= 200) {
		client->handler->head(client);
	} else if (client->handler->interim) {
		client->handler->interim(client);
	}
}

static void take_end(struct http_client *client, bool unasked)
{
	if (client->parser.head.status >= 200) {
		end_response(client, unasked);
	} else {
		http_parser_next(&client->parser);
	}
}

/* Hands out some of the body. Returns how many bytes were taken; the rest is passed. */
static size_t take_body(struct http_client *client, char *bytes, size_t length)
{
	size_t taken = client->handler->body(client, bytes, length);

	client->passed = (uint32_t)(length - taken);
	return taken;
}

/* Reads on, up to the next event. Returns whether there may be another. */
static bool read_event(struct http_client *client, char *bytes, size_t length, size_t *at)
{
	struct http_parser *parser = &client->parser;
	enum http_event event;
	size_t used;

	event = http_parser_read(parser, bytes + *at, length - *at, &used);
	*at += used;
	switch (event) {
	case HTTP_EVENT_HEAD:
		take_head(client);
		return true;
	case HTTP_EVENT_BODY:
		*at -= parser->body.length;
		*at += take_body(client, bytes + *at, parser->body.length);
		return !client->passed;
	case HTTP_EVENT_END:
		take_end(client, *at < length);
		return true;
	case HTTP_EVENT_REFUSED:
		fail(client,
			parser->error == HTTP_NO_MEMORY ? HTTP_CLIENT_NO_MEMORY
							: HTTP_CLIENT_MALFORMED);
		return false;
	default:
		return false;
	}
}

/* What body() did not take when the parser had read it. Returns whether to go on. */
static bool read_passed(struct http_client *client, char *bytes, size_t *at)
{
	if (client->passed) {
		*at = take_body(client, bytes, client->passed);
	}
	return !client->passed;
}

static size_t read_response(struct http_client *client, char *bytes, size_t length)
{
	size_t at = 0;
	bool more = read_passed(client, bytes, &at);

	client->answered = true;
	while (more && awaits(client)) {
		more = read_event(client, bytes, length, &at);
	}
	return at;
}

static size_t received(struct stream *stream, char *bytes, size_t length)
{
	struct http_client *client = container_of(stream, struct http_client, stream);
	size_t at = 0;

	note_sent(client);
	if (awaits(client) && client->sent) {
		at = read_response(client, bytes, length);
	} else if (!is(client, IS(TUNNEL) | IS(SPENT) | IS(FAILED))) {
		fail(client, HTTP_CLIENT_CLOSED);
	}
	if (is(client, IS(TUNNEL)) && at < length) {
		at += client->handler->tunnel(client, bytes + at, length - at);
	}
	return is(client, IS(SENDING) | IS(AWAITING) | IS(TUNNEL)) || stream->heir ? at : length;
}

static void ended(struct stream *stream)
{
	struct http_client *client = container_of(stream, struct http_client, stream);

	if (is(client, IS(SPENT) | IS(FAILED))) {
		return;
	}
	if (is(client, IS(TUNNEL))) {
		client->handler->tunnel_end(client);
	} else if (awaits(client) && http_parser_close(&client->parser) == HTTP_EVENT_END) {
		end_response(client, false);
	} else {
		fail(client,
			awaits(client) && client->answered ? HTTP_CLIENT_TRUNCATED
							   : HTTP_CLIENT_CLOSED);
	}
}

static void writable(struct stream *stream)
{
	struct http_client *client = container_of(stream, struct http_client, stream);

	if (is(client, IS(SENDING) | IS(EARLY) | IS(TUNNEL)) && client->handler->writable) {
		client->handler->writable(client);
	}
}

static enum http_client_failure failure_of(const struct http_client *client, int error)
{
	if (is(client, IS(IDLE) | IS(EARLY))) {
		return HTTP_CLIENT_CLOSED;
	}
	if (error == -ENOMEM) {
		return HTTP_CLIENT_NO_MEMORY;
	}
	return client->answered ? HTTP_CLIENT_TRUNCATED : HTTP_CLIENT_RESET;
}

static void failed(struct stream *stream, int error)
{
	struct http_client *client = container_of(stream, struct http_client, stream);

	if (!is(client, IS(SPENT) | IS(FAILED))) {
		fail(client, failure_of(client, error));
	}
}

static void closed(struct stream *stream)
{
	struct http_client *client = container_of(stream, struct http_client, stream);

	http_parser_fini(&client->parser);
	http_client_enter(client, HTTP_CLIENT_STATE_CLOSED);
	client->handler->closed(client);
}

static const struct stream_ops stream_ops = {
	.received = received,
	.ended = ended,
	.writable = writable,
	.failed = failed,
	.closed = closed,
};

/* Its beginning and its end. */

int http_client_init(struct http_client *client, struct worker *worker, int fd,
	struct stream_filter *filter, const struct http_client_handler *handler, void *arg)
{
	*client = (struct http_client){
		.handler = handler,
		.arg = arg,
		.reusable = true,
		.idle_ms = CURFEW_NEVER,
	};
	http_parser_init(&client->parser, HTTP_RESPONSES);
	return stream_init(&client->stream, worker, fd, &stream_ops, filter);
}

/*
 * In order only where somebody reads what is queued: a server that has answered, or is gone, need
 * not, and nothing would bound the wait for it. Of a request that failed, or is not whole, no more
 * may go out, since it may be tried again elsewhere.
 */
static void close_stream(struct http_client *client)
{
	struct stream *stream = &client->stream;
	bool quiet = !stream_queued(stream) && (!is(client, IS(FAILED)) || stream->has_ended);

	if (is(client, IS(SENDING) | IS(AWAITING) | IS(TUNNEL))) {
		stream_close(stream, true);
	} else if (quiet) {
		stream_close(stream, false);
	} else if (is(client, IS(IDLE) | IS(SPENT))) {
		stream_cut(stream);
	} else {
		stream_reset(stream);
	}
}

int http_client_tunnel_hand_over(
	struct http_client *client, struct stream *to, const struct stream_ops *ops)
{
	int error;

	assert(is(client, IS(TUNNEL)));
	error = stream_move(to, &client->stream, ops);
	if (!error) {
		http_client_enter(client, HTTP_CLIENT_STATE_CLOSING);
	}
	return error;
}

void http_client_close(struct http_client *client)
{
	if (!is(client, IS(CLOSING) | IS(CLOSED))) {
		close_stream(client);
		http_client_enter(client, HTTP_CLIENT_STATE_CLOSING);
	}
}

void http_client_reset(struct http_client *client)
{
	if (is(client, IS(CLOSED))) {
		return;
	}
	if (!is(client, IS(CLOSING))) {
		http_client_enter(client, HTTP_CLIENT_STATE_CLOSING);
	}
	stream_reset(&client->stream);
}
