/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's side of HTTP/1.1 connections: requests in, one answer for each out, in order.
 *
 * A connection has one request at a time. The handler hears of its head, of its body and of its
 * end, and answers whenever it likes, before the end too. Then it hears of the next one; what a
 * client sends ahead waits unread (back-pressure).
 *
 *	request()		http_answer(c, 200), fields ..., http_answer_length(c, 5),
 *	[body() ... end()]	http_answer_write(c, "hello", 5), http_answer_end(c)
 *
 * The states, each entered by one function that knows the edges (http/server.c has the table):
 *
 *	ARRIVING -> IDLE -> HEAD -> EXCHANGE -> IDLE ...
 *	                      |        |`-> TUNNEL --.
 *	                      `--------`-------------+-> CLOSING -> CLOSED
 *
 *	ARRIVING   accepted, on its way to its worker
 *	IDLE       between messages; in a drain: for the idle grace
 *	HEAD       some of a head has come; until the head timeout
 *	EXCHANGE   a request is there, and the end of its answer, or of itself, is not
 *	TUNNEL     another protocol
 *	CLOSING    the last answer is on its way out
 *
 * A connection is one hold, which says what it is doing: "connection", "request" (by its method and
 * path), "tunnel". In ANNOUNCING and later every answer says `Connection: close`.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <netinet/in.h>

#include "http/date.h"
#include "http/parser.h"
#include "net/stream.h"

#define HTTP_NAME 48

struct http_connection;

/* Durations in milliseconds; CURFEW_NEVER: none. */
struct http_limits {
	int64_t head_ms; /* for a head to be whole, from its first byte or the accept; 5 000 */
	int64_t idle_ms; /* between two requests; 75 000 */
	int64_t idle_grace_ms; /* the same in a drain; 1 000 */
	int64_t stall_ms;      /* without a byte of a body, or of room for one; 60 000 */
	uint64_t body_most;    /* bytes; UINT64_MAX: any */
};

/* Fills in the defaults. */
void http_limits_default(struct http_limits *limits);

/*
 * What the user of a server does. Each may answer, abort, or do nothing; none may be NULL but those
 * that say so. connection->user is the handler's own, NULL at request().
 */
struct http_handler {
	/* A head is there: connection->parser.head, until the answer has ended. */
	void (*request)(struct http_connection *connection);
	/*
	 * Some of the body: returns how many bytes were taken; http_resume for the rest. NULL:
	 * dropped
	 */
	size_t (*body)(struct http_connection *connection, char *bytes, size_t length);
	/* The request is whole; trailers in the head. NULL */
	void (*end)(struct http_connection *connection);
	/* The answer may go on: what was written above STREAM_QUEUE_HIGH has gone. NULL */
	void (*writable)(struct http_connection *connection);
	/* Bytes of the other protocol; returns how many were taken. NULL without tunnels */
	size_t (*tunnel)(struct http_connection *connection, char *bytes, size_t length);
	/* The client has sent all that it will in a tunnel. NULL without tunnels */
	void (*tunnel_end)(struct http_connection *connection);
	/* The drain asks a tunnel to finish. NULL: it is left until it is cut */
	void (*finish_tunnel)(struct http_connection *connection);
	/* The work's deadline is over: give the final answer now, or abort. NULL: 503 or abort */
	void (*cut)(struct http_connection *connection);
	/*
	 * The exchange or tunnel is over, exactly once for each request(): answered whole, or not.
	 * The connection is not to be used for it any more. Not called inside http_answer_error
	 * and its like with whole false.
	 */
	void (*over)(struct http_connection *connection, bool whole);
	/* What came was no request, and was answered so: for counts. NULL */
	void (*refused)(struct http_connection *connection, unsigned status);
	/*
	 * Behind a request that is whole the client has ended its side: it may be gone, or wait for
	 * its answer. To find out, write something, and a little later something more. NULL
	 */
	void (*half_closed)(struct http_connection *connection);
};

/* One for each worker, and for each kind of face: connections on a worker with the same handler. */
struct http_server {
	struct worker *worker;
	struct curfew_drain *drain; /* of this worker's agenda */
	const struct http_handler *handler;
	const struct http_limits *limits;
	const char *scheme; /* "http" or "https" */
	void *arg;          /* the handler's */
	bool uncounted;     /* its requests are no work: the report does not count them */
	bool minds_reset;   /* an exchange is over as soon as its client resets (net/stream.h) */
	struct http_date date;
	size_t connections;
	struct http_head spare; /* memory for the next head: idle connections keep none */
	/*
	 * A connection that was taken is gone, its memory too. Not called where its socket was
	 * handed over: its place goes along, and whoever has it tells when it is free. NULL
	 */
	void (*left)(struct http_server *server);
};

#define HTTP_CONNECTION_STATES(X)                                                                  \
	X(ARRIVING)                                                                                \
	X(IDLE)                                                                                    \
	X(HEAD)                                                                                    \
	X(EXCHANGE)                                                                                \
	X(TUNNEL)                                                                                  \
	X(CLOSING)                                                                                 \
	X(CLOSED)

enum http_connection_state {
#define HTTP_CONNECTION_STATE(name) HTTP_CONNECTION_##name,
	HTTP_CONNECTION_STATES(HTTP_CONNECTION_STATE)
#undef HTTP_CONNECTION_STATE
};

/* How far an answer is. */
enum http_progress { HTTP_ANSWER_NONE, HTTP_ANSWER_HEAD, HTTP_ANSWER_BODY, HTTP_ANSWER_WHOLE };

struct http_connection {
	struct http_server *server;
	void *user; /* the handler's, in an exchange or tunnel */
	struct http_parser parser;
	struct stream stream;

	/* To be read, in an exchange. */
	bool received;      /* the request is whole */
	bool is_head;       /* the request is HEAD: no body in the answer */
	uint8_t answer;     /* enum http_progress */
	uint16_t status;    /* of the answer; 0: not begun */
	uint64_t body_sent; /* bytes of the answer's body so far */
	int64_t began;      /* when the request's head was whole */

	/* Private from here on. */
	uint8_t state;        /* enum http_connection_state */
	uint8_t framing;      /* of the answer's body */
	bool fresh;           /* no byte has come yet */
	bool half_closed;     /* the client has sent all */
	bool last;            /* the answer said close */
	bool cut_asked;       /* before it arrived */
	bool forced;          /* its answer is not the one it would have had */
	bool handed_over;     /* its socket is somebody else's */
	uint64_t answer_at;   /* where the answer begins in what the stream has written */
	uint64_t left;        /* bytes of the answer's body that are still to be written */
	uint64_t body_length; /* bytes of the request's body so far */
	size_t passed;        /* bytes of input that the parser has read, and body() did not take */
	size_t behind;        /* bytes of input behind what is being read */
	uint64_t progress;    /* bytes in and out when the stall was last looked at */
	struct deadline deadline;
	struct curfew_hold hold;
	struct task arrive;
	int arriving_fd;
	struct stream_filter *arriving_filter;
	char peer[INET6_ADDRSTRLEN]; /* http_peer; "" before */
	char name[HTTP_NAME]; /* of the hold, in an exchange: method and path, as far as they fit */
};

/*
 * Gives a server a connection that was accepted: fd, and filter (NULL: none), are the server's from
 * here on. Worker 0's thread, whatever the server's; the connection is held from this call on, so
 * that the drain cannot miss it. Returns 0 or a negative errno (-ENOMEM; -ESHUTDOWN: the drain is
 * closed): then both are closed.
 */
int http_server_take(struct http_server *server, int fd, struct stream_filter *filter);

/*
 * Begins the final answer, and returns where its fields go (http/compose.h); http_answer_length,
 * _chunked or _none ends the head. Connection, Date, Content-Length and Transfer-Encoding are the
 * server's to write; has_date: the fields have a Date already.
 */
struct buffer *http_answer(struct http_connection *connection, unsigned status);

/* No body: 204, 304; or the head of what HEAD asked for, with the length of it if that is known. */
void http_answer_none(struct http_connection *connection, bool has_date);
void http_answer_length(struct http_connection *connection, uint64_t length, bool has_date);
/* Chunked; to an HTTP/1.0 client a body that ends with the connection. */
void http_answer_chunked(struct http_connection *connection, bool has_date);

/*
 * Writes some of the body (none to HEAD). More than http_answer_length said is a mistake, and
 * asserted. Rest while http_queued is above STREAM_QUEUE_HIGH.
 */
void http_answer_write(struct http_connection *connection, const char *bytes, size_t length);

/* Ends the body; trailers: a head with trailer fields, or NULL. A body that is too short aborts. */
void http_answer_end(struct http_connection *connection, const struct http_head *trailers);

/*
 * Has the connection closed behind the answer that is under way, though its head does not say so:
 * for one that has begun before the drain, and whose end tells that the process ends.
 */
void http_answer_last(struct http_connection *connection);

/*
 * Takes an answer back of which no byte has left yet, so that another one can be given; returns
 * whether it could. Within a round of the worker it can.
 */
bool http_answer_take_back(struct http_connection *connection);

/*
 * Ends the exchange where it is, so that nobody takes the answer for a whole one: reset. If the
 * answer has not begun, the connection is just closed.
 */
void http_answer_abort(struct http_connection *connection);

/*
 * A whole answer in one call: type and body (NULL: none), and more fields as lines that end with
 * CRLF, or NULL.
 */
void http_answer_whole(struct http_connection *connection, unsigned status, const char *type,
	const char *body, const char *fields);

/* A refusal in one call: the status, its reason and one sentence as text/plain. */
void http_answer_error(struct http_connection *connection, unsigned status, const char *text);

/* An interim response (1xx but 101); its fields follow, http_answer_interim_end ends it. */
struct buffer *http_answer_interim(struct http_connection *connection, unsigned status);
void http_answer_interim_end(struct http_connection *connection);

/*
 * 101: fields as with http_answer, then http_tunnel, from which on tunnel() gets what the client
 * sends, and http_tunnel_write writes.
 */
void http_tunnel(struct http_connection *connection, bool has_date);
void http_tunnel_write(struct http_connection *connection, const void *bytes, size_t length);
/* No more is written; the client's end is waited for. */
void http_tunnel_shut(struct http_connection *connection);
/* Ends it in order; whole: as over() is to be told. */
void http_tunnel_close(struct http_connection *connection, bool whole);
/* Ends it now: what the kernel takes without waiting is written, and the rest dropped. */
void http_tunnel_cut(struct http_connection *connection);

/*
 * Hands what is below a tunnel over to an owner that needs nothing of HTTP, on any worker: as
 * stream_cross does, to gets all that the client sends behind its request. The tunnel is over
 * (whole), and the connection's memory and hold go soon. Whoever takes it has a hold of its own by
 * then, or the drain could miss it; and has the connection's place: server->left is not called.
 * Once, after http_tunnel.
 */
void http_tunnel_hand_over(struct http_connection *connection, struct stream *to,
	struct worker *worker, const struct stream_ops *ops);

/* Returns the client's address without its port, "unix" for a unix socket. */
const char *http_peer(struct http_connection *connection);

/* body(), or tunnel(), is called again with what it did not take. */
void http_resume(struct http_connection *connection);

/*
 * The drain is being cut, and what this connection carries was told under a name that says more:
 * its own cut, which comes next, is counted as ever, and not told again.
 */
void http_told(struct http_connection *connection);

/* Bytes of the answer that the kernel has not taken yet. */
size_t http_queued(const struct http_connection *connection);

#endif
