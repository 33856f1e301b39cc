/* SPDX-License-Identifier: Apache-2.0 */
#include "http/grammar.h"

static struct http_parser *parser_of(llhttp_t *grammar)
{
	return grammar->data;
}

static int on_field(llhttp_t *grammar, const char *at, size_t length)
{
	struct http_parser *parser = parser_of(grammar);
	struct http_head *head = &parser->head;
	struct http_range name = {(uint16_t)(at - head->text.data), (uint16_t)length};

	if (!length) {
		parser->error = HTTP_BAD_FIELD;
		return HPE_USER;
	}
	if (head->count + head->trailers == HTTP_FIELDS_MOST) {
		parser->error = HTTP_TOO_MANY_FIELDS;
		return HPE_USER;
	}
	if (!http_head_add(head, name)) {
		parser->error = HTTP_NO_MEMORY;
		return HPE_USER;
	}
	if (parser->state == HTTP_STATE_TRAILERS) {
		head->trailers++;
	} else {
		head->count++;
	}
	return 0;
}

static int on_value(llhttp_t *grammar, const char *at, size_t length)
{
	struct http_head *head = &parser_of(grammar)->head;
	struct http_field *field = &head->fields[head->count + head->trailers - 1];

	while (length && (at[length - 1] == ' ' || at[length - 1] == '\t')) {
		length--;
	}
	field->value = (struct http_range){(uint16_t)(at - head->text.data), (uint16_t)length};
	return 0;
}

static int on_noted(llhttp_t *grammar)
{
	parser_of(grammar)->noted = true;
	return 0;
}

/* Only behind trailers is this what we wait for; a head without a body is complete as well. */
static int on_complete(llhttp_t *grammar)
{
	struct http_parser *parser = parser_of(grammar);

	parser->noted = parser->noted || parser->state == HTTP_STATE_TRAILERS;
	return 0;
}

static const llhttp_settings_t settings = {
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_headers_complete = on_noted,
	.on_chunk_header = on_noted,
	.on_message_complete = on_complete,
};

static enum http_error grammar_error(const struct http_parser *parser, llhttp_errno_t code)
{
	switch (code) {
	case HPE_USER:
		return parser->error;
	case HPE_INVALID_METHOD:
	case HPE_INVALID_CONSTANT: /* a method of another protocol */
		return HTTP_UNKNOWN_METHOD;
	case HPE_INVALID_URL:
		return HTTP_BAD_TARGET;
	case HPE_INVALID_CONTENT_LENGTH:
		return HTTP_BAD_LENGTH;
	case HPE_UNEXPECTED_CONTENT_LENGTH:
		return parser->grammar.flags & F_TRANSFER_ENCODING ? HTTP_LENGTH_AND_CODING
								   : HTTP_REPEATED_LENGTH;
	case HPE_INVALID_TRANSFER_ENCODING:
		return HTTP_BAD_CODING;
	case HPE_INVALID_CHUNK_SIZE:
		return HTTP_BAD_CHUNK;
	default:
		return parser->state == HTTP_STATE_HEAD || parser->state == HTTP_STATE_TRAILERS
			? HTTP_BAD_FIELD
			: HTTP_BAD_CHUNK;
	}
}

enum http_error http_grammar_read(struct http_parser *parser, const char *bytes, size_t length)
{
	llhttp_errno_t code;

	parser->noted = false;
	/* A pause for an upgrade is none of its business, and stands at the end. */
	code = llhttp_execute(&parser->grammar, bytes, length);
	return code == HPE_OK || code == HPE_PAUSED_UPGRADE ? HTTP_OK : grammar_error(parser, code);
}

void http_grammar_reset(struct http_parser *parser)
{
	llhttp_init(&parser->grammar, parser->side == HTTP_REQUESTS ? HTTP_REQUEST : HTTP_RESPONSE,
		&settings);
	parser->grammar.data = parser;
}
