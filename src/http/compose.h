/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes heads. Our own messages are always HTTP/1.1. A name or value of our own with a control
 * character in it is a mistake of the program, and asserted: it would be two fields to the reader.
 * A line that is known beforehand is appended as it is, with its CRLF. Running out of memory shows
 * in the buffer.
 */
#ifndef HTTP_COMPOSE_H
#define HTTP_COMPOSE_H

#include "base/buffer.h"
#include "http/head.h"

/* "HTTP/1.1 200 OK", with the status's own reason phrase. */
void http_compose_status(struct buffer *out, unsigned status);

/* "GET /path HTTP/1.1" */
void http_compose_request(struct buffer *out, struct http_text method, struct http_text target);

void http_compose_field(struct buffer *out, const char *name, const char *value);

/* Content-Length */
void http_compose_length(struct buffer *out, uint64_t length);

/* A field of a message that is passed on, byte for byte. */
void http_compose_copy(
	struct buffer *out, const struct http_head *head, const struct http_field *field);

/*
 * The line of a request that is passed on, in origin form (RFC 9112, 3.2), and a Host where it has
 * none.
 */
void http_compose_passed_request(struct buffer *out, const struct http_head *head);

/*
 * The header fields of a message that is passed on: in their order, byte for byte, without those
 * that are for one hop. Content-Length goes with them. The names of dropped, ended by NULL, are
 * left out as well.
 */
void http_compose_passed(
	struct buffer *out, const struct http_head *head, const char *const *dropped);

/* The trailer fields, as they came. */
void http_compose_trailers(struct buffer *out, const struct http_head *head);

/* The empty line. */
void http_compose_end(struct buffer *out);

#endif
