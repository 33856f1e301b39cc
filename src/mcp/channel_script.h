/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: channels, the connections that carry them, and clients that read event streams. The
 * endpoint is a small one: each request that is whole is an exchange, and waits for the test to
 * attach it. Clients are compared as texts: the head without its date, CRLF as a line feed; the
 * body without its chunks, <over> where the answer ended in order.
 */
#ifndef MCP_CHANNEL_SCRIPT_H
#define MCP_CHANNEL_SCRIPT_H

#include "http/server_script.h"
#include "mcp/channel.h"

#define PEERS 16
#define POST_REQUEST "POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
#define FIELDS "Mcp-Session-Id: s\r\n"
#define JSON_HEAD "HTTP/1.1 200 OK\nContent-Type: application/json\nMcp-Session-Id: s\n"
#define EVENTS_FIELDS                                                                              \
	"HTTP/1.1 200 OK\nContent-Type: text/event-stream\nCache-Control: no-cache\n"              \
	"X-Accel-Buffering: no\nMcp-Session-Id: s\n"
#define EVENTS_HEAD EVENTS_FIELDS "Transfer-Encoding: chunked\n\n"

/* A client: one connection. */
struct peer {
	int fd;
	struct buffer got;                  /* as it came */
	size_t seen;                        /* of its text: what was compared */
	struct http_connection *connection; /* its request's, until that is over */
};

static struct peer peers[PEERS];
static int peer_count;
static struct http_connection *arrived; /* of the last request that is whole */
static struct buffer told;              /* what the channels' owner was told */
static bool calling;                    /* it is inside a call */
static int exchanges;                   /* that are not over */
static struct replay replay;
static struct channel channel;

/* The endpoint. */

static inline void endpoint_request(struct http_connection *connection)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange));

	assert_non_null(exchange);
	exchange->connection = connection;
	connection->user = exchange;
	exchanges++;
}

static inline void endpoint_end(struct http_connection *connection)
{
	arrived = connection;
}

static inline void endpoint_over(struct http_connection *connection, bool whole)
{
	struct exchange *exchange = exchange_of(connection);

	if (exchange->carrier) {
		exchange->carrier->ops->left(exchange->carrier, whole);
	}
	for (int i = 0; i < peer_count; i++) {
		if (peers[i].connection == connection) {
			peers[i].connection = NULL;
		}
	}
	memset(exchange, 0x5a, sizeof(*exchange)); /* nobody may look at it any more */
	free(exchange);
	exchanges--;
}

static inline void endpoint_writable(struct http_connection *connection)
{
	struct exchange *exchange = exchange_of(connection);

	if (exchange->carrier) {
		exchange->carrier->ops->writable(exchange->carrier);
	}
}

static inline void endpoint_cut(struct http_connection *connection)
{
	struct exchange *exchange = exchange_of(connection);

	if (exchange->carrier) {
		exchange->carrier->ops->cut(exchange->carrier);
	}
}

static inline void endpoint_half_closed(struct http_connection *connection)
{
	struct exchange *exchange = exchange_of(connection);

	if (exchange->carrier && exchange->carrier->ops->half_closed) {
		exchange->carrier->ops->half_closed(exchange->carrier);
	}
}

static const struct http_handler endpoint_handler = {
	.request = endpoint_request,
	.end = endpoint_end,
	.writable = endpoint_writable,
	.cut = endpoint_cut,
	.over = endpoint_over,
	.half_closed = endpoint_half_closed,
};

/* The clients. */

static inline struct peer *peer_on(const int fds[2])
{
	struct peer *peer = &peers[peer_count++];

	assert_true(peer_count <= PEERS);
	*peer = (struct peer){.fd = fds[1]};
	assert_int_equal(http_server_take(&server, fds[0], NULL), 0);
	return peer;
}

static inline struct peer *peer_new(void)
{
	int fds[2];

	tcp_pair(fds);
	return peer_on(fds);
}

/* Its request; the connection is then in arrived. */
static inline void peer_ask(struct peer *peer, const char *request)
{
	arrived = NULL;
	assert_int_equal(send(peer->fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	run_until(arrived);
	peer->connection = arrived;
}

static inline struct peer *ask(const char *request)
{
	struct peer *peer = peer_new();

	peer_ask(peer, request);
	return peer;
}

/* One whose kernel buffers are small; it reads nothing unless it is told to. */
static inline struct peer *ask_slowly(const char *request)
{
	const int few = 4096;
	struct peer *peer;
	int fds[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &few, sizeof(few)), 0);
	peer = peer_on(fds);
	peer_ask(peer, request);
	return peer;
}

static inline bool peer_read(struct peer *peer)
{
	bool more;

	buffer_fini(&got);
	got = peer->got;
	client = peer->fd;
	more = client_read();
	peer->got = got;
	got = (struct buffer){0};
	return more;
}

/* Joins the chunks; returns what is behind the last. */
static inline const char *dechunk(const char *at, const char *end, struct buffer *text)
{
	char *behind;
	size_t length;

	while (end - at >= 3 && *at != '<') {
		length = strtoul(at, &behind, 16);
		if (end - behind < (ptrdiff_t)length + 4) {
			return end; /* it is not whole */
		}
		assert_memory_equal(behind, "\r\n", 2);
		assert_memory_equal(behind + 2 + length, "\r\n", 2);
		buffer_append(text, behind + 2, length);
		at = behind + 2 + length + 2;
		if (!length) {
			buffer_append_text(text, "<over>");
			return at;
		}
	}
	return at;
}

/* All that it got, as a text; the answers follow each other. */
static inline void peer_text(const struct peer *peer, struct buffer *text)
{
	const char *at = buffer_text(&peer->got), *end = at + peer->got.length, *head_end;

	while (at < end) {
		struct buffer raw = {0}, head = {0};
		bool chunked;

		head_end = memmem(at, (size_t)(end - at), "\r\n\r\n", 4);
		head_end = head_end && *at == 'H' ? head_end + 4 : end;
		buffer_append(&raw, at, (size_t)(head_end - at));
		readable(&raw, &head);
		buffer_append_text(text, buffer_text(&head));
		chunked = strstr(buffer_text(&head), "chunked");
		buffer_fini(&raw);
		buffer_fini(&head);
		at = chunked ? dechunk(head_end, end, text) : head_end;
	}
}

/*
 * Runs the worker until it has got as much as that, and compares: what it has got since the last
 * time is this, and nothing more.
 */
static inline void expect_of(struct peer *peer, const char *expected)
{
	struct buffer text = {0};
	bool more = true;

	peer_text(peer, &text);
	while (more && text.length < peer->seen + strlen(expected)) {
		struct pollfd ready[] = {
			{peer->fd, POLLIN, 0},
			{worker->loop->epoll_fd, POLLIN, 0},
		};

		round_now();
		(void)poll(ready, 2, round_timeout());
		more = peer_read(peer);
		buffer_fini(&text);
		peer_text(peer, &text);
	}
	settle();
	if (more && peer_read(peer)) {
		buffer_fini(&text);
		peer_text(peer, &text);
	}
	assert_string_equal(buffer_text(&text) + peer->seen, expected);
	peer->seen = text.length;
	buffer_fini(&text);
}

/* It is gone, at once. */
static inline void peer_gone(struct peer *peer)
{
	client = peer->fd;
	client_reset();
	peer->fd = -1;
	run_until(!peer->connection);
}

static inline void peer_leave(struct peer *peer)
{
	close(peer->fd);
	peer->fd = -1;
}

/* The owner. */

static inline void tell(const struct channel *of, const char *what)
{
	buffer_appendf(&told, "%s %d\n", what, (int)of->number);
}

static inline void owner_left(struct channel *of)
{
	assert_false(calling);
	assert_int_equal(of->state, CHANNEL_AWAY);
	tell(of, "left");
}

static inline void owner_writable_again(struct channel *of)
{
	assert_false(channel_is_full(of));
	tell(of, "writable");
}

static const struct channel_ops owner_of_channel = {
	.left = owner_left,
	.writable = owner_writable_again,
};

static inline void expect_told(const char *expected)
{
	settle();
	assert_string_equal(buffer_text(&told), expected);
	buffer_consume(&told, told.length);
}

static inline void channel_begin(struct channel *of, enum channel_form form, uint64_t number)
{
	bool kept = form == CHANNEL_POST || form == CHANNEL_GET;

	channel_init(of, form, &owner_of_channel, worker, kept ? &replay : NULL, number);
	of->primes = kept;
	of->expected = form == CHANNEL_POST || form == CHANNEL_ONCE;
}

static inline void attach(struct channel *of)
{
	calling = true;
	channel_attach(of, arrived, FIELDS);
	calling = false;
}

static inline bool resume(struct channel *of, uint64_t sequence)
{
	bool done;

	calling = true;
	done = channel_resume(of, arrived, FIELDS, sequence);
	calling = false;
	return done;
}

static inline void send_to(struct channel *of, const char *text, bool last)
{
	calling = true;
	channel_send(of, text, strlen(text), last);
	calling = false;
}

static inline void notify(const char *text)
{
	send_to(&channel, text, false);
}

static inline void answer(const char *text)
{
	send_to(&channel, text, true);
}

/* A message of many bytes, one letter; the letter tells it from others. */
static inline void send_large(struct channel *of, char letter, size_t length, bool last)
{
	char *text = malloc(length);

	assert_non_null(text);
	memset(text, letter, length);
	calling = true;
	channel_send(of, text, length, last);
	calling = false;
	free(text);
}

/* Each test has one worker, one store, and time that passes when it says so. */

static inline int channels_setup(void **state)
{
	int code = clock_setup(state);

	http_limits_default(&limits);
	server = (struct http_server){
		.worker = worker,
		.drain = &worker->drain,
		.handler = &endpoint_handler,
		.limits = &limits,
		.scheme = "http",
	};
	peer_count = 0;
	exchanges = 0;
	told = (struct buffer){0};
	replay_init(&replay, 1000);
	return code;
}

static inline int channels_teardown(void **state)
{
	for (int i = 0; i < peer_count; i++) {
		if (peers[i].connection && !exchange_of(peers[i].connection)->carrier) {
			http_answer_abort(peers[i].connection); /* a request that was refused */
		}
		if (peers[i].fd >= 0) {
			close(peers[i].fd);
		}
		buffer_fini(&peers[i].got);
	}
	replay_fini(&replay);
	run_until(!server.connections);
	assert_int_equal(exchanges, 0);
	assert_string_equal(buffer_text(&told), "");
	buffer_fini(&told);
	return clock_teardown(state);
}

#define channel_test(test) cmocka_unit_test_setup_teardown(test, channels_setup, channels_teardown)

#endif
