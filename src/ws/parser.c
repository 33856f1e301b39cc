/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A frame is HEADER, then DATA or CONTROL, then HEADER again. A header that lies whole in the bytes
 * given is read there; only one that was cut is gathered in the parser, like the payload of a
 * control frame that was. Whatever the first two bytes show to be wrong is a fault as soon as they
 * are there, before a peer has sent, or withheld, the rest.
 *
 * Most messages are one frame that lies here whole: they are given out without a state in between.
 */
#include "ws/parser.h"

#include <string.h>

#include "ws/close.h"
#include "ws/mask.h"

enum state { HEADER, DATA, CONTROL, ENDED };

void ws_parser_init(struct ws_parser *parser, enum ws_role role, uint64_t limit)
{
	*parser = (struct ws_parser){
		.limit = limit && limit < WS_LENGTH_MOST ? limit : WS_LENGTH_MOST,
		.role = (uint8_t)role,
		.state = HEADER,
	};
}

bool ws_parser_inside(const struct ws_parser *parser)
{
	return parser->state != ENDED &&
		(parser->state != HEADER || parser->held || parser->message_opcode);
}

bool ws_parser_ended(const struct ws_parser *parser)
{
	return parser->state == ENDED;
}

static void fail(struct ws_parser *parser, enum ws_fault fault, struct ws_event *event)
{
	parser->state = ENDED;
	*event = (struct ws_event){.kind = WS_FAULT, .fault = fault, .code = ws_fault_code(fault)};
}

static enum ws_fault control_fault(const uint8_t *header, uint8_t opcode)
{
	if (opcode > WS_OPCODE_PONG) {
		return WS_FAULT_RESERVED_OPCODE;
	}
	if (!(header[0] & 0x80)) {
		return WS_FAULT_CONTROL_FRAGMENTED;
	}
	return ws_frame_length_size(header[1]) ? WS_FAULT_CONTROL_LONG : WS_FAULT_NONE;
}

/* What the first two bytes of a header say. */
static inline enum ws_fault start_fault(const struct ws_parser *parser, const uint8_t *header)
{
	uint8_t opcode = header[0] & 0x0f;
	bool masked = header[1] & 0x80;

	if (header[0] & WS_RESERVED_BITS) {
		return WS_FAULT_RESERVED_BIT;
	}
	if (masked != (parser->role == WS_SERVER)) {
		return masked ? WS_FAULT_MASKED : WS_FAULT_UNMASKED;
	}
	if (ws_opcode_control(opcode)) {
		return control_fault(header, opcode);
	}
	if (opcode > WS_OPCODE_BINARY) {
		return WS_FAULT_RESERVED_OPCODE;
	}
	if (opcode == WS_OPCODE_CONTINUATION) {
		return parser->message_opcode ? WS_FAULT_NONE : WS_FAULT_CONTINUATION;
	}
	return parser->message_opcode ? WS_FAULT_INTERLEAVED : WS_FAULT_NONE;
}

static inline enum ws_fault length_fault(
	const struct ws_parser *parser, const uint8_t *header, uint64_t length)
{
	if (!ws_frame_shortest(header[1], length)) {
		return WS_FAULT_LENGTH_NOT_SHORTEST;
	}
	if (length > WS_LENGTH_MOST) {
		return WS_FAULT_LENGTH_SIGN;
	}
	if (!ws_opcode_control(header[0]) && length > parser->limit - parser->message) {
		return WS_FAULT_TOO_BIG;
	}
	return WS_FAULT_NONE;
}

/* Begins the payload of a frame whose header is whole. */
static enum ws_fault enter_payload(struct ws_parser *parser, const uint8_t *header)
{
	struct ws_frame frame;
	enum ws_fault fault;

	ws_frame_read(header, &frame);
	fault = length_fault(parser, header, frame.length);
	if (fault) {
		return fault;
	}
	parser->held = 0;
	parser->left = frame.length;
	parser->key = frame.masked ? ws_mask_key(frame.key) : 0;
	parser->opcode = frame.opcode;
	parser->fin = frame.fin;
	if (ws_opcode_control(frame.opcode)) {
		parser->state = CONTROL;
		return WS_FAULT_NONE;
	}
	parser->state = DATA;
	parser->message += frame.length;
	if (frame.opcode) {
		parser->message_opcode = frame.opcode;
		parser->started = false;
	}
	return WS_FAULT_NONE;
}

/* Adds to what is held until it is target bytes, and returns how many it took. */
static size_t gather(struct ws_parser *parser, const uint8_t *bytes, size_t length, size_t target)
{
	size_t wanted = target - parser->held;
	size_t taken = wanted < length ? wanted : length;

	if (taken) {
		memcpy(parser->hold + parser->held, bytes, taken);
		parser->held += (uint8_t)taken;
	}
	return taken;
}

/* A header that was cut. Returns how many bytes it took; it is HEADER until all are there. */
static size_t gather_header(
	struct ws_parser *parser, const uint8_t *bytes, size_t length, enum ws_fault *fault)
{
	size_t used = parser->held < 2 ? gather(parser, bytes, length, 2) : 0;
	size_t size;

	if (parser->held < 2) {
		return used;
	}
	*fault = start_fault(parser, parser->hold);
	if (*fault) {
		return used;
	}
	size = ws_frame_header_size(parser->hold[1]);
	used += gather(parser, bytes + used, length - used, size);
	if (parser->held == size) {
		*fault = enter_payload(parser, parser->hold);
	}
	return used;
}

static size_t take_header(
	struct ws_parser *parser, const uint8_t *bytes, size_t length, enum ws_fault *fault)
{
	size_t size;

	*fault = WS_FAULT_NONE;
	if (parser->held || length < 2) {
		return gather_header(parser, bytes, length, fault);
	}
	size = ws_frame_header_size(bytes[1]);
	if (length < size) {
		return gather_header(parser, bytes, length, fault);
	}
	*fault = start_fault(parser, bytes);
	if (!*fault) {
		*fault = enter_payload(parser, bytes);
	}
	return size;
}

/* Unmasks them; false: they cannot be text. Nearly all of it is ASCII, which unmasking has seen. */
static inline bool take_bytes(
	struct ws_parser *parser, uint8_t opcode, uint8_t *bytes, size_t length, bool ends)
{
	struct ws_utf8 *utf8 = &parser->utf8;
	bool ascii = false;

	if (parser->role == WS_SERVER) {
		parser->key = ws_unmask(bytes, length, parser->key, &ascii);
	}
	if (opcode != WS_OPCODE_TEXT || (ascii && ws_utf8_whole(utf8))) {
		return true;
	}
	return ws_utf8_feed(utf8, bytes, length) && (!ends || ws_utf8_whole(utf8));
}

static size_t take_data(
	struct ws_parser *parser, uint8_t *bytes, size_t length, struct ws_event *event)
{
	size_t taken = length < parser->left ? length : (size_t)parser->left;
	bool ends;

	if (!taken && parser->left) {
		return 0;
	}
	parser->left -= taken;
	ends = parser->fin && !parser->left;
	if (!take_bytes(parser, parser->message_opcode, bytes, taken, ends)) {
		fail(parser, WS_FAULT_TEXT, event);
		return taken;
	}
	event->kind = WS_DATA;
	event->opcode = parser->message_opcode;
	event->starts = !parser->started;
	event->ends = ends;
	event->bytes = bytes;
	event->length = taken;
	event->left = parser->left;
	parser->started = true;
	if (!parser->left) {
		parser->state = HEADER;
	}
	if (ends) {
		parser->message_opcode = 0;
		parser->message = 0;
	}
	return taken;
}

static void give_close(struct ws_parser *parser, struct ws_event *event)
{
	struct ws_close close;
	enum ws_fault fault = ws_close_read(event->bytes, event->length, &close);

	if (fault) {
		fail(parser, fault, event);
		return;
	}
	parser->state = ENDED;
	event->kind = WS_CLOSE;
	event->code = close.code;
	event->bytes += event->length - close.length;
	event->length = close.length;
}

static size_t take_control(
	struct ws_parser *parser, uint8_t *bytes, size_t length, struct ws_event *event)
{
	size_t size = (size_t)parser->left;
	size_t taken = size;

	if (parser->held || length < size) {
		taken = gather(parser, bytes, length, size);
		if (parser->held < size) {
			return taken;
		}
		bytes = parser->hold;
	}
	ws_mask(bytes, bytes, size, parser->key);
	parser->held = 0;
	parser->state = HEADER;
	event->bytes = bytes;
	event->length = size;
	if (parser->opcode == WS_OPCODE_CLOSE) {
		give_close(parser, event);
	} else {
		event->kind = parser->opcode == WS_OPCODE_PING ? WS_PING : WS_PONG;
	}
	return taken;
}

/*
 * Reads the header of a message that lies here whole, in one frame, and returns its size. 0: there
 * is none, or it is no good, of which the others tell.
 */
static inline size_t read_whole(
	const struct ws_parser *parser, const uint8_t *bytes, size_t length, struct ws_frame *frame)
{
	size_t size;

	if (parser->state != HEADER || parser->held || length < 2) {
		return 0;
	}
	size = ws_frame_header_size(bytes[1]);
	if (length < size || start_fault(parser, bytes)) {
		return 0;
	}
	ws_frame_read(bytes, frame);
	return frame->fin && !parser->message_opcode && !ws_opcode_control(frame->opcode) &&
			!length_fault(parser, bytes, frame->length) &&
			frame->length <= length - size
		? size
		: 0;
}

static inline size_t take_whole(
	struct ws_parser *parser, uint8_t *bytes, size_t length, struct ws_event *event)
{
	struct ws_frame frame;
	size_t header = read_whole(parser, bytes, length, &frame);
	size_t payload;

	if (!header) {
		return 0;
	}
	payload = (size_t)frame.length;
	parser->key = ws_mask_key(frame.key);
	if (!take_bytes(parser, frame.opcode, bytes + header, payload, true)) {
		fail(parser, WS_FAULT_TEXT, event);
		return header + payload;
	}
	*event = (struct ws_event){
		.kind = WS_DATA,
		.opcode = frame.opcode,
		.starts = true,
		.ends = true,
		.bytes = bytes + header,
		.length = payload,
	};
	return header + payload;
}

size_t ws_parser_next(
	struct ws_parser *parser, uint8_t *bytes, size_t length, struct ws_event *event)
{
	enum ws_fault fault;
	size_t used = take_whole(parser, bytes, length, event);

	if (used) {
		return used;
	}
	*event = (struct ws_event){.kind = WS_MORE};
	if (parser->state == HEADER) {
		used = take_header(parser, bytes, length, &fault);
		if (fault) {
			fail(parser, fault, event);
			return used;
		}
	}
	switch (parser->state) {
	case DATA:
		return used + take_data(parser, bytes + used, length - used, event);
	case CONTROL:
		return used + take_control(parser, bytes + used, length - used, event);
	case ENDED:
		return length;
	default:
		return used;
	}
}
