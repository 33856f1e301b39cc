/* SPDX-License-Identifier: Apache-2.0 */
/* Choices by Accept: a page, or a type, only where that is named, or a range that it is in. */
#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "admin/accept.h"
#include "http/parser.h"

static const char before[] = "GET /status HTTP/1.1\r\nHost: x\r\nAccept: ";
static const char after[] = "\r\n\r\n";

static bool names(const char *text, size_t length, const char *name)
{
	for (size_t i = 0; i + strlen(name) <= length; i++) {
		if (strncasecmp(text + i, name, strlen(name)) == 0) {
			return true;
		}
	}
	return false;
}

static void check(const struct http_head *head, const char *text, size_t length)
{
	if (accept_prefers_page(head)) {
		assert(names(text, length, "text/html"));
	}
	if (accept_takes(head, "application/json")) {
		assert(names(text, length, "application/json") ||
			names(text, length, "application/*") || names(text, length, "*/*"));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_parser parser;
	struct buffer text = {0};
	size_t used;

	buffer_append(&text, before, sizeof(before) - 1);
	buffer_append(&text, data, size);
	buffer_append(&text, after, sizeof(after) - 1);
	http_parser_init(&parser, HTTP_REQUESTS);
	if (!text.failed &&
		http_parser_read(&parser, text.data, text.length, &used) == HTTP_EVENT_HEAD) {
		check(&parser.head, (const char *)data, size);
	}
	http_parser_fini(&parser);
	buffer_fini(&text);
	return 0;
}
