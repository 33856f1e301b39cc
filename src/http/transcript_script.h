/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a parser makes of some bytes, as a text, for tests to compare: heads with all that was found
 * in them, bodies joined, how far each message reached, and how it ended. Each piece is fed as a
 * copy of its own size, so that a step too far is found and nothing of an earlier piece is used.
 */
#ifndef HTTP_TRANSCRIPT_SCRIPT_H
#define HTTP_TRANSCRIPT_SCRIPT_H

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "http/parser.h"

struct transcript {
	struct buffer text;
	struct http_parser parser;
	struct http_asked asked; /* of each response */
	size_t offset;           /* bytes read */
	bool in_body, over;
};

static inline void transcript_range(
	struct transcript *script, const char *label, struct http_range range)
{
	struct http_text text = http_head_text(&script->parser.head, range);

	buffer_appendf(&script->text, " %s=%.*s", label, (int)text.length, text.bytes);
}

static inline void transcript_fields(struct transcript *script, uint16_t from, uint16_t count)
{
	for (uint16_t i = from; i < from + count; i++) {
		const struct http_field *field = &script->parser.head.fields[i];

		buffer_append_text(&script->text, "\n ");
		transcript_range(script, field->hop ? "hop" : "field", field->name);
		transcript_range(script, "value", field->value);
	}
}

static inline void transcript_head(struct transcript *script)
{
	const struct http_head *head = &script->parser.head;

	buffer_appendf(&script->text,
		"head 1.%d status=%d form=%d framing=%d length=%d,%llu keep=%d upgrade=%d "
		"continue=%d",
		head->minor, head->status, (int)head->form, (int)head->framing, head->has_length,
		(unsigned long long)head->content_length, head->keep_alive, head->upgrade,
		head->expects_continue);
	transcript_range(script, "method", head->method);
	transcript_range(script, "target", head->target);
	transcript_range(script, "authority", head->authority);
	transcript_range(script, "path", head->path);
	transcript_range(script, "reason", head->reason);
	transcript_fields(script, 0, head->count);
	buffer_append_text(&script->text, "\n");
}

static inline void transcript_event(struct transcript *script, enum http_event event)
{
	struct http_parser *parser = &script->parser;

	if (event != HTTP_EVENT_MORE && event != HTTP_EVENT_BODY && script->in_body) {
		buffer_append_text(&script->text, "\n");
		script->in_body = false;
	}
	switch (event) {
	case HTTP_EVENT_HEAD:
		transcript_head(script);
		break;
	case HTTP_EVENT_BODY:
		buffer_append_text(&script->text, script->in_body ? "" : "body ");
		buffer_append(&script->text, parser->body.bytes, parser->body.length);
		script->in_body = true;
		break;
	case HTTP_EVENT_END:
		buffer_appendf(&script->text, "end at %zu", script->offset);
		transcript_fields(script, parser->head.count, parser->head.trailers);
		buffer_append_text(&script->text, "\n");
		http_parser_next(parser);
		if (parser->side == HTTP_RESPONSES) {
			http_parser_ask(parser, script->asked);
		}
		break;
	case HTTP_EVENT_TUNNEL:
		buffer_appendf(&script->text, "tunnel at %zu\n", script->offset);
		script->over = true;
		break;
	case HTTP_EVENT_REFUSED:
		buffer_appendf(&script->text, "refused: %s (%u)\n", http_error_text(parser->error),
			http_parser_status(parser));
		script->over = true;
		break;
	case HTTP_EVENT_MORE:
		break;
	}
}

static inline void transcript_begin(
	struct transcript *script, enum http_side side, struct http_asked asked)
{
	*script = (struct transcript){.asked = asked};
	http_parser_init(&script->parser, side);
	if (side == HTTP_RESPONSES) {
		http_parser_ask(&script->parser, asked);
	}
}

static inline void transcript_feed(struct transcript *script, const char *bytes, size_t length)
{
	char *copy = malloc(length ? length : 1), *at = copy;
	enum http_event event = HTTP_EVENT_HEAD;

	assert(copy);
	memcpy(copy, bytes, length);
	while (!script->over && event != HTTP_EVENT_MORE) {
		size_t used;

		event = http_parser_read(&script->parser, at, length, &used);
		assert(used <= length);
		assert(event != HTTP_EVENT_MORE || used == length);
		at += used;
		length -= used;
		script->offset += used;
		transcript_event(script, event);
	}
	free(copy);
}

/* Returns the text; transcript_fini frees it. */
static inline const char *transcript_end(struct transcript *script)
{
	if (!script->over) {
		enum http_event event = http_parser_close(&script->parser);

		transcript_event(script, event);
		if (event == HTTP_EVENT_MORE) {
			buffer_append_text(&script->text, "idle\n");
		}
	}
	return buffer_text(&script->text);
}

static inline void transcript_fini(struct transcript *script)
{
	http_parser_fini(&script->parser);
	buffer_fini(&script->text);
}

/* Compares the whole with what two, or many, pieces give: cut at a place, and then every step. */
static inline bool transcript_same_cut(const char *whole, struct transcript *like,
	const char *bytes, size_t length, size_t cut, size_t step)
{
	struct transcript script;
	bool same;

	cut = cut < length ? cut : length;
	transcript_begin(&script, like->parser.side, like->asked);
	transcript_feed(&script, bytes, cut);
	for (size_t at = cut; at < length; at += step) {
		transcript_feed(&script, bytes + at, length - at < step ? length - at : step);
	}
	same = !strcmp(transcript_end(&script), whole);
	transcript_fini(&script);
	return same;
}

#endif
