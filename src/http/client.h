/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's side of an HTTP/1.1 connection: a request out, its response in; then the next.
 *
 *	http_client_init(&client, worker, fd, filter, &handler, arg)
 *	out = http_client_request(&client, asked)	the head goes there (http/compose.h)
 *	http_client_head_end(&client, HTTP_FRAMING_CHUNKED, 0)
 *	http_client_write(&client, bytes, length) ... http_client_end(&client, NULL)
 *
 * and meanwhile the handler is told of the response: interim()*, head(), body()*, end(). One request
 * at a time. A server may answer before the request is whole.
 *
 * States: IDLE (may be pooled) -> BUSY (request or response is not whole) -> IDLE, TUNNEL (after a
 * 101), CLOSING -> CLOSED. An idle connection that the server ends, or on which it speaks unasked,
 * is of no more use: failed() with HTTP_CLIENT_CLOSED.
 */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include "http/parser.h"
#include "net/stream.h"

struct http_client;

/* Why an exchange failed; name, words that fit behind "the upstream". */
#define HTTP_CLIENT_FAILURES(X)                                                                    \
	X(CLOSED, "closed the connection before it answered")   /* no byte of a response came */   \
	X(RESET, "reset the connection before it answered")     /* the same */                     \
	X(TRUNCATED, "ended the connection within its answer")                                     \
	X(MALFORMED, "answered with what is not HTTP")          /* parser.error tells more */      \
	X(NO_MEMORY, "could not be served for lack of memory")

enum http_client_failure {
#define HTTP_CLIENT_FAILURE(name, text) HTTP_CLIENT_##name,
	HTTP_CLIENT_FAILURES(HTTP_CLIENT_FAILURE)
#undef HTTP_CLIENT_FAILURE
};

/* Static. */
const char *http_client_failure_text(enum http_client_failure failure);

struct http_client_handler {
	/* An interim response but 101: client->parser.head. NULL: dropped */
	void (*interim)(struct http_client *client);
	/* The final response's head, or 101: then what follows goes to tunnel(). */
	void (*head)(struct http_client *client);
	/* Some of the body: returns how many bytes were taken; http_client_resume for the rest. */
	size_t (*body)(struct http_client *client, char *bytes, size_t length);
	/* The response is whole; trailers in parser.head. The client is IDLE if client->reusable. */
	void (*end)(struct http_client *client);
	/* The request may go on. NULL */
	void (*writable)(struct http_client *client);
	/* Bytes of the other protocol; returns how many were taken. */
	size_t (*tunnel)(struct http_client *client, char *bytes, size_t length);
	void (*tunnel_end)(struct http_client *client);
	/* Nothing more comes: close it. In IDLE: just close it. */
	void (*failed)(struct http_client *client, enum http_client_failure failure);
	/* After http_client_close or _reset: the memory is the owner's again. */
	void (*closed)(struct http_client *client);
};

struct http_client {
	const struct http_client_handler *handler;
	void *arg; /* the owner's, may be changed while IDLE, as handler may */
	struct http_parser parser;
	struct stream stream;

	/* To be read. */
	bool reused;       /* it has had a response before */
	bool answered;     /* a byte of the response to this request has come */
	bool sent;         /* a byte of this request was given to the kernel */
	bool reusable;     /* may be pooled after end(): both sides are whole and neither said close */
	int64_t idle_ms;   /* the server's own Keep-Alive: timeout; CURFEW_NEVER: it said none */

	/* Private from here on. */
	uint8_t state;
	uint8_t framing;
	bool request_whole, response_whole;
	uint64_t left;
};

/* Takes a connected socket, and filter (NULL: none). Returns 0, or a negative errno: still yours. */
int http_client_init(struct http_client *client, struct worker *worker, int fd,
	struct stream_filter *filter, const struct http_client_handler *handler, void *arg);

/* Begins a request: returns where its head goes, but for framing fields and the empty line. */
struct buffer *http_client_request(struct http_client *client, struct http_asked asked);

/* Ends the head: NONE, LENGTH (with length) or CHUNKED; writes the field that says so. */
void http_client_head_end(struct http_client *client, enum http_framing framing, uint64_t length);

/* Rest while http_client_queued is above STREAM_QUEUE_HIGH. */
void http_client_write(struct http_client *client, const char *bytes, size_t length);
void http_client_end(struct http_client *client, const struct http_head *trailers);
size_t http_client_queued(const struct http_client *client);
void http_client_resume(struct http_client *client);

/* In a tunnel. */
void http_client_tunnel_write(struct http_client *client, const void *bytes, size_t length);
void http_client_tunnel_shut(struct http_client *client);

/* In order: what is queued goes out. From any state. */
void http_client_close(struct http_client *client);
/* Now. */
void http_client_reset(struct http_client *client);

#endif
