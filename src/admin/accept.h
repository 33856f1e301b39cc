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

#endif
