/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a head must be beyond the grammar of its fields: the start line, the target, Host, and how
 * long the body is (RFC 9112, 2.2 to 6.3). Where a message could be read in two ways it is refused,
 * so that nobody behind us can read it in the other one. For the parser alone.
 */
#ifndef HTTP_RULES_H
#define HTTP_RULES_H

#include "http/error.h"
#include "http/head.h"

/* Read the first line of the head's text, which ends with CRLF, before the rest is looked at. */
enum http_error http_rules_request_line(struct http_head *head);
enum http_error http_rules_status_line(struct http_head *head);

/* Check the fields, and decide on the framing and on what the connection is for afterwards. */
enum http_error http_rules_request(struct http_head *head);

struct http_asked {
	bool head;    /* the response is to HEAD */
	bool upgrade; /* it may be a 101 */
};

enum http_error http_rules_response(struct http_head *head, const struct http_asked *asked);

enum http_error http_rules_trailers(const struct http_head *head);

#endif
