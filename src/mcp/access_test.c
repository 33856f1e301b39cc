/* SPDX-License-Identifier: Apache-2.0 */
/* Who may ask: names, pages, tokens; and what is refused at the start. */
#include "mcp/access.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "http/parser.h"

static struct mcp_config config;
static struct mcp mcp;
static struct http_connection connection;

static void read_head(const char *fields)
{
	char text[1024];
	size_t used;

	(void)snprintf(text, sizeof(text), "GET /mcp HTTP/1.0\r\n%s\r\n", fields);
	http_parser_fini(&connection.parser);
	http_parser_init(&connection.parser, HTTP_REQUESTS);
	assert_int_equal(
		http_parser_read(&connection.parser, text, strlen(text), &used), HTTP_EVENT_HEAD);
}

static int setup(void **state)
{
	(void)state;
	config = (struct mcp_config){.path = "/mcp"};
	mcp = (struct mcp){.config = &config};
	mcp.service.config = &config.service;
	connection.stream.fd = -1;
	http_parser_init(&connection.parser, HTTP_REQUESTS);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (connection.stream.fd >= 0) {
		close(connection.stream.fd);
	}
	http_parser_fini(&connection.parser);
	buffer_fini(&mcp.token);
	return 0;
}

/* Hosts. */

static void expect_host(const char *host, bool allowed)
{
	char fields[256];

	(void)snprintf(fields, sizeof(fields), "Host: %s\r\n", host);
	read_head(fields);
	if (access_host_allowed(&mcp, &connection) != allowed) {
		fail_msg("Host: %s is %s", host, allowed ? "refused" : "allowed");
	}
}

static void loopback_may_be_called_by_its_names(void **state)
{
	(void)state;
	expect_host("localhost", true);
	expect_host("LocalHost:8080", true);
	expect_host("127.0.0.1:1", true);
	expect_host("127.255.1.2", true);
	expect_host("[::1]", true);
	expect_host("[0:0::1]:80", true);
}

static void other_names_are_refused(void **state)
{
	static const char *const names[] = {"example.com", "localhost.example.com", "128.0.0.1",
		"127.0.0.1.example.com", "[::2]", "10.0.0.1:8080", "xlocalhost", "localhostx",
		"127.0.0.1x", "[::ffff:127.0.0.1]", "::1"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char fields[256];
		char text[512];
		size_t used;

		(void)snprintf(fields, sizeof(fields), "Host: %s\r\n", names[i]);
		(void)snprintf(text, sizeof(text), "GET / HTTP/1.0\r\n%s\r\n", fields);
		http_parser_fini(&connection.parser);
		http_parser_init(&connection.parser, HTTP_REQUESTS);
		if (http_parser_read(&connection.parser, text, strlen(text), &used) ==
				HTTP_EVENT_HEAD &&
			access_host_allowed(&mcp, &connection)) {
			fail_msg("%s is allowed", names[i]);
		}
	}
}

static void no_name_is_none_of_ours(void **state)
{
	(void)state;
	read_head("");
	assert_false(access_host_allowed(&mcp, &connection));
	config.allow_host = (struct words){{"*"}, 1};
	assert_true(access_host_allowed(&mcp, &connection));
}

static void allowed_names_have_any_port_unless_one_is_given(void **state)
{
	(void)state;
	config.allow_host = (struct words){{"a.example, b.example:8443", "[fd00::1]"}, 2};
	assert_int_equal(access_configure(&mcp), 0);
	expect_host("a.example", true);
	expect_host("A.Example:1", true);
	expect_host("b.example:8443", true);
	expect_host("b.example", false);
	expect_host("b.example:8444", false);
	expect_host("[fd00::1]:80", true);
	expect_host("c.example", false);
	expect_host("127.0.0.1", true);
}

static void all_may_be_allowed(void **state)
{
	(void)state;
	config.allow_host = (struct words){{"*"}, 1};
	expect_host("anything.example:1", true);
}

static void what_is_listened_on_is_a_name_of_ours(void **state)
{
	(void)state;
	config.service.listen =
		(struct words){{"192.0.2.7:8080,mcp.example:80", ":9090", "unix:/x"}, 3};
	expect_host("192.0.2.7:8080", true);
	expect_host("192.0.2.7", true);
	expect_host("mcp.example:1234", true);
	expect_host("192.0.2.8", false);
	expect_host("other.example", false);
}

static void the_address_that_was_connected_to_is_a_name_of_ours(void **state)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(0)};
	const int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_int_equal(inet_pton(AF_INET, "192.0.2.9", &address.sin_addr), 1);
	assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	connection.stream.fd = fd;
	expect_host("192.0.2.9:8080", true);
	expect_host("192.0.2.10:8080", false);
	expect_host("attacker.example", false);
}

/* Origins. */

static void expect_origin(const char *fields, bool allowed, const char *origin)
{
	struct http_text is;

	read_head(fields);
	if (access_origin_allowed(&mcp, &connection.parser.head, &is) != allowed) {
		fail_msg("%s is %s", fields, allowed ? "refused" : "allowed");
	}
	if (allowed) {
		assert_true(http_text_equal(is, origin));
	}
}

static void pages_of_loopback_may_ask(void **state)
{
	(void)state;
	expect_origin("", true, "");
	expect_origin("Origin: http://localhost\r\n", true, "http://localhost");
	expect_origin("Origin: https://127.0.0.1:3000\r\n", true, "https://127.0.0.1:3000");
	expect_origin("Origin: HTTP://[::1]:1\r\n", true, "http://[::1]:1");
}

static void other_pages_may_not(void **state)
{
	static const char *const origins[] = {"null", "https://example.com",
		"http://localhost.example.com", "http://localhost:x@example.com",
		"http://localhost@example.com", "http://127.0.0.1.example.com", "localhost",
		"http://", "file://localhost", "http://[::1", "http://[::1]x", "http://localhost/",
		"http://[]", "http://:80"};

	(void)state;
	for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++) {
		char fields[256];

		(void)snprintf(fields, sizeof(fields), "Origin: %s\r\n", origins[i]);
		expect_origin(fields, false, NULL);
	}
	expect_origin("Origin: http://localhost\r\nOrigin: http://localhost\r\n", false, NULL);
}

static void allowed_pages_may_ask(void **state)
{
	(void)state;
	config.allow_origin = (struct words){{"https://a.example,null", "app://x.example:1"}, 2};
	assert_int_equal(access_configure(&mcp), 0);
	expect_origin("Origin: https://A.example\r\n", true, "https://a.example");
	expect_origin("Origin: null\r\n", true, "null");
	expect_origin("Origin: app://x.example:1\r\n", true, "app://x.example:1");
	expect_origin("Origin: https://a.example:8443\r\n", false, NULL);
	expect_origin("Origin: http://a.example\r\n", false, NULL);
	config.allow_origin = (struct words){{"*"}, 1};
	expect_origin("Origin: http://any.example\r\n", true, "http://any.example");
}

static void an_origin_has_a_length_that_fits_its_answer(void **state)
{
	char fields[1024] = "Origin: https://";
	char text[ACCESS_FIELDS], *end;
	struct http_text origin;

	(void)state;
	config.allow_origin = (struct words){{"*"}, 1};
	end = fields + strlen(fields) + ACCESS_ORIGIN_MOST - 8;
	memset(fields + strlen(fields), 'a', ACCESS_ORIGIN_MOST - 8);
	memcpy(end, "\r\n", 3);
	read_head(fields);
	assert_true(access_origin_allowed(&mcp, &connection.parser.head, &origin));
	assert_int_equal(origin.length, ACCESS_ORIGIN_MOST);
	assert_non_null(strstr(access_fields(origin, text), "aa\r\nAccess-Control-Expose"));
	assert_non_null(strstr(text, "\r\nVary: Origin\r\n"));
	memcpy(end, "a\r\n", 4);
	expect_origin(fields, false, NULL);
}

/* The token. */

static int write_token(const char *text, char path[32])
{
	int fd;

	(void)snprintf(path, 32, "/tmp/mcp-token-XXXXXX");
	fd = mkostemp(path, O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	config.token_file = path;
	return access_configure(&mcp);
}

static void expect_token(const char *fields, bool right)
{
	read_head(fields);
	if (access_token_right(&mcp, &connection.parser.head) != right) {
		fail_msg("%s is %s", fields, right ? "refused" : "let in");
	}
}

static void the_token_lets_in(void **state)
{
	char path[32];

	(void)state;
	expect_token("", true);
	assert_int_equal(write_token("s3cret~token\r\n\n", path), 0);
	expect_token("", false);
	expect_token("Authorization: Bearer s3cret~token\r\n", true);
	expect_token("Authorization: bearer   s3cret~token\r\n", true);
	expect_token("Authorization: Bearer s3cret~tokeN\r\n", false);
	expect_token("Authorization: Bearer s3cret~toke\r\n", false);
	expect_token("Authorization: Bearer s3cret~token2\r\n", false);
	expect_token("Authorization: Bearer\r\n", false);
	expect_token("Authorization: Basic s3cret~token\r\n", false);
	expect_token("Authorization: s3cret~token\r\n", false);
	unlink(path);
}

static void what_is_no_token_is_refused_at_the_start(void **state)
{
	static const char *const texts[] = {"", "\n", "two words\n", "two\nlines\n", "\x01"};
	char path[32];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(write_token(texts[i], path), 2);
		buffer_fini(&mcp.token);
		unlink(path);
	}
	config.token_file = "/nonexistent/token";
	assert_int_equal(access_configure(&mcp), 2);
	config.token_file = "/tmp";
	assert_int_equal(access_configure(&mcp), 2);
}

static void lists_are_checked_at_the_start(void **state)
{
	static const char *const hosts[] = {"http://a.example", "a.example/", "a,b/c"};
	static const char *const origins[] = {
		"a.example", "https://", "https://a.example/", "https://a.example/path", "://a"};

	(void)state;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		config.allow_host = (struct words){{hosts[i]}, 1};
		assert_int_equal(access_configure(&mcp), 2);
	}
	config.allow_host = (struct words){{NULL}, 0};
	for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++) {
		config.allow_origin = (struct words){{origins[i]}, 1};
		assert_int_equal(access_configure(&mcp), 2);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(loopback_may_be_called_by_its_names),
		TEST(other_names_are_refused),
		TEST(no_name_is_none_of_ours),
		TEST(allowed_names_have_any_port_unless_one_is_given),
		TEST(all_may_be_allowed),
		TEST(what_is_listened_on_is_a_name_of_ours),
		TEST(the_address_that_was_connected_to_is_a_name_of_ours),
		TEST(pages_of_loopback_may_ask),
		TEST(other_pages_may_not),
		TEST(allowed_pages_may_ask),
		TEST(an_origin_has_a_length_that_fits_its_answer),
		TEST(the_token_lets_in),
		TEST(what_is_no_token_is_refused_at_the_start),
		TEST(lists_are_checked_at_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
