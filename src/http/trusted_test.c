/* SPDX-License-Identifier: Apache-2.0 */
/* Whose request it is: who connects, or, where a proxy is believed, whom that names. */
#include "http/trusted.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A connection of which only the head and the peer matter. */
static struct http_trusted trusted;
static struct http_connection client;
static struct socket_address peer;
static char text[INET6_ADDRSTRLEN];

static const struct socket_address *known_peer(const struct stream_filter *filter)
{
	(void)filter;
	return &peer;
}

static const struct stream_filter_ops filter_ops = {.peer = known_peer};
static struct stream_filter filter = {.ops = &filter_ops};

static void come_from(const char *host)
{
	struct address address = {.is_unix = strchr(host, '/')};

	(void)snprintf(address.host, sizeof(address.host), "%s", host);
	assert_true(address_literal(&address, &peer));
	client.stream.filter = &filter;
	client.peer[0] = '\0';
}

static int setup(void **state)
{
	static char item[ADDRESS_TEXT];
	struct words words = {0};

	(void)state;
	memset(&client, 0, sizeof(client));
	trusted = (struct http_trusted){.count = 0};
	assert_true(words_add(&words, "10.0.0.0/8, fd00::/8"));
	assert_true(words_add(&words, "192.0.2.1"));
	assert_null(http_trusted_read(&trusted, &words, item));
	come_from("192.0.2.1");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	http_parser_fini(&client.parser);
	return 0;
}

/* Whose it is, with these fields. */
static const char *whose(const char *fields)
{
	char head[1024];
	size_t taken;

	(void)snprintf(head, sizeof(head), "GET / HTTP/1.1\r\nHost: x\r\n%s\r\n", fields);
	http_parser_fini(&client.parser);
	http_parser_init(&client.parser, HTTP_REQUESTS);
	assert_int_equal(
		http_parser_read(&client.parser, head, strlen(head), &taken), HTTP_EVENT_HEAD);
	return http_trusted_client(&trusted, &client, text);
}

#define FOR "X-Forwarded-For: "

static void a_stranger_is_not_believed(void **state)
{
	(void)state;
	come_from("198.51.100.1");
	assert_false(http_trusted_is(&trusted, &client));
	assert_string_equal(whose(FOR "203.0.113.9\r\n"), "198.51.100.1");
	come_from("::ffff:198.51.100.1");
	assert_string_equal(whose(FOR "203.0.113.9\r\n"), "198.51.100.1");
	come_from("./socket");
	assert_string_equal(whose(FOR "203.0.113.9\r\n"), "unix");
}

static void a_proxy_names_its_client(void **state)
{
	(void)state;
	assert_true(http_trusted_is(&trusted, &client));
	assert_string_equal(whose(""), "192.0.2.1");
	assert_string_equal(whose(FOR "203.0.113.9\r\n"), "203.0.113.9");
	assert_string_equal(whose(FOR "2001:DB8:0::9\r\n"), "2001:db8::9");
	come_from("::ffff:10.1.2.3");
	assert_string_equal(whose(FOR "203.0.113.9\r\n"), "203.0.113.9");
}

static void what_the_client_wrote_itself_is_not_believed(void **state)
{
	(void)state;
	assert_string_equal(whose(FOR "1.1.1.1, 203.0.113.9\r\n"), "203.0.113.9");
	assert_string_equal(whose(FOR "1.1.1.1\r\n" FOR "203.0.113.9\r\n"), "203.0.113.9");
	assert_string_equal(whose(FOR "10.9.9.9 , 203.0.113.9\t, 10.2.2.2\r\n"), "203.0.113.9");
}

static void several_proxies_are_believed(void **state)
{
	(void)state;
	assert_string_equal(whose(FOR "203.0.113.9, 10.2.2.2, fd00::1\r\n"), "203.0.113.9");
	assert_string_equal(whose(FOR "1.1.1.1, 203.0.113.9\r\n" FOR
				      "10.2.2.2\r\nx-forwarded-for: fd00::1\r\n"),
		"203.0.113.9");
	assert_string_equal(whose(FOR "10.3.3.3, 10.2.2.2\r\n"), "10.3.3.3"); /* all are */
}

static void ports_and_empty_elements_are_passed_over(void **state)
{
	(void)state;
	assert_string_equal(whose(FOR "203.0.113.9:4711\r\n"), "203.0.113.9");
	assert_string_equal(whose(FOR "[2001:db8::9]:4711\r\n"), "2001:db8::9");
	assert_string_equal(whose(FOR "[2001:db8::9]\r\n"), "2001:db8::9");
	assert_string_equal(whose(FOR ",203.0.113.9, ,\t,\r\n" FOR "\r\n"), "203.0.113.9");
}

static void who_says_no_address_is_its_own_client(void **state)
{
	static const char *const wrong[] = {"unknown", "_hidden", "203.0.113", "203.0.113.9.1",
		"[2001:db8::9", "203.0.113.9:80:80", ":80", "[", "[]", "\"1.2.3.4\"",
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char fields[256];

		(void)snprintf(fields, sizeof(fields), FOR "203.0.113.9, %s\r\n", wrong[i]);
		assert_string_equal(whose(fields), "192.0.2.1");
		(void)snprintf(
			fields, sizeof(fields), FOR "203.0.113.9, %s, 10.2.2.2\r\n", wrong[i]);
		assert_string_equal(whose(fields), "10.2.2.2");
	}
}

static void ranges_are_refused_with_what_is_wrong(void **state)
{
	struct words words = {0};
	char item[ADDRESS_TEXT];

	(void)state;
	assert_true(words_add(&words, "10.0.0.0/8,10.0.0.0/33,::1"));
	assert_non_null(http_trusted_read(&trusted, &words, item));
	assert_string_equal(item, "10.0.0.0/33");
}

static void there_are_not_too_many(void **state)
{
	struct words words = {0};
	char item[ADDRESS_TEXT];

	(void)state;
	for (int i = 0; i < WORDS_MOST; i++) {
		assert_true(words_add(&words, "10.0.0.0/8,::1"));
	}
	trusted.count = 0;
	assert_string_equal(http_trusted_read(&trusted, &words, item), "is one too many");
	assert_int_equal(trusted.count, HTTP_TRUSTED_MOST);
}

#define trusted_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		trusted_test(a_stranger_is_not_believed),
		trusted_test(a_proxy_names_its_client),
		trusted_test(what_the_client_wrote_itself_is_not_believed),
		trusted_test(several_proxies_are_believed),
		trusted_test(ports_and_empty_elements_are_passed_over),
		trusted_test(who_says_no_address_is_its_own_client),
		trusted_test(ranges_are_refused_with_what_is_wrong),
		trusted_test(there_are_not_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
