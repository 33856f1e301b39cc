/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/tunnel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ws/parser_script.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const uint8_t key[4] = {9, 8, 7, 6};

/* What a watcher knows, in letters: between, fragmented, closed, lost; the frames before them. */
static void write_state(const struct ws_tunnel *tunnel, char text[16])
{
	snprintf(text, 16, "%d%s%s%s%s%s", (int)tunnel->frames,
		ws_tunnel_between(tunnel) ? "b" : "", ws_tunnel_fragmented(tunnel) ? "f" : "",
		ws_tunnel_closed(tunnel) ? "c" : "", ws_tunnel_lost(tunnel) ? "l" : "",
		ws_tunnel_open(tunnel) ? "o" : "");
}

/* Streams, and what is known behind each byte of them; several bytes are a piece "*N". */
static const struct row {
	const char *frames;
	const char *states;
} rows[] = {
	{"", "0bo"},
	{"81 00", "0bo 0 1bo"},
	{"81 02 6161 81 01 61", "0bo 0 0 0 1bo 1 1 2bo"},
	{"81 82 00*4 6161", "0bo 0 0 0 0 0 0 0 1bo"},
	{"81 80 00*4 89 00", "0bo 0 0 0 0 0 1bo 1 2bo"},
	{"01 01 61 89 00 00 00 80 01 61", "0bo 0 0f 1bfo 1f 2bfo 2f 3bfo 3f 3 4bo"},
	{"01 00 88 00 81", "0bo 0 1bfo 1f 2bfc 2bfc"},
	{"88 02 03e8 ff ff", "0bo 0 0 0 1bc 1bc 1bc"},
	{"08 00", "0bo 0 1bc"}, /* wrong, but an end */
	{"88 82 00*4 03e8", "0bo 0 0 0 0 0 0 0 1bc"},
	{"c1 01 61 f3 00", "0bo 0 0 1bo 1 2bo"},  /* an extension's */
	{"82 7e 0002 6161", "0bo 0 0 0 0 0 1bo"}, /* not the shortest: for the peer to refuse */
	{"82 7f 8000000000000000 61", "0bo 0 0 0 0 0 0 0 0 0 0l 0l"},
	{"82 7f 0000000000000000 82", "0bo 0 0 0 0 0 0 0 0 0 1bo 1"},
};

static void knows_where_it_stands(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t length;
		uint8_t *bytes = script_bytes(rows[i].frames, &length);
		const char *expected = rows[i].states;

		for (size_t cut = 0; cut <= length; cut++) {
			struct ws_tunnel tunnel = {0};
			struct ws_tunnel slow = {0};
			char text[16], again[16];
			size_t chars = strcspn(expected, " ");

			ws_tunnel_feed(&tunnel, bytes, cut);
			for (size_t at = 0; at < cut; at++) {
				assert_int_equal(ws_tunnel_step(&slow, bytes + at, 1), 1);
			}
			write_state(&tunnel, text);
			write_state(&slow, again);
			if (strlen(text) != chars || memcmp(text, expected, chars) != 0) {
				fail_msg("'%s' after %zu: %s", rows[i].frames, cut, text);
			}
			assert_string_equal(again, text);
			expected += chars + (expected[chars] == ' ');
		}
		assert_string_equal(expected, "");
		free(bytes);
	}
	(void)state;
}

/* Frames of every kind and form of length, masked or not. */
static uint8_t *conversation(bool masked, size_t *length)
{
	static const struct {
		uint8_t first;
		size_t length;
	} frames[] = {{0x81, 5}, {0x02, 0}, {0x89, 4}, {0x00, 126}, {0x80, 300}, {0x8a, 0},
		{0x01, 3}, {0x80, 0}, {0x82, 65536}, {0x82, 1}};
	struct buffer stream = {0};

	for (size_t i = 0; i < COUNT(frames); i++) {
		struct ws_frame frame = {.fin = frames[i].first & 0x80,
			.opcode = frames[i].first & 0x0f,
			.length = frames[i].length,
			.masked = masked};
		uint8_t header[WS_HEADER_MOST];

		memcpy(frame.key, key, sizeof(key));
		buffer_append(&stream, header, ws_frame_write(header, &frame));
		for (size_t j = 0; j < frames[i].length; j++) {
			buffer_append_char(&stream, (char)('a' ^ (masked ? key[j % 4] : 0)));
		}
	}
	*length = stream.length;
	return (uint8_t *)buffer_take(&stream);
}

/* The drain comes behind any byte: the rest of that frame is passed on, then our close frame. */
static void ends_behind(size_t moment, const uint8_t *bytes, size_t length, bool masked)
{
	struct ws_tunnel tunnel = {0};
	uint8_t frame[WS_CONTROL_FRAME_MOST];
	struct script script;
	size_t passed = moment;

	script_init(&script, masked ? WS_SERVER : WS_CLIENT, 0);
	ws_tunnel_feed(&tunnel, bytes, moment);
	while (!ws_tunnel_between(&tunnel)) {
		passed += ws_tunnel_step(&tunnel, bytes + passed, length - passed);
	}
	assert_true(ws_tunnel_open(&tunnel) && passed <= length);
	script_feed(&script, bytes, passed);
	assert_false(ws_parser_ended(&script.parser));
	assert_int_equal(ws_tunnel_fragmented(&tunnel), ws_parser_inside(&script.parser));
	script_feed(&script, frame, ws_close_frame(frame, 1001, "bye", masked ? key : NULL));
	assert_non_null(strstr(buffer_text(&script.lines), "close 1001 bye\n"));
	script_fini(&script);
}

static void lets_a_close_frame_in_behind_any_byte(void **state)
{
	for (int masked = 0; masked < 2; masked++) {
		size_t length;
		uint8_t *bytes = conversation(masked, &length);

		for (size_t moment = 0; moment <= length; moment++) {
			if (moment == 900) {
				moment = length - 900; /* inside the frame of 64 kB */
			}
			ends_behind(moment, bytes, length, masked);
		}
		free(bytes);
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_where_it_stands),
		cmocka_unit_test(lets_a_close_frame_in_behind_any_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
