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
#define PROTOCOL_FIELD "Sec-WebSocket-Protocol"

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

static struct buffer *begin_request(
	struct ws_opening *opening, struct http_client *client, const char *target)
{
	struct buffer *out = http_client_request(client, (struct http_asked){.upgrade = true});
	uint8_t nonce[WS_NONCE_BYTES];

	*opening = (struct ws_opening){.fields = {"", 0}};
	ws_nonce(nonce, sizeof(nonce));
	ws_handshake_key(nonce, opening->key);
	http_compose_request(
		out, (struct http_text){"GET", 3}, (struct http_text){target, strlen(target)});
	return out;
}

/* Host goes in front of them (RFC 9110, 7.2). */
static void add_own_fields(const struct ws_opening *opening, struct buffer *out)
{
	http_compose_field(out, "Upgrade", "websocket");
	http_compose_field(out, "Connection", "Upgrade");
	http_compose_field(out, KEY_FIELD, opening->key);
	http_compose_field(out, VERSION_FIELD, VERSION);
}

void ws_opening_request(struct ws_opening *opening, struct http_client *client, const char *host,
	const char *target)
{
	struct buffer *out = begin_request(opening, client, target);

	http_compose_field(out, "Host", host);
	add_own_fields(opening, out);
}

void ws_opening_request_with(struct ws_opening *opening, struct http_client *client,
	const char *target, struct http_text fields)
{
	struct buffer *out = begin_request(opening, client, target);

	opening->fields = fields;
	buffer_append(out, fields.bytes, fields.length);
	add_own_fields(opening, out);
}

void ws_opening_request_end(struct http_client *client)
{
	http_client_head_end(client, HTTP_FRAMING_NONE, 0);
}

/* Takes the first line off the fields: its value is returned if its name is this one. */
static struct http_text take_value(struct http_text *fields, const char *name)
{
	const char *end = memchr(fields->bytes, '\r', fields->length);
	size_t line = end ? (size_t)(end - fields->bytes) : fields->length;
	size_t behind = end ? line + 2 : line; /* CRLF */
	size_t skipped = strlen(name) + 1;
	struct http_text value = {"", 0};

	if (line > skipped && fields->bytes[skipped - 1] == ':' &&
		http_text_equal((struct http_text){fields->bytes, skipped - 1}, name)) {
		value = (struct http_text){fields->bytes + skipped, line - skipped};
	}
	fields->bytes += behind;
	fields->length -= behind;
	return value;
}

/* Whether the subprotocol, whose case matters (11.5), is among those that were listed. */
static bool was_offered(const struct ws_opening *opening, struct http_text protocol)
{
	struct http_text fields = opening->fields, offered;

	while (fields.length) {
		struct http_text list = take_value(&fields, PROTOCOL_FIELD);

		while (http_list_next(&list, &offered)) {
			if (offered.length == protocol.length &&
				!memcmp(offered.bytes, protocol.bytes, protocol.length)) {
				return true;
			}
		}
	}
	return false;
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
		(http_head_find(head, PROTOCOL_FIELD, NULL) &&
			!was_offered(opening, only_value(head, PROTOCOL_FIELD)))) {
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
