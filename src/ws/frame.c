/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/frame.h"

#include <assert.h>
#include <string.h>

#include "ws/mask.h"

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
	uint8_t masked = frame->masked ? WS_MASKED : 0;
	size_t size;

	assert(frame->length <= WS_LENGTH_MOST && frame->opcode <= 0x0f);
	header[0] = (uint8_t)((frame->fin ? WS_FIN : 0) | frame->reserved | frame->opcode);
	if (frame->length < WS_LENGTH_16) {
		header[1] = (uint8_t)(masked | frame->length);
	} else {
		header[1] = masked | (frame->length <= UINT16_MAX ? WS_LENGTH_16 : WS_LENGTH_64);
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
