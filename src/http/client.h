/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's side of an HTTP/1.1 connection: a request out, its response in; then the next.
 *
 *	http_client_init(&client, worker, fd, filter, &handler, arg)
 *	out = http_client_request(&client, asked)	the head goes there (http/compose.h)
 *	http_client_head_end(&client, HTTP_FRAMING_CHUNKED, 0)
 *	http_client_write(&client, bytes, length) ... http_client_end(&client, NULL)
 *
 * and meanwhile the handler is told of the response: interim()*, head(), body()*, end(). One
 * request at a time. A server may answer before the request is whole; the connection may be used
 * again only if that is completed, too.
 *
 * The states, each entered by one function that knows the edges (http/client.c has the table):
 *
 *	IDLE -> HEAD -> SENDING -> AWAITING -> IDLE ...
 *	            |     |          |  `-> TUNNEL --.
 *	            |     `-> EARLY -+-> SPENT ------+-> CLOSING -> CLOSED
 *	            `-----> AWAITING
 *
 *	IDLE      no request is under way: it may be pooled
 *	HEAD      a request's head is being composed
 *	SENDING   neither the request nor the response is whole
 *	AWAITING  the request is whole, the response is not
 *	EARLY     the response is whole, the request is not
 *	SPENT     both are, and it can have no other
 *	TUNNEL    another protocol, after a 101
 *	FAILED    from each but SPENT; waits for its owner to close it
 *	CLOSING   closed() is on its way
 *
 * Failure: failed() comes once, and then only closed() does, after the owner has closed or reset
 * it; meanwhile what is written is dropped. In IDLE and EARLY it says no more than that the
 * connection is of no use: the server ended it, or spoke unasked. Every function may be called from
 * every callback; the memory must stay until closed().
 */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include "http/parser.h"
#include "net/stream.h"

struct http_client;

/* Why an exchange failed; name, words that fit behind "the upstream". */
#define HTTP_CLIENT_FAILURES(X)                                                                    \
	X(CLOSED, "closed the connection before it answered")  /* no byte of a response came */    \
	X(RESET, "reset the connection before it answered")    /* the same */                      \
	X(TRUNCATED, "ended the connection within its answer") /* an interim one counts, too */    \
	X(MALFORMED, "answered with what is not HTTP")         /* parser.error tells more */       \
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
	/*
	 * The final response's head, in client->parser.head until end() has returned; or 101, until
	 * this returns: then what follows goes to tunnel(), and it may be written to at once.
	 */
	void (*head)(struct http_client *client);
	/* Some of the body: returns how many bytes were taken; http_client_resume for the rest. */
	size_t (*body)(struct http_client *client, char *bytes, size_t length);
	/* The response is whole; trailers in parser.head. IDLE if client->reusable. */
	void (*end)(struct http_client *client);
	/* The request, or the tunnel, may go on: what was above STREAM_QUEUE_HIGH has gone. NULL */
	void (*writable)(struct http_client *client);
	/* Bytes of the other protocol; returns how many were taken. NULL if none is asked for */
	size_t (*tunnel)(struct http_client *client, char *bytes, size_t length);
	/* The server has sent all that it will in a tunnel. NULL if none is asked for */
	void (*tunnel_end)(struct http_client *client);
	/* Nothing more comes: close it at once, so that no more of a request goes out. */
	void (*failed)(struct http_client *client, enum http_client_failure failure);
	/* After http_client_close or _reset: the memory is the owner's again. */
	void (*closed)(struct http_client *client);
};

#define HTTP_CLIENT_STATES(X)                                                                      \
	X(IDLE)                                                                                    \
	X(HEAD)                                                                                    \
	X(SENDING)                                                                                 \
	X(AWAITING)                                                                                \
	X(EARLY)                                                                                   \
	X(SPENT)                                                                                   \
	X(TUNNEL)                                                                                  \
	X(FAILED)                                                                                  \
	X(CLOSING)                                                                                 \
	X(CLOSED)

enum http_client_state {
#define HTTP_CLIENT_STATE(name) HTTP_CLIENT_STATE_##name,
	HTTP_CLIENT_STATES(HTTP_CLIENT_STATE)
#undef HTTP_CLIENT_STATE
};

struct http_client {
	const struct http_client_handler *handler;
	void *arg; /* the owner's, may be changed while IDLE, as handler may */
	struct http_parser parser;
	struct stream stream;

	/* To be read. */
	bool reused;   /* it had a response before this request */
	bool answered; /* a byte of the response to this request has come */
	bool sent;     /* a byte of this request was given to the kernel, as of the last callback */
	bool reusable; /* it is IDLE: both sides are whole, and neither said close */
	int64_t idle_ms; /* the server's own Keep-Alive: timeout; CURFEW_NEVER: it said none */

	/* Private from here on. */
	uint8_t state;   /* enum http_client_state */
	uint8_t framing; /* of the request's body */
	bool lasting;    /* the server takes another request behind the one it has answered */
	uint32_t passed; /* bytes at the front of the input that are known as body, and not taken */
	uint64_t left;   /* bytes of the request's body that are still to be written; chunked: 1 */
	uint64_t begins; /* the request, in the bytes that the stream has sent */
};

/* Takes a connected socket, and filter (NULL: none). Returns 0, or a negative errno: then yours. */
int http_client_init(struct http_client *client, struct worker *worker, int fd,
	struct stream_filter *filter, const struct http_client_handler *handler, void *arg);

/*
 * Begins a request, in IDLE: returns where its head goes, but for framing fields and the empty
 * line. asked.upgrade: only for one without a body.
 */
struct buffer *http_client_request(struct http_client *client, struct http_asked asked);

/*
 * Ends the head: NONE, LENGTH (with length) or CHUNKED; writes the field that says so. With NONE,
 * or a LENGTH of 0, the request is whole.
 */
void http_client_head_end(struct http_client *client, enum http_framing framing, uint64_t length);

/*
 * Writes some of the body; more than the length, or behind the end, is a mistake, and asserted.
 * Rest while http_client_queued is above STREAM_QUEUE_HIGH.
 */
void http_client_write(struct http_client *client, const char *bytes, size_t length);

/*
 * Ends the body, with the trailer fields of a head (NULL: none; they go with CHUNKED alone). One
 * that is too short is a mistake: close or reset the client instead. In EARLY this decides whether
 * it is reusable.
 */
void http_client_end(struct http_client *client, const struct http_head *trailers);

/* A request, or the beginning of one, of which no byte has gone out. Zeroed: none. */
struct http_unsent {
	struct buffer bytes; /* head and body, framed */
	struct http_asked asked;
	uint8_t framing;
	uint64_t left;
};

/*
 * Begins and ends a request whose bytes are prepared, framing fields and empty line included, in
 * IDLE: it leaves at once, not at the end of the round (stream_write_parts_now).
 */
void http_client_send(struct http_client *client, struct http_asked asked,
	const struct stream_part *parts, int count);

/*
 * In failed(): takes back what was written of the request, if no byte of it was sent. Returns
 * whether it could; not if there is no memory, for one. Once for each client, for a head that was
 * ended.
 */
bool http_client_take_back(struct http_client *client, struct http_unsent *unsent);

/*
 * Begins the same request on another client, in IDLE, with all that was written of it; its body
 * goes on with http_client_write and http_client_end, unless that was called before. unsent is
 * zeroed.
 */
void http_client_send_again(struct http_client *client, struct http_unsent *unsent);
void http_unsent_fini(struct http_unsent *unsent);

/* Bytes that were written and that the kernel has not taken yet. */
size_t http_client_queued(const struct http_client *client);

/* body(), or tunnel(), is called again with what it did not take. */
void http_client_resume(struct http_client *client);

/* In a tunnel. */
void http_client_tunnel_write(struct http_client *client, const void *bytes, size_t length);
/* No more is written; the server's end is waited for. */
void http_client_tunnel_shut(struct http_client *client);

/*
 * Hands what is below a tunnel over to an owner that needs nothing of HTTP, as
 * http_tunnel_hand_over does: of the client comes nothing but closed(). From head() on.
 */
int http_client_tunnel_hand_over(
	struct http_client *client, struct stream *to, const struct stream_ops *ops);

/*
 * In order: of a request that is not answered, and of a tunnel, what is queued goes out first. From
 * any state, and again.
 */
void http_client_close(struct http_client *client);
/* Now, and with a reset; after http_client_close too. */
void http_client_reset(struct http_client *client);

#endif
