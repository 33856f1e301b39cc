/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/close.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* RFC 6455, 7.4, and IANA's registry for 1012 to 1014. */
static void knows_every_code(void **state)
{
	for (unsigned code = 0; code <= UINT16_MAX; code++) {
		uint8_t payload[2] = {(uint8_t)(code >> 8), (uint8_t)code};
		struct ws_close close;
		bool expected = (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 &&
					code != 1006) ||
			(code >= 3000 && code <= 4999);

		assert_int_equal(ws_close_sendable(code), expected);
		assert_int_equal(ws_close_read(payload, 2, &close),
			expected ? WS_FAULT_NONE : WS_FAULT_CLOSE_CODE);
	}
	(void)state;
}

static void reads_what_it_writes(void **state)
{
	uint8_t payload[WS_CONTROL_MOST];
	struct ws_close close;
	size_t length = ws_close_write(payload, WS_CLOSE_GOING_AWAY, "shutting down");

	assert_int_equal(length, 15);
	assert_int_equal(ws_close_read(payload, length, &close), WS_FAULT_NONE);
	assert_int_equal(close.code, 1001);
	assert_int_equal(close.length, 13);
	assert_memory_equal(close.reason, "shutting down", 13);
	assert_int_equal(ws_close_write(payload, WS_CLOSE_NO_CODE, ""), 0);
	assert_int_equal(ws_close_read(payload, 0, &close), WS_FAULT_NONE);
	assert_int_equal(close.code, WS_CLOSE_NO_CODE);
	assert_int_equal(close.length, 0);
	(void)state;
}

/* A reason of any length, of characters of one to four bytes, fits and stays UTF-8. */
static void cuts_reasons_between_characters(void **state)
{
	static const char *const characters[] = {
		"a", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};

	for (size_t i = 0; i < 4; i++) {
		char reason[300] = "";
		size_t wide = strlen(characters[i]);

		for (size_t length = 0; length + wide < sizeof(reason); length += wide) {
			uint8_t payload[WS_CONTROL_MOST];
			struct ws_close close;
			size_t size = ws_close_write(payload, 1000, reason);

			assert_int_equal(ws_close_read(payload, size, &close), WS_FAULT_NONE);
			assert_int_equal(close.length,
				length <= WS_REASON_MOST ? length : WS_REASON_MOST / wide * wide);
			memcpy(reason + length, characters[i], wide + 1);
		}
	}
	(void)state;
}

static void writes_frames(void **state)
{
	uint8_t frame[WS_CONTROL_FRAME_MOST];

	assert_int_equal(ws_close_frame(frame, 1001, "", NULL), 4);
	assert_memory_equal(frame, "\x88\x02\x03\xe9", 4);
	assert_int_equal(ws_close_frame(frame, 1000, "ok", (const uint8_t[]){1, 1, 1, 1}), 10);
	assert_memory_equal(frame, "\x88\x84\1\1\1\1\x02\xe9\x6e\x6a", 10);
	(void)state;
}

/* Each row of the table of faults can be said in a close frame. */
static void says_every_fault(void **state)
{
	for (int fault = WS_FAULT_NONE + 1; fault <= WS_FAULT_TOO_BIG; fault++) {
		const char *text = ws_fault_text((enum ws_fault)fault);

		assert_true(ws_close_sendable(ws_fault_code((enum ws_fault)fault)));
		assert_in_range(strlen(text), 1, WS_REASON_MOST);
	}
	assert_int_equal(ws_fault_code(WS_FAULT_TEXT), 1007);
	assert_string_equal(ws_fault_text(WS_FAULT_TEXT), "text that is not UTF-8");
	assert_string_equal(ws_fault_text(WS_FAULT_NONE), "");
	assert_int_equal(ws_fault_code(WS_FAULT_NONE), 0);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_every_code),
		cmocka_unit_test(reads_what_it_writes),
		cmocka_unit_test(cuts_reasons_between_characters),
		cmocka_unit_test(writes_frames),
		cmocka_unit_test(says_every_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
