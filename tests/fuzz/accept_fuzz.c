/* SPDX-License-Identifier: Apache-2.0 */
/* The admin face's choice by Accept: a page only where text/html is named. */
#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "admin/accept.h"
#include "http/parser.h"

static const char before[] = "GET /status HTTP/1.1\r\nHost: x\r\nAccept: ";
static const char after[] = "\r\n\r\n";

static bool names_page(const char *text, size_t length)
{
	static const char name[] = "text/html";

	for (size_t i = 0; i + sizeof(name) - 1 <= length; i++) {
		if (strncasecmp(text + i, name, sizeof(name) - 1) == 0) {
			return true;
		}
	}
	return false;
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
		http_parser_read(&parser, text.data, text.length, &used) == HTTP_EVENT_HEAD &&
		accept_prefers_page(&parser.head)) {
		assert(names_page((const char *)data, size));
	}
	http_parser_fini(&parser);
	buffer_fini(&text);
	return 0;
}
