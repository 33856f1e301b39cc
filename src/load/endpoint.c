/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "load/plan.h"

#define UNIX "unix:"
#define AUTHORITY_MOST 300

static const char no_memory[] = "does not fit into memory";

static const struct scheme {
	const char *prefix;
	enum endpoint_kind kind;
	bool is_tls;
	uint16_t port;
} schemes[] = {
	{"http://", ENDPOINT_HTTP, false, 80},
	{"https://", ENDPOINT_HTTP, true, 443},
	{"ws://", ENDPOINT_WEBSOCKET, false, 80},
	{"wss://", ENDPOINT_WEBSOCKET, true, 443},
};

static const struct scheme *find_scheme(const char *url)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (!strncasecmp(url, schemes[i].prefix, strlen(schemes[i].prefix))) {
			return &schemes[i];
		}
	}
	return NULL;
}

/* What a request line can carry as it is. */
static const char *check_bytes(const char *url)
{
	for (; *url; url++) {
		if ((unsigned char)*url <= ' ' || (unsigned char)*url >= 0x7f) {
			return "has a character that has to be escaped (as %20)";
		}
	}
	return NULL;
}

/* Whether a port stands behind the host, which may be an IPv6 address. */
static bool has_port(const char *authority)
{
	const char *bracket = strrchr(authority, ']');

	return strchr(bracket ? bracket : authority, ':') != NULL;
}

static const char *parse_authority(
	const char *text, size_t length, const struct scheme *scheme, struct endpoint *endpoint)
{
	char authority[AUTHORITY_MOST + sizeof(":65535")];
	const char *wrong;

	if (!length || *text == ':') {
		return "has no host";
	}
	if (length > AUTHORITY_MOST) {
		return "has too long a host name";
	}
	if (memchr(text, '@', length)) {
		return "has a user name (send it with --header 'Authorization: ...')";
	}
	(void)snprintf(authority, sizeof(authority), "%.*s", (int)length, text);
	if (!has_port(authority)) {
		(void)snprintf(authority + length, sizeof(authority) - length, ":%u", scheme->port);
	}
	wrong = address_parse(authority, &endpoint->address);
	if (wrong) {
		return wrong;
	}
	if (!endpoint->address.port) {
		return "has the port 0";
	}
	if (endpoint->address.port == scheme->port) {
		*strrchr(authority, ':') = '\0';
	}
	endpoint->host = strdup(authority);
	return endpoint->host ? NULL : no_memory;
}

/* rest: the path and query, or nothing. */
static const char *set_target(struct endpoint *endpoint, const char *rest)
{
	size_t length = strlen(rest);

	if (strchr(rest, '#')) {
		return "has a fragment (#), which is never sent";
	}
	endpoint->target = malloc(length + sizeof("/"));
	if (!endpoint->target) {
		return no_memory;
	}
	(void)snprintf(
		endpoint->target, length + sizeof("/"), "%s%s", *rest == '/' ? "" : "/", rest);
	return NULL;
}

static const char *parse_unix(const char *text, struct endpoint *endpoint)
{
	const char *wrong = address_parse(text, &endpoint->address);

	if (wrong) {
		return wrong;
	}
	if (endpoint->is_tls) {
		return "has TLS on a unix socket, of which no certificate can be (http://unix:...)";
	}
	endpoint->host = strdup("localhost");
	return endpoint->host ? set_target(endpoint, "") : no_memory;
}

static const char *parse(const char *url, struct endpoint *endpoint)
{
	const struct scheme *scheme = find_scheme(url);
	const char *rest, *wrong = check_bytes(url);
	size_t length;

	if (wrong) {
		return wrong;
	}
	if (!scheme) {
		return "does not begin with http://, https://, ws:// or wss://";
	}
	endpoint->kind = scheme->kind;
	endpoint->is_tls = scheme->is_tls;
	rest = url + strlen(scheme->prefix);
	if (!strncasecmp(rest, UNIX, strlen(UNIX)) && strchr("/.@", rest[strlen(UNIX)])) {
		return parse_unix(rest, endpoint);
	}
	length = strcspn(rest, "/?#");
	wrong = parse_authority(rest, length, scheme, endpoint);
	return wrong ? wrong : set_target(endpoint, rest + length);
}

const char *load_endpoint_parse(const char *url, struct endpoint *endpoint)
{
	const char *wrong;

	*endpoint = (struct endpoint){0};
	wrong = parse(url, endpoint);
	if (wrong) {
		load_endpoint_fini(endpoint);
	}
	return wrong;
}

void load_endpoint_fini(struct endpoint *endpoint)
{
	free(endpoint->host);
	free(endpoint->target);
	*endpoint = (struct endpoint){0};
}
