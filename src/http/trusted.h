/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proxies that are believed: those of certain addresses, in what they say about their clients
 * (X-Forwarded-For). Others may write there what they like.
 */
#ifndef HTTP_TRUSTED_H
#define HTTP_TRUSTED_H

#include <netinet/in.h>

#include "base/words.h"
#include "http/server.h"
#include "net/address.h"

#define HTTP_TRUSTED_MOST 32

struct http_trusted {
	struct address_range ranges[HTTP_TRUSTED_MOST];
	size_t count;
};

/*
 * Reads ranges, with commas between them in each word. Returns NULL; or why not, static, and item
 * is what was wrong.
 */
const char *http_trusted_read(
	struct http_trusted *trusted, const struct words *words, char item[ADDRESS_TEXT]);

/* Whether a connection comes from one of them. */
bool http_trusted_is(const struct http_trusted *trusted, const struct http_connection *connection);

/*
 * Writes whose request it is, an address without its port, and returns text: the last one of
 * X-Forwarded-For that is not itself a trusted proxy, as far as every proxy behind it is; without
 * proxies, or where one has said no address, it is who said so: http_peer.
 */
const char *http_trusted_client(const struct http_trusted *trusted,
	struct http_connection *connection, char text[INET6_ADDRSTRLEN]);

#endif
