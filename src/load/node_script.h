/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: a node that speaks JSON-RPC over HTTP and WebSocket, on the loop of those who ask it,
 * and on a clock that the test moves. It answers what it was told to (node_can, node.answer); what
 * it was not told about waits until the test answers it:
 *
 *	node_begin()
 *	... somebody asks ...
 *	question = node_await("eth_blockNumber")
 *	node_result(question, "\"0x10\"")
 *
 * All questions are written down, in their order: node_asked.
 */
#ifndef LOAD_NODE_SCRIPT_H
#define LOAD_NODE_SCRIPT_H

#include "load/node_state_script.h"

/* Its connections. */

static inline void node_close(struct node_peer *peer)
{
	if (!peer || peer->source.fd < 0) {
		return;
	}
	list_each(link, &node.waiting) {
		struct node_question *question = container_of(link, struct node_question, link);

		question->peer = question->peer == peer ? NULL : question->peer;
	}
	loop_unwatch(worker->loop, &peer->source);
	close(peer->source.fd);
	buffer_fini(&peer->in);
	buffer_fini(&peer->message);
	*peer = (struct node_peer){.source.fd = -1};
}

static inline void node_reset(struct node_peer *peer)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};

	(void)setsockopt(peer->source.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	node_close(peer);
}

static inline int node_connections(void)
{
	int count = 0;

	for (int i = 0; i < NODE_PEERS; i++) {
		count += node.peers[i].source.fd >= 0;
	}
	return count;
}

/* The one over which newHeads are told. */
static inline struct node_peer *node_ws(void)
{
	for (int i = 0; i < NODE_PEERS; i++) {
		if (node.peers[i].source.fd >= 0 && node.peers[i].is_ws) {
			return &node.peers[i];
		}
	}
	return NULL;
}

/* What it is asked. */

static inline const char *node_canned_result(const char *method)
{
	for (int i = 0; i < NODE_CANNED; i++) {
		if (node.canned[i].method && !strcmp(node.canned[i].method, method)) {
			return node.canned[i].result;
		}
	}
	return NULL;
}

/* From here on it answers so by itself; result NULL: not any more. Borrowed. */
static inline void node_can(const char *method, const char *result)
{
	int at = 0;

	while (node.canned[at].method && strcmp(node.canned[at].method, method) != 0) {
		assert_true(++at < NODE_CANNED);
	}
	node.canned[at].method = method;
	node.canned[at].result = result;
}

/* Somebody's question: of one object, with an id that is a number, a method and a list. */
static inline void node_hear(struct node_peer *peer, const char *text, size_t length)
{
	static const struct json_path paths[] = {{{"id"}}, {{"method"}}, {{"params"}}};
	struct json_value values[3];
	struct json_reader reader = {.paths = paths, .values = values, .count = 3};
	struct node_question *question = calloc(1, sizeof(*question));
	int64_t id;

	assert_int_equal(json_read(&reader, text, length), JSON_OK);
	assert_true(json_integer(text, &values[0], &id));
	assert_int_equal(values[2].kind, JSON_ARRAY);
	assert_true(values[2].length < sizeof(question->params));
	question->peer = peer;
	question->id = (uint64_t)id;
	(void)snprintf(question->method, sizeof(question->method), "%.*s",
		(int)values[1].length - 2, text + values[1].start + 1);
	(void)snprintf(question->params, sizeof(question->params), "%.*s", (int)values[2].length,
		text + values[2].start);
	buffer_appendf(&node.asked, "%s %s\n", question->method, question->params);
	list_append(&node.waiting, &question->link);
	if (node_canned_result(question->method)) {
		node_result(question, node_canned_result(question->method));
	} else if (node.answer) {
		(void)node.answer(question);
	}
}

static inline const char *node_field(const struct node_peer *peer, const char *name)
{
	const char *line = strcasestr(buffer_text(&peer->in), name);

	return line ? line + strlen(name) : NULL;
}

static inline void node_open_ws(struct node_peer *peer)
{
	const char *key = node_field(peer, "\r\nSec-WebSocket-Key: ");
	char accepted[WS_ACCEPT_CHARS + 1], answer[300];

	assert_non_null(key);
	ws_handshake_accept(key, accepted);
	(void)snprintf(answer, sizeof(answer),
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
		"Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		accepted);
	peer->is_ws = true;
	ws_parser_init(&peer->parser, WS_SERVER, 0);
	node_send(peer, answer, strlen(answer));
}

/* Reads a whole request, if there is one. Returns whether there was. */
static inline bool node_read_http(struct node_peer *peer)
{
	static const char refusal[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
	const char *end = strstr(buffer_text(&peer->in), "\r\n\r\n");
	const char *field = node_field(peer, "\r\nContent-Length: ");
	size_t length = field ? strtoul(field, NULL, 10) : 0, head;

	if (!end) {
		return false;
	}
	head = (size_t)(end + 4 - peer->in.data);
	if (peer->in.length < head + length) {
		return false;
	}
	if (length) {
		node_hear(peer, peer->in.data + head, length);
	} else if (node.refuses_ws) {
		node_send(peer, refusal, sizeof(refusal) - 1);
	} else {
		node_open_ws(peer);
	}
	buffer_consume(&peer->in, peer->in.length < head + length ? 0 : head + length);
	return peer->source.fd >= 0;
}

static inline void node_read_ws(struct node_peer *peer)
{
	struct ws_event event;
	size_t at = 0;

	while (peer->is_ws && at < peer->in.length) {
		at += ws_parser_next(
			&peer->parser, (uint8_t *)peer->in.data + at, peer->in.length - at, &event);
		if (event.kind == WS_DATA) {
			buffer_append(&peer->message, event.bytes, event.length);
		}
		if (event.kind == WS_DATA && event.ends) {
			struct buffer message = peer->message;

			peer->message = (struct buffer){0};
			node_hear(peer, message.data, message.length);
			buffer_fini(&message);
		}
	}
	buffer_consume(&peer->in, peer->in.length);
}

static inline void node_ready(struct source *source, uint32_t events)
{
	struct node_peer *peer = container_of(source, struct node_peer, source);
	static char bytes[65536];
	ssize_t n;

	(void)events;
	allocation_spare(true);
	node.is_called = true;
	while ((n = recv(source->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
		buffer_append(&peer->in, bytes, (size_t)n);
	}
	if (n == 0 || errno != EAGAIN) {
		node_close(peer);
	}
	while (!peer->is_ws && node_read_http(peer)) {}
	node_read_ws(peer);
	node.is_called = false;
	allocation_spare(false);
}

static inline void node_accept(struct source *source, uint32_t events)
{
	int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), at = 0;

	(void)events;
	assert_true(fd >= 0);
	while (node.peers[at].source.fd >= 0) {
		assert_true(++at < NODE_PEERS);
	}
	node.accepted++;
	node.peers[at].source = (struct source){.fd = fd, .ready = node_ready};
	assert_int_equal(loop_watch(worker->loop, &node.peers[at].source, EPOLLIN), 0);
}

/* Time, and what happens. */

/*
 * What was sent over loopback before has arrived, also where the kernel is busy: it delivers in
 * order, and this byte is the last.
 */
static inline void node_fence(void)
{
	struct pollfd arrived = {.fd = node.fence[0], .events = POLLIN};
	char byte = 0;

	assert_int_equal(send(node.fence[1], &byte, 1, MSG_NOSIGNAL), 1);
	(void)poll(&arrived, 1, -1);
	assert_int_equal(recv(node.fence[0], &byte, 1, 0), 1);
}

/* Rounds until nothing is ready, nor on its way. */
static inline void node_settle(void)
{
	struct pollfd ready = {.fd = worker->loop->epoll_fd, .events = POLLIN};
	int rounds = 0;

	do {
		assert_true(rounds++ < 100000);
		round_now();
		if (round_timeout() != 0 && poll(&ready, 1, 0) == 0) {
			node_fence();
		}
	} while (round_timeout() == 0 || poll(&ready, 1, 0) == 1);
}

static inline void pass_ms(int64_t ms)
{
	node_settle();
	node_clock += ms * NS_PER_MS;
	loop_wake(worker->loop);
	round_now();
	node_settle();
}

static inline struct node_question *node_first(void)
{
	return list_empty(&node.waiting)
		? NULL
		: container_of(node.waiting.next, struct node_question, link);
}

/* Waits until it is asked this; what was asked before, and waits too, is passed over. */
static inline struct node_question *node_find(const char *method)
{
	list_each(link, &node.waiting) {
		struct node_question *question = container_of(link, struct node_question, link);

		if (!strcmp(question->method, method)) {
			return question;
		}
	}
	return NULL;
}

static inline struct node_question *node_await(const char *method)
{
	struct node_question *question;

	run_until((question = node_find(method)));
	return question;
}

/* What was asked since the last time, by all. */
static inline void node_expect_asked(const char *expected)
{
	assert_string_equal(buffer_text(&node.asked), expected);
	buffer_consume(&node.asked, node.asked.length);
}

static inline int node_count_asked(const char *method)
{
	const char *at = buffer_text(&node.asked);
	int count = 0;

	while ((at = strstr(at, method))) {
		at += strlen(method);
		count += *at == ' ';
	}
	return count;
}

/* Its begin and end. */

/* Returns a socket that listens there; port 0: anywhere, and it says where. */
static inline int node_bind(uint16_t *port)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(*port),
	};
	socklen_t length = sizeof(at);
	const int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(fd, (struct sockaddr *)&at, length), 0);
	assert_int_equal(listen(fd, NODE_PEERS), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &length), 0);
	*port = ntohs(at.sin_port);
	return fd;
}

static inline void node_open_fence(void)
{
	uint16_t port = 0;
	int listener = node_bind(&port);
	struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port),
	};
	const int on = 1;

	node.fence[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)setsockopt(node.fence[1], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	assert_int_equal(connect(node.fence[1], (struct sockaddr *)&at, sizeof(at)), 0);
	node.fence[0] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(node.fence[0] >= 0);
	close(listener);
}

/* From here on somebody listens (again). */
static inline void node_listen(void)
{
	node.source = (struct source){.fd = node_bind(&node.port), .ready = node_accept};
	assert_int_equal(loop_watch(worker->loop, &node.source, EPOLLIN), 0);
}

/* It is killed: nobody listens, and all connections are reset. */
static inline void node_die(void)
{
	if (node.source.fd >= 0) {
		loop_unwatch(worker->loop, &node.source);
		close(node.source.fd);
		node.source.fd = -1;
	}
	for (int i = 0; i < NODE_PEERS; i++) {
		if (node.peers[i].source.fd >= 0) {
			node_reset(&node.peers[i]);
		}
	}
	while (node_first()) {
		node_forget(node_first());
	}
}

static inline void node_begin(void)
{
	char url[64];

	node = (struct scripted_node){.source.fd = -1};
	list_init(&node.waiting);
	for (int i = 0; i < NODE_PEERS; i++) {
		node.peers[i].source.fd = -1;
	}
	node_listen();
	node_open_fence();
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/rpc", node.port);
	assert_null(load_endpoint_parse(url, &node.endpoint));
	(void)snprintf(url, sizeof(url), "ws://127.0.0.1:%d/ws", node.port);
	assert_null(load_endpoint_parse(url, &node.websocket));
}

static inline int node_setup(void **state)
{
	int error;

	if (!node_descriptors) { /* libuv keeps some of its first loop for all that follow */
		(void)worker_setup(state);
		(void)worker_teardown(state);
	}
	node_descriptors = descriptors_count();
	node_clock = curfew_now();
	clock_fake(&node_clock);
	error = worker_setup(state);
	node_begin();
	return error;
}

/* Nothing may be left on the worker, nor a descriptor. */
static inline int node_teardown(void **state)
{
	node_die();
	load_endpoint_fini(&node.endpoint);
	load_endpoint_fini(&node.websocket);
	buffer_fini(&node.asked);
	close(node.fence[0]);
	close(node.fence[1]);
	clock_fake(NULL);
	if (worker_teardown(state) < 0) {
		return -1;
	}
	assert_int_equal(descriptors_count(), node_descriptors);
	return 0;
}

#define node_test(test) cmocka_unit_test_setup_teardown(test, node_setup, node_teardown)

#endif
