/* SPDX-License-Identifier: Apache-2.0 */
/* Headers of both versions, good and bad, cut at every byte. */
#include "net/proxy_header.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define V2 "\r\n\r\n\0\r\nQUIT\n"
#define UNIX_ZEROS_50                                                                              \
	"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"         \
	"\0\0\0\0\0\0\0\0\0\0"
#define UNIX_ZEROS_100 UNIX_ZEROS_50 UNIX_ZEROS_50
#define F16 "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
#define MOST_X30 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define MOST_X90 MOST_X30 MOST_X30 MOST_X30

/* A header that is taken, and whose it says that the connection is. */
struct good {
	const char *bytes;
	size_t length;
	const char *peer; /* NULL: it does not say */
};

/* One that is not taken, and with how many of its bytes that is known. */
struct bad {
	const char *bytes;
	size_t length;
	size_t known_at;
};

#define GOOD(text, peer)                                                                           \
	{                                                                                          \
		text, sizeof(text) - 1, peer                                                       \
	}
#define BAD(text, at)                                                                              \
	{                                                                                          \
		text, sizeof(text) - 1, at                                                         \
	}
#define LINE(text) BAD(text, sizeof(text) - 1) /* known at its end */

static const struct good goods[] = {
	GOOD("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n", "192.168.0.1 56324"),
	GOOD("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255 65535"),
	GOOD("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", "0.0.0.0 0"),
	GOOD("PROXY TCP6 2001:db8::1 ::1 1 2\r\n", "2001:db8::1 1"),
	GOOD("PROXY TCP6 2001:DB8:0:0:0:0:0:A ::1 1 2\r\n", "2001:db8::a 1"),
	GOOD("PROXY TCP6 :: :: 0 65535\r\n", ":: 0"),
	GOOD("PROXY TCP6 ::ffff:1.2.3.4 ::ffff:4.3.2.1 1 2\r\n", "::ffff:1.2.3.4 1"),
	GOOD("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535"),
	GOOD("PROXY UNKNOWN\r\n", NULL),
	GOOD("PROXY UNKNOWN \r\n", NULL),
	GOOD("PROXY UNKNOWN 1.2.3.4 what ever\tthis\xff is\r\n", NULL),
	GOOD("PROXY UNKNOWN one\nof\rtwo\r\n", NULL),
	GOOD("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
		NULL), /* 107 bytes */
	GOOD(V2 "\x21\x11\0\x0c\x01\x02\x03\x04\x7f\0\0\x01\x1f\x90\0\x50", "1.2.3.4 8080"),
	GOOD(V2 "\x21\x12\0\x0c\x01\x02\x03\x04\x7f\0\0\x01\xff\xff\0\x50", "1.2.3.4 65535"),
	GOOD(V2 "\x21\x11\0\x0f\x01\x02\x03\x04\x7f\0\0\x01\x1f\x90\0\x50\x04\0\0",
		"1.2.3.4 8080"), /* with a triple of nothing */
	GOOD(V2 "\x21\x11\0\x13\x01\x02\x03\x04\x7f\0\0\x01\x1f\x90\0\x50"
		"\x03\0\x04\xff\xff\xff\xff",
		"1.2.3.4 8080"), /* with a checksum, which is not ours to check */
	GOOD(V2 "\x21\x21\0\x24" F16 F16 "\0\x01\0\x02",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 1"),
	GOOD(V2 "\x21\x22\0\x24"
		"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01" F16 "\xab\xcd\0\x02",
		"2001:db8::1 43981"),
	GOOD(V2 "\x21\x31\0\xd8/run/it\0" UNIX_ZEROS_100 UNIX_ZEROS_100 "\0\0\0\0\0\0\0\0",
		"unix 7 /run/it"),
	GOOD(V2 "\x21\x32\0\xd8\0name\0\0\0" UNIX_ZEROS_100 UNIX_ZEROS_100 "\0\0\0\0\0\0\0\0",
		"unix 5 @name"),
	GOOD(V2 "\x21\x31\0\xd8" UNIX_ZEROS_100 UNIX_ZEROS_100 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
		"unix 0 "),
	GOOD(V2 "\x21\x31\0\xd8" MOST_X90 "xxxxxxxxxxxxxxxxxx" UNIX_ZEROS_100 "\0\0\0\0\0\0\0\0",
		"unix 108 " MOST_X90 "xxxxxxxxxxxxxxxxxx"),
	GOOD(V2 "\x20\0\0\0", NULL),
	GOOD(V2 "\x20\x11\0\0", NULL),           /* LOCAL: all else is ignored */
	GOOD(V2 "\x20\xff\0\x03\x01\0\0", NULL), /* the family too */
	GOOD(V2 "\x21\0\0\0", NULL),
	GOOD(V2 "\x21\0\0\x04xyzz", NULL),
	GOOD(V2 "\x21\x10\0\x02xy", NULL), /* IPv4, but not of what transport */
	GOOD(V2 "\x21\x01\0\0", NULL),
};

static const struct bad bads[] = {
	BAD("GET / HTTP/1.1\r\n\r\n", 1),
	BAD("\x16\x03\x01\x02\0\x01", 1), /* TLS */
	BAD("PRI * HTTP/2.0\r\n\r\n", 3),
	BAD("proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n", 1),
	BAD("PROXY\r\n", 6),
	BAD("PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n", 7),
	BAD("PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n", 10),
	BAD("PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n", 8),
	BAD("PROXY TCP4\r\n", 11),
	BAD("PROXY UNKNOWNS\r\n", 14),
	BAD("PROXY UNKNOWN\r \r\n", 15),
	LINE("PROXY TCP4 \r\n"),
	LINE("PROXY TCP4 1.2.3.4\r\n"),
	LINE("PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n"),
	LINE("PROXY TCP4 1.2.3.4 1.2.3.4 1 \r\n"),
	LINE("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n"),
	LINE("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n"),
	LINE("PROXY TCP4 1.2.3.4  1.2.3.4 1 2\r\n"),
	LINE("PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n"),
	LINE("PROXY TCP4 1.2.3.4\t1.2.3.4 1 2\r\n"),
	LINE("PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n"),
	LINE("PROXY TCP4 1.2.3.04 1.2.3.4 1 2\r\n"),
	LINE("PROXY TCP4 1.2.3.4 1.2.3.256 1 2\r\n"),
	LINE("PROXY TCP4 1.2.3.4 localhost 1 2\r\n"),
	LINE("PROXY TCP4 ::1 ::1 1 2\r\n"),
	LINE("PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n"),
	LINE("PROXY TCP6 ::1%lo ::1 1 2\r\n"),
	LINE("PROXY TCP6 1::2::3 ::1 1 2\r\n"),
	LINE("PROXY TCP6 [::1] ::1 1 2\r\n"),
	LINE("PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n"),
	LINE("PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n"),
	LINE("PROXY TCP4 1.2.3.4 1.2.3.4 1 4294967297\r\n"),
	LINE("PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n"),
	LINE("PROXY TCP4 1.2.3.4 1.2.3.4 +1 2\r\n"),
	LINE("PROXY TCP4 1.2.3.4 1.2.3.4 0x1 2\r\n"),
	LINE("PROXY TCP4 1.2.3.4\0 1.2.3.4 1 2\r\n"),
	LINE("PROXY TCP4 1.2.3.4 1.2.3.4 1\0 2\r\n"),
	LINE("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\r\n"),
	LINE("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n"),
	BAD("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r3\r\nGET", 34),
	BAD("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535 \r\n",
		107),
	BAD("PROXY TCP4 " MOST_X90 "xxxxxx\r\n", 107),
	BAD("\r\n\r\nGET / HTTP/1.1\r\n", 5),
	BAD("\r\n\r\n\0\r\nQUIT\r", 12),
	BAD(V2 "\x11\x11\0\0", 13), /* another version */
	BAD(V2 "\x31\x11\0\0", 13),
	BAD(V2 "\x22\x11\0\0", 13), /* another command */
	BAD(V2 "\x2f\x11\0\0", 13),
	BAD(V2 "\x21\x41\0\0", 14), /* another family */
	BAD(V2 "\x21\xf0\0\0", 14),
	BAD(V2 "\x21\x13\0\x0c", 14),                                       /* another transport */
	BAD(V2 "\x21\x11\0\x0b\x01\x02\x03\x04\x7f\0\0\x01\x1f\x90\0", 16), /* too short */
	BAD(V2 "\x21\x11\0\0", 16),
	BAD(V2 "\x21\x21\0\x23", 16),
	BAD(V2 "\x21\x31\0\xd7", 16),
	BAD(V2 "\x21\x11\x0f\xf1\x01\x02\x03\x04\x7f\0\0\x01\x1f\x90\0\x50", 16), /* too long */
	BAD(V2 "\x20\0\xff\xff", 16),
};

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

/* A copy of its exact size, so that a sanitizer sees what is read beyond it. */
static enum proxy_verdict read_exactly(
	const char *bytes, size_t length, struct proxy_header *header)
{
	char *copy = malloc(length ? length : 1);
	enum proxy_verdict verdict;

	assert_non_null(copy);
	memcpy(copy, bytes, length);
	verdict = proxy_header_read(copy, length, header);
	free(copy);
	return verdict;
}

static void describe_unix(const struct socket_address *peer, char text[256])
{
	const struct sockaddr_un *address = (const struct sockaddr_un *)&peer->storage;
	size_t length = peer->length - offsetof(struct sockaddr_un, sun_path);

	snprintf(text, 256, "unix %zu %s%.*s", length, length && !address->sun_path[0] ? "@" : "",
		(int)(length && !address->sun_path[0] ? length - 1 : length),
		address->sun_path + (length && !address->sun_path[0]));
}

static void describe(const struct socket_address *peer, char text[256])
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&peer->storage;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&peer->storage;
	char host[INET6_ADDRSTRLEN];

	switch (peer->storage.ss_family) {
	case AF_INET:
		assert_int_equal(peer->length, sizeof(*v4));
		inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
		snprintf(text, 256, "%s %u", host, ntohs(v4->sin_port));
		break;
	case AF_INET6:
		assert_int_equal(peer->length, sizeof(*v6));
		inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
		snprintf(text, 256, "%s %u", host, ntohs(v6->sin6_port));
		break;
	default:
		assert_int_equal(peer->storage.ss_family, AF_UNIX);
		describe_unix(peer, text);
	}
}

static void check_whole(const struct good *good, const char *bytes, size_t length)
{
	struct proxy_header header;
	char text[256];

	assert_int_equal(read_exactly(bytes, length, &header), PROXY_WHOLE);
	assert_int_equal(header.length, good->length);
	assert_int_equal(header.has_peer, good->peer != NULL);
	if (good->peer) {
		describe(&header.peer, text);
		assert_string_equal(text, good->peer);
	}
}

static void good_headers_are_read_at_any_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(goods); i++) {
		const struct good *good = &goods[i];
		struct proxy_header header;
		char behind[512];

		for (size_t length = 0; length < good->length; length++) {
			if (read_exactly(good->bytes, length, &header) != PROXY_MORE) {
				fail_msg("good header %zu ends with its byte %zu", i, length);
			}
		}
		memcpy(behind, good->bytes, good->length);
		for (size_t n = 0; n < sizeof(behind) - good->length; n += 1 + n / 4) {
			memset(behind + good->length, n % 2 ? '\n' : 'P', n);
			check_whole(good, behind, good->length + n);
		}
	}
}

static void bad_headers_are_refused_as_early_as_they_show(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bads); i++) {
		const struct bad *bad = &bads[i];
		struct proxy_header header;

		for (size_t length = 0; length <= bad->length; length++) {
			enum proxy_verdict verdict = read_exactly(bad->bytes, length, &header);
			enum proxy_verdict expected =
				length < bad->known_at ? PROXY_MORE : PROXY_REFUSED;

			if (verdict != expected) {
				fail_msg("bad header %zu, %zu bytes of it: %d", i, length, verdict);
			}
		}
	}
}

static void longest_header_is_read(void **state)
{
	static char bytes[PROXY_HEADER_MOST + 1] = V2 "\x21\x11\x0f\xf0\x01\x02\x03\x04";
	struct proxy_header header;

	(void)state;
	assert_int_equal(proxy_header_read(bytes, PROXY_HEADER_MOST - 1, &header), PROXY_MORE);
	assert_int_equal(proxy_header_read(bytes, PROXY_HEADER_MOST, &header), PROXY_WHOLE);
	assert_int_equal(header.length, PROXY_HEADER_MOST);
	bytes[15] = (char)0xf1;
	assert_int_equal(proxy_header_read(bytes, PROXY_HEADER_MOST + 1, &header), PROXY_REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_headers_are_read_at_any_cut),
		cmocka_unit_test(bad_headers_are_refused_as_early_as_they_show),
		cmocka_unit_test(longest_header_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
