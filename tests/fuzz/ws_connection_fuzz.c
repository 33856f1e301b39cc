/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection, either side, between a peer that says anything and an owner that does anything it
 * may, at any moment. An input is its role, and a row of steps, each a byte and what it needs. What
 * is checked: that messages come in their order and whole, that the end is told once and nothing
 * behind it, that the peer gets frames that a parser of its own takes, and nothing behind a close
 * frame; and that nothing is left over.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ws/connection_state.h"
#include "ws/send.h"

#define EVENTS 5 /* callbacks in which the owner may do something */
#define MESSAGE_MOST 300

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct owner {
	struct ws_connection *ws;
	const uint8_t *at, *end; /* of the input */
	int peer;
	size_t most;          /* bytes that are taken at once */
	uint8_t acts[EVENTS]; /* what is done in each callback */
	bool inside, ended, piecewise;
	size_t message;          /* bytes of the open one */
	struct ws_parser parser; /* the peer's */
} owner;

static struct worker *worker;

static const struct ws_limits limits = {
	.message_most = MESSAGE_MOST,
	.outbox_most = 100000,
	.ping_ms = CURFEW_NEVER,
	.pong_ms = 30000,
	.message_ms = 30000,
	.write_ms = 10000,
	.close_ms = 5000,
};

static uint8_t next(void)
{
	return owner.at < owner.end ? *owner.at++ : 0;
}

/* What the owner does. */

static void send_some(uint8_t kind)
{
	static const uint8_t bytes[256 * 32];
	size_t length = (size_t)(kind >> 1) * 64;
	int error;

	if (kind & 1 || owner.piecewise) {
		bool ends = kind & 2;

		error = ws_send_piece(owner.ws, WS_OPCODE_BINARY, bytes, length, ends);
		owner.piecewise = error ? owner.piecewise : !ends;
	} else {
		error = ws_send(owner.ws, WS_OPCODE_TEXT, bytes, length);
	}
	assert(!error == (owner.ws->state == WS_CONNECTION_OPEN) || error == -ENOBUFS);
}

static void act(uint8_t what)
{
	switch (what % 8) {
	case 1:
		ws_connection_close(owner.ws, what & 8 ? 1001 : WS_CLOSE_NO_CODE, "over");
		break;
	case 2:
		ws_connection_cut(owner.ws);
		break;
	case 3:
		ws_connection_ping(owner.ws);
		break;
	case 4:
	case 5:
		send_some(what / 8);
		break;
	case 6:
		ws_connection_resume(owner.ws);
		break;
	case 7:
		owner.most = what / 8;
		break;
	default:
		break;
	}
}

/* What it hears. */

static size_t on_data(struct ws_connection *ws, const struct ws_event *piece)
{
	size_t taken = piece->length < owner.most ? piece->length : owner.most;

	assert(ws == owner.ws && !owner.ended && piece->kind == WS_DATA);
	assert(piece->starts == !owner.inside);
	assert(piece->opcode == WS_OPCODE_TEXT || piece->opcode == WS_OPCODE_BINARY);
	owner.inside = owner.inside || taken || !piece->length;
	owner.message += taken;
	assert(owner.message <= MESSAGE_MOST);
	if (piece->ends && taken == piece->length) {
		owner.inside = false;
		owner.message = 0;
	}
	act(owner.acts[0]);
	return taken;
}

static void on_pong(struct ws_connection *ws)
{
	assert(ws == owner.ws && !owner.ended && ws->pings);
	act(owner.acts[1]);
}

static void on_writable(struct ws_connection *ws)
{
	assert(ws == owner.ws && !owner.ended);
	act(owner.acts[2]);
}

static void on_ended(struct ws_connection *ws)
{
	assert(ws == owner.ws && !owner.ended && ws->cause);
	owner.ended = true;
	act(owner.acts[3]);
}

static void on_closed(struct ws_connection *ws, uint16_t code, bool clean)
{
	assert(ws == owner.ws && owner.ended && code && (!clean || code != WS_CLOSE_CUT));
	free(ws);
	owner.ws = NULL;
}

static const struct ws_handler handler = {
	.data = on_data,
	.pong = on_pong,
	.writable = on_writable,
	.ended = on_ended,
	.closed = on_closed,
};

/* The peer. */

static void say(size_t length)
{
	size_t there = (size_t)(owner.end - owner.at);

	length = length < there ? length : there;
	(void)!send(owner.peer, owner.at, length, MSG_NOSIGNAL | MSG_DONTWAIT);
	owner.at += length;
}

/* A frame of the peer's, right in its form. */
static void say_frame(uint8_t kind)
{
	static const uint8_t opcodes[] = {0, 1, 2, 8, 9, 10, 1, 2};
	struct ws_frame frame = {
		.fin = kind & 8,
		.opcode = opcodes[kind & 7],
		.masked = owner.parser.role == WS_CLIENT,
		.length = next(),
	};
	uint8_t header[WS_HEADER_MOST];

	(void)!send(
		owner.peer, header, ws_frame_write(header, &frame), MSG_NOSIGNAL | MSG_DONTWAIT);
	say((size_t)frame.length);
}

static void listen_to_it(void)
{
	static uint8_t bytes[65536];
	ssize_t n;

	while ((n = recv(owner.peer, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
		size_t at = 0;

		while (at < (size_t)n) {
			struct ws_event event;

			assert(!ws_parser_ended(&owner.parser));
			at += ws_parser_next(&owner.parser, bytes + at, (size_t)n - at, &event);
			assert(event.kind != WS_FAULT);
		}
	}
}

static void rounds(void)
{
	worker_round(worker, false);
	worker_round(worker, false);
}

static void step(void)
{
	uint8_t what = next();

	switch (what & 7) {
	case 0:
		rounds();
		break;
	case 1:
		say(what >> 3);
		break;
	case 2:
	case 3:
		say_frame(what >> 3);
		break;
	case 4:
		listen_to_it();
		break;
	case 5:
		owner.acts[(what >> 3) % EVENTS] = next();
		break;
	case 6:
		(void)shutdown(owner.peer, what & 8 ? SHUT_RDWR : SHUT_WR);
		break;
	default:
		act(next());
		break;
	}
}

static void start_worker(void)
{
	static struct worker_pool pool;
	struct curfew_lifecycle_options options;

	curfew_lifecycle_defaults(&options);
	options.signals = CURFEW_SIGNALS_NONE;
	if (worker_pool_init(&pool, curfew_lifecycle_new(&options), 1) < 0) {
		abort();
	}
	worker = pool.workers;
}

static void begin(enum ws_role role)
{
	const struct ws_setting setting = {
		.worker = worker,
		.drain = &worker->drain,
		.handler = &handler,
		.limits = &limits,
	};
	int pair[2];

	owner.ws = malloc(sizeof(*owner.ws));
	if (!owner.ws ||
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0 ||
		ws_connection_begin(owner.ws, role, &setting) < 0 ||
		stream_init(&owner.ws->stream, worker, pair[0], &ws_connection_stream_ops, NULL) <
			0) {
		abort();
	}
	ws_connection_open(owner.ws);
	ws_parser_init(&owner.parser, role == WS_SERVER ? WS_CLIENT : WS_SERVER, 0);
	owner.peer = pair[1];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	owner = (struct owner){.at = data, .end = data + size, .most = SIZE_MAX};
	if (!worker) {
		start_worker();
	}
	begin(next() & 1 ? WS_CLIENT : WS_SERVER);
	while (owner.ws && owner.at < owner.end) {
		step();
	}
	rounds();
	listen_to_it();
	close(owner.peer);
	rounds();
	if (owner.ws) {
		memset(owner.acts, 0, sizeof(owner.acts));
		ws_connection_cut(owner.ws);
	}
	rounds();
	assert(!owner.ws);
	return 0;
}
