/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/access.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/compose.h"
#include "net/address.h"

#define TOKEN_MOST 4096 /* bytes */
#define ITEM 256

/* Names. */

static struct http_text text_of(const struct http_head *head, const struct http_field *field)
{
	return field ? http_head_text(head, field->value) : (struct http_text){"", 0};
}

/*
 * Returns what is before the port: "a" of "a:80", "[::1]" of "[::1]:80"; nothing, if that is not
 * followed by a port or the end.
 */
static struct http_text host_part(struct http_text authority)
{
	const char *bytes = authority.bytes;
	size_t end = 0, port;

	while (end < authority.length && bytes[end] != (bytes[0] == '[' ? ']' : ':')) {
		end++;
	}
	if (authority.length && bytes[0] == '[') {
		end++; /* behind the bracket, or, where there is none, behind the end */
	}
	port = end + 1;
	while (port < authority.length && bytes[port] >= '0' && bytes[port] <= '9') {
		port++;
	}
	if (end > authority.length ||
		(end < authority.length && (bytes[end] != ':' || port < authority.length))) {
		return (struct http_text){"", 0};
	}
	return (struct http_text){bytes, end};
}

/* Copies a host without its brackets. False: it does not fit. */
static bool copy_host(struct http_text host, char name[ITEM])
{
	if (host.length >= 2 && host.bytes[0] == '[') {
		host.bytes++;
		host.length -= 2;
	}
	if (host.length >= ITEM || memchr(host.bytes, '\0', host.length)) {
		return false;
	}
	memcpy(name, host.bytes, host.length);
	name[host.length] = '\0';
	return true;
}

static bool is_loopback(struct http_text host)
{
	char name[ITEM];
	struct in_addr ipv4;
	struct in6_addr ipv6;

	if (!copy_host(host, name)) {
		return false;
	}
	if (inet_pton(AF_INET, name, &ipv4) == 1) {
		return ntohl(ipv4.s_addr) >> 24 == 127;
	}
	if (host.length && host.bytes[0] == '[') {
		return inet_pton(AF_INET6, name, &ipv6) == 1 && IN6_IS_ADDR_LOOPBACK(&ipv6);
	}
	return !strcasecmp(name, "localhost");
}

/* Writes an address in its one form; what is no address stays as it is. */
static void normalize(char name[ITEM])
{
	struct in6_addr address;

	if (inet_pton(AF_INET6, name, &address) == 1) {
		(void)inet_ntop(AF_INET6, &address, name, ITEM);
	}
}

/* Whether it is the address that the client has connected to. */
static bool is_own_address(const char *name, const struct http_connection *connection)
{
	struct socket_address own = {.length = sizeof(own.storage)};
	char text[ADDRESS_TEXT];

	if (getsockname(connection->stream.fd, (struct sockaddr *)&own.storage, &own.length) < 0 ||
		own.storage.ss_family == AF_UNIX) {
		return false;
	}
	return !strcmp(socket_address_host(&own, text), name);
}

/* Whether --listen has this name. */
static bool is_listened_on(const char *name, const struct words *listen)
{
	struct words_walk walk = {0};
	struct address address;
	char item[ADDRESS_TEXT];

	while (words_next(listen, &walk, item, sizeof(item))) {
		if (!address_parse(item, &address) && !address.is_unix && address.host[0] &&
			!strcasecmp(address.host, name)) {
			return true;
		}
	}
	return false;
}

/* Whether one of a list is what was said, or with what is before its port. */
static bool is_listed(const struct words *list, struct http_text text, struct http_text host)
{
	struct words_walk walk = {0};
	char item[ITEM];

	while (words_next(list, &walk, item, sizeof(item))) {
		if (!strcmp(item, "*") || http_text_equal(text, item) ||
			(host.length && http_text_equal(host, item))) {
			return true;
		}
	}
	return false;
}

bool access_host_allowed(const struct mcp *mcp, struct http_connection *connection)
{
	const struct http_head *head = &connection->parser.head;
	struct http_text said = text_of(head, http_head_find(head, "Host", NULL));
	struct http_text host = host_part(said);
	char name[ITEM];

	if (is_listed(&mcp->config->allow_host, said, host)) {
		return true;
	}
	if (!host.length || !copy_host(host, name)) {
		return false;
	}
	normalize(name);
	return is_loopback(host) || is_own_address(name, connection) ||
		is_listened_on(name, &mcp->config->service.listen);
}

/* What is behind the scheme of an origin, of the web; false: it is none. */
static bool origin_authority(struct http_text origin, struct http_text *authority)
{
	static const char *const schemes[] = {"http://", "https://"};

	for (size_t i = 0; i < 2; i++) {
		size_t length = strlen(schemes[i]);

		if (origin.length > length && !strncasecmp(origin.bytes, schemes[i], length)) {
			*authority =
				(struct http_text){origin.bytes + length, origin.length - length};
			return true;
		}
	}
	return false;
}

bool access_origin_allowed(
	const struct mcp *mcp, const struct http_head *head, struct http_text *origin)
{
	const struct http_field *field = http_head_find(head, "Origin", NULL);
	struct http_text authority;

	*origin = text_of(head, field);
	if (!origin->length) {
		return true;
	}
	if (origin->length > ACCESS_ORIGIN_MOST || http_head_find(head, "Origin", field)) {
		return false;
	}
	if (is_listed(&mcp->config->allow_origin, *origin, *origin)) {
		return true;
	}
	return origin_authority(*origin, &authority) && is_loopback(host_part(authority));
}

/* The token. */

bool access_token_right(const struct mcp *mcp, const struct http_head *head)
{
	static const char scheme[] = "Bearer ";
	const struct http_field *field = http_head_find(head, "Authorization", NULL);
	struct http_text said = text_of(head, field);
	size_t before = sizeof(scheme) - 1;

	if (!mcp->token.length) {
		return true;
	}
	if (said.length < before || strncasecmp(said.bytes, scheme, before) != 0) {
		return false;
	}
	while (before < said.length && said.bytes[before] == ' ') {
		before++;
	}
	return said.length - before == mcp->token.length &&
		!CRYPTO_memcmp(said.bytes + before, mcp->token.data, mcp->token.length);
}

/* Reads a file into the token, which stays without what is behind its first line. */
static int read_token(struct buffer *token, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *room = fd < 0 ? NULL : buffer_reserve(token, TOKEN_MOST + 1);
	ssize_t n = room ? read(fd, room, TOKEN_MOST + 1) : -1;
	int error = errno;

	if (fd >= 0) {
		close(fd);
	}
	if (n < 0) {
		return error;
	}
	while (n > 0 && strchr(" \t\r\n", room[n - 1])) {
		n--;
	}
	buffer_commit(token, (size_t)n);
	return 0;
}

static bool is_token(const struct buffer *token)
{
	for (size_t i = 0; i < token->length; i++) {
		if (token->data[i] <= ' ' || token->data[i] > '~') {
			return false;
		}
	}
	return token->length > 0 && token->length <= TOKEN_MOST;
}

static int configure_token(struct mcp *mcp)
{
	const char *path = mcp->config->token_file;
	int error = path ? read_token(&mcp->token, path) : 0;

	if (error) {
		return service_refuse(&mcp->service,
			"--token-file: cannot read '%.200s': %s (a file of one line)", path,
			strerror(error));
	}
	if (path && !is_token(&mcp->token)) {
		return service_refuse(&mcp->service,
			"--token-file: '%.200s' has no token (one line of printable characters "
			"without spaces)",
			path);
	}
	return 0;
}

/* The lists. */

static const char *check_host(const char *item)
{
	if (strstr(item, "://") || strchr(item, '/')) {
		return "is a URL (give the name alone)";
	}
	return item[0] ? NULL : "is too long";
}

static const char *check_origin(const char *item)
{
	const char *behind = strstr(item, "://");

	if (!strcmp(item, "*") || !strcmp(item, "null")) {
		return NULL;
	}
	if (!behind || behind == item || !behind[3] || strlen(item) > ACCESS_ORIGIN_MOST) {
		return "is no origin (such as https://example.com)";
	}
	return strchr(behind + 3, '/') ? "has a path (an origin ends before it)" : NULL;
}

static int check_list(const struct mcp *mcp, const char *option, const struct words *list,
	const char *(*check)(const char *item))
{
	struct words_walk walk = {0};
	char item[ITEM];

	while (words_next(list, &walk, item, sizeof(item))) {
		const char *wrong = check(item);

		if (wrong) {
			return service_refuse(
				&mcp->service, "--%s: '%.80s' %s", option, item, wrong);
		}
	}
	return 0;
}

int access_configure(struct mcp *mcp)
{
	const struct mcp_config *config = mcp->config;
	int code = check_list(mcp, "allow-host", &config->allow_host, check_host);

	code = code ? code : check_list(mcp, "allow-origin", &config->allow_origin, check_origin);
	return code ? code : configure_token(mcp);
}
