/* SPDX-License-Identifier: Apache-2.0 */
/* A client's state, for its two halves: client.c reads responses, request.c writes requests. */
#ifndef HTTP_CLIENT_STATE_H
#define HTTP_CLIENT_STATE_H

#include "http/client.h"

#define IS(state) (1U << HTTP_CLIENT_STATE_##state)
#define OVER (IS(FAILED) | IS(CLOSING) | IS(CLOSED))

/* Whether it is in one of these. */
static inline bool is(const struct http_client *client, unsigned states)
{
	return states & (1U << client->state);
}

/* The one writer of a client's state. */
void http_client_enter(struct http_client *client, enum http_client_state state);

/* Both sides are whole. */
void http_client_enter_end(struct http_client *client);

#endif
