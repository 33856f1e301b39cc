/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may ask curfew mcp, by Host and Origin: the first line of the input is the one, the second
 * the other. What is allowed without any option is a loopback's name as a regular expression has
 * it.
 */
#include <assert.h>
#include <regex.h>
#include <stdint.h>
#include <string.h>

#include "http/parser.h"
#include "mcp/access.h"

#define HOST "(localhost|127(\\.[0-9]{1,3}){3}|\\[[0-9a-f:.]+\\])"
#define PORT "(:[0-9]*)?"

static regex_t host_form, origin_form;

static void make_forms(void)
{
	static bool made;
	const int flags = REG_EXTENDED | REG_ICASE | REG_NOSUB;

	if (!made) {
		made = true;
		assert(!regcomp(&host_form, "^" HOST PORT "$", flags));
		assert(!regcomp(&origin_form, "^https?://" HOST PORT "$", flags));
	}
}

static bool fits(const regex_t *form, struct http_text text)
{
	struct buffer copy = {0};
	bool fitting;

	buffer_append(&copy, text.bytes, text.length);
	fitting = regexec(form, buffer_text(&copy), 0, NULL, 0) == 0 &&
		strlen(buffer_text(&copy)) == text.length;
	buffer_fini(&copy);
	return fitting;
}

static void check(struct http_connection *connection)
{
	struct mcp_config config = {.path = "/mcp"};
	struct mcp mcp = {.config = &config};
	const struct http_head *head = &connection->parser.head;
	const struct http_field *host = http_head_find(head, "Host", NULL);
	char fields[ACCESS_FIELDS];
	struct http_text origin;

	if (access_host_allowed(&mcp, connection)) {
		assert(host && fits(&host_form, http_head_text(head, host->value)));
	}
	if (access_origin_allowed(&mcp, head, &origin)) {
		assert(!origin.length || fits(&origin_form, origin));
		assert(strlen(access_fields(origin, fields)) < ACCESS_FIELDS);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_connection connection = {.stream.fd = -1};
	const uint8_t *line = size ? memchr(data, '\n', size) : NULL;
	size_t first = line ? (size_t)(line - data) : size;
	struct buffer text = {0};
	size_t used;

	make_forms();
	buffer_append_text(&text, "GET /mcp HTTP/1.1\r\nHost: ");
	buffer_append(&text, data, first);
	buffer_append_text(&text, "\r\nOrigin: ");
	buffer_append(&text, line ? line + 1 : data, line ? size - first - 1 : 0);
	buffer_append_text(&text, "\r\n\r\n");
	http_parser_init(&connection.parser, HTTP_REQUESTS);
	if (!text.failed &&
		http_parser_read(&connection.parser, text.data, text.length, &used) ==
			HTTP_EVENT_HEAD) {
		check(&connection);
	}
	http_parser_fini(&connection.parser);
	buffer_fini(&text);
	return 0;
}
