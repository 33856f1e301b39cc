/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request at the endpoint, from its head to the end of its answer; where it is a call, its body
 * is gathered, read as arguments, and answered by an invocation: with one envelope, or a line for
 * each item of a stream. The endpoint makes it, as connection->user, and frees it when it is over.
 *
 * Whoever answers does so as the last statement: the exchange may be gone.
 */
#ifndef SERVE_EXCHANGE_H
#define SERVE_EXCHANGE_H

#include "serve/invocation.h"

struct route;

struct exchange {
	struct serve *serve;
	struct http_connection *connection;
	const struct route *route; /* the endpoint's; NULL: it was refused */
	struct buffer body;
	size_t gathered; /* bytes of it, in serve->gathered until the exchange is over */
	enum invocation_kind kind;
	struct invocation *invocation; /* while it is to be answered by one */
};

static inline struct exchange *exchange_of(struct http_connection *connection)
{
	return connection->user;
}

/* Refuses it: {"detail":"one sentence"}. fields: whole lines for the head, or NULL. */
void exchange_refuse(
	struct exchange *exchange, unsigned status, const char *text, const char *fields);

/* Answers 200 with a text of a type. */
void exchange_answer(
	struct exchange *exchange, const char *type, const struct buffer *text, const char *fields);

/* Whether the body of a call may come, by its head; if not, it was refused. */
bool exchange_checks_body(struct exchange *exchange);

/* Takes some of the body; as http_handler has it. */
size_t exchange_take_body(struct exchange *exchange, const char *bytes, size_t length);

/* The request is whole: begins the call, or the precheck. */
void exchange_invoke(struct exchange *exchange);
void exchange_precheck(struct exchange *exchange);

/* The client takes more again. */
void exchange_writable(struct exchange *exchange);

/* The work's deadline is over: the last word. */
void exchange_cut(struct exchange *exchange);

/* The connection is over with it: whole, or its client has gone. */
void exchange_over(struct exchange *exchange, bool whole);

#endif
