/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: a server on a worker whose handler writes down what it hears, and the client as a bare
 * socket. What the client gets is compared as a text: CRLF as a line feed, without its Date fields,
 * <end> behind the end of the stream, <reset> for a reset.
 */
#ifndef HTTP_SERVER_SCRIPT_H
#define HTTP_SERVER_SCRIPT_H

#include "http/compose.h"
#include "http/server.h"
#include "net/stream_script.h"

#define DATE_MARK "Date: "

/* What the handler is to do; each may be NULL, and then: */
struct script {
	void (*on_request)(struct http_connection *connection); /* nothing */
	void (*on_body)(struct http_connection *connection);    /* nothing, before it takes some */
	void (*on_end)(struct http_connection *connection);     /* answers "ok" */
	void (*on_writable)(struct http_connection *connection);
	void (*on_tunnel)(struct http_connection *connection);
	void (*on_tunnel_end)(struct http_connection *connection);
	void (*on_finish)(struct http_connection *connection);
	void (*on_cut)(struct http_connection *connection);
	size_t takes;        /* bytes of a body, or in a tunnel, at once */
	struct buffer heard; /* what the handler heard: a line for each, bytes joined */
	bool in_bytes;       /* its last line is one of bytes */
	struct http_connection *connection; /* of the last request */
	int open;                           /* exchanges that are not over */
	int left;                           /* connections that are gone */
	int dates;                          /* taken out of what the client got last */
};

static struct script script;
static struct http_limits limits;
static struct http_server server;

/* Of the client's side. */
static int client;
static struct buffer got; /* as it came */

static inline void hear(const char *line)
{
	if (script.in_bytes) {
		buffer_append_char(&script.heard, '\n');
		script.in_bytes = false;
	}
	buffer_append_text(&script.heard, line);
	buffer_append_char(&script.heard, '\n');
}

static inline size_t hear_bytes(const char *what, const char *bytes, size_t length)
{
	size_t taken = length < script.takes ? length : script.takes;

	if (taken && !script.in_bytes) {
		buffer_append_text(&script.heard, what);
		buffer_append_char(&script.heard, ' ');
		script.in_bytes = true;
	}
	buffer_append(&script.heard, bytes, taken);
	return taken;
}

static inline void act(
	void (*what)(struct http_connection *connection), struct http_connection *connection)
{
	if (what) {
		what(connection);
	}
}

static inline void answer_ok(struct http_connection *connection)
{
	http_answer_whole(connection, 200, NULL, "ok", NULL);
}

static inline void script_request(struct http_connection *connection)
{
	char line[HTTP_NAME + 16];

	assert_null(connection->user);
	assert_int_equal(script.open, 0); /* one at a time, from one client */
	connection->user = &script;
	script.open++;
	script.connection = connection;
	(void)snprintf(line, sizeof(line), "request %s", connection->name);
	hear(line);
	act(script.on_request, connection);
}

static inline size_t script_body(struct http_connection *connection, char *bytes, size_t length)
{
	size_t taken;

	assert_true(length > 0);
	taken = hear_bytes("body", bytes, length);
	act(script.on_body, connection);
	return taken;
}

static inline void script_end(struct http_connection *connection)
{
	const struct http_head *head = &connection->parser.head;

	assert_true(connection->received);
	hear("end");
	for (uint16_t i = head->count; i < head->count + head->trailers; i++) {
		struct http_text name = http_head_text(head, head->fields[i].name);

		(void)hear_bytes("trailer", name.bytes, name.length);
	}
	act(script.on_end ? script.on_end : answer_ok, connection);
}

static inline void script_writable(struct http_connection *connection)
{
	hear("writable");
	act(script.on_writable, connection);
}

static inline size_t script_tunnel(struct http_connection *connection, char *bytes, size_t length)
{
	size_t taken = hear_bytes("tunnel", bytes, length);

	act(script.on_tunnel, connection);
	return taken;
}

static inline void script_tunnel_end(struct http_connection *connection)
{
	hear("tunnel's end");
	act(script.on_tunnel_end, connection);
}

static inline void script_finish(struct http_connection *connection)
{
	hear("finish");
	act(script.on_finish, connection);
}

static inline void script_cut(struct http_connection *connection)
{
	hear("cut");
	act(script.on_cut, connection);
}

static inline void script_over(struct http_connection *connection, bool whole)
{
	char line[32];

	assert_ptr_equal(connection->user, &script); /* once */
	script.open--;
	(void)snprintf(
		line, sizeof(line), "over %u%s", connection->status, whole ? "" : " not whole");
	hear(line);
}

static inline void script_refused(struct http_connection *connection, unsigned status)
{
	char line[32];

	(void)connection;
	(void)snprintf(line, sizeof(line), "refused %u", status);
	hear(line);
}

static inline void script_left(struct http_server *of)
{
	(void)of;
	script.left++;
}

static struct http_handler handler;

static inline void serve_on(struct worker *of, int fds[2])
{
	handler = (struct http_handler){
		.request = script_request,
		.body = script_body,
		.end = script_end,
		.writable = script_writable,
		.tunnel = script_tunnel,
		.tunnel_end = script_tunnel_end,
		.finish_tunnel = script_finish,
		.over = script_over,
		.refused = script_refused,
	};
	script = (struct script){.takes = SIZE_MAX};
	http_limits_default(&limits);
	server = (struct http_server){
		.worker = of,
		.drain = &of->drain,
		.handler = &handler,
		.limits = &limits,
		.scheme = "http",
		.left = script_left,
	};
	got = (struct buffer){0};
	client = fds[1];
	assert_int_equal(http_server_take(&server, fds[0], NULL), 0);
}

static inline void serve(void)
{
	int fds[2];

	tcp_pair(fds);
	serve_on(worker, fds);
}

/* Over a socket whose kernel buffers are small. */
static inline void serve_unix(void)
{
	int fds[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	serve_on(worker, fds);
}

static inline void send_bytes(const char *bytes, size_t length)
{
	assert_int_equal(send(client, bytes, length, MSG_NOSIGNAL), length);
}

static inline void say(const char *text)
{
	send_bytes(text, strlen(text));
}

static inline void client_shut(void)
{
	assert_int_equal(shutdown(client, SHUT_WR), 0);
}

static inline void client_reset(void)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};

	assert_int_equal(setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
	close(client);
	client = -1;
}

/* Reads what there is; false: the stream has ended. */
static inline bool client_read(void)
{
	char *room = buffer_reserve(&got, 65536);
	ssize_t n;

	assert_non_null(room);
	n = recv(client, room, 65536, 0);
	if (n > 0) {
		buffer_commit(&got, (size_t)n);
		return true;
	}
	if (n < 0 && errno == EAGAIN) {
		return true;
	}
	buffer_append_text(&got, n == 0 ? "<end>" : "<reset>");
	return false;
}

/* Takes out what is another one in each run, and makes it readable. */
static inline void readable(const struct buffer *raw, struct buffer *text)
{
	const char *at = buffer_text(raw), *end = at + raw->length;

	script.dates = 0;
	buffer_consume(text, text->length);
	while (at < end) {
		if (end - at >= HTTP_DATE_LINE && !memcmp(at, DATE_MARK, sizeof(DATE_MARK) - 1)) {
			assert_memory_equal(at + HTTP_DATE_LINE - 6, " GMT\r\n", 6);
			at += HTTP_DATE_LINE;
			script.dates++;
		} else if (end - at >= 2 && at[0] == '\r' && at[1] == '\n') {
			buffer_append_char(text, '\n');
			at += 2;
		} else {
			buffer_append_char(text, *at++);
		}
	}
}

/* Runs the worker, reads what comes, and waits for more. False: the stream has ended. */
static inline bool client_wait(void)
{
	struct pollfd ready[] = {{client, POLLIN, 0}, {worker->loop->epoll_fd, POLLIN, 0}};

	round_now();
	(void)poll(ready, 2, round_timeout());
	return client_read();
}

static inline void read_to_end(void)
{
	while (client_wait()) {}
}

/* Until this is among what has come. */
static inline void read_until(const char *part)
{
	while (!strstr(buffer_text(&got), part)) {
		assert_true(client_wait());
	}
}

/*
 * Runs the worker until the client has got as much as that, and compares: what it has got since the
 * last time is this, and nothing more.
 */
static inline void expect(const char *expected)
{
	struct buffer text = {0};
	bool more = true;

	readable(&got, &text);
	while (more && text.length < strlen(expected)) {
		more = client_wait();
		readable(&got, &text);
	}
	if (more) {
		settle();
		(void)client_read();
		readable(&got, &text);
	}
	assert_string_equal(buffer_text(&text), expected);
	buffer_fini(&text);
	buffer_consume(&got, got.length);
}

/* What the handler heard since the last time. */
static inline void expect_heard(const char *expected)
{
	settle();
	if (script.in_bytes) {
		buffer_append_char(&script.heard, '\n');
		script.in_bytes = false;
	}
	assert_string_equal(buffer_text(&script.heard), expected);
	buffer_consume(&script.heard, script.heard.length);
}

/* The client goes if it is still there, and so does the connection. */
static inline void served(void)
{
	if (client >= 0) {
		close(client);
	}
	run_until(script.left == 1);
	assert_int_equal(script.open, 0);
	assert_int_equal(server.connections, 0);
	buffer_fini(&script.heard);
	buffer_fini(&got);
}

/* Time that passes when the test says so. */

static int64_t clock_now;

static inline int clock_setup(void **state)
{
	clock_now = curfew_now();
	clock_fake(&clock_now);
	return worker_setup(state);
}

static inline int clock_teardown(void **state)
{
	clock_fake(NULL);
	return worker_teardown(state);
}

static inline void pass_ms(int64_t ms)
{
	settle();
	clock_now += ms * NS_PER_MS;
	loop_wake(worker->loop);
	settle();
}

/* A test with one worker, and such a clock. */
#define clock_test(test) cmocka_unit_test_setup_teardown(test, clock_setup, clock_teardown)

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define OK "HTTP/1.1 200 OK\nContent-Length: 2\n\nok"
#define OK_CLOSE "HTTP/1.1 200 OK\nContent-Length: 2\nConnection: close\n\nok"

#endif
