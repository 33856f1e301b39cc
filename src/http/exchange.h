/* SPDX-License-Identifier: Apache-2.0 */
/* Between the two halves of the server's side: connections (server.c) and answers (answer.c). */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include "http/server.h"

/* Whether the process is on its way to its end, so that answers say close. */
bool http_draining(const struct http_connection *connection);

/* Whether more input is there already: another request, perhaps. */
bool http_more_input(const struct http_connection *connection);

/* The answer is whole: the exchange is over, and the next one may begin. */
void http_exchange_answered(struct http_connection *connection);

/* The answer cannot be completed: the exchange is over, and the connection is reset. */
void http_exchange_aborted(struct http_connection *connection);

/* The 101 is out. */
void http_exchange_tunnelled(struct http_connection *connection);

/*
 * Writes an answer to what is no exchange (or not any more), and closes. fields: as in
 * http_answer_whole.
 */
void http_write_refusal(struct http_connection *connection, unsigned status, const char *text);

#endif
