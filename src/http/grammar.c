/* SPDX-License-Identifier: Apache-2.0 */
#include "http/grammar.h"

/* A message in front of the body, since llhttp has its own idea of where one begins. */
static const char front[] = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";

static int on_chunk(llhttp_t *grammar)
{
	((struct http_parser *)grammar->data)->noted = true;
	return 0;
}

static const llhttp_settings_t settings = {.on_chunk_header = on_chunk};

void http_grammar_begin(struct http_parser *parser)
{
	llhttp_init(&parser->grammar, HTTP_REQUEST, &settings);
	parser->grammar.data = parser;
	(void)llhttp_execute(&parser->grammar, front, sizeof(front) - 1);
}

bool http_grammar_read(struct http_parser *parser, const char *bytes, size_t length)
{
	parser->noted = false;
	return llhttp_execute(&parser->grammar, bytes, length) == HPE_OK;
}
