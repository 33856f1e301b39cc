/* SPDX-License-Identifier: Apache-2.0 */
#include "ready/target.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

#include "base/buffer.h"

static void append_address(
	struct buffer *out, const struct sockaddr_storage *address, socklen_t length)
{
	char host[INET6_ADDRSTRLEN];
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
	const struct sockaddr_un *un = (const struct sockaddr_un *)(const void *)address;

	if (address->ss_family == AF_INET) {
		buffer_appendf(out, " %s %d", inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host)),
			ntohs(v4->sin_port));
	} else if (address->ss_family == AF_INET6) {
		buffer_appendf(out, " %s %d",
			inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host)),
			ntohs(v6->sin6_port));
	} else if (un->sun_path[0]) {
		buffer_appendf(out, " %s", un->sun_path);
		assert_int_equal(
			length, offsetof(struct sockaddr_un, sun_path) + strlen(un->sun_path) + 1);
	} else {
		buffer_appendf(out, " @%.*s",
			(int)(length - offsetof(struct sockaddr_un, sun_path) - 1),
			un->sun_path + 1);
	}
}

static void leads_to(const char *text, const char *expected)
{
	struct target target;
	struct buffer out = {0};

	assert_null(target_parse(text, &target));
	for (int i = 0; i < target.count; i++) {
		append_address(&out, &target.address[i], target.length[i]);
	}
	assert_string_equal(buffer_text(&out), expected);
	buffer_fini(&out);
}

static void reads_what_one_listens_on(void **state)
{
	(void)state;
	leads_to("10.1.2.3:80", " 10.1.2.3 80");
	leads_to("[fd00::1]:65535", " fd00::1 65535");
	leads_to("localhost:9901", " 127.0.0.1 9901 ::1 9901");
	leads_to("unix:/run/x.sock", " /run/x.sock");
	leads_to("unix:relative", " relative");
	leads_to("unix:@name", " @name");
}

static void all_addresses_are_asked_on_the_loopback_ones(void **state)
{
	(void)state;
	leads_to(":9901", " 127.0.0.1 9901 ::1 9901");
	leads_to("0.0.0.0:1", " 127.0.0.1 1");
	leads_to("[::]:1", " ::1 1");
}

static void refuses_what_is_no_address(void **state)
{
	static const char *const texts[] = {"", ":", "9901", "localhost", "127.0.0.1",
		"127.0.0.1:", ":0", ":65536", ":-1", ":80x", "::1:80", "fd00::1", "[::1]",
		"[::1:80", "::1]:80", "[]:80x", "[127.0.0.1:80", "host:80", "1.2.3:80",
		"1.2.3.4.5:80", "unix:", "unix:@", "http://127.0.0.1:80", " 127.0.0.1:80"};
	struct target target;
	char path[sizeof("unix:") + sizeof(((struct sockaddr_un *)0)->sun_path)] = "unix:/";

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (!target_parse(texts[i], &target)) {
			fail_msg("'%s' is taken", texts[i]);
		}
	}
	memset(path + strlen(path), 'x', sizeof(path) - strlen("unix:/") - 1);
	assert_non_null(target_parse(path, &target));
	path[sizeof(path) - 2] = '\0';
	assert_null(target_parse(path, &target));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_one_listens_on),
		cmocka_unit_test(all_addresses_are_asked_on_the_loopback_ones),
		cmocka_unit_test(refuses_what_is_no_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
