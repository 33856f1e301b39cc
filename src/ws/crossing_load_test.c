/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many WebSockets, each opened on another worker than the one that was asked for it, while messages
 * go both ways; and the end in the midst of it. Each peer has to get what it sent, in order.
 */
#include <stdatomic.h>

#include "net/stream_script.h"
#include "ws/mask.h"
#include "ws/opening.h"
#include "ws/send.h"

#define WORKERS 3
#define PEERS 60
#define MESSAGES 50
#define MESSAGE_MOST 600
#define OPENING                                                                                    \
	"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"               \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

/* The server's side. */

static struct http_server servers[WORKERS];
static struct http_limits http_limits;
static struct ws_limits limits;
static atomic_int places, opened;

static void on_opened(struct ws_connection *ws)
{
	(void)ws;
	atomic_fetch_add(&opened, 1);
}

static size_t echo(struct ws_connection *ws, const struct ws_event *piece)
{
	(void)ws_send_piece(ws, piece->opcode, piece->bytes, piece->length, piece->ends);
	return piece->length;
}

static void on_closed(struct ws_connection *ws, uint16_t code, bool clean)
{
	(void)code;
	(void)clean;
	free(ws);
	atomic_fetch_sub(&places, 1);
}

static const struct ws_handler handler = {.opened = on_opened, .data = echo, .closed = on_closed};

static void request(struct http_connection *from)
{
	static atomic_uint turn;
	struct worker *to = &pool.workers[atomic_fetch_add(&turn, 1) % WORKERS];
	const struct ws_setting setting = {
		.worker = to, .drain = &to->drain, .handler = &handler, .limits = &limits};
	struct ws_connection *ws = malloc(sizeof(*ws));

	if (ws_accept_on(ws, from, &setting) < 0) {
		free(ws);
		http_answer_error(from, 503, "the server is shutting down");
	}
}

static void over(struct http_connection *from, bool whole)
{
	(void)from;
	(void)whole;
}

static void left(struct http_server *server)
{
	(void)server;
	atomic_fetch_sub(&places, 1);
}

static const struct http_handler http = {.request = request, .over = over};

static void start_servers(void)
{
	workers_begin(WORKERS, 20000);
	http_limits_default(&http_limits);
	ws_limits_default(&limits);
	for (int i = 0; i < WORKERS; i++) {
		servers[i] = (struct http_server){
			.worker = &pool.workers[i],
			.drain = &pool.workers[i].drain,
			.handler = &http,
			.limits = &http_limits,
			.scheme = "http",
			.left = left,
		};
	}
}

/* The peers, all in the first thread. */

static struct peer {
	int fd;      /* -1: gone */
	bool ahead;  /* it sends its messages without waiting for an answer */
	size_t sent; /* of what all send */
	struct buffer head;
	unsigned status; /* of the answer; 0: it has none yet */
	struct ws_parser parser;
	uint8_t message[MESSAGE_MOST];
	size_t length;  /* of the message */
	uint32_t heard; /* messages */
	unsigned code;  /* of the close frame */
	bool close_said;
} peers[PEERS];

static struct buffer script;  /* what each sends: the opening, and messages */
static size_t ends[MESSAGES]; /* of the messages in it */
static uint32_t heard;        /* messages of all of them */

static size_t message_length(uint32_t number)
{
	return sizeof(number) + number * 37 % (MESSAGE_MOST - sizeof(number));
}

static void append_message(uint32_t number)
{
	uint8_t header[WS_HEADER_MOST], message[MESSAGE_MOST] = {0};
	struct ws_frame frame = {.fin = true, .opcode = WS_OPCODE_BINARY, .masked = true};

	frame.length = message_length(number);
	memcpy(message, &number, sizeof(number));
	buffer_append(&script, header, ws_frame_write(header, &frame)); /* its key is 0 */
	buffer_append(&script, message, (size_t)frame.length);
	ends[number] = script.length;
}

static void say_close(struct peer *peer, unsigned code)
{
	uint8_t frame[] = {0x88, 0x82, 0, 0, 0, 0, (uint8_t)(code >> 8), (uint8_t)code};

	assert_int_equal(send(peer->fd, frame, sizeof(frame), MSG_NOSIGNAL), sizeof(frame));
	peer->close_said = true;
}

/* How far it sends. */
static size_t sends_up_to(const struct peer *peer)
{
	size_t end = sizeof(OPENING) - 1;

	if (!peer->status) {
		return peer->ahead ? script.length : end;
	}
	if (peer->status != 101) {
		return peer->sent;
	}
	if (!peer->code) {
		return script.length;
	}
	for (int i = 0; end < peer->sent; i++) { /* the frame that it has begun */
		end = ends[i];
	}
	return end;
}

static void push(struct peer *peer)
{
	size_t left = sends_up_to(peer) - peer->sent;
	size_t step = 1 + (peer->sent * 7 + (size_t)peer->fd) % 2000;
	ssize_t n;

	step = step < left ? step : left;
	n = step ? send(peer->fd, script.data + peer->sent, step, MSG_NOSIGNAL) : 0;
	peer->sent += n > 0 ? (size_t)n : 0;
	if (peer->code && !peer->close_said && peer->sent == sends_up_to(peer)) {
		say_close(peer, peer->code);
	}
}

static void take_event(struct peer *peer, const struct ws_event *event)
{
	assert_false(event->kind == WS_FAULT);
	assert_int_equal(peer->code, 0);
	if (event->kind == WS_CLOSE) {
		peer->code = event->code;
	} else if (event->kind == WS_DATA) {
		assert_true(peer->length + event->length <= MESSAGE_MOST);
		memcpy(peer->message + peer->length, event->bytes, event->length);
		peer->length += event->length;
		if (event->ends) {
			assert_int_equal(peer->length, message_length(peer->heard));
			assert_memory_equal(peer->message, &peer->heard, sizeof(peer->heard));
			peer->heard++;
			peer->length = 0;
			heard++;
			if (peer->heard == MESSAGES) {
				say_close(peer, 1000);
			}
		}
	}
}

static void take_frames(struct peer *peer, uint8_t *bytes, size_t length)
{
	while (length) {
		struct ws_event event;
		size_t used = ws_parser_next(&peer->parser, bytes, length, &event);

		take_event(peer, &event);
		bytes += used;
		length -= used;
	}
}

static void take(struct peer *peer, uint8_t *bytes, size_t length)
{
	const char *end;

	if (peer->status == 101) {
		take_frames(peer, bytes, length);
		return;
	}
	buffer_append(&peer->head, bytes, length);
	end = strstr(buffer_text(&peer->head), "\r\n\r\n");
	if (end && !peer->status) {
		size_t at = (size_t)(end + 4 - peer->head.data);

		peer->status = (unsigned)atoi(peer->head.data + sizeof("HTTP/1.1"));
		if (peer->status == 101) {
			take_frames(peer, (uint8_t *)peer->head.data + at, peer->head.length - at);
		}
	}
}

/* Returns whether it was the end. */
static bool pull(struct peer *peer)
{
	static uint8_t bytes[8192];
	ssize_t n = recv(peer->fd, bytes, sizeof(bytes), 0);

	if (n < 0 && errno == EAGAIN) {
		return false;
	}
	if (n > 0) {
		take(peer, bytes, (size_t)n);
		return false;
	}
	assert_true(n == 0 || peer->status == 503); /* of what it sends on, none is read */
	close(peer->fd);
	peer->fd = -1;
	return true;
}

static void wait_for_any(void)
{
	struct pollfd ready[PEERS + 1];

	for (int i = 0; i < PEERS; i++) {
		bool sends = peers[i].sent < sends_up_to(&peers[i]) ||
			(peers[i].code && !peers[i].close_said);

		ready[i] = (struct pollfd){
			.fd = peers[i].fd, .events = (short)(sends ? POLLIN | POLLOUT : POLLIN)};
	}
	ready[PEERS] = (struct pollfd){.fd = worker->loop->epoll_fd, .events = POLLIN};
	(void)poll(ready, PEERS + 1, round_timeout());
}

static void begin_all(void)
{
	start_servers();
	atomic_store(&places, PEERS);
	atomic_store(&opened, 0);
	heard = 0;
	buffer_append_text(&script, OPENING);
	for (uint32_t i = 0; i < MESSAGES; i++) {
		append_message(i);
	}
	for (int i = 0; i < PEERS; i++) {
		int fds[2];

		tcp_pair(fds);
		peers[i] = (struct peer){.fd = fds[1], .ahead = i % 2};
		ws_parser_init(&peers[i].parser, WS_CLIENT, 0);
		push(&peers[i]);
		assert_int_equal(http_server_take(&servers[i % WORKERS], fds[0], NULL), 0);
	}
}

/* Until all are gone; stops when so many messages were heard. */
static void run_all(uint32_t stop_at)
{
	bool stopped = false;

	for (int gone = 0; gone < PEERS;) {
		round_now();
		for (int i = 0; i < PEERS; i++) {
			if (peers[i].fd >= 0) {
				push(&peers[i]);
				gone += pull(&peers[i]);
			}
		}
		if (heard >= stop_at && !stopped) {
			stopped = true;
			curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
		}
		if (gone < PEERS) {
			wait_for_any();
		}
	}
}

static void end_all(void)
{
	assert_true(workers_end());
	assert_int_equal(atomic_load(&places), 0);
	for (int i = 0; i < PEERS; i++) {
		buffer_fini(&peers[i].head);
	}
	buffer_fini(&script);
}

static void all_messages_come_back_in_order(void **state)
{
	(void)state;
	begin_all();
	run_all(UINT32_MAX);
	for (int i = 0; i < PEERS; i++) {
		assert_int_equal(peers[i].heard, MESSAGES);
		assert_int_equal(peers[i].code, 1000);
	}
	assert_int_equal(atomic_load(&opened), PEERS);
	end_all();
}

/* 47: each has its 101 and its 1001, or 503; and none of what it gets is out of order. */
static void the_end_misses_none(void **state)
{
	int refused = 0;

	(void)state;
	for (uint32_t i = 0; i < 12; i++) {
		begin_all();
		run_all(i * i * 10);
		for (int j = 0; j < PEERS; j++) {
			struct peer *peer = &peers[j];

			assert_true(peer->status == 101 || peer->status == 503);
			if (peer->status == 101 && peer->heard < MESSAGES) {
				assert_int_equal(peer->code, 1001);
			}
			refused += peer->status == 503;
		}
		assert_int_equal(atomic_load(&opened) + refused, PEERS);
		refused = 0;
		end_all();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_messages_come_back_in_order),
		cmocka_unit_test(the_end_misses_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
