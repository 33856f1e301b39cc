/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parser's side of llhttp, which reads whole heads, chunk lines, chunks and whole trailers, one
 * after the other, in bytes that the parser shows it piece by piece. For the parser alone.
 */
#ifndef HTTP_GRAMMAR_H
#define HTTP_GRAMMAR_H

#include "http/parser.h"

/* In front of each message. */
void http_grammar_reset(struct http_parser *parser);

/*
 * Shows llhttp some bytes. Fields that it finds are added to the head; their bytes must be those of
 * the head's text. Afterwards parser->noted says whether the end of the head, of the chunk line or
 * of the trailers was among them.
 */
enum http_error http_grammar_read(struct http_parser *parser, const char *bytes, size_t length);

#endif
