/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the lines of fields, header and trailer (RFC 9112, 5). For the parser alone. */
#ifndef HTTP_FIELDS_H
#define HTTP_FIELDS_H

#include "http/error.h"
#include "http/head.h"

/*
 * Reads the line that begins at start in the head's text and ends with the text, with CRLF and no
 * other line feed: adds its field. The caller counts it, among the header fields or the trailers.
 */
enum http_error http_field_read(struct http_head *head, size_t start);

#endif
