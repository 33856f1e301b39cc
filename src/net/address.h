/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where to listen and where to connect, as people write it:
 *
 *	127.0.0.1:8080	[::1]:8080	:8080 (all of IPv6 and IPv4)	localhost:8080
 *	unix:/run/x.sock	unix:@name (abstract)
 *
 * and for what to connect to also as a URL: http://host[:port], http://unix:/run/x.sock
 *
 * What follows unix: is a path, never a port; it begins with / or . (or @). A host that ends in a
 * number is a whole IPv4 address. The port of a URL is 80 unless said.
 */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#define ADDRESS_TEXT 300 /* bytes of the longest text of one, its NUL included */

/* What was written: a host that may have to be looked up, or a unix path. */
struct address {
	char host[256]; /* "" for all; of a unix address its path, a leading @ for abstract ones */
	uint16_t port;  /* 0: the kernel's choice, to listen on */
	bool is_unix;
};

/* One that the kernel understands. */
struct socket_address {
	struct sockaddr_storage storage;
	socklen_t length;
};

/* Parse. Return NULL, or why not: static words that fit behind "it" (base/text.h). */
const char *address_parse(const char *text, struct address *address);
const char *address_parse_url(const char *text, struct address *address);

/* Writes it as it may be read by address_parse, and returns text. */
const char *address_text(const struct address *address, char text[ADDRESS_TEXT]);

/*
 * Makes a socket address of a literal host or a unix path. False: the host has to be looked up, or
 * is "".
 */
bool address_literal(const struct address *address, struct socket_address *socket);

/*
 * Writes "1.2.3.4:80" (an IPv4-mapped one too), "[::1]:80", "unix:/path", "unix:@name", or
 * "unknown" where its length is 0; control characters as ?. Returns text.
 */
const char *socket_address_text(const struct socket_address *socket, char text[ADDRESS_TEXT]);

/* Writes the host alone: "1.2.3.4", "::1" (without a zone), "unix", "unknown". Returns text. */
const char *socket_address_host(const struct socket_address *socket, char text[ADDRESS_TEXT]);

/*
 * A range of addresses: 10.0.0.0/8, ::1, fd00::/8. An IPv4-mapped address counts as IPv4, and no
 * IPv4 address is in an IPv6 range, ::/0 included; a unix address is in none.
 */
struct address_range {
	uint8_t bytes[16]; /* IPv4 as a mapped one */
	uint8_t bits;      /* of the IPv6 form */
};

/* Parses a CIDR or a literal address; returns NULL, or why not. */
const char *address_range_parse(const char *text, struct address_range *range);
bool address_range_contains(const struct address_range *range, const struct socket_address *socket);

#endif
