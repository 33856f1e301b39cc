/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may ask. By which name we were called (Host), so that no page can reach us through a name of
 * its own that leads to our address (DNS rebinding); from which page (Origin); with which token.
 *
 * Loopback's names are always allowed: localhost, 127.0.0.0/8, [::1], with any port; and so is, as
 * a Host, the address that was connected to, and what --listen has.
 */
#ifndef MCP_ACCESS_H
#define MCP_ACCESS_H

#include "mcp/host.h"

#define ACCESS_ORIGIN_MOST 200 /* bytes of an origin that may be allowed */
#define ACCESS_FIELDS 400      /* bytes of what access_fields writes, its NUL included */

/*
 * Checks --allow-host and --allow-origin, and reads --token-file. Returns 0, or the exit code: a
 * line was printed.
 */
int access_configure(struct mcp *mcp);

bool access_host_allowed(const struct mcp *mcp, struct http_connection *connection);

/* Whether a request may come from this origin; sets *origin, empty where the request has none. */
bool access_origin_allowed(
	const struct mcp *mcp, const struct http_head *head, struct http_text *origin);

/* Whether it has the token, if one is asked for. Compared in constant time. */
bool access_token_right(const struct mcp *mcp, const struct http_head *head);

/*
 * Writes the fields by which a page of an origin may read an answer, as lines that end with CRLF;
 * none without an origin. Returns text.
 */
const char *access_fields(struct http_text origin, char text[ACCESS_FIELDS]);

/* Answers OPTIONS: what a page of an allowed origin may ask for (CORS). */
void access_answer_options(
	struct http_connection *connection, struct http_text origin, const char *methods);

#endif
