/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/frame.h"

#include <assert.h>
#include <string.h>

#include "ws/mask.h"

#define FIN 0x80
#define MASKED 0x80
#define LENGTH_16 126
#define LENGTH_64 127

uint64_t ws_frame_length(const uint8_t *header)
{
	size_t size = ws_frame_length_size(header[1]);
	uint64_t length = 0;

	if (!size) {
		return header[1] & 0x7f;
	}
	if (size == 2) {
		return (uint64_t)header[2] << 8 | header[3];
	}
	for (size_t i = 0; i < size; i++) {
		length = length << 8 | header[2 + i];
	}
	return length;
}

bool ws_frame_shortest(uint8_t second, uint64_t length)
{
	size_t size = ws_frame_length_size(second);

	return !size || (size == 2 ? length >= LENGTH_16 : length > UINT16_MAX);
}

void ws_frame_read(const uint8_t *header, struct ws_frame *frame)
{
	frame->fin = header[0] & FIN;
	frame->reserved = header[0] & WS_RESERVED_BITS;
	frame->opcode = header[0] & 0x0f;
	frame->masked = header[1] & MASKED;
	frame->length = ws_frame_length(header);
	if (frame->masked) {
		memcpy(frame->key, header + 2 + ws_frame_length_size(header[1]), 4);
	}
}

/* Writes the low bytes of a number, the highest first. */
static void write_big_endian(uint8_t *to, uint64_t number, size_t bytes)
{
	while (bytes--) {
		to[bytes] = (uint8_t)number;
		number >>= 8;
	}
}

size_t ws_frame_write(uint8_t header[WS_HEADER_MOST], const struct ws_frame *frame)
{
	uint8_t masked = frame->masked ? MASKED : 0;
	size_t size;

	assert(frame->length <= WS_LENGTH_MOST && frame->opcode <= 0x0f);
	header[0] = (uint8_t)((frame->fin ? FIN : 0) | frame->reserved | frame->opcode);
	if (frame->length < LENGTH_16) {
		header[1] = (uint8_t)(masked | frame->length);
	} else {
		header[1] = masked | (frame->length <= UINT16_MAX ? LENGTH_16 : LENGTH_64);
	}
	size = ws_frame_length_size(header[1]);
	if (size == 2) {
		header[2] = (uint8_t)(frame->length >> 8);
		header[3] = (uint8_t)frame->length;
	} else {
		write_big_endian(header + 2, frame->length, size);
	}
	if (masked) {
		memcpy(header + 2 + size, frame->key, 4);
	}
	return ws_frame_header_size(header[1]);
}

size_t ws_frame_control(uint8_t frame[WS_CONTROL_FRAME_MOST], enum ws_opcode opcode,
	const void *payload, size_t length, const uint8_t key[4])
{
	struct ws_frame head = {.fin = true, .opcode = (uint8_t)opcode, .length = length};
	size_t size;

	assert(ws_opcode_control((uint8_t)opcode) && length <= WS_CONTROL_MOST);
	if (key) {
		head.masked = true;
		memcpy(head.key, key, sizeof(head.key));
	}
	size = ws_frame_write(frame, &head);
	if (key) {
		ws_mask(frame + size, payload, length, ws_mask_key(key));
	} else if (length) {
		memcpy(frame + size, payload, length);
	}
	return size + length;
}
