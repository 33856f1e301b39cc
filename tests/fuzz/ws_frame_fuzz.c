/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The WebSocket parser beside wslay, and beside itself in other pieces; the watcher of tunnels
 * beside the parser. The first byte gives the role and the limit; the rest is the input.
 *
 * Where wslay differs: it takes a close frame of one byte for one without a code, knows no 1012 to
 * 1014, looks at a reason before its code, and says 1005 for what it finds wrong in a header. It
 * judges a header with the first bytes of its payload, and the reason of a close frame before that
 * is whole; so that both are there, zeros follow the input.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <wslay/wslay.h>

#include "base/buffer.h"
#include "ws/close.h"
#include "ws/parser.h"
#include "ws/tunnel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MOST_INPUT 3800 /* wslay reads 4096 bytes, and fails on a close reason across two reads */
#define MOST_SPLITS 48
#define PADDING 256 /* zeros behind the input, so that no control frame is left half done */
#define UNKNOWN_FIRST 1012
#define UNKNOWN_LAST 1014

/* What one of the two made of the input. */
struct verdict {
	struct buffer events; /* whole messages and control frames */
	enum ws_fault fault;  /* ours only */
	unsigned fault_code;  /* 0: none */
	unsigned close_code;  /* 0: no close frame came */
};

/* An input on its way to wslay. */
struct source {
	const uint8_t *bytes;
	size_t length;
	struct verdict *verdict;
};

static void note(struct buffer *events, uint8_t opcode, const void *bytes, size_t length)
{
	buffer_appendf(events, "%d:%zu:", opcode, length);
	buffer_append(events, bytes, length);
}

static void take_event(
	struct verdict *verdict, struct buffer *message, const struct ws_event *event)
{
	switch (event->kind) {
	case WS_DATA:
		assert(event->starts != (message->length > 0));
		if (event->starts) {
			buffer_append_char(message, (char)event->opcode);
		}
		assert(message->data[0] == event->opcode);
		buffer_append(message, event->bytes, event->length);
		if (event->ends) {
			note(&verdict->events, event->opcode, message->data + 1,
				message->length - 1);
			buffer_consume(message, message->length);
		}
		break;
	case WS_PING:
	case WS_PONG:
		note(&verdict->events, event->kind == WS_PING ? WS_OPCODE_PING : WS_OPCODE_PONG,
			event->bytes, event->length);
		break;
	case WS_CLOSE:
		verdict->close_code = event->code;
		note(&verdict->events, WS_OPCODE_CLOSE, event->bytes, event->length);
		break;
	case WS_FAULT:
		verdict->fault = event->fault;
		verdict->fault_code = event->code;
		assert(event->code == ws_fault_code(event->fault));
		break;
	default:
		break;
	}
}

/* The watcher, behind the same bytes, knows the same. */
static void check_tunnel(const struct ws_parser *parser, const struct ws_tunnel *tunnel,
	const struct verdict *verdict)
{
	assert(verdict->fault || (verdict->close_code != 0) == ws_tunnel_closed(tunnel));
	if (ws_parser_ended(parser)) {
		return;
	}
	assert(!ws_tunnel_lost(tunnel) || parser->held); /* before the key, behind which we fail */
	assert(ws_parser_inside(parser) ==
		(!ws_tunnel_between(tunnel) || ws_tunnel_fragmented(tunnel)));
}

/* Feeds what is before the cut, then the rest; byte by byte where the cut is behind the end. */
static void run_ours(struct verdict *verdict, struct ws_parser parser, const uint8_t *bytes,
	size_t length, size_t cut)
{
	uint8_t *copy = malloc(length + 1);
	struct buffer message = {0};
	struct ws_tunnel tunnel = {0};
	size_t piece, at = 0;

	assert(copy);
	memcpy(copy, bytes, length);
	*verdict = (struct verdict){.fault = WS_FAULT_NONE};
	for (size_t from = 0; from < length; from += piece) {
		piece = cut > length ? 1 : from < cut ? cut - from : length - from;
		while (at < from + piece) {
			struct ws_event event;
			size_t used = ws_parser_next(&parser, copy + at, from + piece - at, &event);

			assert(used && used <= from + piece - at);
			at += used;
			take_event(verdict, &message, &event);
		}
		if (!verdict->fault) {
			ws_tunnel_feed(&tunnel, bytes + from, piece);
		}
		check_tunnel(&parser, &tunnel, verdict);
	}
	buffer_fini(&message);
	free(copy);
}

static ssize_t give(
	wslay_event_context_ptr context, uint8_t *bytes, size_t length, int flags, void *arg)
{
	struct source *source = arg;
	size_t taken = source->length < length ? source->length : length;

	(void)flags;
	if (!taken) {
		wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	memcpy(bytes, source->bytes, taken);
	source->bytes += taken;
	source->length -= taken;
	return (ssize_t)taken;
}

static ssize_t drop(
	wslay_event_context_ptr context, const uint8_t *bytes, size_t length, int flags, void *arg)
{
	(void)context;
	(void)bytes;
	(void)flags;
	(void)arg;
	return (ssize_t)length;
}

static int zero_key(wslay_event_context_ptr context, uint8_t *bytes, size_t length, void *arg)
{
	(void)context;
	(void)arg;
	memset(bytes, 0, length);
	return 0;
}

static void take_message(wslay_event_context_ptr context,
	const struct wslay_event_on_msg_recv_arg *message, void *arg)
{
	struct source *source = arg;
	size_t skip = 0;

	(void)context;
	if (message->opcode == WSLAY_CONNECTION_CLOSE) {
		source->verdict->close_code =
			message->status_code ? message->status_code : WS_CLOSE_NO_CODE;
		skip = message->msg_length < 2 ? message->msg_length : 2;
	}
	note(&source->verdict->events, message->opcode, message->msg ? message->msg + skip : NULL,
		message->msg_length - skip);
}

static void run_theirs(
	struct verdict *verdict, struct source source, enum ws_role role, uint64_t limit)
{
	struct wslay_event_callbacks callbacks = {.recv_callback = give,
		.send_callback = drop,
		.genmask_callback = zero_key,
		.on_msg_recv_callback = take_message};
	wslay_event_context_ptr context;

	*verdict = (struct verdict){.fault = WS_FAULT_NONE};
	source.verdict = verdict;
	assert(!(role == WS_SERVER
			? wslay_event_context_server_init(&context, &callbacks, &source)
			: wslay_event_context_client_init(&context, &callbacks, &source)));
	wslay_event_config_set_max_recv_msg_length(context, limit);
	(void)wslay_event_recv(context);
	(void)wslay_event_send(context);
	if (wslay_event_get_close_sent(context) && !wslay_event_get_close_received(context)) {
		unsigned code = wslay_event_get_status_code_sent(context);

		verdict->fault_code = code == WS_CLOSE_NO_CODE ? WS_CLOSE_PROTOCOL : code;
	}
	wslay_event_context_free(context);
}

static void compare_events(const struct buffer *ours, const struct buffer *theirs)
{
	assert(!ours->failed && !theirs->failed && ours->length == theirs->length);
	assert(!ours->length || !memcmp(ours->data, theirs->data, ours->length));
}

static void compare_with_wslay(const struct verdict *ours, const struct verdict *theirs)
{
	if (ours->close_code >= UNKNOWN_FIRST && ours->close_code <= UNKNOWN_LAST) {
		assert(theirs->fault_code == WS_CLOSE_PROTOCOL);
		return;
	}
	if (ours->fault == WS_FAULT_CLOSE_LENGTH) {
		assert(theirs->close_code == WS_CLOSE_NO_CODE);
		return;
	}
	if (ours->fault == WS_FAULT_CLOSE_CODE && theirs->fault_code == WS_CLOSE_NOT_UTF8) {
		return;
	}
	assert(ours->fault_code == theirs->fault_code);
	assert(ours->close_code == theirs->close_code);
	compare_events(&ours->events, &theirs->events);
}

static void compare_pieces(const struct verdict *whole, struct ws_parser parser,
	const struct source *source, size_t cut)
{
	struct verdict other;

	run_ours(&other, parser, source->bytes, source->length, cut);
	assert(other.fault == whole->fault && other.close_code == whole->close_code);
	compare_events(&other.events, &whole->events);
	buffer_fini(&other.events);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t limits[] = {125, 126, 300, 65536};
	static uint8_t padded[MOST_INPUT + PADDING];
	struct verdict ours, theirs;
	struct ws_parser parser;
	struct source source;
	enum ws_role role;

	if (!size || size > MOST_INPUT) {
		return 0;
	}
	role = data[0] & 1 ? WS_CLIENT : WS_SERVER;
	ws_parser_init(&parser, role, limits[data[0] >> 1 & 3]);
	memset(padded, 0, sizeof(padded));
	memcpy(padded, data + 1, size - 1);
	source = (struct source){.bytes = padded, .length = size - 1 + PADDING};
	run_ours(&ours, parser, source.bytes, source.length, 0);
	for (size_t cut = 1; cut < size && cut <= MOST_SPLITS; cut++) {
		compare_pieces(&ours, parser, &source, cut);
	}
	compare_pieces(&ours, parser, &source, SIZE_MAX);
	run_theirs(&theirs, source, role, parser.limit);
	compare_with_wslay(&ours, &theirs);
	buffer_fini(&theirs.events);
	buffer_fini(&ours.events);
	return 0;
}
