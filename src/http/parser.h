/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads HTTP/1 messages, requests or responses, from bytes that come in any pieces: bytes in,
 * events out, no I/O. How the bytes were cut makes no difference to what is read or refused.
 *
 *	struct http_parser parser;
 *	size_t used;
 *
 *	http_parser_init(&parser, HTTP_REQUESTS);
 *	...
 *	do {
 *		event = http_parser_read(&parser, bytes, length, &used);
 *		bytes += used, length -= used;
 *	} while (event is HTTP_EVENT_HEAD or HTTP_EVENT_BODY)
 *
 * A message is HEAD, any number of BODY, END. After END nothing is read until http_parser_next: the
 * bytes that are left are the next message's, or another protocol's if a request asked for one
 * (head.upgrade) and was granted it. A 101 is HEAD, TUNNEL. Other interim responses (1xx) are
 * messages of their own in front of the final one.
 *
 * The states, each entered by one function that knows the edges:
 *
 *	HEAD -> LENGTH -----------------------.
 *	     -> UNTIL_CLOSE ------------------|
 *	     -> CHUNK_LINE -> TRAILERS -------+-> ENDING -> DONE -> HEAD
 *	     |   ^       `-> CHUNK_DATA       |
 *	     |   `- CHUNK_END <-'             |
 *	     -> TUNNEL                        |
 *	     `--------------------------------'
 *
 * and from each but DONE to REFUSED. Memory: the head, up to HTTP_HEAD_MOST + HTTP_TRAILERS_MOST,
 * and its fields; bodies are not kept.
 *
 * llhttp reads the fields, the chunk lines and the trailers. It is lenient in places (bare line
 * feeds, folded fields, any number of spaces and empty lines), so that lines are checked before it
 * sees them, and the framing is decided by http/rules.h.
 */
#ifndef HTTP_PARSER_H
#define HTTP_PARSER_H

#include <llhttp.h>

#include "http/error.h"
#include "http/head.h"
#include "http/rules.h"

#define HTTP_CHUNK_LINE_MOST 256  /* bytes of a chunk's size and extensions */
#define HTTP_EXTENSIONS_MOST 8192 /* bytes of all extensions of a body */

enum http_side { HTTP_REQUESTS, HTTP_RESPONSES };

enum http_event {
	HTTP_EVENT_MORE, /* all bytes were used; more are needed */
	HTTP_EVENT_HEAD, /* parser.head is there, until http_parser_next */
	HTTP_EVENT_BODY, /* parser.body: some bytes of the body, a range of those that were given */
	HTTP_EVENT_END,  /* the message is complete; the trailers are in parser.head */
	HTTP_EVENT_TUNNEL,  /* what follows is another protocol; stays so */
	HTTP_EVENT_REFUSED, /* parser.error; stays so: the connection is of no more use */
};

#define HTTP_STATES(X)                                                                             \
	X(HEAD)                                                                                    \
	X(LENGTH)                                                                                  \
	X(UNTIL_CLOSE)                                                                             \
	X(CHUNK_LINE)                                                                              \
	X(CHUNK_DATA)                                                                              \
	X(CHUNK_END)                                                                               \
	X(TRAILERS)                                                                                \
	X(ENDING)                                                                                  \
	X(DONE)                                                                                    \
	X(TUNNEL)                                                                                  \
	X(REFUSED)

enum http_state {
#define HTTP_STATE(name) HTTP_STATE_##name,
	HTTP_STATES(HTTP_STATE)
#undef HTTP_STATE
		HTTP_STATE_COUNT
};

struct http_parser {
	struct http_head head;
	struct http_text body;
	enum http_error error;

	/* Private from here on. */
	llhttp_t grammar;
	enum http_side side;
	enum http_state state;
	struct http_asked asked; /* of the next final response */
	bool blank;              /* an empty line stood in front of the request */
	bool noted;              /* llhttp came to the end of head, chunk line or trailers */
	uint16_t section;        /* where the head or the trailers begin in head.text */
	uint16_t line;           /* where its last line begins; in a chunk line: its length */
	uint16_t extensions;     /* bytes of the body's chunk extensions so far */
	uint64_t left;           /* bytes until the end of the body or the chunk */
};

void http_parser_init(struct http_parser *parser, enum http_side side);
void http_parser_fini(struct http_parser *parser);

/* Tells what the response that comes next answers: at the start or after http_parser_next. */
void http_parser_ask(struct http_parser *parser, struct http_asked asked);

/*
 * Reads on, up to the next event, and sets *used to the bytes that it took. May be called with no
 * bytes. body, and pointers to the head's text, are valid until the next call.
 */
enum http_event http_parser_read(
	struct http_parser *parser, const char *bytes, size_t length, size_t *used);

/*
 * The peer has sent all. Returns HTTP_EVENT_END for a body that ends so, HTTP_EVENT_MORE between
 * two messages, HTTP_EVENT_REFUSED (HTTP_TRUNCATED) within one; where http_parser_read stays, the
 * same as it.
 */
enum http_event http_parser_close(struct http_parser *parser);

/* After HTTP_EVENT_END: on to the next message. What was asked stays behind an interim response. */
void http_parser_next(struct http_parser *parser);

/* Between two messages, with no byte of the next one read. */
bool http_parser_is_idle(const struct http_parser *parser);

/* The status that says why: that of the error, and 502 for a response. */
unsigned http_parser_status(const struct http_parser *parser);

#endif
