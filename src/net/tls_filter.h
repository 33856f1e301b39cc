/* SPDX-License-Identifier: Apache-2.0 */
/* What both sides of TLS have in common: a context with our rules, and the filter over a socket. */
#ifndef NET_TLS_FILTER_H
#define NET_TLS_FILTER_H

#include <openssl/ssl.h>

#include "net/stream.h"

#define TLS_PROTOCOLS "\x08http/1.1" /* as ALPN lists them: each behind its length */

/*
 * Returns a context: TLS 1.2 and later, no compression, no renegotiation, little memory for what is
 * idle. NULL without memory; OpenSSL's own reason is dropped.
 */
SSL_CTX *tls_context_new(const SSL_METHOD *method);

/*
 * Returns a filter whose *ssl has yet to be told which side it is on; NULL with errno ENOMEM.
 * Any thread.
 */
struct stream_filter *tls_filter_new(SSL_CTX *context, SSL **ssl);

#endif
