/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/close.h"

#include <assert.h>
#include <string.h>

#include "ws/utf8.h"

bool ws_close_sendable(unsigned code)
{
	static const struct {
		unsigned first, last;
	} ranges[] = {{1000, 1003}, {1007, 1014}, {3000, 4999}};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		if (code >= ranges[i].first && code <= ranges[i].last) {
			return true;
		}
	}
	return false;
}

enum ws_fault ws_close_read(const uint8_t *payload, size_t length, struct ws_close *close)
{
	struct ws_utf8 utf8 = {0};

	*close = (struct ws_close){.code = WS_CLOSE_NO_CODE};
	if (!length) {
		return WS_FAULT_NONE;
	}
	if (length < 2) {
		return WS_FAULT_CLOSE_LENGTH;
	}
	close->code = (uint16_t)(payload[0] << 8 | payload[1]);
	close->reason = payload + 2;
	close->length = length - 2;
	if (!ws_close_sendable(close->code)) {
		return WS_FAULT_CLOSE_CODE;
	}
	if (!ws_utf8_feed(&utf8, close->reason, close->length) || !ws_utf8_whole(&utf8)) {
		return WS_FAULT_CLOSE_REASON;
	}
	return WS_FAULT_NONE;
}

static size_t fitting(const char *reason)
{
	size_t length = strnlen(reason, WS_REASON_MOST + 1);

	if (length <= WS_REASON_MOST) {
		return length;
	}
	length = WS_REASON_MOST;
	while (length && ((uint8_t)reason[length] & 0xc0) == 0x80) {
		length--;
	}
	return length;
}

size_t ws_close_write(uint8_t payload[WS_CONTROL_MOST], unsigned code, const char *reason)
{
	size_t length = fitting(reason);

	if (code == WS_CLOSE_NO_CODE) {
		return 0;
	}
	assert(ws_close_sendable(code));
	payload[0] = (uint8_t)(code >> 8);
	payload[1] = (uint8_t)code;
	memcpy(payload + 2, reason, length);
	return 2 + length;
}

size_t ws_close_frame(uint8_t frame[WS_CONTROL_FRAME_MOST], unsigned code, const char *reason,
	const uint8_t key[4])
{
	uint8_t payload[WS_CONTROL_MOST];
	size_t length = ws_close_write(payload, code, reason);

	return ws_frame_control(frame, WS_OPCODE_CLOSE, payload, length, key);
}
