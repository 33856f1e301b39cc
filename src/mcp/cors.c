/* SPDX-License-Identifier: Apache-2.0 */
/* What a browser is told, so that pages of allowed origins may ask, and read the answers. */
#include <stdio.h>

#include "http/compose.h"
#include "mcp/access.h"

#define ASKED_MOST 1024 /* bytes of a list of header names */

const char *access_fields(struct http_text origin, char text[ACCESS_FIELDS])
{
	text[0] = '\0';
	if (origin.length) {
		(void)snprintf(text, ACCESS_FIELDS,
			"Access-Control-Allow-Origin: %.*s\r\n"
			"Access-Control-Expose-Headers: Mcp-Session-Id\r\n"
			"Vary: Origin\r\n",
			(int)origin.length, origin.bytes);
	}
	return text;
}

void access_answer_options(
	struct http_connection *connection, struct http_text origin, const char *methods)
{
	const struct http_head *head = &connection->parser.head;
	const struct http_field *asked =
		http_head_find(head, "Access-Control-Request-Headers", NULL);
	char fields[ACCESS_FIELDS];
	struct buffer *out = http_answer(connection, 204);

	http_compose_field(out, "Allow", methods);
	buffer_append_text(out, access_fields(origin, fields));
	if (origin.length) {
		http_compose_field(out, "Access-Control-Allow-Methods", methods);
		http_compose_field(out, "Access-Control-Max-Age", "7200");
		if (asked && asked->value.length && asked->value.length <= ASKED_MOST) {
			struct http_text names = http_head_text(head, asked->value);

			buffer_append_text(out, "Access-Control-Allow-Headers: ");
			buffer_append(out, names.bytes, names.length);
			buffer_append_text(out, "\r\n");
		}
	}
	http_answer_none(connection, false);
	http_answer_end(connection, NULL);
}
