/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's addresses for people, and the ranges that they are in. */
#include <arpa/inet.h>
#include <ctype.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "net/address.h"

#define BITS 128
#define MAPPED_BITS                                                                                \
	96 /* of the prefix that makes an IPv4 address an IPv6 one (RFC 4291, 2.5.5.2) */

static const uint8_t mapped_prefix[MAPPED_BITS / 8] = {[10] = 0xff, [11] = 0xff};

/* Returns the part of a unix address that names it, and how long it is. */
static const char *unix_name(const struct socket_address *socket, size_t *length)
{
	const struct sockaddr_un *kernel = (const struct sockaddr_un *)&socket->storage;
	size_t header = offsetof(struct sockaddr_un, sun_path);

	*length = socket->length > header ? socket->length - header : 0;
	if (*length && kernel->sun_path[0]) {
		*length = strnlen(kernel->sun_path, *length);
	}
	return kernel->sun_path;
}

/* The bytes are a stranger's: an abstract name may hold any. */
static void write_unix(const struct socket_address *socket, char text[ADDRESS_TEXT])
{
	size_t length;
	const char *name = unix_name(socket, &length);
	size_t end = (size_t)snprintf(text, ADDRESS_TEXT, "unix:");

	for (size_t i = 0; i < length; i++) {
		text[end + i] = name[i];
		if (iscntrl((unsigned char)name[i])) {
			text[end + i] = i || name[0] ? '?' : '@';
		}
	}
	text[end + length] = '\0';
}

/* Returns the bytes of an IPv4 address, or of an IPv6 one that is mapped; NULL for others. */
static const uint8_t *ipv4_bytes(const struct socket_address *socket)
{
	const struct sockaddr_in *four = (const struct sockaddr_in *)&socket->storage;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&socket->storage;

	if (four->sin_family == AF_INET) {
		return (const uint8_t *)&four->sin_addr;
	}
	if (six->sin6_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
		return six->sin6_addr.s6_addr + sizeof(mapped_prefix);
	}
	return NULL;
}

static bool is_ip(const struct socket_address *socket)
{
	return socket->length &&
		(socket->storage.ss_family == AF_INET || socket->storage.ss_family == AF_INET6);
}

const char *socket_address_host(const struct socket_address *socket, char text[ADDRESS_TEXT])
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&socket->storage;
	const uint8_t *four;

	if (!is_ip(socket)) {
		bool is_unix = socket->length && socket->storage.ss_family == AF_UNIX;

		(void)snprintf(text, ADDRESS_TEXT, is_unix ? "unix" : "unknown");
		return text;
	}
	four = ipv4_bytes(socket);
	return inet_ntop(four ? AF_INET : AF_INET6,
		four ? (const void *)four : (const void *)&six->sin6_addr, text, ADDRESS_TEXT);
}

const char *socket_address_text(const struct socket_address *socket, char text[ADDRESS_TEXT])
{
	/* The port has the same place in both families. */
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&socket->storage;
	char host[ADDRESS_TEXT];
	char zone[1 + IF_NAMESIZE] = "%";

	(void)socket_address_host(socket, host);
	if (is_ip(socket) && ipv4_bytes(socket)) {
		(void)snprintf(text, ADDRESS_TEXT, "%.15s:%u", host, ntohs(six->sin6_port));
	} else if (is_ip(socket)) {
		bool has_zone = six->sin6_scope_id && if_indextoname(six->sin6_scope_id, zone + 1);

		(void)snprintf(text, ADDRESS_TEXT, "[%.45s%s]:%u", host, has_zone ? zone : "",
			ntohs(six->sin6_port));
	} else if (socket->length && socket->storage.ss_family == AF_UNIX) {
		write_unix(socket, text);
	} else {
		(void)snprintf(text, ADDRESS_TEXT, "unknown");
	}
	return text;
}

/* Returns whether the bits behind the first ones are all zero. */
static bool ends_in_zeros(const uint8_t bytes[16], unsigned bits)
{
	for (unsigned i = bits; i < BITS; i++) {
		if (bytes[i / 8] & (0x80 >> i % 8)) {
			return false;
		}
	}
	return true;
}

static bool read_bits(const char *text, unsigned most, unsigned *bits)
{
	int64_t number;

	if (text_parse_number(text, 0, most, &number) || *text == '-') {
		return false;
	}
	*bits = (unsigned)number;
	return true;
}

const char *address_range_parse(const char *text, struct address_range *range)
{
	char literal[INET6_ADDRSTRLEN];
	size_t length = strcspn(text, "/");
	bool is_four = !memchr(text, ':', length);
	unsigned bits = is_four ? BITS - MAPPED_BITS : BITS;
	uint8_t bytes[16] = {0};

	if (!*text) {
		return "is empty";
	}
	if (length >= sizeof(literal)) {
		return "is no IP address";
	}
	memcpy(literal, text, length);
	literal[length] = '\0';
	if (inet_pton(is_four ? AF_INET : AF_INET6, literal,
		    is_four ? bytes + sizeof(mapped_prefix) : bytes) != 1) {
		return "is no IP address";
	}
	if (text[length] && !read_bits(text + length + 1, bits, &bits)) {
		return is_four ? "has a prefix that is not 0 to 32"
			       : "has a prefix that is not 0 to 128";
	}
	if (is_four) {
		memcpy(bytes, mapped_prefix, sizeof(mapped_prefix));
		bits += MAPPED_BITS;
	}
	if (!ends_in_zeros(bytes, bits)) {
		return "has bits that are set behind its prefix";
	}
	memcpy(range->bytes, bytes, sizeof(bytes));
	range->bits = (uint8_t)bits;
	return NULL;
}

/* Compares so many bits from the front. */
static bool same_bits(const uint8_t a[16], const uint8_t b[16], unsigned bits)
{
	unsigned rest = bits % 8;
	uint8_t mask = (uint8_t)(0xff00 >> rest);

	return memcmp(a, b, bits / 8) == 0 && (!rest || ((a[bits / 8] ^ b[bits / 8]) & mask) == 0);
}

bool address_range_contains(const struct address_range *range, const struct socket_address *socket)
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&socket->storage;
	uint8_t bytes[16];
	const uint8_t *four;

	if (!is_ip(socket)) {
		return false;
	}
	four = ipv4_bytes(socket);
	if (!four) {
		return same_bits(range->bytes, six->sin6_addr.s6_addr, range->bits);
	}
	/* ::/0 is all of IPv6, and no IPv4. */
	if (range->bits < MAPPED_BITS) {
		return false;
	}
	memcpy(bytes, mapped_prefix, sizeof(mapped_prefix));
	memcpy(bytes + sizeof(mapped_prefix), four, 4);
	return same_bits(range->bytes, bytes, range->bits);
}
