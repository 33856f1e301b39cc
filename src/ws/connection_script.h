/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: a connection on a worker, either side of it, whose handler writes down what it hears,
 * and the peer as a bare socket. A message is written down as t<hello> or b<hello>, however many
 * pieces it came in; what the peer gets is read by a parser of its own, and written the same way.
 */
#ifndef WS_CONNECTION_SCRIPT_H
#define WS_CONNECTION_SCRIPT_H

#include <netinet/tcp.h>
#include <stdio.h>

#include "net/stream_script.h"
#include "ws/mask.h"
#include "ws/opening.h"
#include "ws/send.h"

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define OPENING                                                                                    \
	"GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"           \
	"Sec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Version: 13\r\n\r\n"

struct script {
	struct ws_connection ws;
	struct ws_limits limits;
	struct buffer heard; /* by the handler */
	size_t takes;        /* bytes of a piece; SIZE_MAX: all */
	int error;           /* of ws_accept or ws_connect */
	bool open, closed;   /* there was one; it is gone */
	int gone;            /* HTTP connections that are gone, and their places */
	/* What the handler does besides; NULL: nothing. */
	void (*on_data)(void);
	void (*on_ended)(void);
	bool finishes; /* the drain's wish is the handler's to fulfil */

	int peer;          /* its socket; -1: closed */
	struct buffer raw; /* as the peer got it, not read yet */
	struct buffer got; /* what it was, as a text */
	struct ws_parser parser;
	bool peer_ended; /* the stream has ended for the peer */
	char end[16];    /* how */

	struct http_limits http_limits;
	struct http_server server;
	struct http_client client;
	struct ws_opening opening;
	const char *fault;
};

static struct script script;

static inline void write_piece(struct buffer *log, const struct ws_event *piece, size_t taken)
{
	if (piece->starts) {
		buffer_append_text(log, piece->opcode == WS_OPCODE_TEXT ? "t<" : "b<");
	}
	buffer_append(log, piece->bytes, taken);
	if (piece->ends && taken == piece->length) {
		buffer_append_text(log, ">\n");
	}
}

/* The connection's handler. */

static inline size_t script_data(struct ws_connection *ws, const struct ws_event *piece)
{
	size_t taken = piece->length < script.takes ? piece->length : script.takes;
	struct ws_event shown = *piece;

	assert_ptr_equal(ws, &script.ws);
	assert_false(ws->end_told);
	shown.starts = piece->starts && (taken || !piece->length);
	write_piece(&script.heard, &shown, taken);
	if (script.on_data) {
		script.on_data();
	}
	return taken;
}

static inline void script_pong(struct ws_connection *ws)
{
	(void)ws;
	buffer_append_text(&script.heard, "pong\n");
}

static inline void script_writable(struct ws_connection *ws)
{
	(void)ws;
	buffer_append_text(&script.heard, "writable\n");
}

static inline void script_finish(struct ws_connection *ws)
{
	(void)ws;
	buffer_append_text(&script.heard, "finish\n");
}

static inline void script_ended(struct ws_connection *ws)
{
	buffer_appendf(&script.heard, "ended: %s\n", ws_cause_text(ws->cause));
	if (script.on_ended) {
		script.on_ended();
	}
}

static inline void script_closed(struct ws_connection *ws, uint16_t code, bool clean)
{
	assert_false(script.closed);
	buffer_appendf(&script.heard, "closed %u%s\n", code, clean ? " clean" : "");
	memset(ws, 0x5a, sizeof(*ws)); /* it is ours again */
	script.closed = true;
}

static const struct ws_handler script_handler = {
	.data = script_data,
	.pong = script_pong,
	.writable = script_writable,
	.ended = script_ended,
	.closed = script_closed,
};

static const struct ws_handler script_finishing_handler = {
	.data = script_data,
	.finish = script_finish,
	.ended = script_ended,
	.closed = script_closed,
};

/* Two ends, of which neither waits for the other's acknowledgement before it sends more. */
static inline void prompt_pair(int fds[2])
{
	const int yes = 1;

	tcp_pair(fds);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
			setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)), 0);
	}
}

/* The server's side: an HTTP server that opens a WebSocket wherever it may. */

static inline void script_request(struct http_connection *from)
{
	unsigned status = ws_opening_status(from);

	if (status) {
		ws_opening_refuse(from, status);
		return;
	}
	script.error = ws_accept(&script.ws, from,
		script.finishes ? &script_finishing_handler : &script_handler, &script.limits,
		"test");
	script.open = !script.error;
	if (script.error == -ESHUTDOWN) {
		http_answer_error(from, 503, "the server is shutting down");
	}
}

static inline void script_over(struct http_connection *from, bool whole)
{
	(void)from;
	(void)whole;
}

static inline void script_left(struct http_server *server)
{
	(void)server;
	script.gone++;
}

static const struct http_handler script_http = {
	.request = script_request,
	.over = script_over,
};

static inline void script_reset(enum ws_role peer)
{
	script = (struct script){.takes = SIZE_MAX};
	ws_limits_default(&script.limits);
	script.limits.ping_ms = CURFEW_NEVER;
	ws_parser_init(&script.parser, peer, 0);
}

static inline void script_serve(const int fds[2])
{
	script.peer = fds[1];
	http_limits_default(&script.http_limits);
	script.server = (struct http_server){
		.worker = worker,
		.drain = &worker->drain,
		.handler = &script_http,
		.limits = &script.http_limits,
		.scheme = "http",
		.left = script_left,
	};
	assert_int_equal(http_server_take(&script.server, fds[0], NULL), 0);
}

static inline void serve(void)
{
	int fds[2];

	script_reset(WS_CLIENT);
	prompt_pair(fds);
	script_serve(fds);
}

/* What the peer sends and gets. */

static inline void send_bytes(const void *bytes, size_t length)
{
	assert_int_equal(send(script.peer, bytes, length, MSG_NOSIGNAL), length);
}

static inline void say(const char *text)
{
	send_bytes(text, strlen(text));
}

static inline void append_frame(
	struct buffer *out, unsigned first, const void *bytes, size_t length, bool masked)
{
	static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d};
	struct ws_frame frame = {
		.fin = first & 0x80,
		.reserved = first & WS_RESERVED_BITS,
		.opcode = first & 0x0f,
		.masked = masked,
		.length = length,
	};
	uint8_t header[WS_HEADER_MOST];
	char *room;

	memcpy(frame.key, key, sizeof(key));
	buffer_append(out, header, ws_frame_write(header, &frame));
	room = buffer_reserve(out, length);
	assert_non_null(room);
	ws_mask((uint8_t *)room, bytes, length, masked ? ws_mask_key(key) : 0);
	buffer_commit(out, length);
}

/* A frame of the peer's: the first byte, and a text. */
static inline void say_frame(unsigned first, const char *text)
{
	struct buffer frame = {0};

	append_frame(&frame, first, text, strlen(text), script.parser.role == WS_CLIENT);
	send_bytes(frame.data, frame.length);
	buffer_fini(&frame);
}

#define FIN 0x80
#define TEXT (FIN | WS_OPCODE_TEXT)
#define BINARY (FIN | WS_OPCODE_BINARY)
#define PING (FIN | WS_OPCODE_PING)
#define PONG (FIN | WS_OPCODE_PONG)
#define CLOSE (FIN | WS_OPCODE_CLOSE)

static inline void say_close(unsigned code, const char *reason)
{
	uint8_t payload[WS_CONTROL_MOST];
	struct buffer frame = {0};

	append_frame(&frame, CLOSE, payload, ws_close_write(payload, code, reason),
		script.parser.role == WS_CLIENT);
	send_bytes(frame.data, frame.length);
	buffer_fini(&frame);
}

static inline void peer_shut(void)
{
	assert_int_equal(shutdown(script.peer, SHUT_WR), 0);
}

static inline void write_event(const struct ws_event *event)
{
	struct buffer *got = &script.got;

	switch (event->kind) {
	case WS_DATA:
		write_piece(got, event, event->length);
		break;
	case WS_PING:
		buffer_append_text(got, "ping\n");
		break;
	case WS_PONG:
		buffer_appendf(got, "pong %.*s\n", (int)event->length, (char *)event->bytes);
		break;
	case WS_CLOSE:
		buffer_appendf(got, "close %u %.*s\n", event->code, (int)event->length,
			event->length ? (char *)event->bytes : "");
		break;
	case WS_FAULT:
		buffer_appendf(got, "fault: %s\n", ws_fault_text(event->fault));
		break;
	default:
		break;
	}
}

/* Reads what the peer has got by now. */
static inline void peer_read(void)
{
	static char bytes[65536];
	ssize_t n = 0;

	while (!script.peer_ended && (n = recv(script.peer, bytes, sizeof(bytes), 0)) > 0) {
		buffer_append(&script.raw, bytes, (size_t)n);
	}
	if (!script.peer_ended && (n == 0 || errno != EAGAIN)) {
		script.peer_ended = true;
		memcpy(script.end, n == 0 ? "<end>\n" : "<reset>\n", n == 0 ? 7 : 9);
	}
}

/* The same, as frames. */
static inline void peer_read_frames(void)
{
	size_t at = 0;

	peer_read();
	while (at < script.raw.length) {
		struct ws_event event;

		at += ws_parser_next(&script.parser, (uint8_t *)script.raw.data + at,
			script.raw.length - at, &event);
		write_event(&event);
	}
	buffer_consume(&script.raw, script.raw.length);
	buffer_append_text(&script.got, script.end);
	script.end[0] = '\0';
}

/* Rounds until nothing happens any more on either side. */
static inline void settle_all(void)
{
	settle();
	peer_read_frames();
	settle();
	peer_read_frames();
}

static inline void expect_got(const char *expected)
{
	settle_all();
	assert_string_equal(buffer_text(&script.got), expected);
	buffer_consume(&script.got, script.got.length);
}

static inline void expect_heard(const char *expected)
{
	settle();
	assert_string_equal(buffer_text(&script.heard), expected);
	buffer_consume(&script.heard, script.heard.length);
}

/* Takes the head of an answer, or a request, out of what the peer got. */
static inline void peer_take_head(struct buffer *head)
{
	const char *end;

	settle();
	peer_read();
	end = strstr(buffer_text(&script.raw), "\r\n\r\n");
	assert_non_null(end);
	end += 4;
	buffer_append(head, script.raw.data, (size_t)(end - script.raw.data));
	buffer_consume(&script.raw, (size_t)(end - script.raw.data));
}

/* A server's connection that is open. */
static inline void open_server(void)
{
	struct buffer head = {0};

	if (!script.peer) {
		serve();
	}
	say(OPENING);
	peer_take_head(&head);
	assert_true(!strncmp(buffer_text(&head), "HTTP/1.1 101 ", 13));
	assert_true(script.open);
	buffer_fini(&head);
}

/* The client's side. */

static inline void script_client_head(struct http_client *client)
{
	script.fault = ws_opening_fault(&script.opening, client);
	if (script.fault) {
		http_client_close(client);
		return;
	}
	script.error =
		ws_connect(&script.ws, client, &worker->drain, &script_handler, &script.limits);
	script.open = !script.error;
}

static inline size_t script_client_body(struct http_client *client, char *bytes, size_t length)
{
	(void)client;
	(void)bytes;
	return length;
}

static inline void script_client_end(struct http_client *client)
{
	http_client_close(client);
}

static inline void script_client_failed(
	struct http_client *client, enum http_client_failure failure)
{
	script.fault = http_client_failure_text(failure);
	http_client_close(client);
}

static inline void script_client_closed(struct http_client *client)
{
	(void)client;
	script.gone++;
}

static const struct http_client_handler script_client_handler = {
	.head = script_client_head,
	.body = script_client_body,
	.end = script_client_end,
	.failed = script_client_failed,
	.closed = script_client_closed,
};

/* Asks, and leaves the request in head. */
static inline void ask(struct buffer *head)
{
	int fds[2];

	script_reset(WS_SERVER);
	prompt_pair(fds);
	script.peer = fds[1];
	assert_int_equal(http_client_init(&script.client, worker, fds[0], NULL,
				 &script_client_handler, NULL),
		0);
	ws_opening_request(&script.opening, &script.client, "a:1", "/chat");
	ws_opening_request_end(&script.client);
	peer_take_head(head);
}

static inline void answer_opening(const char *behind)
{
	char accepted[WS_ACCEPT_CHARS + 1];
	char answer[1024];

	ws_handshake_accept(script.opening.key, accepted);
	(void)snprintf(answer, sizeof(answer),
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
		"Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n%s",
		accepted, behind);
	say(answer);
}

static inline void open_client(void)
{
	struct buffer head = {0};

	ask(&head);
	buffer_fini(&head);
	answer_opening("");
	settle();
	assert_true(script.open);
}

/* The HTTP connection has given its memory back. */
static inline bool script_http_gone(void)
{
	return script.client.stream.worker ? script.gone : !script.server.connections;
}

/* The peer goes, if it is still there, and so does all that there was. */
static inline void over(void)
{
	if (script.peer >= 0) {
		close(script.peer);
	}
	run_until(script_http_gone() && (!script.open || script.closed));
	assert_int_equal(script.gone, script.client.stream.worker || !script.open);
	buffer_fini(&script.heard);
	buffer_fini(&script.got);
	buffer_fini(&script.raw);
	script.peer = 0;
}

#endif
