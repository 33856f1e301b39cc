/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header of a WebSocket frame (RFC 6455, 5.2), read and written. It judges nothing: what is
 * allowed is for the parser to say.
 */
#ifndef WS_FRAME_H
#define WS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WS_HEADER_MOST 14   /* bytes of the longest header: 2, a length of 8, a key of 4 */
#define WS_CONTROL_MOST 125 /* bytes of a control frame's payload (5.5) */
#define WS_CONTROL_FRAME_MOST (2 + 4 + WS_CONTROL_MOST)
#define WS_FIN 0x80           /* of the first byte */
#define WS_RESERVED_BITS 0x70 /* RSV1 to RSV3 of it */
#define WS_MASKED 0x80        /* of the second */
#define WS_LENGTH_16 126      /* in the second byte: the length stands in the next two, */
#define WS_LENGTH_64 127      /* or eight */
#define WS_LENGTH_MOST INT64_MAX

enum ws_opcode {
	WS_OPCODE_CONTINUATION = 0x0,
	WS_OPCODE_TEXT = 0x1,
	WS_OPCODE_BINARY = 0x2,
	WS_OPCODE_CLOSE = 0x8,
	WS_OPCODE_PING = 0x9,
	WS_OPCODE_PONG = 0xa,
};

struct ws_frame {
	uint64_t length;  /* of the payload, at most WS_LENGTH_MOST where it is written */
	uint8_t key[4];   /* if masked */
	uint8_t opcode;   /* 0 to 15 */
	uint8_t reserved; /* the bits of WS_RESERVED_BITS that are set */
	bool fin;         /* the last frame of its message */
	bool masked;
};

/* Whether an opcode is a control frame's (5.5), a reserved one included. */
static inline bool ws_opcode_control(uint8_t opcode)
{
	return opcode & 0x8;
}

/* Returns how many bytes the length takes behind the first two: 0, 2 or 8. */
static inline size_t ws_frame_length_size(uint8_t second)
{
	uint8_t length = second & 0x7f;

	return length < WS_LENGTH_16 ? 0 : length == WS_LENGTH_16 ? 2 : 8;
}

/* Returns the size of a header, from its second byte: 2 to WS_HEADER_MOST. */
static inline size_t ws_frame_header_size(uint8_t second)
{
	return 2 + ws_frame_length_size(second) + (second & WS_MASKED ? 4 : 0);
}

/* Returns the length of the payload; needs the header's bytes up to the key. */
static inline uint64_t ws_frame_length(const uint8_t *header)
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

/* Whether the header of a payload of this length has the shortest form that there is (5.2). */
static inline bool ws_frame_shortest(uint8_t second, uint64_t length)
{
	size_t size = ws_frame_length_size(second);

	return !size || (size == 2 ? length >= WS_LENGTH_16 : length > UINT16_MAX);
}

/* Reads a whole header: ws_frame_header_size of its second byte are there. */
static inline void ws_frame_read(const uint8_t *header, struct ws_frame *frame)
{
	*frame = (struct ws_frame){
		.length = ws_frame_length(header),
		.opcode = header[0] & 0x0f,
		.reserved = header[0] & WS_RESERVED_BITS,
		.fin = header[0] & WS_FIN,
		.masked = header[1] & WS_MASKED,
	};
	if (frame->masked) {
		memcpy(frame->key, header + 2 + ws_frame_length_size(header[1]), 4);
	}
}

/*
 * Writes the header, the length in its shortest form, and returns its size. A client masks every
 * frame, with a key of its own that nobody can foresee (5.3, 10.3: from getrandom(2), which is the
 * caller's), and a server none (5.1); the payload is for ws_mask.
 */
size_t ws_frame_write(uint8_t header[WS_HEADER_MOST], const struct ws_frame *frame);

/*
 * Writes a whole control frame and returns its size. length: at most WS_CONTROL_MOST. key: NULL
 * for a frame that is not masked.
 */
size_t ws_frame_control(uint8_t frame[WS_CONTROL_FRAME_MOST], enum ws_opcode opcode,
	const void *payload, size_t length, const uint8_t key[4]);

#endif
