/* SPDX-License-Identifier: Apache-2.0 */
#include "http/parser.h"

#include <assert.h>
#include <string.h>

#include "http/grammar.h"

/* The longest method and version around a target. */
#define REQUEST_LINE_MOST (HTTP_TARGET_MOST + 64)

#define TEXT_AT_FIRST 1000 /* bytes that a head is given memory for at once, if so many have come */

struct input {
	const char *at;
	const char *end;
};

#define TO(state) (1U << HTTP_STATE_##state)

static const unsigned edges[HTTP_STATE_COUNT] = {
	[HTTP_STATE_HEAD] = TO(LENGTH) | TO(UNTIL_CLOSE) | TO(CHUNK_LINE) | TO(ENDING) |
		TO(TUNNEL) | TO(REFUSED),
	[HTTP_STATE_LENGTH] = TO(ENDING) | TO(REFUSED),
	[HTTP_STATE_UNTIL_CLOSE] = TO(ENDING),
	[HTTP_STATE_CHUNK_LINE] = TO(CHUNK_DATA) | TO(TRAILERS) | TO(REFUSED),
	[HTTP_STATE_CHUNK_DATA] = TO(CHUNK_END) | TO(REFUSED),
	[HTTP_STATE_CHUNK_END] = TO(CHUNK_LINE) | TO(REFUSED),
	[HTTP_STATE_TRAILERS] = TO(ENDING) | TO(REFUSED),
	[HTTP_STATE_ENDING] = TO(DONE),
	[HTTP_STATE_DONE] = TO(HEAD),
};

static void parser_enter(struct http_parser *parser, enum http_state state)
{
	assert(edges[parser->state] & (1U << state));
	parser->state = state;
}

static enum http_event refuse(struct http_parser *parser, enum http_error error)
{
	parser->error = error;
	parser_enter(parser, HTTP_STATE_REFUSED);
	return HTTP_EVENT_REFUSED;
}

/* Looks at the line that was just gathered. */
static enum http_error line_check(const struct http_parser *parser)
{
	const char *line = parser->head.text.data + parser->line;
	size_t length = parser->head.text.length - parser->line;

	if (length < 2 || line[length - 2] != '\r') {
		return HTTP_BARE_LF;
	}
	if (memchr(line, '\r', length - 2)) {
		return HTTP_BARE_CR;
	}
	return (*line == ' ' || *line == '\t') && parser->line != parser->section ? HTTP_FOLDED
										  : HTTP_OK;
}

/* The first byte shows most of what is no HTTP at all, such as TLS, without waiting for a line. */
static bool may_start(const struct http_parser *parser, char byte)
{
	if (parser->side == HTTP_RESPONSES) {
		return byte == 'H';
	}
	return byte == '\r' || (byte > ' ' && byte < 0x7f);
}

/* Whether the line that is being gathered, or all of it, is too long with so many bytes more. */
static enum http_error bounds_check(const struct http_parser *parser, size_t more)
{
	size_t length = parser->head.text.length + more;

	if (parser->state == HTTP_STATE_TRAILERS) {
		return length - parser->section > HTTP_TRAILERS_MOST ? HTTP_TRAILERS_TOO_LARGE
								     : HTTP_OK;
	}
	if (parser->side == HTTP_REQUESTS && parser->line == 0 && length > REQUEST_LINE_MOST) {
		return HTTP_TARGET_TOO_LONG;
	}
	return length > HTTP_HEAD_MOST ? HTTP_HEAD_TOO_LARGE : HTTP_OK;
}

/*
 * Gathers lines in head.text. True: the empty line that ends them is there. False: more is needed,
 * or an error is noted.
 */
static bool lines_gather(struct http_parser *parser, struct input *in)
{
	struct buffer *text = &parser->head.text;

	while (!parser->error && in->at < in->end) {
		const char *feed = memchr(in->at, '\n', (size_t)(in->end - in->at));
		size_t length = (size_t)((feed ? feed + 1 : in->end) - in->at);

		if (parser->state == HTTP_STATE_HEAD && !text->length &&
			!may_start(parser, *in->at)) {
			parser->error = HTTP_BAD_START;
			return false;
		}
		parser->error = bounds_check(parser, length);
		if (parser->error) {
			return false;
		}
		if (!text->length) {
			size_t left = (size_t)(in->end - in->at);

			(void)buffer_reserve(text, left < TEXT_AT_FIRST ? left : TEXT_AT_FIRST);
		}
		buffer_append(text, in->at, length);
		in->at += length;
		if (text->failed) {
			parser->error = HTTP_NO_MEMORY;
		} else if (feed) {
			bool empty = text->length - parser->line == 2;
			bool first = parser->state == HTTP_STATE_HEAD && parser->line == 0;

			parser->error = line_check(parser);
			if (parser->error) {
				return false;
			}
			if (empty && !first) {
				return true;
			}
			if (empty && parser->blank) {
				parser->error = HTTP_EMPTY_LINE;
			}
			/* RFC 9112, 2.2: one in front of a request is passed over. */
			parser->blank = parser->blank || empty;
			text->length = empty ? 0 : text->length;
			parser->line = (uint16_t)text->length;
		}
	}
	return false;
}

static enum http_error head_check(struct http_parser *parser)
{
	struct http_head *head = &parser->head;
	bool is_request = parser->side == HTTP_REQUESTS;
	enum http_error error =
		is_request ? http_rules_request_line(head) : http_rules_status_line(head);

	if (error) {
		return error;
	}
	http_grammar_reset(parser);
	error = http_grammar_read(parser, head->text.data, head->text.length);
	if (!error && !parser->noted) {
		error = HTTP_BAD_FIELD;
	}
	if (error) {
		return error;
	}
	return is_request ? http_rules_request(head) : http_rules_response(head, &parser->asked);
}

static enum http_state state_of_body(const struct http_head *head)
{
	switch (head->framing) {
	case HTTP_FRAMING_LENGTH:
		return HTTP_STATE_LENGTH;
	case HTTP_FRAMING_CHUNKED:
		return HTTP_STATE_CHUNK_LINE;
	case HTTP_FRAMING_CLOSE:
		return HTTP_STATE_UNTIL_CLOSE;
	default:
		return head->status == 101 ? HTTP_STATE_TUNNEL : HTTP_STATE_ENDING;
	}
}

static enum http_event head_read(struct http_parser *parser, struct input *in)
{
	if (!lines_gather(parser, in)) {
		return parser->error ? refuse(parser, parser->error) : HTTP_EVENT_MORE;
	}
	parser->error = head_check(parser);
	if (parser->error) {
		return refuse(parser, parser->error);
	}
	parser->left = parser->head.content_length;
	parser->line = 0;
	parser_enter(parser, state_of_body(&parser->head));
	return HTTP_EVENT_HEAD;
}

static enum http_event data_take(struct http_parser *parser, struct input *in, uint64_t most)
{
	size_t length = (size_t)(in->end - in->at);

	if (length > most) {
		length = (size_t)most;
	}
	parser->body = (struct http_text){in->at, length};
	in->at += length;
	parser->left -= most == UINT64_MAX ? 0 : length;
	return HTTP_EVENT_BODY;
}

static enum http_event length_read(struct http_parser *parser, struct input *in)
{
	data_take(parser, in, parser->left);
	if (!parser->left) {
		parser_enter(parser, HTTP_STATE_ENDING);
	}
	return HTTP_EVENT_BODY;
}

/* After the line feed: the size is known, and the extensions are counted. */
static enum http_event chunk_begin(struct http_parser *parser)
{
	uint64_t size = parser->grammar.content_length;
	uint16_t digits = 0;

	for (uint64_t rest = size; rest; rest >>= 4) {
		digits++;
	}
	digits = digits ? digits : 1;
	parser->extensions = (uint16_t)(parser->extensions + parser->line - digits - 2);
	if (!parser->noted || size > INT64_MAX) {
		return refuse(parser, HTTP_BAD_CHUNK);
	}
	if (parser->extensions > HTTP_EXTENSIONS_MOST) {
		return refuse(parser, HTTP_CHUNK_TOO_LONG);
	}
	parser->left = size;
	parser->line = 0;
	if (size) {
		parser_enter(parser, HTTP_STATE_CHUNK_DATA);
		return HTTP_EVENT_MORE;
	}
	parser->section = (uint16_t)parser->head.text.length;
	parser->line = parser->section;
	parser_enter(parser, HTTP_STATE_TRAILERS);
	return HTTP_EVENT_MORE;
}

/* Shows llhttp a line up to its end, or to its bound, and no byte of what is behind. */
static enum http_event chunk_line_read(struct http_parser *parser, struct input *in)
{
	size_t length = (size_t)(in->end - in->at);
	size_t room = (size_t)(HTTP_CHUNK_LINE_MOST - parser->line);
	const char *feed;
	enum http_error error;

	length = length < room ? length : room;
	feed = memchr(in->at, '\n', length);
	length = feed ? (size_t)(feed + 1 - in->at) : length;
	error = http_grammar_read(parser, in->at, length);
	in->at += length;
	parser->line = (uint16_t)(parser->line + length);
	if (error) {
		return refuse(parser, error);
	}
	if (feed) {
		return chunk_begin(parser);
	}
	return parser->line == HTTP_CHUNK_LINE_MOST ? refuse(parser, HTTP_CHUNK_TOO_LONG)
						    : HTTP_EVENT_MORE;
}

static enum http_event chunk_data_read(struct http_parser *parser, struct input *in)
{
	enum http_error error;

	data_take(parser, in, parser->left);
	error = http_grammar_read(parser, parser->body.bytes, parser->body.length);
	if (error) {
		return refuse(parser, error);
	}
	if (!parser->left) {
		parser_enter(parser, HTTP_STATE_CHUNK_END);
	}
	return HTTP_EVENT_BODY;
}

/* The two bytes behind a chunk, of which llhttp knows what they must be. */
static enum http_event chunk_end_read(struct http_parser *parser, struct input *in)
{
	enum http_error error = http_grammar_read(parser, in->at, 1);

	in->at++;
	parser->line++;
	if (error) {
		return refuse(parser, error);
	}
	if (parser->line == 2) {
		parser->line = 0;
		parser_enter(parser, HTTP_STATE_CHUNK_LINE);
	}
	return HTTP_EVENT_MORE;
}

static enum http_event trailers_read(struct http_parser *parser, struct input *in)
{
	struct http_head *head = &parser->head;

	if (lines_gather(parser, in)) {
		parser->error = http_grammar_read(parser, head->text.data + parser->section,
			head->text.length - parser->section);
		if (!parser->error && !parser->noted) {
			parser->error = HTTP_BAD_FIELD;
		}
		if (!parser->error) {
			parser->error = http_rules_trailers(head);
		}
		if (!parser->error) {
			parser_enter(parser, HTTP_STATE_ENDING);
		}
	}
	return parser->error ? refuse(parser, parser->error) : HTTP_EVENT_MORE;
}

/* One step; HTTP_EVENT_MORE says no more than that nothing is to be told. */
static enum http_event step(struct http_parser *parser, struct input *in)
{
	switch (parser->state) {
	case HTTP_STATE_HEAD:
		return head_read(parser, in);
	case HTTP_STATE_LENGTH:
		return length_read(parser, in);
	case HTTP_STATE_UNTIL_CLOSE:
		return data_take(parser, in, UINT64_MAX);
	case HTTP_STATE_CHUNK_LINE:
		return chunk_line_read(parser, in);
	case HTTP_STATE_CHUNK_DATA:
		return chunk_data_read(parser, in);
	case HTTP_STATE_CHUNK_END:
		return chunk_end_read(parser, in);
	case HTTP_STATE_TRAILERS:
		return trailers_read(parser, in);
	default:
		assert(!"a state that reads");
		return HTTP_EVENT_REFUSED;
	}
}

/* What is told in a state without looking at any byte; HTTP_EVENT_MORE: nothing. */
static enum http_event settle(struct http_parser *parser)
{
	switch (parser->state) {
	case HTTP_STATE_ENDING:
		parser_enter(parser, HTTP_STATE_DONE);
		return HTTP_EVENT_END;
	case HTTP_STATE_DONE:
		return HTTP_EVENT_END;
	case HTTP_STATE_TUNNEL:
		return HTTP_EVENT_TUNNEL;
	case HTTP_STATE_REFUSED:
		return HTTP_EVENT_REFUSED;
	default:
		return HTTP_EVENT_MORE;
	}
}

enum http_event http_parser_read(
	struct http_parser *parser, const char *bytes, size_t length, size_t *used)
{
	struct input in = {bytes, bytes + length};
	enum http_event event = settle(parser);

	while (event == HTTP_EVENT_MORE && in.at < in.end) {
		event = step(parser, &in);
		if (event == HTTP_EVENT_MORE) {
			event = settle(parser);
		}
	}
	*used = (size_t)(in.at - bytes);
	return event;
}

enum http_event http_parser_close(struct http_parser *parser)
{
	enum http_event event;

	if (parser->state == HTTP_STATE_UNTIL_CLOSE) {
		parser_enter(parser, HTTP_STATE_ENDING);
	}
	event = settle(parser);
	if (event != HTTP_EVENT_MORE || http_parser_is_idle(parser)) {
		return event;
	}
	return refuse(parser, HTTP_TRUNCATED);
}

void http_parser_init(struct http_parser *parser, enum http_side side)
{
	*parser = (struct http_parser){.side = side};
}

void http_parser_fini(struct http_parser *parser)
{
	http_head_fini(&parser->head);
}

void http_parser_ask(struct http_parser *parser, struct http_asked asked)
{
	assert(parser->side == HTTP_RESPONSES && http_parser_is_idle(parser));
	parser->asked = asked;
}

void http_parser_next(struct http_parser *parser)
{
	bool interim = parser->side == HTTP_RESPONSES && parser->head.status < 200;

	assert(parser->state == HTTP_STATE_DONE);
	parser_enter(parser, HTTP_STATE_HEAD);
	http_head_clear(&parser->head);
	parser->asked = interim ? parser->asked : (struct http_asked){0};
	parser->blank = false;
	parser->section = 0;
	parser->line = 0;
	parser->extensions = 0;
}

bool http_parser_is_idle(const struct http_parser *parser)
{
	return parser->state == HTTP_STATE_HEAD && !parser->head.text.length;
}

unsigned http_parser_status(const struct http_parser *parser)
{
	return parser->side == HTTP_RESPONSES ? 502 : http_error_status(parser->error);
}
