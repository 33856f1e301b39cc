/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/opening.h"

#include <assert.h>
#include <string.h>

#include "http/compose.h"
#include "ws/connection_state.h"
#include "ws/nonce.h"

#define VERSION "13"
#define KEY_FIELD "Sec-WebSocket-Key"
#define VERSION_FIELD "Sec-WebSocket-Version"
#define ACCEPT_FIELD "Sec-WebSocket-Accept"

/* The value of a field that stands there once; "" with no length: it does not, or often (11.3). */
static struct http_text only_value(const struct http_head *head, const char *name)
{
	const struct http_field *field = http_head_find(head, name, NULL);

	if (!field || http_head_find(head, name, field)) {
		return (struct http_text){"", 0};
	}
	return http_head_text(head, field->value);
}

static bool lists_upgrade(const struct http_head *head)
{
	return http_head_lists(head, "Upgrade", "websocket") &&
		http_head_lists(head, "Connection", "upgrade");
}

/* The server's side. */

unsigned ws_opening_status(const struct http_connection *from)
{
	const struct http_head *head = &from->parser.head;
	struct http_text key = only_value(head, KEY_FIELD);
	struct http_text version = only_value(head, VERSION_FIELD);

	if (!http_head_says(head, head->method, "GET")) {
		return 405;
	}
	if (!lists_upgrade(head)) {
		return 426;
	}
	if (!head->upgrade || !version.length || !ws_handshake_key_valid(key.bytes, key.length)) {
		return 400;
	}
	return http_text_equal(version, VERSION) ? 0 : 426;
}

void ws_opening_refuse(struct http_connection *from, unsigned status)
{
	const char *fields = VERSION_FIELD ": " VERSION "\r\n";
	const char *text = "this is no opening handshake of a WebSocket\n";

	if (status == 405) {
		fields = "Allow: GET\r\n";
		text = "a WebSocket is opened by GET\n";
	} else if (status == 426) {
		fields = VERSION_FIELD ": " VERSION "\r\nUpgrade: websocket\r\n";
		text = "a WebSocket is to be asked for, of version " VERSION "\n";
	}
	http_answer_whole(from, status, "text/plain; charset=utf-8", text, fields);
}

static void answer(struct http_connection *from)
{
	const struct http_text key = only_value(&from->parser.head, KEY_FIELD);
	char accepted[WS_ACCEPT_CHARS + 1];
	struct buffer *head = http_answer(from, 101);

	ws_handshake_accept(key.bytes, accepted);
	http_compose_field(head, "Upgrade", "websocket");
	http_compose_field(head, ACCEPT_FIELD, accepted);
	http_tunnel(from, false);
}

int ws_accept_on(struct ws_connection *connection, struct http_connection *from,
	const struct ws_setting *setting)
{
	int error = ws_connection_begin(connection, WS_SERVER, setting);

	if (!error) {
		answer(from);
		http_tunnel_hand_over(
			from, &connection->stream, setting->worker, &ws_connection_stream_ops);
	}
	return error;
}

int ws_accept(struct ws_connection *connection, struct http_connection *from,
	const struct ws_handler *handler, const struct ws_limits *limits, const char *name)
{
	const struct ws_setting setting = {
		.worker = from->server->worker,
		.drain = from->server->drain,
		.handler = handler,
		.limits = limits,
		.name = name,
	};

	return ws_accept_on(connection, from, &setting);
}

/* The client's side. */

struct buffer *ws_opening_request(struct ws_opening *opening, struct http_client *client,
	const char *host, const char *target)
{
	struct buffer *out = http_client_request(client, (struct http_asked){.upgrade = true});
	uint8_t nonce[WS_NONCE_BYTES];

	ws_nonce(nonce, sizeof(nonce));
	ws_handshake_key(nonce, opening->key);
	http_compose_request(
		out, (struct http_text){"GET", 3}, (struct http_text){target, strlen(target)});
	http_compose_field(out, "Host", host);
	http_compose_field(out, "Upgrade", "websocket");
	http_compose_field(out, "Connection", "Upgrade");
	http_compose_field(out, KEY_FIELD, opening->key);
	http_compose_field(out, VERSION_FIELD, VERSION);
	return out;
}

void ws_opening_request_end(struct http_client *client)
{
	http_client_head_end(client, HTTP_FRAMING_NONE, 0);
}

const char *ws_opening_fault(const struct ws_opening *opening, const struct http_client *client)
{
	const struct http_head *head = &client->parser.head;
	struct http_text accepted = only_value(head, ACCEPT_FIELD);

	if (head->status != 101) {
		return "the server does not open a WebSocket";
	}
	if (!http_text_equal(only_value(head, "Upgrade"), "websocket") ||
		!http_head_lists(head, "Connection", "upgrade")) {
		return "the server changes to another protocol";
	}
	if (!ws_handshake_accepted(opening->key, accepted.bytes, accepted.length)) {
		return "the server's answer is not to our key";
	}
	if (http_head_find(head, "Sec-WebSocket-Extensions", NULL) ||
		http_head_find(head, "Sec-WebSocket-Protocol", NULL)) {
		return "the server chooses what was not offered";
	}
	return NULL;
}

int ws_connect(struct ws_connection *connection, struct http_client *client,
	struct curfew_drain *drain, const struct ws_handler *handler,
	const struct ws_limits *limits)
{
	const struct ws_setting setting = {
		.worker = client->stream.worker,
		.drain = drain,
		.handler = handler,
		.limits = limits,
	};
	int error = ws_connection_begin(connection, WS_CLIENT, &setting);

	if (error) {
		return error;
	}
	error = http_client_tunnel_hand_over(
		client, &connection->stream, &ws_connection_stream_ops);
	if (error) {
		ws_connection_give_up(connection);
		return error;
	}
	ws_connection_open(connection);
	return 0;
}
