/* SPDX-License-Identifier: Apache-2.0 */
#include "ready/target.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/un.h>

#include "base/text.h"

#define UNIX_PREFIX "unix:"
#define HOST_BYTES 64 /* of the longest literal address, and more */
#define PORT_MOST 65535

static void add(struct target *target, const void *address, size_t length)
{
	memcpy(&target->address[target->count], address, length);
	target->length[target->count++] = (socklen_t)length;
}

static void add_v4(struct target *target, struct in_addr host, in_port_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = port, .sin_addr = host};

	if (host.s_addr == htonl(INADDR_ANY)) {
		address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	}
	add(target, &address, sizeof(address));
}

static void add_v6(struct target *target, struct in6_addr host, in_port_t port)
{
	struct sockaddr_in6 address = {
		.sin6_family = AF_INET6, .sin6_port = port, .sin6_addr = host};

	if (IN6_IS_ADDR_UNSPECIFIED(&host)) {
		address.sin6_addr = in6addr_loopback;
	}
	add(target, &address, sizeof(address));
}

static const char *parse_unix(const char *path, struct target *target)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(path);
	bool is_abstract = path[0] == '@';

	if (length <= (size_t)is_abstract) {
		return "has no path";
	}
	if (length >= sizeof(address.sun_path)) {
		return "has too long a path";
	}
	memcpy(address.sun_path, path, length);
	if (is_abstract) {
		address.sun_path[0] = '\0';
	}
	add(target, &address, offsetof(struct sockaddr_un, sun_path) + length + !is_abstract);
	return NULL;
}

/* Splits "host:port" or "[host]:port". Returns false if it is neither. */
static bool split(const char *text, char host[HOST_BYTES], const char **port)
{
	const char *colon = strrchr(text, ':');
	const char *start = text;
	size_t length;

	if (!colon) {
		return false;
	}
	length = (size_t)(colon - text);
	if (text[0] == '[' && length >= 2 && colon[-1] == ']') {
		start++;
		length -= 2;
	} else if (memchr(text, ':', length)) {
		return false;
	}
	if (length >= HOST_BYTES) {
		return false;
	}
	memcpy(host, start, length);
	host[length] = '\0';
	*port = colon + 1;
	return true;
}

const char *target_parse(const char *text, struct target *target)
{
	char host[HOST_BYTES];
	const char *port_text;
	struct in6_addr v6;
	struct in_addr v4;
	int64_t number;
	in_port_t port;

	*target = (struct target){.count = 0};
	if (!strncmp(text, UNIX_PREFIX, strlen(UNIX_PREFIX))) {
		return parse_unix(text + strlen(UNIX_PREFIX), target);
	}
	if (!split(text, host, &port_text)) {
		return "is malformed";
	}
	if (text_parse_number(port_text, 1, PORT_MOST, &number)) {
		return "has no port from 1 to 65535";
	}
	port = htons((uint16_t)number);
	if (!host[0] || !strcmp(host, "localhost")) {
		add_v4(target, (struct in_addr){htonl(INADDR_LOOPBACK)}, port);
		add_v6(target, in6addr_loopback, port);
	} else if (inet_pton(AF_INET, host, &v4) == 1) {
		add_v4(target, v4, port);
	} else if (inet_pton(AF_INET6, host, &v6) == 1) {
		add_v6(target, v6, port);
	} else {
		return "names a host, and none but localhost is looked up";
	}
	return NULL;
}
