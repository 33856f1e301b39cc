/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the parts of the server's side: connections (server.c), what they read (server_read.c),
 * answers (answer.c), and tunnels (server_tunnel.c).
 */
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

/* There will be no answer, and none has begun: the exchange is over, and the connection closed. */
void http_exchange_dropped(struct http_connection *connection);

/* The end of an exchange, or of a tunnel, as its handler hears of it. */
void http_exchange_tell_over(struct http_connection *connection, bool whole);

/* It breaks off: the client or the stream is not there any more for an answer. */
void http_exchange_break_off(struct http_connection *connection);

/* The 101 is out. */
void http_exchange_tunnelled(struct http_connection *connection);

/*
 * Writes an answer to what is no exchange (or not any more), and closes. fields: as in
 * http_answer_whole.
 */
void http_write_refusal(struct http_connection *connection, unsigned status, const char *text);

/* Adds the server's own Date field. */
void http_compose_own_date(struct http_connection *connection, struct buffer *head);

/* The only writer of the state; knows the edges. */
void http_connection_enter(struct http_connection *connection, enum http_connection_state state);

/* Sets its deadline. */
void http_connection_wait(struct http_connection *connection, int64_t ms);

/* Another stall_ms, from now on, for some byte to go in or out. */
void http_connection_watch_stall(struct http_connection *connection);

/* Has the connection held as the request that it is named after. */
void http_hold_request(struct http_connection *connection);

/* What is queued goes out, and it is closed. expects_input: as of stream_close. */
void http_connection_enter_closing(struct http_connection *connection, bool expects_input);

/* Answers what is no request, or a request whose rest is none, and closes. */
void http_refuse(struct http_connection *connection, unsigned status, const char *text);

/* server_read.c: the stream's received() and ended(). */
size_t http_received(struct stream *stream, char *bytes, size_t length);
void http_ended(struct stream *stream);

#endif
