/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parser's side of llhttp, which reads the chunk lines of a body, and what stands between the
 * chunks, in bytes that the parser shows it piece by piece. For the parser alone.
 */
#ifndef HTTP_GRAMMAR_H
#define HTTP_GRAMMAR_H

#include "http/parser.h"

/* In front of each chunked body. */
void http_grammar_begin(struct http_parser *parser);

/*
 * Shows llhttp some bytes; false: they are malformed. Afterwards parser->noted says whether the end
 * of a chunk line was among them, and parser->grammar.content_length the size of its chunk.
 */
bool http_grammar_read(struct http_parser *parser, const char *bytes, size_t length);

#endif
