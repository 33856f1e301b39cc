/* SPDX-License-Identifier: Apache-2.0 */
/* The opening handshake, both sides of it (RFC 6455, 4). */
#include "ws/opening.h"

#include "ws/connection_script.h"

#define LINE "GET /chat HTTP/1.1\r\nHost: a\r\n"
#define UPGRADE "Upgrade: websocket\r\n"
#define CONNECTION "Connection: keep-alive, Upgrade\r\n"
#define KEYED "Sec-WebSocket-Key: " KEY "\r\n"
#define VERSIONED "Sec-WebSocket-Version: 13\r\n"

static void a_handshake_is_answered(void **state)
{
	struct buffer head = {0};

	(void)state;
	serve();
	say(OPENING);
	peer_take_head(&head);
	assert_non_null(strstr(buffer_text(&head), "HTTP/1.1 101 Switching Protocols\r\n"));
	assert_non_null(strstr(buffer_text(&head), "\r\nUpgrade: websocket\r\n"));
	assert_non_null(strstr(buffer_text(&head), "\r\nConnection: upgrade\r\n"));
	assert_non_null(strstr(buffer_text(&head), "\r\nSec-WebSocket-Accept: " ACCEPT "\r\n"));
	assert_null(strstr(buffer_text(&head), "Extensions"));
	assert_null(strstr(buffer_text(&head), "Protocol:"));
	assert_int_equal(script.server.connections, 0);
	assert_int_equal(script.gone, 0); /* but not its place, which is the WebSocket's */
	buffer_fini(&head);
	over();
}

/* What is legal in other words, and offers that are not taken. */
static void words_are_a_servers_to_bear(void **state)
{
	static const char *const requests[] = {
		LINE "upgrade: WebSocket\r\nconnection: UPGRADE\r\n" KEYED VERSIONED "\r\n",
		LINE "Upgrade: h2c, websocket\r\n" CONNECTION KEYED VERSIONED "\r\n",
		LINE UPGRADE CONNECTION KEYED VERSIONED
		"Origin: http://a\r\nSec-WebSocket-Protocol: chat\r\n"
		"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		serve();
		say(requests[i]);
		settle();
		assert_true(script.open);
		over();
	}
}

/* Every MUST of 4.2.1, each broken by itself. */
static void others_are_refused(void **state)
{
	static const struct {
		const char *request, *status;
	} rows[] = {
		{"POST /chat HTTP/1.1\r\nHost: a\r\n" UPGRADE CONNECTION KEYED VERSIONED "\r\n",
			"405"},
		{"GET /chat HTTP/1.0\r\nHost: a\r\n" UPGRADE CONNECTION KEYED VERSIONED "\r\n",
			"400"},
		{"GET /chat HTTP/1.1\r\n" UPGRADE CONNECTION KEYED VERSIONED "\r\n", "400"},
		{LINE "\r\n", "426"},
		{LINE CONNECTION KEYED VERSIONED "\r\n", "426"},
		{LINE "Upgrade: websockets\r\n" CONNECTION KEYED VERSIONED "\r\n", "426"},
		{LINE UPGRADE KEYED VERSIONED "\r\n", "426"},
		{LINE UPGRADE "Connection: keep-alive\r\n" KEYED VERSIONED "\r\n", "426"},
		{LINE UPGRADE CONNECTION VERSIONED "\r\n", "400"},
		{LINE UPGRADE CONNECTION "Sec-WebSocket-Key: \r\n" VERSIONED "\r\n", "400"},
		{LINE UPGRADE CONNECTION "Sec-WebSocket-Key: dGhlIHNhbXBsZQ==\r\n" VERSIONED "\r\n",
			"400"},
		{LINE UPGRADE CONNECTION KEYED KEYED VERSIONED "\r\n", "400"},
		{LINE UPGRADE CONNECTION KEYED "\r\n", "400"},
		{LINE UPGRADE CONNECTION KEYED VERSIONED VERSIONED "\r\n", "400"},
		{LINE UPGRADE CONNECTION KEYED "Sec-WebSocket-Version: 8\r\n\r\n", "426"},
		{LINE UPGRADE CONNECTION KEYED "Sec-WebSocket-Version: 13, 8\r\n\r\n", "426"},
		{LINE UPGRADE CONNECTION KEYED VERSIONED "Content-Length: 1\r\n\r\na", "400"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buffer head = {0};
		const char *text;

		serve();
		say(rows[i].request);
		peer_take_head(&head);
		text = buffer_text(&head);
		assert_memory_equal(text + sizeof("HTTP/1.1"), rows[i].status, 3);
		assert_int_equal(!strcmp(rows[i].status, "426"),
			strstr(text, "\r\nSec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n") !=
				NULL);
		assert_int_equal(
			!strcmp(rows[i].status, "405"), strstr(text, "Allow: GET") != NULL);
		assert_false(script.open);
		buffer_fini(&head);
		over();
	}
}

/* Wherever what it sends is cut, and with frames right behind the handshake. */
static void frames_may_come_ahead(void **state)
{
	struct buffer bytes = {0};

	(void)state;
	buffer_append_text(&bytes, OPENING);
	append_frame(&bytes, TEXT, "hello", 5, true);
	append_frame(&bytes, BINARY, "you", 3, true);
	for (size_t cut = 1; cut < bytes.length; cut++) {
		serve();
		send_bytes(bytes.data, cut);
		settle();
		send_bytes(bytes.data + cut, bytes.length - cut);
		expect_heard("t<hello>\nb<you>\n");
		over();
	}
	buffer_fini(&bytes);
}

/* What came ahead is still told, and then that the peer has gone. */
static void the_peer_may_end_ahead(void **state)
{
	struct buffer bytes = {0};

	(void)state;
	buffer_append_text(&bytes, OPENING);
	append_frame(&bytes, TEXT, "hello", 5, true);
	serve();
	send_bytes(bytes.data, bytes.length);
	peer_shut();
	run_until(script.closed);
	expect_heard("t<hello>\nended: it broke off\nclosed 1006\n");
	over();
	serve();
	say(OPENING);
	peer_shut();
	run_until(script.closed);
	expect_heard("ended: it broke off\nclosed 1006\n");
	over();
	buffer_fini(&bytes);
}

static void a_drain_that_is_closed_takes_none(void **state)
{
	struct buffer head = {0};

	(void)state;
	serve();
	say("GET");
	settle();
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	settle();
	say(&OPENING[3]);
	peer_take_head(&head);
	assert_memory_equal(buffer_text(&head), "HTTP/1.1 503 ", 13);
	assert_int_equal(script.error, -ESHUTDOWN);
	buffer_fini(&head);
	over();
}

/* The client's side: 4.1. */

static void a_client_asks(void **state)
{
	struct buffer head = {0};
	char expected[256], first[WS_KEY_CHARS + 1];

	(void)state;
	ask(&head);
	memcpy(first, script.opening.key, sizeof(first));
	assert_true(ws_handshake_key_valid(first, WS_KEY_CHARS));
	(void)snprintf(expected, sizeof(expected),
		"GET /chat HTTP/1.1\r\nHost: a:1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n",
		first);
	assert_string_equal(buffer_text(&head), expected);
	answer_opening("\x81\x05hello");
	expect_heard("t<hello>\n");
	assert_true(script.open);
	assert_int_equal(script.gone, 1);
	over();
	buffer_consume(&head, head.length);
	ask(&head);
	assert_string_not_equal(script.opening.key, first); /* another one for each */
	answer_opening("");
	settle();
	over();
	buffer_fini(&head);
}

static void answers_have_to_be_right(void **state)
{
	static const struct {
		const char *status, *fields;
		bool fine;
	} rows[] = {
		{"101",
			"Upgrade: WebSocket\r\nConnection: x, upgrade\r\n"
			"Sec-WebSocket-Accept: *\r\n",
			true},
		{"200", "Content-Length: 0\r\n", false},
		{"403", "Upgrade: websocket\r\nConnection: upgrade\r\nContent-Length: 0\r\n",
			false},
		{"101", "Upgrade: h2c\r\nConnection: upgrade\r\nSec-WebSocket-Accept: *\r\n",
			false},
		{"101", "Connection: upgrade\r\nSec-WebSocket-Accept: *\r\n", false},
		{"101", "Upgrade: websocket\r\nSec-WebSocket-Accept: *\r\n", false},
		{"101", "Upgrade: websocket\r\nConnection: upgrade\r\n", false},
		{"101",
			"Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: " ACCEPT
			"\r\n",
			false},
		{"101",
			"Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: "
			"*\r\nSec-WebSocket-Extensions: permessage-deflate\r\n",
			false},
		{"101",
			"Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: "
			"*\r\nSec-WebSocket-Protocol: chat\r\n",
			false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buffer bytes = {0};
		const char *star = strchr(rows[i].fields, '*');
		char accepted[WS_ACCEPT_CHARS + 1];

		ask(&bytes);
		buffer_consume(&bytes, bytes.length);
		ws_handshake_accept(script.opening.key, accepted);
		buffer_appendf(&bytes, "HTTP/1.1 %s X\r\n%.*s%s%s\r\n", rows[i].status,
			(int)(star ? star - rows[i].fields : 0), rows[i].fields,
			star ? accepted : "", star ? star + 1 : rows[i].fields);
		send_bytes(bytes.data, bytes.length);
		settle();
		assert_int_equal(script.open, rows[i].fine);
		assert_int_equal(script.fault == NULL, rows[i].fine);
		over();
		buffer_fini(&bytes);
	}
}

/* Asks with more fields, and leaves the request in head. */
static void ask_with(struct buffer *head, const char *fields)
{
	int fds[2];

	script_reset(WS_SERVER);
	prompt_pair(fds);
	script.peer = fds[1];
	assert_int_equal(http_client_init(&script.client, worker, fds[0], NULL,
				 &script_client_handler, NULL),
		0);
	ws_opening_request_with(&script.opening, &script.client, "/chat",
		(struct http_text){fields, strlen(fields)});
	ws_opening_request_end(&script.client);
	peer_take_head(head);
}

/* RFC 6455, 4.1 and 11.3.4: the server chooses one of those that were listed, or none. */
static void subprotocols_are_offered_and_chosen(void **state)
{
	static const char offers[] = "A: b, two\r\nSec-WebSocket-Protocol: one, two\r\n"
				     "sec-websocket-protocol:Three\r\nHost: h\r\n";
	static const struct {
		const char *chosen;
		bool fine;
	} rows[] = {
		{"", true},
		{"Sec-WebSocket-Protocol: one\r\n", true},
		{"sec-websocket-protocol: two\r\n", true},
		{"Sec-WebSocket-Protocol: Three\r\n", true},
		{"Sec-WebSocket-Protocol: three\r\n", false},
		{"Sec-WebSocket-Protocol: tw\r\n", false},
		{"Sec-WebSocket-Protocol: b\r\n", false},
		{"Sec-WebSocket-Protocol: one, two\r\n", false},
		{"Sec-WebSocket-Protocol: one\r\nSec-WebSocket-Protocol: two\r\n", false},
		{"Sec-WebSocket-Protocol:\r\n", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buffer bytes = {0};
		char accepted[WS_ACCEPT_CHARS + 1];

		ask_with(&bytes, offers);
		assert_non_null(strstr(buffer_text(&bytes), offers));
		assert_null(strstr(buffer_text(&bytes), "Host: a"));
		buffer_consume(&bytes, bytes.length);
		ws_handshake_accept(script.opening.key, accepted);
		buffer_appendf(&bytes,
			"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
			"Sec-WebSocket-Accept: %s\r\n%s\r\n",
			accepted, rows[i].chosen);
		send_bytes(bytes.data, bytes.length);
		settle();
		assert_int_equal(script.open, rows[i].fine);
		over();
		buffer_fini(&bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		worker_test(a_handshake_is_answered),
		worker_test(words_are_a_servers_to_bear),
		worker_test(others_are_refused),
		worker_test(frames_may_come_ahead),
		worker_test(the_peer_may_end_ahead),
		worker_test(a_drain_that_is_closed_takes_none),
		worker_test(a_client_asks),
		worker_test(answers_have_to_be_right),
		worker_test(subprotocols_are_offered_and_chosen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
