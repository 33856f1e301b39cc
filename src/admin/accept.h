/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ADMIN_ACCEPT_H
#define ADMIN_ACCEPT_H

#include <stdbool.h>

#include "http/head.h"

/*
 * Whether Accept (RFC 9110, 12.5.1) asks for a page rather than for JSON: text/html is named, and
 * liked at least as much as application/json. Who takes anything gets JSON.
 */
bool accept_prefers_page(const struct http_head *head);

/*
 * Whether Accept takes this type, "application/json": it is named, or a range that it is in; what
 * is named closest counts, and q=0 refuses. Without Accept nothing is taken: for protocols whose
 * clients have to send it.
 */
bool accept_takes(const struct http_head *head, const char *type);

#endif
