/* SPDX-License-Identifier: Apache-2.0 */
#include "net/address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define LABEL "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0" /* 63 */
#define LONG_NAME                                                                                  \
	LABEL "." LABEL "." LABEL "."                                                              \
	      "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxy"
#define LONG_PATH "/" LABEL "/678901234567890123456789012345678901234567" /* 107 */

struct sample {
	const char *text;
	const char *refusal; /* NULL: it is taken, as: */
	const char *host;
	uint16_t port;
	bool is_unix;
};

static void check(const struct sample *sample,
	const char *(*parse)(const char *text, struct address *address))
{
	static const struct address untouched = {.host = "untouched", .port = 7};
	struct address address = untouched;
	const char *refusal = parse(sample->text, &address);

	if (!refusal != !sample->refusal || (refusal && strcmp(refusal, sample->refusal) != 0)) {
		fail_msg("'%s': %s, expected %s", sample->text, refusal ? refusal : "taken",
			sample->refusal ? sample->refusal : "taken");
	}
	if (refusal) {
		assert_memory_equal(&address, &untouched, sizeof(address));
		return;
	}
	assert_string_equal(address.host, sample->host);
	assert_int_equal(address.port, sample->port);
	assert_int_equal(address.is_unix, sample->is_unix);
}

static const char empty[] = "is empty";
static const char no_port[] = "has no port";
static const char no_colon[] = "has no colon in front of its port";
static const char bad_port[] = "has a port that is no number";
static const char big_port[] = "has a port above 65535";
static const char bad_name[] = "has a malformed host name";
static const char bad_four[] = "has a malformed IPv4 address";
static const char bad_six[] = "has a malformed IPv6 address";
static const char no_brackets[] = "has an IPv6 address without brackets";
static const char no_path[] = "has no path";
static const char bad_path[] = "has a path that begins with none of / . @";
static const char control[] = "has a control character";
static const char more[] = "has more than a host and a port";
static const char no_http[] = "does not begin with http://";

static void reads_where_to_listen(void **state)
{
	static const struct sample samples[] = {
		{"127.0.0.1:8080", NULL, "127.0.0.1", 8080, false},
		{"0.0.0.0:1", NULL, "0.0.0.0", 1, false},
		{"255.255.255.255:65535", NULL, "255.255.255.255", 65535, false},
		{":8080", NULL, "", 8080, false},
		{":0", NULL, "", 0, false},
		{":00080", NULL, "", 80, false},
		{"localhost:8080", NULL, "localhost", 8080, false},
		{"LOCALHOST:80", NULL, "LOCALHOST", 80, false},
		{"a:1", NULL, "a", 1, false},
		{"a.example.:1", NULL, "a.example.", 1, false},
		{"my_service-1.ns.svc:80", NULL, "my_service-1.ns.svc", 80, false},
		{"1a.2b:80", NULL, "1a.2b", 80, false},
		{"0xg:80", NULL, "0xg", 80, false},
		{LABEL ".example:80", NULL, LABEL ".example", 80, false},
		{LONG_NAME ":65535", NULL, LONG_NAME, 65535, false},
		{LONG_NAME ".:65535", NULL, LONG_NAME ".", 65535, false},
		{"[::1]:8080", NULL, "::1", 8080, false},
		{"[::]:80", NULL, "::", 80, false},
		{"[::ffff:1.2.3.4]:80", NULL, "::ffff:1.2.3.4", 80, false},
		{"[2001:db8::A]:80", NULL, "2001:db8::A", 80, false},
		{"[fe80::1%lo]:80", NULL, "fe80::1%lo", 80, false},
		{"unix:/run/x.sock", NULL, "/run/x.sock", 0, true},
		{"UNIX:/run/x.sock", NULL, "/run/x.sock", 0, true},
		{"unix:./x:y z", NULL, "./x:y z", 0, true},
		{"unix:@name", NULL, "@name", 0, true},
		{"unix:/http://x", NULL, "/http://x", 0, true},
		{"unix:@/run/x", NULL, "@/run/x", 0, true},
		{"unix:/\xc3\xbc", NULL, "/\xc3\xbc", 0, true},
		{"unix:" LONG_PATH, NULL, LONG_PATH, 0, true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(samples); i++) {
		check(&samples[i], address_parse);
	}
}

static void refuses_where_to_listen(void **state)
{
	static const struct sample samples[] = {
		{"", empty, NULL, 0, false},
		{":", no_port, NULL, 0, false},
		{"localhost", no_port, NULL, 0, false},
		{"localhost:", no_port, NULL, 0, false},
		{"127.0.0.1", no_port, NULL, 0, false},
		{"[::1]", no_port, NULL, 0, false},
		{"[::1]:", no_port, NULL, 0, false},
		{"8080", no_colon, NULL, 0, false},
		{"[::1]8080", no_colon, NULL, 0, false},
		{":http", bad_port, NULL, 0, false},
		{":-1", bad_port, NULL, 0, false},
		{":+1", bad_port, NULL, 0, false},
		{": 80", bad_port, NULL, 0, false},
		{":80 ", bad_port, NULL, 0, false},
		{":80/", bad_port, NULL, 0, false},
		{":0x50", bad_port, NULL, 0, false},
		{":65536", big_port, NULL, 0, false},
		{":4294967376", big_port, NULL, 0, false},
		{":99999999999999999999999", big_port, NULL, 0, false},
		{"::1:8080", no_brackets, NULL, 0, false},
		{"::", no_brackets, NULL, 0, false},
		{"fe80::1:80", no_brackets, NULL, 0, false},
		{"a:b:80", no_brackets, NULL, 0, false},
		{"[::1:80", "has no closing bracket", NULL, 0, false},
		{"[", "has no closing bracket", NULL, 0, false},
		{"[]:80", bad_six, NULL, 0, false},
		{"[::1::]:80", bad_six, NULL, 0, false},
		{"[1.2.3.4]:80", bad_six, NULL, 0, false},
		{"[localhost]:80", bad_six, NULL, 0, false},
		{"[fe80::1%]:80", bad_six, NULL, 0, false},
		{"[fe80::1%a%b]:80", bad_six, NULL, 0, false},
		{"[fe80::1%0123456789abcdef]:80", bad_six, NULL, 0, false},
		{"[0000:0000:0000:0000:0000:0000:0000:00000000000001]:80", bad_six, NULL, 0, false},
		{"1.2.3:80", bad_four, NULL, 0, false},
		{"1.2.3.4.5:80", bad_four, NULL, 0, false},
		{"1.2.3.256:80", bad_four, NULL, 0, false},
		{"1.2.3.4.:80", bad_four, NULL, 0, false},
		{"127.1:80", bad_four, NULL, 0, false},
		{"2130706433:80", bad_four, NULL, 0, false},
		{"0x7f000001:80", bad_four, NULL, 0, false},
		{"0x:80", bad_four, NULL, 0, false},
		{"a.1:80", bad_four, NULL, 0, false},
		{".:80", bad_name, NULL, 0, false},
		{".a:80", bad_name, NULL, 0, false},
		{"a..b:80", bad_name, NULL, 0, false},
		{"a..:80", bad_name, NULL, 0, false},
		{"-a:80", bad_name, NULL, 0, false},
		{"a.-b:80", bad_name, NULL, 0, false},
		{"a b:80", bad_name, NULL, 0, false},
		{"*:80", bad_name, NULL, 0, false},
		{"a/b:80", bad_name, NULL, 0, false},
		{"a@b:80", bad_name, NULL, 0, false},
		{"\xc3\xbc:80", bad_name, NULL, 0, false},
		{LABEL "0:80", bad_name, NULL, 0, false},
		{LONG_NAME "z:80", "has too long a host name", NULL, 0, false},
		{LONG_NAME LONG_NAME ":80", "is too long", NULL, 0, false},
		{"a\n:80", control, NULL, 0, false},
		{"http://a:80", "is a URL", NULL, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(samples); i++) {
		check(&samples[i], address_parse);
	}
}

static void refuses_paths(void **state)
{
	static const struct sample samples[] = {
		{"unix:/a\x7f", control, NULL, 0, false},
		{"unix:", no_path, NULL, 0, false},
		{"unix:@", no_path, NULL, 0, false},
		{"unix:x.sock", bad_path, NULL, 0, false},
		{"unix:8080", bad_path, NULL, 0, false},
		{"unix:" LONG_PATH "0", "has a path of more than 107 bytes", NULL, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(samples); i++) {
		check(&samples[i], address_parse);
	}
}

static void reads_urls(void **state)
{
	static const struct sample samples[] = {
		{"http://127.0.0.1:3000", NULL, "127.0.0.1", 3000, false},
		{"http://127.0.0.1:3000/", NULL, "127.0.0.1", 3000, false},
		{"HTTP://backend", NULL, "backend", 80, false},
		{"http://backend/", NULL, "backend", 80, false},
		{"http://[::1]", NULL, "::1", 80, false},
		{"http://[::1]:8080/", NULL, "::1", 8080, false},
		{"http://unix:/run/x.sock", NULL, "/run/x.sock", 0, true},
		{"http://unix:@name", NULL, "@name", 0, true},
		{"http://unix", no_path, NULL, 0, false},
		{"", empty, NULL, 0, false},
		{"backend:80", no_http, NULL, 0, false},
		{"http:/backend", no_http, NULL, 0, false},
		{"unix:/run/x.sock", no_http, NULL, 0, false},
		{"ws://backend", no_http, NULL, 0, false},
		{" http://backend", no_http, NULL, 0, false},
		{"https://backend", "is https, where only http is spoken", NULL, 0, false},
		{"http://", "has no host", NULL, 0, false},
		{"http:///", "has no host", NULL, 0, false},
		{"http://:80", "has no host", NULL, 0, false},
		{"http://backend:", no_port, NULL, 0, false},
		{"http://backend:0", "has the port 0", NULL, 0, false},
		{"http://backend:65536", big_port, NULL, 0, false},
		{"http://backend:x", bad_port, NULL, 0, false},
		{"http://backend//", more, NULL, 0, false},
		{"http://backend/path", more, NULL, 0, false},
		{"http://backend?q", more, NULL, 0, false},
		{"http://backend#f", more, NULL, 0, false},
		{"http://user@backend", "has a user name", NULL, 0, false},
		{"http://user:word@backend", "has a user name", NULL, 0, false},
		{"http://8080", bad_four, NULL, 0, false},
		{"http://::1", no_brackets, NULL, 0, false},
		{"http://::1:80", no_brackets, NULL, 0, false},
		{"http://a::1", no_brackets, NULL, 0, false},
		{"http://[::1", "has no closing bracket", NULL, 0, false},
		{"http://back end", bad_name, NULL, 0, false},
		{"http://back\tend", control, NULL, 0, false},
		{"http://unix:3000", bad_path, NULL, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(samples); i++) {
		check(&samples[i], address_parse_url);
	}
}

static void writes_what_it_reads(void **state)
{
	static const char long_path[] = "unix:" LONG_PATH;
	static const char long_name[] = LONG_NAME ".:65535";
	static const char *const texts[] = {"127.0.0.1:8080", ":80", ":0", "localhost:1",
		"[::1]:443", "[fe80::1%lo]:80", "unix:/run/x.sock", "unix:@name", long_path,
		long_name};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct address address;
		char text[ADDRESS_TEXT];

		assert_null(address_parse(texts[i], &address));
		assert_string_equal(address_text(&address, text), texts[i]);
	}
}

/* What is written of a socket address that was made of a literal one, and its host. */
static void makes_socket_addresses(void **state)
{
	static const struct {
		const char *text;
		const char *socket; /* NULL: it is not literal */
		const char *host;
	} samples[] = {
		{"127.0.0.1:8080", "127.0.0.1:8080", "127.0.0.1"},
		{"255.255.255.255:65535", "255.255.255.255:65535", "255.255.255.255"},
		{"[::1]:80", "[::1]:80", "::1"},
		{"[::]:80", "[::]:80", "::"},
		{"[2001:DB8:0::A]:80", "[2001:db8::a]:80", "2001:db8::a"},
		{"[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
			"[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
			"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
		{"[::ffff:1.2.3.4]:80", "1.2.3.4:80", "1.2.3.4"},
		{"[fe80::1%lo]:80", "[fe80::1%lo]:80", "fe80::1"},
		{"[fe80::1%1]:80", "[fe80::1%lo]:80", "fe80::1"},
		{"unix:/run/x.sock", "unix:/run/x.sock", "unix"},
		{"unix:" LONG_PATH, "unix:" LONG_PATH, "unix"},
		{"unix:@name", "unix:@name", "unix"},
		{"localhost:80", NULL, NULL},
		{":80", NULL, NULL},
		{"[fe80::1%nothing]:80", NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(samples); i++) {
		struct address address;
		struct socket_address socket;
		char text[ADDRESS_TEXT];

		assert_null(address_parse(samples[i].text, &address));
		assert_int_equal(address_literal(&address, &socket), samples[i].socket != NULL);
		if (samples[i].socket) {
			assert_string_equal(socket_address_text(&socket, text), samples[i].socket);
			assert_string_equal(socket_address_host(&socket, text), samples[i].host);
		}
	}
}

static void writes_what_strangers_send(void **state)
{
	struct socket_address socket = {0};
	struct sockaddr_un *kernel = (struct sockaddr_un *)&socket.storage;
	char text[ADDRESS_TEXT];

	(void)state;
	assert_string_equal(socket_address_text(&socket, text), "unknown");
	assert_string_equal(socket_address_host(&socket, text), "unknown");
	kernel->sun_family = AF_UNIX;
	socket.length = sizeof(sa_family_t); /* a client that did not bind */
	assert_string_equal(socket_address_text(&socket, text), "unix:");
	assert_string_equal(socket_address_host(&socket, text), "unix");
	memcpy(kernel->sun_path, "\0a\0\n\x7f\xff", 6);
	socket.length += 6;
	assert_string_equal(socket_address_text(&socket, text), "unix:@a???\xff");
	memset(kernel->sun_path, 'p', sizeof(kernel->sun_path));
	socket.length = sizeof(*kernel); /* a path may fill all of it, without a NUL */
	assert_int_equal(strlen(socket_address_text(&socket, text)),
		strlen("unix:") + sizeof(kernel->sun_path));
	memset(&socket, 0, sizeof(socket));
	socket.storage.ss_family = AF_NETLINK;
	socket.length = sizeof(socket.storage);
	assert_string_equal(socket_address_text(&socket, text), "unknown");
	assert_string_equal(socket_address_host(&socket, text), "unknown");
}

static void refuses_ranges(void **state)
{
	static const struct {
		const char *text;
		const char *refusal;
	} samples[] = {
		{"", "is empty"},
		{"/8", "is no IP address"},
		{"10.0.0/8", "is no IP address"},
		{"10.0.0.0:80", "is no IP address"},
		{"localhost", "is no IP address"},
		{"unix", "is no IP address"},
		{"[::1]", "is no IP address"},
		{"fe80::1%lo", "is no IP address"},
		{" 10.0.0.0", "is no IP address"},
		{"0000:0000:0000:0000:0000:0000:0000:0000:0000", "is no IP address"},
		{"00000000000000000000000000000000000000000000000:", "is no IP address"},
		{"10.0.0.0/", "has a prefix that is not 0 to 32"},
		{"10.0.0.0/33", "has a prefix that is not 0 to 32"},
		{"10.0.0.0/-0", "has a prefix that is not 0 to 32"},
		{"10.0.0.0/8/8", "has a prefix that is not 0 to 32"},
		{"10.0.0.0/255.0.0.0", "has a prefix that is not 0 to 32"},
		{"10.0.0.0/18446744073709551624", "has a prefix that is not 0 to 32"},
		{"::/129", "has a prefix that is not 0 to 128"},
		{"::/x", "has a prefix that is not 0 to 128"},
		{"10.0.0.1/8", "has bits that are set behind its prefix"},
		{"10.128.0.0/8", "has bits that are set behind its prefix"},
		{"1.2.3.4/31", NULL},
		{"1.2.3.5/31", "has bits that are set behind its prefix"},
		{"fd00::1/8", "has bits that are set behind its prefix"},
		{"1::/0", "has bits that are set behind its prefix"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(samples); i++) {
		struct address_range range;
		const char *refusal = address_range_parse(samples[i].text, &range);

		if (!refusal != !samples[i].refusal ||
			(refusal && strcmp(refusal, samples[i].refusal) != 0)) {
			fail_msg("'%s': %s", samples[i].text, refusal ? refusal : "taken");
		}
	}
}

static void ranges_contain_addresses(void **state)
{
	static const struct {
		const char *range;
		const char *address;
		bool contained;
	} samples[] = {
		{"10.0.0.0/8", "10.0.0.0:1", true},
		{"10.0.0.0/8", "10.255.255.255:1", true},
		{"10.0.0.0/8", "11.0.0.0:1", false},
		{"10.0.0.0/8", "9.255.255.255:1", false},
		{"10.0.0.0/8", "[::ffff:10.1.2.3]:1", true},
		{"10.0.0.0/8", "[::ffff:11.1.2.3]:1", false},
		{"10.0.0.0/8", "[a00::]:1", false},
		{"::ffff:10.0.0.0/104", "10.1.2.3:1", true},
		{"::ffff:10.0.0.0/104", "11.1.2.3:1", false},
		{"192.168.1.128/25", "192.168.1.128:1", true},
		{"192.168.1.128/25", "192.168.1.127:1", false},
		{"1.2.3.4", "1.2.3.4:1", true},
		{"1.2.3.4", "1.2.3.5:1", false},
		{"1.2.3.4/32", "1.2.3.4:1", true},
		{"0.0.0.0/0", "1.2.3.4:1", true},
		{"0.0.0.0/0", "[::ffff:1.2.3.4]:1", true},
		{"0.0.0.0/0", "[::1]:1", false},
		{"0.0.0.0/0", "unix:/x", false},
		{"::/0", "[::1]:1", true},
		{"::/0", "[ffff::1]:1", true},
		{"::/0", "1.2.3.4:1", false},
		{"::/0", "[::ffff:1.2.3.4]:1", false},
		{"::/0", "unix:@x", false},
		{"::1", "[::1]:1", true},
		{"::1", "[::2]:1", false},
		{"fd00::/8", "[fdff::1]:1", true},
		{"fd00::/8", "[fe00::1]:1", false},
		{"2001:db8:0:8000::/49", "[2001:db8:0:8000::1]:1", true},
		{"2001:db8:0:8000::/49", "[2001:db8:0:7fff::1]:1", false},
		{"fe80::/10", "[fe80::1%lo]:1", true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(samples); i++) {
		struct address_range range;
		struct address address;
		struct socket_address socket;

		assert_null(address_range_parse(samples[i].range, &range));
		assert_null(address_parse(samples[i].address, &address));
		assert_true(address_literal(&address, &socket));
		if (address_range_contains(&range, &socket) != samples[i].contained) {
			fail_msg("%s in %s", samples[i].address, samples[i].range);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_where_to_listen),
		cmocka_unit_test(refuses_where_to_listen),
		cmocka_unit_test(refuses_paths),
		cmocka_unit_test(reads_urls),
		cmocka_unit_test(writes_what_it_reads),
		cmocka_unit_test(makes_socket_addresses),
		cmocka_unit_test(writes_what_strangers_send),
		cmocka_unit_test(refuses_ranges),
		cmocka_unit_test(ranges_contain_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
