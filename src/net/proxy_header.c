/* SPDX-License-Identifier: Apache-2.0 */
#include "net/proxy_header.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n" /* of version 2 */
#define SIGNATURE_LENGTH 12
#define LINE_MOST 107   /* of version 1, CRLF included */
#define FIXED_LENGTH 16 /* of version 2: what stands before the addresses */
#define UNIX_PATH 108

#define V2_LOCAL 0x20 /* the version, and a command */
#define V2_PROXY 0x21

enum { V2_UNSPECIFIED, V2_INET, V2_INET6, V2_UNIX, V2_FAMILIES };
enum { V2_TRANSPORTS = 3 }; /* unspecified, stream, datagram */

static bool begins(const char *bytes, size_t length, const char *with, size_t with_length)
{
	return !memcmp(bytes, with, length < with_length ? length : with_length);
}

static void set_inet(struct proxy_header *header, const void *address, uint16_t net_port)
{
	struct sockaddr_in *peer = (struct sockaddr_in *)&header->peer.storage;

	peer->sin_family = AF_INET;
	peer->sin_port = net_port;
	memcpy(&peer->sin_addr, address, sizeof(peer->sin_addr));
	header->peer.length = sizeof(*peer);
	header->has_peer = true;
}

static void set_inet6(struct proxy_header *header, const void *address, uint16_t net_port)
{
	struct sockaddr_in6 *peer = (struct sockaddr_in6 *)&header->peer.storage;

	peer->sin6_family = AF_INET6;
	peer->sin6_port = net_port;
	memcpy(&peer->sin6_addr, address, sizeof(peer->sin6_addr));
	header->peer.length = sizeof(*peer);
	header->has_peer = true;
}

/* path has UNIX_PATH bytes, zeros behind its end; an abstract one begins with a zero. */
static void set_unix(struct proxy_header *header, const char *path)
{
	struct sockaddr_un *peer = (struct sockaddr_un *)&header->peer.storage;
	size_t length = UNIX_PATH;

	while (length > 0 && !path[length - 1]) {
		length--;
	}
	peer->sun_family = AF_UNIX;
	memcpy(peer->sun_path, path, length);
	header->peer.length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	header->has_peer = true;
}

/* Version 1: a line of text. */

static bool parse_port(const char *text, uint16_t *port)
{
	uint32_t number = 0;

	if (text[0] == '0' && text[1]) {
		return false;
	}
	for (; *text; text++) {
		if (*text < '0' || *text > '9') {
			return false;
		}
		number = number * 10 + (uint32_t)(*text - '0');
		if (number > UINT16_MAX) {
			return false;
		}
	}
	*port = (uint16_t)number;
	return true;
}

/* Four words, one space between each two. */
static bool split(const char *at, const char *end, char words[4][INET6_ADDRSTRLEN])
{
	for (int i = 0; i < 4; i++) {
		const char *stop = i < 3 ? memchr(at, ' ', (size_t)(end - at)) : end;
		size_t length = stop ? (size_t)(stop - at) : 0;

		if (!length || length >= INET6_ADDRSTRLEN || memchr(at, '\0', length)) {
			return false;
		}
		memcpy(words[i], at, length);
		words[i][length] = '\0';
		at = stop + 1;
	}
	return true;
}

/* Both addresses are checked, though only the client's is of use. */
static bool parse_addresses(
	const char *at, const char *end, int family, struct proxy_header *header)
{
	char words[4][INET6_ADDRSTRLEN];
	struct in6_addr source, destination;
	uint16_t source_port, destination_port;

	if (!split(at, end, words) || inet_pton(family, words[0], &source) != 1 ||
		inet_pton(family, words[1], &destination) != 1 ||
		!parse_port(words[2], &source_port) || !parse_port(words[3], &destination_port)) {
		return false;
	}
	if (family == AF_INET) {
		set_inet(header, &source, htons(source_port));
	} else {
		set_inet6(header, &source, htons(source_port));
	}
	return true;
}

/* How a line begins, and what it is then. */
static const struct beginning {
	const char *text;
	size_t length;
	int family;
} beginnings[] = {
	{"PROXY TCP4 ", 11, AF_INET},
	{"PROXY TCP6 ", 11, AF_INET6},
	{"PROXY UNKNOWN ", 14, AF_UNSPEC},
	{"PROXY UNKNOWN\r\n", 15, AF_UNSPEC},
};

static const struct beginning *find_beginning(const char *bytes, size_t length)
{
	for (size_t i = 0; i < sizeof(beginnings) / sizeof(*beginnings); i++) {
		if (begins(bytes, length, beginnings[i].text, beginnings[i].length)) {
			return &beginnings[i];
		}
	}
	return NULL;
}

static enum proxy_verdict read_line(const char *bytes, size_t length, struct proxy_header *header)
{
	size_t most = length < LINE_MOST ? length : LINE_MOST;
	const struct beginning *beginning = find_beginning(bytes, most);
	const char *end;

	if (!beginning) {
		return PROXY_REFUSED;
	}
	if (most < beginning->length) {
		return PROXY_MORE;
	}
	end = memmem(bytes, most, "\r\n", 2);
	if (!end) { /* a line that ends otherwise is not waited for */
		return most == LINE_MOST || (beginning->family && memchr(bytes, '\n', most))
			? PROXY_REFUSED
			: PROXY_MORE;
	}
	header->length = (size_t)(end - bytes) + 2;
	if (beginning->family &&
		!parse_addresses(bytes + beginning->length, end, beginning->family, header)) {
		return PROXY_REFUSED;
	}
	return PROXY_WHOLE;
}

/* Version 2: binary. */

/* Of each family: its addresses and ports, the client's first. */
static const size_t address_lengths[V2_FAMILIES] = {
	[V2_UNSPECIFIED] = 0,
	[V2_INET] = 4 + 4 + 2 + 2,
	[V2_INET6] = 16 + 16 + 2 + 2,
	[V2_UNIX] = UNIX_PATH + UNIX_PATH,
};

static void set_peer(struct proxy_header *header, unsigned family, const char *addresses)
{
	uint16_t net_port;

	switch (family) {
	case V2_INET:
		memcpy(&net_port, addresses + 4 + 4, sizeof(net_port));
		set_inet(header, addresses, net_port);
		break;
	case V2_INET6:
		memcpy(&net_port, addresses + 16 + 16, sizeof(net_port));
		set_inet6(header, addresses, net_port);
		break;
	case V2_UNIX:
		set_unix(header, addresses);
		break;
	default:
		break;
	}
}

/* The bytes that are there of the four behind the signature, each refused as soon as it is seen. */
static bool fixed_part_fits(const unsigned char *bytes, size_t length)
{
	bool is_local = length > 12 && bytes[12] == V2_LOCAL;

	if (length > 12 && !is_local && bytes[12] != V2_PROXY) {
		return false;
	}
	return length <= 13 || is_local ||
		(bytes[13] >> 4 < V2_FAMILIES && (bytes[13] & 15) < V2_TRANSPORTS);
}

/* What follows the addresses are type-length-value triples, none of which concerns us. */
static enum proxy_verdict read_binary(const char *bytes, size_t length, struct proxy_header *header)
{
	const unsigned char *fixed = (const unsigned char *)bytes;
	unsigned family;
	size_t rest;

	if (!fixed_part_fits(fixed, length)) {
		return PROXY_REFUSED;
	}
	if (length < FIXED_LENGTH) {
		return PROXY_MORE;
	}
	rest = (size_t)fixed[14] << 8 | fixed[15];
	family = fixed[12] == V2_LOCAL || !(fixed[13] & 15) ? V2_UNSPECIFIED : fixed[13] >> 4;
	if (rest < address_lengths[family] || rest > PROXY_HEADER_MOST - FIXED_LENGTH) {
		return PROXY_REFUSED;
	}
	header->length = FIXED_LENGTH + rest;
	if (length < header->length) {
		return PROXY_MORE;
	}
	set_peer(header, family, bytes + FIXED_LENGTH);
	return PROXY_WHOLE;
}

enum proxy_verdict proxy_header_read(const char *bytes, size_t length, struct proxy_header *header)
{
	*header = (struct proxy_header){0};
	if (!length) {
		return PROXY_MORE;
	}
	return begins(bytes, length, SIGNATURE, SIGNATURE_LENGTH)
		? read_binary(bytes, length, header)
		: read_line(bytes, length, header);
}
