/* SPDX-License-Identifier: Apache-2.0 */
#include "net/address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define UNIX_PREFIX "unix:"
#define HTTP_PREFIX "http://"
#define HTTPS_PREFIX "https://"
#define HTTP_PORT 80

#define NAME_MOST 253 /* bytes of a host name, without a dot at its end (RFC 1035, 2.3.4) */
#define LABEL_MOST 63

static const char *const no_port = "has no port";
static const char *const has_control_character = "has a control character";
static const char *const no_path = "has no path";
static const char *const bad_name = "has a malformed host name";

static bool starts_with(const char *text, const char *prefix)
{
	return strncasecmp(text, prefix, strlen(prefix)) == 0;
}

/* A line of the log must not break. */
static bool has_control(const char *text)
{
	for (; *text; text++) {
		if (iscntrl((unsigned char)*text)) {
			return true;
		}
	}
	return false;
}

/* Returns the length of the label at the front, 0 if there is no good one. */
static size_t label_length(const char *name)
{
	size_t length = strcspn(name, ".");

	if (length > LABEL_MOST || *name == '-') {
		return 0;
	}
	for (size_t i = 0; i < length; i++) {
		if (!isalnum((unsigned char)name[i]) && name[i] != '-' && name[i] != '_') {
			return 0;
		}
	}
	return length;
}

/*
 * A name whose last label is a number is an IPv4 address or nothing: getaddrinfo(3) would take
 * 127.1 and 0x7f000001 for one.
 */
static bool is_number(const char *label, size_t length)
{
	if (length > 1 && label[0] == '0' && (label[1] | 0x20) == 'x') {
		return strspn(label + 2, "0123456789abcdefABCDEF") == length - 2;
	}
	return strspn(label, "0123456789") >= length;
}

static const char *check_name(const char *host)
{
	struct in_addr literal;
	const char *label = host;
	size_t length = label_length(label);

	while (length && label[length] == '.' && label[length + 1]) {
		label += length + 1;
		length = label_length(label);
	}
	if (!length) {
		return bad_name;
	}
	if (is_number(label, length)) {
		return inet_pton(AF_INET, host, &literal) == 1 ? NULL
							       : "has a malformed IPv4 address";
	}
	return (size_t)(label + length - host) > NAME_MOST ? "has too long a host name" : NULL;
}

/* Reads 2001:db8::1 or fe80::1%eth0. Returns whether it is one; zone is behind the %, or "". */
static bool read_ipv6(const char *host, struct in6_addr *literal, const char **zone)
{
	char text[INET6_ADDRSTRLEN];
	size_t length = strcspn(host, "%");

	if (length >= sizeof(text)) {
		return false;
	}
	memcpy(text, host, length);
	text[length] = '\0';
	*zone = host + length + (host[length] == '%');
	return inet_pton(AF_INET6, text, literal) == 1;
}

static const char *check_ipv6(const char *host)
{
	struct in6_addr literal;
	const char *zone;

	if (!read_ipv6(host, &literal, &zone) || strlen(zone) >= IF_NAMESIZE ||
		(strchr(host, '%') && !*zone) || strpbrk(zone, "/[%")) {
		return "has a malformed IPv6 address";
	}
	return NULL;
}

static const char *parse_port(const char *text, uint16_t *port)
{
	int64_t number = 0;
	const char *refusal;

	if (!*text) {
		return no_port;
	}
	if (text[strspn(text, "0123456789")]) {
		return "has a port that is no number";
	}
	refusal = text_parse_number(text, 0, UINT16_MAX, &number);
	*port = (uint16_t)number;
	return refusal ? "has a port above 65535" : NULL;
}

/* [host][:port]; a port that is not there stays what it is, unless that is 0. */
static const char *parse_authority(char *text, struct address *address)
{
	bool is_ipv6 = *text == '[';
	char *host = text + is_ipv6;
	char *end = host + strcspn(host, is_ipv6 ? "]" : ":");
	char *port = end + is_ipv6;
	const char *refusal = NULL;

	if (is_ipv6 && !*end) {
		return "has no closing bracket";
	}
	if (*port && *port != ':') {
		return "has no colon in front of its port";
	}
	if (*port && !is_ipv6 && strchr(port + 1, ':')) {
		return "has an IPv6 address without brackets";
	}
	if (*port) {
		refusal = parse_port(port + 1, &address->port);
	} else if (!address->port) {
		return host[strspn(host, "0123456789")] ? no_port
							: "has no colon in front of its port";
	}
	*end = '\0';
	if (!refusal && (is_ipv6 || *host)) {
		refusal = is_ipv6 ? check_ipv6(host) : check_name(host);
	}
	if (!refusal) {
		memcpy(address->host, host, strlen(host) + 1);
	}
	return refusal;
}

static const char *parse_host_port(const char *text, size_t length, struct address *address)
{
	char copy[NAME_MOST + sizeof("[].:65535")];

	if (length >= sizeof(copy)) {
		return "is too long";
	}
	memcpy(copy, text, length);
	copy[length] = '\0';
	return parse_authority(copy, address);
}

static const char *parse_unix(const char *path, struct address *address)
{
	const struct sockaddr_un *kernel = NULL;

	if (!*path || (*path == '@' && !path[1])) {
		return no_path;
	}
	if (!strchr("/.@", *path)) {
		return "has a path that begins with none of / . @";
	}
	if (strlen(path) >= sizeof(kernel->sun_path)) {
		return "has a path of more than 107 bytes";
	}
	address->is_unix = true;
	memcpy(address->host, path, strlen(path) + 1);
	return NULL;
}

const char *address_parse(const char *text, struct address *address)
{
	struct address parsed = {0};
	const char *refusal;

	if (!*text) {
		return "is empty";
	}
	if (has_control(text)) {
		return has_control_character;
	}
	if (starts_with(text, UNIX_PREFIX)) {
		refusal = parse_unix(text + strlen(UNIX_PREFIX), &parsed);
	} else if (strstr(text, "://")) {
		refusal = "is a URL";
	} else {
		refusal = parse_host_port(text, strlen(text), &parsed);
	}
	if (!refusal) {
		*address = parsed;
	}
	return refusal;
}

static const char *parse_http_authority(const char *text, struct address *address)
{
	size_t length = strcspn(text, "/?#");
	const char *refusal;

	if (text[length] && strcmp(text + length, "/") != 0) {
		return "has more than a host and a port";
	}
	if (memchr(text, '@', length)) {
		return "has a user name";
	}
	address->port = HTTP_PORT;
	refusal = parse_host_port(text, length, address);
	if (refusal) {
		return refusal;
	}
	if (!address->host[0]) {
		return "has no host";
	}
	if (strcasecmp(address->host, "unix") == 0) {
		return no_path;
	}
	return address->port ? NULL : "has the port 0";
}

const char *address_parse_url(const char *text, struct address *address)
{
	struct address parsed = {0};
	const char *refusal, *rest;

	if (!*text) {
		return "is empty";
	}
	if (has_control(text)) {
		return has_control_character;
	}
	if (starts_with(text, HTTPS_PREFIX)) {
		return "is https, where only http is spoken";
	}
	if (!starts_with(text, HTTP_PREFIX)) {
		return "does not begin with http://";
	}
	rest = text + strlen(HTTP_PREFIX);
	refusal = starts_with(rest, UNIX_PREFIX) ? parse_unix(rest + strlen(UNIX_PREFIX), &parsed)
						 : parse_http_authority(rest, &parsed);
	if (!refusal) {
		*address = parsed;
	}
	return refusal;
}

static bool literal_unix(const char *path, struct socket_address *socket)
{
	struct sockaddr_un *kernel = (struct sockaddr_un *)&socket->storage;
	size_t length = strlen(path);

	kernel->sun_family = AF_UNIX;
	memcpy(kernel->sun_path, path, length);
	socket->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	if (*path == '@') {
		kernel->sun_path[0] = '\0'; /* abstract (unix(7)): its length ends it */
	} else {
		socket->length++;
	}
	return true;
}

static bool literal_ipv4(const struct address *address, struct socket_address *socket)
{
	struct sockaddr_in *kernel = (struct sockaddr_in *)&socket->storage;

	kernel->sin_family = AF_INET;
	kernel->sin_port = htons(address->port);
	socket->length = sizeof(*kernel);
	return inet_pton(AF_INET, address->host, &kernel->sin_addr) == 1;
}

static bool literal_ipv6(const struct address *address, struct socket_address *socket)
{
	struct sockaddr_in6 *kernel = (struct sockaddr_in6 *)&socket->storage;
	const char *zone;

	kernel->sin6_family = AF_INET6;
	kernel->sin6_port = htons(address->port);
	socket->length = sizeof(*kernel);
	if (!read_ipv6(address->host, &kernel->sin6_addr, &zone)) {
		return false;
	}
	if (*zone) {
		kernel->sin6_scope_id = if_nametoindex(zone);
		if (!kernel->sin6_scope_id) {
			kernel->sin6_scope_id = (uint32_t)strtoul(zone, NULL, 10);
		}
	}
	return !*zone || kernel->sin6_scope_id;
}

bool address_literal(const struct address *address, struct socket_address *socket)
{
	*socket = (struct socket_address){0};
	if (address->is_unix) {
		return literal_unix(address->host, socket);
	}
	if (strchr(address->host, ':')) {
		return literal_ipv6(address, socket);
	}
	return literal_ipv4(address, socket);
}

const char *address_text(const struct address *address, char text[ADDRESS_TEXT])
{
	if (address->is_unix) {
		(void)snprintf(text, ADDRESS_TEXT, UNIX_PREFIX "%s", address->host);
	} else {
		const char *format = strchr(address->host, ':') ? "[%s]:%u" : "%s:%u";

		(void)snprintf(text, ADDRESS_TEXT, format, address->host, address->port);
	}
	return text;
}
