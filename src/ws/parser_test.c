/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/parser.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/allocation.h"
#include "ws/parser_script.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LIMIT 70000
#define ALL_SPLITS                                                                                 \
	600 /* bytes of an input that is cut everywhere; longer ones at their ends only */

/* What RFC 6455 says of frames, one sentence a row, by its section. */
static const struct row {
	const char *section;
	enum ws_role role;
	const char *frames;
	const char *events;
} rows[] = {
	/* who masks */
	{"5.1 client masks", WS_SERVER, "81 85 37fa213d 7f9f4d5158", "text Hello\n"},
	{"5.1 server does not", WS_CLIENT, "81 05 48656c6c6f", "text Hello\n"},
	{"5.1 unmasked from client", WS_SERVER, "81 05 48656c6c6f",
		"1002 unmasked frame from a client\n"},
	{"5.1 unmasked control", WS_SERVER, "89 00", "1002 unmasked frame from a client\n"},
	{"5.1 unmasked close", WS_SERVER, "88 02 03e8", "1002 unmasked frame from a client\n"},
	{"5.1 masked from server", WS_CLIENT, "81 85 37fa213d 7f9f4d5158",
		"1002 masked frame from a server\n"},
	{"5.1 masked control", WS_CLIENT, "8a 80 00*4", "1002 masked frame from a server\n"},
	{"5.1 in a fragment", WS_SERVER, "01 81 00*4 61 80 01 62",
		"1002 unmasked frame from a client\n"},
	{"5.3 a key of zeros", WS_SERVER, "82 83 00*4 010203", "binary \x01\x02\x03\n"},
	{"5.3 each frame has its key", WS_SERVER, "81 82 01010101 6063 81 82 02020202 6360",
		"text ab\ntext ab\n"},

	/* the first byte */
	{"5.2 RSV1", WS_CLIENT, "c1 00", "1002 reserved bit without an extension\n"},
	{"5.2 RSV2", WS_CLIENT, "a1 00", "1002 reserved bit without an extension\n"},
	{"5.2 RSV3", WS_CLIENT, "91 00", "1002 reserved bit without an extension\n"},
	{"5.2 RSV1 of a control frame", WS_CLIENT, "c9 00",
		"1002 reserved bit without an extension\n"},
	{"5.2 RSV1 of a continuation", WS_CLIENT, "01 00 c0 00",
		"1002 reserved bit without an extension\n"},
	{"5.2 opcode 3", WS_CLIENT, "83 00", "1002 reserved opcode\n"},
	{"5.2 opcode 4", WS_CLIENT, "84 00", "1002 reserved opcode\n"},
	{"5.2 opcode 5", WS_CLIENT, "85 00", "1002 reserved opcode\n"},
	{"5.2 opcode 6", WS_CLIENT, "86 00", "1002 reserved opcode\n"},
	{"5.2 opcode 7", WS_CLIENT, "87 00", "1002 reserved opcode\n"},
	{"5.2 opcode 11", WS_CLIENT, "8b 00", "1002 reserved opcode\n"},
	{"5.2 opcode 12", WS_CLIENT, "8c 00", "1002 reserved opcode\n"},
	{"5.2 opcode 13", WS_CLIENT, "8d 00", "1002 reserved opcode\n"},
	{"5.2 opcode 14", WS_CLIENT, "8e 00", "1002 reserved opcode\n"},
	{"5.2 opcode 15", WS_CLIENT, "8f 00", "1002 reserved opcode\n"},
	{"5.2 opcode 3 in a message", WS_CLIENT, "01 00 83 00", "1002 reserved opcode\n"},

	/* lengths */
	{"5.2 0", WS_CLIENT, "82 00", "binary\n"},
	{"5.2 125", WS_CLIENT, "82 7d 61*125", "binary 61*125\n"},
	{"5.2 126", WS_CLIENT, "82 7e 007e 61*126", "binary 61*126\n"},
	{"5.2 256", WS_CLIENT, "82 7e 0100 61*256", "binary 61*256\n"},
	{"5.2 65535", WS_CLIENT, "82 7e ffff 61*65535", "binary 61*65535\n"},
	{"5.2 65536", WS_CLIENT, "82 7f 0000000000010000 61*65536", "binary 61*65536\n"},
	{"5.2 masked 126", WS_SERVER, "82 fe 007e 61616161 00*126", "binary 61*126\n"},
	{"5.2 masked 65536", WS_SERVER, "82 ff 0000000000010000 61616161 00*65536",
		"binary 61*65536\n"},
	{"5.2 0 in 16 bits", WS_CLIENT, "82 7e 0000", "1002 length not in its shortest form\n"},
	{"5.2 125 in 16 bits", WS_CLIENT, "82 7e 007d 61*125",
		"1002 length not in its shortest form\n"},
	{"5.2 0 in 64 bits", WS_CLIENT, "82 7f 00*8", "1002 length not in its shortest form\n"},
	{"5.2 126 in 64 bits", WS_CLIENT, "82 7f 000000000000007e 61*126",
		"1002 length not in its shortest form\n"},
	{"5.2 65535 in 64 bits", WS_CLIENT, "82 7f 000000000000ffff",
		"1002 length not in its shortest form\n"},
	{"5.2 the highest bit", WS_CLIENT, "82 7f 80000000 00010000",
		"1002 length of more than 63 bits\n"},
	{"5.2 all bits", WS_CLIENT, "82 7f ff*8", "1002 length of more than 63 bits\n"},
	{"7.4.1 too big", WS_CLIENT, "82 7f 7fffffffffffffff", "1009 message too big\n"},
	{"7.4.1 one too many", WS_CLIENT, "82 7f 0000000000011171", "1009 message too big\n"},
	{"7.4.1 the limit", WS_CLIENT, "82 7f 0000000000011170 61*70000", "binary 61*70000\n"},
	{"7.4.1 in the sum", WS_CLIENT, "02 7f 0000000000011170 61*70000 80 01 61",
		"1009 message too big\n"},
	{"7.4.1 a sum that overflows", WS_CLIENT, "02 02 6161 80 7f 7fffffffffffffff",
		"1009 message too big\n"},
	{"7.4.1 of each message", WS_CLIENT, "82 7e fff0 61*65520 82 7e fff0 61*65520",
		"binary 61*65520\nbinary 61*65520\n"},

	/* messages of one frame, several of them at hand */
	{"5.2 masked text of 20", WS_SERVER, "81 94 61616161 00*20 81 80 01020304",
		"text aaaaaaaaaaaaaaaaaaaa\ntext\n"},
	{"5.2 masked text of 126", WS_SERVER, "81 fe 007e 41414141 00*126 82 81 00*4 ff",
		"text 41*126\nbinary \xff\n"},
	{"5.3 a key like a header", WS_SERVER, "81 82 80010203 e163", "text ab\n"},
	{"5.2 masked, not shortest", WS_SERVER, "81 fe 007d 41414141 00*125",
		"1002 length not in its shortest form\n"},
	{"5.2 masked, RSV1", WS_SERVER, "c1 94 61616161 00*20",
		"1002 reserved bit without an extension\n"},
	{"5.2 masked, opcode 3", WS_SERVER, "83 94 61616161 00*20", "1002 reserved opcode\n"},
	{"5.4 masked, a text in a text", WS_SERVER, "01 81 00*4 61 81 94 61616161 00*20",
		"1002 message inside a fragmented message\n"},
	{"5.4 masked, nothing to continue", WS_SERVER, "80 94 61616161 00*20",
		"1002 continuation of no message\n"},
	{"5.4 masked, not the last", WS_SERVER, "01 94 61616161 00*20 80 81 01010101 60",
		"text aaaaaaaaaaaaaaaaaaaa"
		"a\n"},
	{"5.5 masked, a ping between", WS_SERVER, "81 81 00*4 61 89 82 01010101 6869 81 81 00*4 62",
		"text a\nping ih\ntext b\n"},
	{"7.4.1 masked, one too many", WS_SERVER, "82 ff 0000000000011171 00*4 61*70001",
		"1009 message too big\n"},
	{"8.1 masked text of 20", WS_SERVER, "81 94 61616161 00*19 e3",
		"1007 text that is not UTF-8\n"},
	{"8.1 behind a good one", WS_SERVER, "81 82 00*4 c3a4 81 93 61616161 00*18 a4",
		"text \xc3\xa4\n1007 text that is not UTF-8\n"},

	/* fragments */
	{"5.4 two", WS_CLIENT, "01 03 48656c 80 02 6c6f", "text Hello\n"},
	{"5.4 masked", WS_SERVER, "01 83 00*4 48656c 80 82 01*4 6d6e", "text Hello\n"},
	{"5.4 many, empty ones too", WS_CLIENT, "02 00 00 00 00 01 61 00 00 00 01 62 80 00",
		"binary ab\n"},
	{"5.4 all empty", WS_CLIENT, "01 00 00 00 80 00", "text\n"},
	{"5.4 control frames between", WS_CLIENT, "01 01 61 89 01 70 00 01 62 8a 00 80 01 63",
		"ping p\npong\ntext abc\n"},
	{"5.4 messages in a row", WS_CLIENT, "01 01 61 80 01 62 02 01 63 80 01 64 81 01 65",
		"text ab\nbinary cd\ntext e\n"},
	{"5.4 nothing to continue", WS_CLIENT, "80 01 61", "1002 continuation of no message\n"},
	{"5.4 nothing, not final", WS_CLIENT, "00 01 61", "1002 continuation of no message\n"},
	{"5.4 a message that is over", WS_CLIENT, "81 01 61 80 01 62",
		"text a\n1002 continuation of no message\n"},
	{"5.4 over in fragments", WS_CLIENT, "01 01 61 80 00 80 00",
		"text a\n1002 continuation of no message\n"},
	{"5.4 text in a text", WS_CLIENT, "01 01 61 81 01 62",
		"1002 message inside a fragmented message\n"},
	{"5.4 binary in a text", WS_CLIENT, "01 01 61 02 01 62",
		"1002 message inside a fragmented message\n"},
	{"5.4 behind a ping", WS_CLIENT, "01 01 61 89 00 82 01 62",
		"ping\n1002 message inside a fragmented message\n"},

	/* control frames */
	{"5.5 125 bytes", WS_CLIENT, "89 7d 61*125", "ping 61*125\n"},
	{"5.5 masked 125", WS_SERVER, "8a fd 61616161 00*125", "pong 61*125\n"},
	{"5.5 126 bytes", WS_CLIENT, "89 7e 007e 61*126",
		"1002 control frame of more than 125 bytes\n"},
	{"5.5 64 bits", WS_CLIENT, "8a 7f 00*8", "1002 control frame of more than 125 bytes\n"},
	{"5.5 close of 126", WS_CLIENT, "88 7e 007e",
		"1002 control frame of more than 125 bytes\n"},
	{"5.5 fragmented ping", WS_CLIENT, "09 00", "1002 fragmented control frame\n"},
	{"5.5 fragmented pong", WS_CLIENT, "0a 01 61", "1002 fragmented control frame\n"},
	{"5.5 fragmented close", WS_CLIENT, "08 02 03e8", "1002 fragmented control frame\n"},
	{"5.5.2 ping", WS_CLIENT, "89 05 48656c6c6f", "ping Hello\n"},
	{"5.5.3 masked pong", WS_SERVER, "8a 85 37fa213d 7f9f4d5158", "pong Hello\n"},
	{"5.5.2 bytes of any kind", WS_CLIENT, "89 02 fffe", "ping \xff\xfe\n"},

	/* close */
	{"7.1.5 no code", WS_CLIENT, "88 00", "close 1005\n"},
	{"5.5.1 masked, no code", WS_SERVER, "88 80 01020304", "close 1005\n"},
	{"5.5.1 code", WS_CLIENT, "88 02 03e9", "close 1001\n"},
	{"5.5.1 masked", WS_SERVER, "88 84 01010101 02e96e6a", "close 1000 ok\n"},
	{"7.1.6 reason", WS_CLIENT, "88 05 03e8 e282ac", "close 1000 \xe2\x82\xac\n"},
	{"5.5.1 longest reason", WS_CLIENT, "88 7d 0fa0 61*123", "close 4000 61*123\n"},
	{"5.5.1 half a code", WS_CLIENT, "88 01 03", "1002 close frame with half a code\n"},
	{"8.1 reason", WS_CLIENT, "88 03 03e8 ff", "1007 close reason that is not UTF-8\n"},
	{"8.1 reason cut", WS_CLIENT, "88 04 03e8 e282", "1007 close reason that is not UTF-8\n"},
	{"7.4.2 below 1000", WS_CLIENT, "88 02 03e7", "1002 close code that is not for the wire\n"},
	{"7.4.1 1004", WS_CLIENT, "88 02 03ec", "1002 close code that is not for the wire\n"},
	{"7.4.1 1005", WS_CLIENT, "88 02 03ed", "1002 close code that is not for the wire\n"},
	{"7.4.1 1006", WS_CLIENT, "88 02 03ee", "1002 close code that is not for the wire\n"},
	{"7.4.1 1015", WS_CLIENT, "88 02 03f7", "1002 close code that is not for the wire\n"},
	{"5.5.1 in a message", WS_CLIENT, "01 01 61 88 02 03e8 80 01 62", "close 1000\n"},
	{"1.4 dropped behind it", WS_CLIENT, "88 02 03e8 81 01 61 88 00 ff*20", "close 1000\n"},
	{"7.1.7 dropped behind a fault", WS_CLIENT, "83 00 81 01 61 88 00",
		"1002 reserved opcode\n"},

	/* text */
	{"5.6 a character cut", WS_CLIENT, "01 01 e2 00 01 82 80 01 ac", "text \xe2\x82\xac\n"},
	{"5.6 cut, masked", WS_SERVER, "01 81 00*4 e2 00 82 00*4 82ac 80 81 00*4 61",
		"text \xe2\x82\xac"
		"a\n"},
	{"5.6 cut by a ping", WS_CLIENT, "01 01 c3 89 02 ffff 80 01 a4",
		"ping \xff\xff\ntext \xc3\xa4\n"},
	{"8.1 text", WS_CLIENT, "81 02 61ff", "1007 text that is not UTF-8\n"},
	{"8.1 text, masked", WS_SERVER, "81 82 01010101 6081", "1007 text that is not UTF-8\n"},
	{"8.1 surrogate", WS_CLIENT, "81 03 eda080", "1007 text that is not UTF-8\n"},
	{"8.1 overlong", WS_CLIENT, "81 02 c080", "1007 text that is not UTF-8\n"},
	{"8.1 in a fragment", WS_CLIENT, "01 01 61 80 01 80", "1007 text that is not UTF-8\n"},
	{"8.1 half at the end", WS_CLIENT, "81 02 e282", "1007 text that is not UTF-8\n"},
	{"8.1 half, last one empty", WS_CLIENT, "01 01 c3 80 00", "1007 text that is not UTF-8\n"},
	{"8.1 cut by ASCII, masked", WS_SERVER, "01 81 00*4 c3 80 81 00*4 61",
		"1007 text that is not UTF-8\n"},
	{"8.1 half at the end, masked", WS_SERVER, "81 82 00*4 61c3",
		"1007 text that is not UTF-8\n"},
	{"8.1 half, last one empty, masked", WS_SERVER, "01 81 00*4 c3 80 80 00*4",
		"1007 text that is not UTF-8\n"},
	{"8.1 each text by itself", WS_CLIENT, "82 01 c3 81 01 61", "binary \xc3\ntext a\n"},
	{"5.6 binary is not text", WS_CLIENT, "02 01 ff 80 01 c3", "binary \xff\xc3\n"},
};

static void expect(
	const struct row *row, const uint8_t *bytes, size_t length, size_t cut, size_t again)
{
	struct script script;

	script_init(&script, row->role, LIMIT);
	script_feed(&script, bytes, cut);
	script_feed(&script, bytes + cut, again - cut);
	script_feed(&script, bytes + again, length - again);
	if (strcmp(buffer_text(&script.lines), row->events) != 0) {
		fail_msg("%s, cut at %zu and %zu: %s", row->section, cut, again,
			buffer_text(&script.lines));
	}
	script_fini(&script);
}

static void obeys_every_rule(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t length;
		uint8_t *bytes = script_bytes(rows[i].frames, &length);

		expect(&rows[i], bytes, length, 0, 0);
		free(bytes);
	}
	(void)state;
}

static void tells_the_same_at_every_split(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t length;
		uint8_t *bytes = script_bytes(rows[i].frames, &length);

		for (size_t cut = 1; cut < length; cut++) {
			if (length > ALL_SPLITS && cut > 20 && cut < length - 20) {
				cut = length - 20;
			}
			expect(&rows[i], bytes, length, cut, cut);
			for (size_t again = cut + 1; length < 40 && again < length; again++) {
				expect(&rows[i], bytes, length, cut, again);
			}
		}
		free(bytes);
	}
	(void)state;
}

static void tells_the_same_byte_by_byte(void **state)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t length;
		uint8_t *bytes = script_bytes(rows[i].frames, &length);
		struct script script;

		script_init(&script, rows[i].role, LIMIT);
		for (size_t at = 0; at < length; at++) {
			script_feed(&script, bytes + at, 1);
		}
		assert_string_equal(buffer_text(&script.lines), rows[i].events);
		script_fini(&script);
		free(bytes);
	}
	(void)state;
}

/* A fault is told at the byte that shows it: nobody waits for the rest. */
static void finds_faults_early(void **state)
{
	static const struct {
		const char *frames;
		size_t byte;
	} early[] = {
		{"c1 7e 0100", 2},
		{"83 05 61*5", 2},
		{"89 7e 007e", 2},
		{"81 85 00*4", 2},
		{"80 05 61*5", 2},
		{"01 00 81 05 61*5", 4},
		{"82 7e 0001 61", 4},
		{"82 7f 00*8 61", 10},
		{"82 7f 7f*8 61", 10},
		{"81 05 61 f5 61*3", 4},
		{"81 05 eda0 61*3", 4},
		{"01 01 f4 80 05 90 61*4", 6},
	};

	for (size_t i = 0; i < COUNT(early); i++) {
		struct script script;
		size_t length, at = 0;
		uint8_t *bytes = script_bytes(early[i].frames, &length);

		script_init(&script, WS_CLIENT, LIMIT);
		while (at < length && !ws_parser_ended(&script.parser)) {
			script_feed(&script, bytes + at++, 1);
		}
		assert_int_equal(at, early[i].byte);
		script_fini(&script);
		free(bytes);
	}
	(void)state;
}

static void gives_pieces_where_they_lie_and_allocates_nothing(void **state)
{
	uint8_t bytes[] = {0x01, 0x84, 1, 2, 3, 4, 'a' ^ 1, 'b' ^ 2, 'c' ^ 3, 'd' ^ 4};
	struct ws_parser parser;
	struct ws_event event;

	allocation_fail(1);
	ws_parser_init(&parser, WS_SERVER, 0);
	assert_false(ws_parser_inside(&parser));
	assert_int_equal(ws_parser_next(&parser, bytes, 1, &event), 1);
	assert_int_equal(event.kind, WS_MORE);
	assert_true(ws_parser_inside(&parser));
	assert_int_equal(ws_parser_next(&parser, bytes + 1, 5, &event), 5);
	assert_int_equal(event.kind, WS_MORE);
	assert_int_equal(ws_parser_next(&parser, bytes + 6, 3, &event), 3);
	assert_int_equal(event.kind, WS_DATA);
	assert_true(event.starts && !event.ends && event.left == 1);
	assert_ptr_equal(event.bytes, bytes + 6);
	assert_memory_equal(event.bytes, "abc", 3);
	assert_int_equal(ws_parser_next(&parser, bytes + 9, 1, &event), 1);
	assert_true(!event.starts && !event.ends && !event.left);
	assert_memory_equal(event.bytes, "d", 1);
	assert_true(ws_parser_inside(&parser));
	memcpy(bytes, (uint8_t[]){0x80, 0x80, 9, 9, 9, 9}, 6);
	assert_int_equal(ws_parser_next(&parser, bytes, 10, &event), 6);
	assert_true(event.kind == WS_DATA && !event.starts && event.ends && !event.length);
	assert_false(ws_parser_inside(&parser) || ws_parser_ended(&parser));
	assert_false(allocation_failed());
	(void)state;
}

/* And leaves nothing in the parser; what lies behind it is not touched. */
static void gives_a_whole_message_at_once(void **state)
{
	uint8_t bytes[] = {0x81, 0x82, 1, 2, 3, 4, 'a' ^ 1, 'b' ^ 2, 0x82, 0x82, 9, 9, 9, 9, 'c'};
	struct ws_parser parser;
	struct ws_event event;

	ws_parser_init(&parser, WS_SERVER, 2);
	assert_int_equal(ws_parser_next(&parser, bytes, 8, &event), 8);
	assert_true(event.kind == WS_DATA && event.opcode == WS_OPCODE_TEXT);
	assert_true(event.starts && event.ends && !event.left);
	assert_ptr_equal(event.bytes, bytes + 6);
	assert_int_equal(event.length, 2);
	assert_memory_equal(event.bytes, "ab", 2);
	assert_memory_equal(bytes + 8, ((uint8_t[]){0x82, 0x82, 9, 9, 9, 9, 'c'}), 7);
	assert_false(ws_parser_inside(&parser) || ws_parser_ended(&parser));
	assert_int_equal(ws_parser_next(&parser, bytes + 8, 7, &event), 7);
	assert_true(event.starts && !event.ends && event.left == 1 && event.length == 1);
	assert_true(ws_parser_inside(&parser));
	(void)state;
}

static void takes_any_length_without_a_limit(void **state)
{
	uint8_t bytes[] = {0x82, 127, 0x7f, 255, 255, 255, 255, 255, 255, 255, 'a'};
	struct ws_parser parser;
	struct ws_event event;

	ws_parser_init(&parser, WS_CLIENT, 0);
	assert_int_equal(ws_parser_next(&parser, bytes, sizeof(bytes), &event), sizeof(bytes));
	assert_int_equal(event.kind, WS_DATA);
	assert_true(event.left == (uint64_t)INT64_MAX - 1);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(obeys_every_rule),
		cmocka_unit_test(tells_the_same_at_every_split),
		cmocka_unit_test(tells_the_same_byte_by_byte),
		cmocka_unit_test(finds_faults_early),
		cmocka_unit_test(gives_pieces_where_they_lie_and_allocates_nothing),
		cmocka_unit_test(gives_a_whole_message_at_once),
		cmocka_unit_test(takes_any_length_without_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
