/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests of WebSocket channels: what load/crew_script.h has, with requests that are messages,
 * and a server that speaks RFC 6455.
 *
 *	crew_begin();
 *	crew_runs();
 *	accept_handshake(0, "");	of the peer that was accepted first
 *	assert_asked(0, "hello");	the request
 *	say_text(0, "ok");		its answer
 */
#ifndef LOAD_WS_CHANNEL_SCRIPT_H
#define LOAD_WS_CHANNEL_SCRIPT_H

#include "load/crew_script.h"
#include "ws/frame.h"
#include "ws/handshake.h"

#define FIELDS "Host: a:1\r\nX-Mine: 1\r\n"
#define ACCEPTED (97 + WS_ACCEPT_CHARS + 4) /* bytes of a handshake's answer */
#define MESSAGE (2 + 4 + 5)                 /* header, mask, "hello" */
#define CLOSED_1000 "\x88\x02\x03\xe8"

/* A source whose requests are messages, and whose heads are the handshake's fields. */
static inline int message_next(struct load_source *source, struct load_request *request)
{
	int error = scripted_next(source, request);

	request->head = FIELDS;
	request->head_length = strlen(FIELDS);
	return error;
}

static const struct source_ops message_ops = {
	.next = message_next,
	.over = scripted_over,
	.stop = scripted_stop,
	.free = scripted_free,
};

static inline int ws_setup(void **state)
{
	script_setup(state);
	script.ops = &message_ops;
	script.raw = true;
	script.body = "hello";
	script.plan.endpoints[0].kind = ENDPOINT_WEBSOCKET;
	script.plan.endpoints[0].target = "/chat?a";
	return 0;
}

#define ws_test(test) cmocka_unit_test_setup_teardown(test, ws_setup, script_teardown)

/* The server's side. */

static inline void say_bytes(int number, const void *bytes, size_t length)
{
	assert_int_equal(send(script.peers[number].fd, bytes, length, MSG_NOSIGNAL), length);
}

/* A frame whose first byte is this; shorter than 126 bytes. */
static inline void say_frame(int number, uint8_t first, const char *payload)
{
	const uint8_t header[2] = {first, (uint8_t)strlen(payload)};

	assert_true(strlen(payload) <= WS_CONTROL_MOST);
	say_bytes(number, header, sizeof(header));
	say_bytes(number, payload, strlen(payload));
}

static inline void say_text(int number, const char *payload)
{
	say_frame(number, WS_FIN | WS_OPCODE_TEXT, payload);
	settle();
}

/* Takes the handshake's request out of what came, and answers it; behind: what comes with it. */
static inline void accept_handshake(int number, const char *behind)
{
	static const char field[] = "Sec-WebSocket-Key: ";
	struct peer *peer = &script.peers[number];
	const char *key = strstr(peer->got, field), *end = strstr(peer->got, "\r\n\r\n");
	char accepted[WS_ACCEPT_CHARS + 1], answered[1024];

	assert_true(key && end);
	ws_handshake_accept(key + strlen(field), accepted);
	peer->length -= (size_t)(end + 4 - peer->got);
	memmove(peer->got, end + 4, peer->length + 1);
	(void)snprintf(answered, sizeof(answered),
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
		"Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n%s",
		accepted, behind);
	say(number, answered);
	settle();
}

/* Takes the next frame out of what came; its payload, which it unmasks, has a NUL behind it. */
static inline uint8_t hear(int number, char payload[WS_CONTROL_MOST + 1])
{
	struct peer *peer = &script.peers[number];
	const uint8_t *frame = (const uint8_t *)peer->got;
	size_t length, size;
	uint8_t first = frame[0];

	assert_true(peer->length >= 6);
	assert_true(frame[1] & WS_MASKED);
	length = ws_frame_length(frame);
	size = ws_frame_header_size(frame[1]) + length;
	assert_true(length <= WS_CONTROL_MOST && size <= peer->length);
	for (size_t i = 0; i < length; i++) {
		payload[i] = (char)(frame[6 + i] ^ frame[2 + i % 4]);
	}
	payload[length] = '\0';
	peer->length -= size;
	memmove(peer->got, peer->got + size, peer->length + 1);
	return first;
}

static inline void assert_heard(int number, uint8_t first, const char *expected)
{
	char payload[WS_CONTROL_MOST + 1];

	assert_int_equal(hear(number, payload), first);
	assert_string_equal(payload, expected);
}

/* That it has said nothing but one message, the request. */
static inline void assert_asked(int number, const char *expected)
{
	assert_heard(number, WS_FIN | WS_OPCODE_TEXT, expected);
	assert_int_equal(script.peers[number].length, 0);
}

/* The first request has been sent. */
static inline void begin(void)
{
	crew_begin();
	crew_runs();
	accept_handshake(0, "");
	assert_asked(0, "hello");
}

/* All that has ended has this outcome. */
static inline void assert_counted(enum load_outcome outcome, unsigned status)
{
	for (int i = 0; i < LOAD_OUTCOME_COUNT; i++) {
		assert_int_equal(outcomes((enum load_outcome)i), i == (int)outcome);
	}
	assert_int_equal(crew.tally->statuses[status], 1);
	assert_int_equal(script.ended, 1);
}

#endif
