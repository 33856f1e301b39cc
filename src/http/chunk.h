/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a chunked body (RFC 9112, 7.1): for each chunk its head, the bytes, HTTP_CHUNK_END; then
 * the last one, which is empty and has the trailers.
 */
#ifndef HTTP_CHUNK_H
#define HTTP_CHUNK_H

#include "base/buffer.h"
#include "http/head.h"

#define HTTP_CHUNK_HEAD_MOST 18 /* bytes: 16 digits and CRLF */
#define HTTP_CHUNK_END "\r\n"

/*
 * Writes the line in front of a chunk of this length, and returns the line's own; there is no NUL.
 * Not for an empty one: that would be the last.
 */
size_t http_chunk_head(char line[HTTP_CHUNK_HEAD_MOST], uint64_t length);

/* Ends the body, with the trailer fields of a head, or without any (NULL). */
void http_chunk_last(struct buffer *out, const struct http_head *trailers);

#endif
