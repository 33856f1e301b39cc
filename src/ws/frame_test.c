/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct sample {
	struct ws_frame frame;
	const char *bytes;
	size_t size;
} samples[] = {
	{{.fin = true, .opcode = 1, .length = 5}, "\x81\x05", 2},
	{{.opcode = 2, .length = 0}, "\x02\x00", 2},
	{{.fin = true, .opcode = 0, .reserved = 0x40, .length = 125}, "\xc0\x7d", 2},
	{{.fin = true, .opcode = 2, .length = 126}, "\x82\x7e\x00\x7e", 4},
	{{.fin = true, .opcode = 2, .length = 65535}, "\x82\x7e\xff\xff", 4},
	{{.fin = true, .opcode = 2, .length = 65536}, "\x82\x7f\0\0\0\0\0\x01\0\0", 10},
	{{.fin = true, .opcode = 2, .length = INT64_MAX},
		"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", 10},
	{{.fin = true, .opcode = 9, .masked = true, .key = {1, 2, 3, 4}}, "\x89\x80\1\2\3\4", 6},
	{{.fin = true, .opcode = 2, .length = 256, .masked = true, .key = {1, 2, 3, 4}},
		"\x82\xfe\x01\x00\1\2\3\4", 8},
	{{.fin = true, .opcode = 2, .length = 65536, .masked = true, .key = {1, 2, 3, 4}},
		"\x82\xff\0\0\0\0\0\x01\0\0\1\2\3\4", 14},
};

static void writes_headers(void **state)
{
	for (size_t i = 0; i < COUNT(samples); i++) {
		uint8_t header[WS_HEADER_MOST];

		assert_int_equal(ws_frame_write(header, &samples[i].frame), samples[i].size);
		assert_memory_equal(header, samples[i].bytes, samples[i].size);
	}
	(void)state;
}

static void reads_headers(void **state)
{
	for (size_t i = 0; i < COUNT(samples); i++) {
		const struct ws_frame *expected = &samples[i].frame;
		uint8_t header[WS_HEADER_MOST];
		struct ws_frame frame = {0};

		memcpy(header, samples[i].bytes, samples[i].size);
		assert_int_equal(ws_frame_header_size(header[1]), samples[i].size);
		ws_frame_read(header, &frame);
		assert_int_equal(frame.fin, expected->fin);
		assert_int_equal(frame.opcode, expected->opcode);
		assert_int_equal(frame.reserved, expected->reserved);
		assert_int_equal(frame.masked, expected->masked);
		assert_true(frame.length == expected->length);
		assert_memory_equal(frame.key, expected->key, 4);
		assert_true(ws_frame_shortest(header[1], frame.length));
	}
	(void)state;
}

/* The examples of RFC 6455, 5.7. */
static void writes_control_frames(void **state)
{
	static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d};
	uint8_t frame[WS_CONTROL_FRAME_MOST], payload[WS_CONTROL_MOST];

	assert_int_equal(ws_frame_control(frame, WS_OPCODE_PING, "Hello", 5, NULL), 7);
	assert_memory_equal(frame, "\x89\x05Hello", 7);
	assert_int_equal(ws_frame_control(frame, WS_OPCODE_PONG, "Hello", 5, key), 11);
	assert_memory_equal(frame, "\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11);
	assert_int_equal(ws_frame_control(frame, WS_OPCODE_PONG, NULL, 0, NULL), 2);
	assert_memory_equal(frame, "\x8a\x00", 2);
	memset(payload, 'a', sizeof(payload));
	assert_int_equal(ws_frame_control(frame, WS_OPCODE_PING, payload, sizeof(payload), key),
		WS_CONTROL_FRAME_MOST);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_headers),
		cmocka_unit_test(reads_headers),
		cmocka_unit_test(writes_control_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
