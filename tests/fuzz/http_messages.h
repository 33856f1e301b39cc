/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the two HTTP targets share. The first byte of an input says how the rest is cut, and what a
 * response answers. Cut or whole, the parser must say the same. And where it says that a message is
 * good, llhttp by itself, with no lines checked for it, must find the same body in it.
 */
#ifndef HTTP_MESSAGES_H
#define HTTP_MESSAGES_H

#include <assert.h>
#include <stdint.h>

#include "http/transcript_script.h"

struct plain {
	struct buffer body;
	bool complete;
};

static inline int plain_body(llhttp_t *grammar, const char *at, size_t length)
{
	buffer_append(&((struct plain *)grammar->data)->body, at, length);
	return 0;
}

static inline int plain_complete(llhttp_t *grammar)
{
	((struct plain *)grammar->data)->complete = true;
	return HPE_PAUSED;
}

static inline int plain_bodiless(llhttp_t *grammar)
{
	(void)grammar;
	return 1;
}

/* One message of ours, which has these bytes and this body, beside theirs. */
static inline void message_compare(enum http_side side, bool bodiless, const char *bytes,
	size_t length, const struct buffer *body)
{
	llhttp_settings_t settings = {
		.on_body = plain_body,
		.on_message_complete = plain_complete,
		.on_headers_complete = bodiless ? plain_bodiless : NULL,
	};
	struct plain plain = {0};
	llhttp_t grammar;

	llhttp_init(&grammar, side == HTTP_REQUESTS ? HTTP_REQUEST : HTTP_RESPONSE, &settings);
	grammar.data = &plain;
	llhttp_execute(&grammar, bytes, length);
	if (!plain.complete) {
		llhttp_finish(&grammar); /* a body that ends with the connection */
	}
	assert(plain.complete);
	assert(plain.body.length == body->length);
	assert(!body->length || !memcmp(plain.body.data, body->data, body->length));
	buffer_fini(&plain.body);
}

/* What llhttp leaves to its user (RFC 9112, 6.3). */
static inline bool is_bodiless(const struct http_head *head, struct http_asked asked)
{
	return head->status &&
		(asked.head || head->status < 200 || head->status == 204 || head->status == 304);
}

static inline void compare_beside_theirs(
	enum http_side side, struct http_asked asked, const char *bytes, size_t length)
{
	struct http_parser parser;
	struct buffer body = {0};
	size_t start = 0, at = 0, used;
	enum http_event event;

	http_parser_init(&parser, side);
	do {
		if (side == HTTP_RESPONSES && at == start) {
			http_parser_ask(&parser, asked);
		}
		do {
			event = http_parser_read(&parser, bytes + at, length - at, &used);
			at += used;
			if (event == HTTP_EVENT_BODY) {
				buffer_append(&body, parser.body.bytes, parser.body.length);
			}
		} while (event == HTTP_EVENT_HEAD || event == HTTP_EVENT_BODY);
		if (event == HTTP_EVENT_MORE && !http_parser_is_idle(&parser)) {
			event = http_parser_close(&parser);
		}
		if (event == HTTP_EVENT_END) {
			message_compare(side, is_bodiless(&parser.head, asked), bytes + start,
				at - start, &body);
			buffer_consume(&body, body.length);
			start = at;
			http_parser_next(&parser);
		}
	} while (event == HTTP_EVENT_END);
	http_parser_fini(&parser);
	buffer_fini(&body);
}

static inline void compare_cuts(
	enum http_side side, struct http_asked asked, const char *bytes, size_t length, size_t cut)
{
	struct transcript script;
	const char *whole;

	transcript_begin(&script, side, asked);
	transcript_feed(&script, bytes, length);
	whole = transcript_end(&script);
	assert(transcript_same_cut(whole, &script, bytes, length, cut, length + 1));
	assert(transcript_same_cut(whole, &script, bytes, length, cut, cut + 1));
	assert(transcript_same_cut(whole, &script, bytes, length, 0, 1));
	transcript_fini(&script);
}

static inline void messages_check(enum http_side side, const uint8_t *data, size_t size)
{
	struct http_asked asked = {0};
	const char *bytes = (const char *)data + 1;

	if (!size) {
		return;
	}
	if (side == HTTP_RESPONSES) {
		asked = (struct http_asked){.head = data[0] & 1, .upgrade = data[0] & 2};
	}
	compare_cuts(side, asked, bytes, size - 1, data[0] % size);
	compare_beside_theirs(side, asked, bytes, size - 1);
}

#endif
