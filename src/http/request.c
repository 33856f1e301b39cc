/* SPDX-License-Identifier: Apache-2.0 */
/* A client's requests: their head, and their body in its framing; what it writes in a tunnel. */
#include <assert.h>

#include "http/chunk.h"
#include "http/client_state.h"
#include "http/compose.h"

static void begin(struct http_client *client, struct http_asked asked)
{
	http_client_enter(client, HTTP_CLIENT_STATE_HEAD);
	if (!http_parser_is_idle(&client->parser)) {
		http_parser_next(&client->parser); /* of an answer whose end() has not returned */
	}
	http_parser_ask(&client->parser, asked);
	client->reused = client->answered;
	client->answered = false;
	client->sent = false;
	client->begins = stream_position(&client->stream);
}

struct buffer *http_client_request(struct http_client *client, struct http_asked asked)
{
	begin(client, asked);
	return stream_compose(&client->stream);
}

void http_client_send(struct http_client *client, struct http_asked asked,
	const struct stream_part *parts, int count)
{
	begin(client, asked);
	client->framing = HTTP_FRAMING_NONE;
	client->left = 0;
	http_client_enter(client, HTTP_CLIENT_STATE_AWAITING);
	stream_write_parts_now(&client->stream, parts, count);
}

void http_client_head_end(struct http_client *client, enum http_framing framing, uint64_t length)
{
	struct buffer *out = stream_compose(&client->stream);
	bool whole = framing == HTTP_FRAMING_NONE || (framing == HTTP_FRAMING_LENGTH && !length);

	assert(framing != HTTP_FRAMING_CLOSE);
	assert(whole || !client->parser.asked.upgrade);
	if (!is(client, IS(HEAD))) {
		assert(is(client, OVER));
		return;
	}
	if (framing == HTTP_FRAMING_LENGTH) {
		http_compose_length(out, length);
	} else if (framing == HTTP_FRAMING_CHUNKED) {
		http_compose_field(out, "Transfer-Encoding", "chunked");
	}
	http_compose_end(out);
	stream_written(&client->stream);
	client->framing = (uint8_t)framing;
	client->left = framing == HTTP_FRAMING_CHUNKED ? 1 : length;
	http_client_enter(client, whole ? HTTP_CLIENT_STATE_AWAITING : HTTP_CLIENT_STATE_SENDING);
}

static void write_chunk(struct http_client *client, const char *bytes, size_t length)
{
	char line[HTTP_CHUNK_HEAD_MOST];
	const struct stream_part parts[] = {
		{line, http_chunk_head(line, length)},
		{bytes, length},
		{HTTP_CHUNK_END, sizeof(HTTP_CHUNK_END) - 1},
	};

	stream_write_parts(&client->stream, parts, 3);
}

/*
 * Whether the body may go on; not if the connection is of no more use, and its owner does not know.
 */
static bool in_body(const struct http_client *client)
{
	assert(is(client, IS(SENDING) | IS(EARLY) | OVER));
	return !is(client, OVER);
}

void http_client_write(struct http_client *client, const char *bytes, size_t length)
{
	if (!length || !in_body(client)) {
		return;
	}
	if (client->framing == HTTP_FRAMING_CHUNKED) {
		write_chunk(client, bytes, length);
		return;
	}
	assert(length <= client->left);
	client->left -= length;
	stream_write(&client->stream, bytes, length);
}

void http_client_end(struct http_client *client, const struct http_head *trailers)
{
	if (is(client, IS(AWAITING) | IS(TUNNEL)) || !in_body(client)) {
		return; /* the head was all of it */
	}
	if (client->framing == HTTP_FRAMING_CHUNKED) {
		http_chunk_last(stream_compose(&client->stream), trailers);
		stream_written(&client->stream);
		client->left = 0;
	}
	assert(!client->left);
	if (is(client, IS(SENDING))) {
		http_client_enter(client, HTTP_CLIENT_STATE_AWAITING);
	} else {
		http_client_enter_end(client);
	}
}

bool http_client_take_back(struct http_client *client, struct http_unsent *unsent)
{
	size_t length = 0;
	const char *bytes = stream_unsent(&client->stream, client->begins, &length);

	assert(is(client, IS(FAILED)) && !unsent->bytes.data);
	if (!bytes || !length) {
		return false;
	}
	*unsent = (struct http_unsent){
		.asked = client->parser.asked,
		.framing = client->framing,
		.left = client->left,
	};
	buffer_append(&unsent->bytes, bytes, length);
	if (unsent->bytes.failed) {
		http_unsent_fini(unsent);
		return false;
	}
	return true;
}

void http_client_send_again(struct http_client *client, struct http_unsent *unsent)
{
	bool whole = unsent->framing == HTTP_FRAMING_NONE || !unsent->left;
	struct buffer *out = http_client_request(client, unsent->asked);

	buffer_append(out, unsent->bytes.data, unsent->bytes.length);
	stream_written(&client->stream);
	client->framing = unsent->framing;
	client->left = unsent->left;
	http_client_enter(client, whole ? HTTP_CLIENT_STATE_AWAITING : HTTP_CLIENT_STATE_SENDING);
	http_unsent_fini(unsent);
}

void http_unsent_fini(struct http_unsent *unsent)
{
	buffer_fini(&unsent->bytes);
	*unsent = (struct http_unsent){0};
}

size_t http_client_queued(const struct http_client *client)
{
	return stream_queued(&client->stream);
}

void http_client_resume(struct http_client *client)
{
	stream_resume(&client->stream);
}

void http_client_tunnel_write(struct http_client *client, const void *bytes, size_t length)
{
	assert(is(client, IS(TUNNEL) | OVER));
	if (is(client, IS(TUNNEL))) {
		stream_write(&client->stream, bytes, length);
	}
}

void http_client_tunnel_shut(struct http_client *client)
{
	assert(is(client, IS(TUNNEL) | OVER));
	stream_shut(&client->stream);
}
