/* SPDX-License-Identifier: Apache-2.0 */
#include "upgrade.h"

#include <stdio.h>
#include <string.h>

#include "ws/handshake.h"

/* Returns the value of a field, NULL if it is not there. */
static const char *field(const char *head, const char *name, size_t *length)
{
	const char *at = strcasestr(head, name);

	if (!at) {
		return NULL;
	}
	at += strlen(name);
	*length = strcspn(at, "\r");
	return at;
}

bool upgrade_read(const char *head, struct upgrade *upgrade)
{
	size_t length;

	upgrade->is_server = !strncmp(head, "GET /v1/server ", 15);
	upgrade->id = field(head, "\r\nX-Relay-Server: ", &upgrade->id_length);
	upgrade->key = field(head, "\r\nSec-WebSocket-Key: ", &length);
	return (upgrade->is_server || !strncmp(head, "GET /v1/client ", 15)) && upgrade->id &&
		upgrade->key && ws_handshake_key_valid(upgrade->key, length);
}

size_t upgrade_answer(const struct upgrade *upgrade, char answer[UPGRADE_ANSWER_MOST])
{
	char accept[WS_ACCEPT_CHARS + 1];

	ws_handshake_accept(upgrade->key, accept);
	return (size_t)snprintf(answer, UPGRADE_ANSWER_MOST,
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Accept: %s\r\n\r\n",
		accept);
}
