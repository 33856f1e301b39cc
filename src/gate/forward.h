/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heads of messages that are passed on: without what is meant for one hop, with what a proxy
 * adds (RFC 9110, 7.6; RFC 7239). What a client says about those in front of it is dropped unless
 * it is trusted (--trust-forwarded).
 */
#ifndef GATE_FORWARD_H
#define GATE_FORWARD_H

#include "gate/lane.h"

/* The request's line and fields; framing is left to http_client_head_end. */
void forward_request(const struct gate *gate, struct http_connection *client, struct buffer *out);

/* The response's fields; sets whether a Date is among them. */
void forward_response(const struct http_head *head, struct buffer *out, bool *has_date);

/* Those of an interim response. */
void forward_interim(const struct http_head *head, struct buffer *out);

#endif
