/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PROXY headers beside a second reader, which takes the whole input at once: regular expressions
 * for lines, and a struct for the binary form. And beside the same bytes cut everywhere: what is
 * refused stays refused, what is whole stays as it is, and before that more is asked for.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <regex.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/proxy_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LINE_MOST 107
#define OCTET "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
#define ADDRESS "(" OCTET "\\." OCTET "\\." OCTET "\\." OCTET ")"
#define PORT "(0|[1-9][0-9]{0,4})"
#define TCP4 "^PROXY TCP4 " ADDRESS " " ADDRESS " " PORT " " PORT "\r\n$"
#define TCP6 "^PROXY TCP6 ([0-9a-fA-F:.]+) ([0-9a-fA-F:.]+) " PORT " " PORT "\r\n$"
#define MATCHES 16

/* What the second reader found. */
struct finding {
	size_t length; /* 0: no whole header */
	int family;    /* 0: no peer */
	uint8_t address[16];
	unsigned port;
};

static int matches(regex_t *compiled, const char *pattern, const char *text, regmatch_t *found)
{
	if (!compiled->re_nsub) {
		assert(!regcomp(compiled, pattern, REG_EXTENDED));
	}
	return !regexec(compiled, text, MATCHES, found, 0);
}

static char *part(const char *text, const regmatch_t *match, char copy[LINE_MOST + 1])
{
	snprintf(copy, LINE_MOST + 1, "%.*s", (int)(match->rm_eo - match->rm_so),
		text + match->rm_so);
	return copy;
}

/* The parts of a line of one family, by their numbers among the matches. */
static void read_parts(const char *line, const regmatch_t *found, int family, const int numbers[4],
	struct finding *finding)
{
	char copy[LINE_MOST + 1];
	uint8_t ignored[16];
	long port = atol(part(line, &found[numbers[2]], copy));

	if (port > 65535 || atol(part(line, &found[numbers[3]], copy)) > 65535 ||
		inet_pton(family, part(line, &found[numbers[1]], copy), ignored) != 1 ||
		inet_pton(family, part(line, &found[numbers[0]], copy), finding->address) != 1) {
		finding->length = 0;
		return;
	}
	finding->family = family;
	finding->port = (unsigned)port;
}

static void read_text(const char *bytes, size_t length, struct finding *finding)
{
	static regex_t tcp4, tcp6;
	static const int parts4[] = {1, 6, 11, 12};
	static const int parts6[] = {1, 2, 3, 4};
	char line[LINE_MOST + 1];
	regmatch_t found[MATCHES];
	const char *end = memmem(bytes, length < LINE_MOST ? length : LINE_MOST, "\r\n", 2);

	if (!end) {
		return;
	}
	finding->length = (size_t)(end + 2 - bytes);
	memcpy(line, bytes, finding->length);
	line[finding->length] = '\0';
	if (!strncmp(line, "PROXY UNKNOWN ", 14) || !strncmp(line, "PROXY UNKNOWN\r\n", 15)) {
		return;
	}
	if (strlen(line) < finding->length) {
		finding->length = 0;
	} else if (matches(&tcp4, TCP4, line, found)) {
		read_parts(line, found, AF_INET, parts4, finding);
	} else if (matches(&tcp6, TCP6, line, found)) {
		read_parts(line, found, AF_INET6, parts6, finding);
	} else {
		finding->length = 0;
	}
}

struct binary {
	uint8_t signature[12];
	uint8_t command;
	uint8_t family;
	uint8_t length[2];
	union {
		struct {
			uint8_t source[4], destination[4], source_port[2], destination_port[2];
		} v4;
		struct {
			uint8_t source[16], destination[16], source_port[2], destination_port[2];
		} v6;
		uint8_t paths[2][108];
	};
};

static void read_binary(const char *bytes, size_t length, struct finding *finding)
{
	struct binary header = {0};
	size_t most = length < sizeof(header) ? length : sizeof(header);
	size_t rest;

	memcpy(&header, bytes, most);
	rest = header.length[0] * 256U + header.length[1];
	if (length < 16 + rest || length < 16 || 16 + rest > PROXY_HEADER_MOST ||
		(header.command != 0x20 && header.command != 0x21)) {
		return;
	}
	if (header.command == 0x20) {
		finding->length = 16 + rest;
	} else if (header.family <= 0x02 || header.family == 0x10 || header.family == 0x20 ||
		header.family == 0x30) {
		finding->length = 16 + rest;
	} else if ((header.family == 0x11 || header.family == 0x12) && rest >= sizeof(header.v4)) {
		finding->length = 16 + rest;
		finding->family = AF_INET;
		memcpy(finding->address, header.v4.source, 4);
		finding->port = header.v4.source_port[0] * 256U + header.v4.source_port[1];
	} else if ((header.family == 0x21 || header.family == 0x22) && rest >= sizeof(header.v6)) {
		finding->length = 16 + rest;
		finding->family = AF_INET6;
		memcpy(finding->address, header.v6.source, 16);
		finding->port = header.v6.source_port[0] * 256U + header.v6.source_port[1];
	} else if ((header.family == 0x31 || header.family == 0x32) &&
		rest >= sizeof(header.paths)) {
		finding->length = 16 + rest;
		finding->family = AF_UNIX;
	}
}

static void check_peer(const struct finding *finding, const struct socket_address *peer)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&peer->storage;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&peer->storage;

	assert(peer->storage.ss_family == finding->family);
	assert(peer->length <= sizeof(struct sockaddr_un));
	if (finding->family == AF_INET) {
		assert(!memcmp(&v4->sin_addr, finding->address, 4));
		assert(ntohs(v4->sin_port) == finding->port);
	} else if (finding->family == AF_INET6) {
		assert(!memcmp(&v6->sin6_addr, finding->address, 16));
		assert(ntohs(v6->sin6_port) == finding->port);
	}
}

static enum proxy_verdict read_copy(const uint8_t *data, size_t size, struct proxy_header *header)
{
	char *copy = malloc(size ? size : 1);
	enum proxy_verdict verdict;

	assert(copy);
	memcpy(copy, data, size);
	verdict = proxy_header_read(copy, size, header);
	free(copy);
	return verdict;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct finding finding = {0};
	struct proxy_header whole, cut;
	enum proxy_verdict verdict = read_copy(data, size, &whole);
	enum proxy_verdict last = PROXY_MORE;

	if (size >= 12 && !memcmp(data, "\r\n\r\n\0\r\nQUIT\n", 12)) {
		read_binary((const char *)data, size, &finding);
	} else {
		read_text((const char *)data, size, &finding);
	}
	assert((verdict == PROXY_WHOLE) == (finding.length != 0));
	if (verdict == PROXY_WHOLE) {
		assert(whole.length == finding.length && whole.has_peer == (finding.family != 0));
		if (whole.has_peer) {
			check_peer(&finding, &whole.peer);
		}
	}
	for (size_t length = 0; length <= size && length <= PROXY_HEADER_MOST; length++) {
		enum proxy_verdict now = read_copy(data, length, &cut);

		assert(last == PROXY_MORE || now == last);
		assert(now != PROXY_WHOLE || (verdict == PROXY_WHOLE && length >= whole.length));
		assert(now != PROXY_MORE || verdict != PROXY_WHOLE || length < whole.length);
		last = now;
	}
	return 0;
}
