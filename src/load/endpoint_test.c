/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "load/plan.h"
#include "tests/allocation.h"

static void urls_are_read(void **state)
{
	static const struct {
		const char *url;
		enum endpoint_kind kind;
		bool is_tls;
		const char *address, *host, *target;
	} cases[] = {
		{"http://127.0.0.1:8080/", ENDPOINT_HTTP, false, "127.0.0.1:8080", "127.0.0.1:8080",
			"/"},
		{"HTTP://Example.org", ENDPOINT_HTTP, false, "Example.org:80", "Example.org", "/"},
		{"http://example.org:80/a?b=c", ENDPOINT_HTTP, false, "example.org:80",
			"example.org", "/a?b=c"},
		{"http://example.org?b", ENDPOINT_HTTP, false, "example.org:80", "example.org",
			"/?b"},
		{"https://example.org/x", ENDPOINT_HTTP, true, "example.org:443", "example.org",
			"/x"},
		{"https://example.org:80/", ENDPOINT_HTTP, true, "example.org:80", "example.org:80",
			"/"},
		{"http://[::1]/", ENDPOINT_HTTP, false, "[::1]:80", "[::1]", "/"},
		{"http://[::1]:8080", ENDPOINT_HTTP, false, "[::1]:8080", "[::1]:8080", "/"},
		{"ws://localhost:9/feed", ENDPOINT_WEBSOCKET, false, "localhost:9", "localhost:9",
			"/feed"},
		{"wss://localhost/feed", ENDPOINT_WEBSOCKET, true, "localhost:443", "localhost",
			"/feed"},
		{"http://unix:/run/x.sock", ENDPOINT_HTTP, false, "unix:/run/x.sock", "localhost",
			"/"},
		{"http://unix:@name", ENDPOINT_HTTP, false, "unix:@name", "localhost", "/"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct endpoint endpoint;
		char text[ADDRESS_TEXT];

		assert_null(load_endpoint_parse(cases[i].url, &endpoint));
		assert_int_equal(endpoint.kind, cases[i].kind);
		assert_int_equal(endpoint.is_tls, cases[i].is_tls);
		assert_string_equal(address_text(&endpoint.address, text), cases[i].address);
		assert_string_equal(endpoint.host, cases[i].host);
		assert_string_equal(endpoint.target, cases[i].target);
		load_endpoint_fini(&endpoint);
	}
}

static void others_are_refused(void **state)
{
	static const struct {
		const char *url, *wrong;
	} cases[] = {
		{"", "does not begin"},
		{"example.org", "does not begin"},
		{"ftp://example.org/", "does not begin"},
		{"http://", "no host"},
		{"http:///x", "no host"},
		{"http://:80/", "no host"},
		{"http://user@example.org/", "user name"},
		{"http://example.org:0/", "port 0"},
		{"http://example.org:65536/", "port above"},
		{"http://example.org:x/", "no number"},
		{"http://1.2.3/", "IPv4"},
		{"http://[::1/", "bracket"},
		{"http://example.org/#x", "fragment"},
		{"https://unix:/tmp/x", "unix socket"},
		{"http://example.org/a b", "escaped"},
		{"http://example.org/\r\nX: y", "escaped"},
		{"http://example.org/\xc3\xa9", "escaped"},
	};
	struct endpoint endpoint;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *wrong = load_endpoint_parse(cases[i].url, &endpoint);

		assert_non_null(wrong);
		if (!strstr(wrong, cases[i].wrong)) {
			fail_msg("%s: it %s", cases[i].url, wrong);
		}
		assert_null(endpoint.host);
		assert_null(endpoint.target);
	}
}

static void a_long_host_is_refused(void **state)
{
	struct endpoint endpoint;
	char url[1024];

	(void)state;
	(void)snprintf(url, sizeof(url), "http://%0600d/", 0);
	assert_non_null(load_endpoint_parse(url, &endpoint));
}

static void lack_of_memory_is_told(void **state)
{
	struct endpoint endpoint;
	bool failed = true;

	(void)state;
	for (int n = 1; failed; n++) {
		const char *wrong;

		allocation_fail(n);
		wrong = load_endpoint_parse("http://example.org/x", &endpoint);
		failed = allocation_failed();
		assert_int_equal(failed, wrong != NULL);
		load_endpoint_fini(&endpoint);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls_are_read),
		cmocka_unit_test(others_are_refused),
		cmocka_unit_test(a_long_host_is_refused),
		cmocka_unit_test(lack_of_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
