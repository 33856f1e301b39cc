/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/accept.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "http/parser.h"

static const struct {
	bool page;
	const char *fields;
} cases[] = {
	{false, ""},
	{false, "Accept: */*\r\n"},
	{false, "Accept: application/json\r\n"},
	{false, "Accept:\r\n"},
	{false, "Accept: text/*\r\n"},
	{true, "Accept: text/html\r\n"},
	{true, "Accept: TEXT/HTML ; charset=utf-8\r\n"},
	{true, "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"},
	{true, "Accept: text/html, application/json\r\n"},
	{true, "Accept: application/json;q=0.5, text/html;q=0.6\r\n"},
	{false, "Accept: application/json, text/html;q=0.9\r\n"},
	{false, "Accept: application/json;q=0.9, text/html;q=0.899\r\n"},
	{true, "Accept: application/json;q=0, text/html;q=0.001\r\n"},
	{false, "Accept: text/html;q=0\r\n"},
	{false, "Accept: text/html;q=0.000\r\n"},
	{false, "Accept: text/html;level=1;Q=0\r\n"},
	{true, "Accept: text/html;q=\r\n"},
	{true, "Accept: text/html;q=7, application/json\r\n"},
	{true, "Accept: text/html;q=0.1234567, application/json\r\n"},
	{true, "Accept: text/html;q=0x1, application/json\r\n"},
	{true, "Accept: text/html;q=1.999, application/json\r\n"},
	{true, "Accept: application/json;q=1.999, text/html\r\n"},
	{true, "Accept: ;;;,,,text/html;;;\r\n"},
	{false, "Accept: application/json\r\nAccept: text/html;q=0.5\r\n"},
	{true, "Accept: application/json;q=0.4\r\nAccept: text/html;q=0.5\r\n"},
	{false, "Accept: text/htm, text/html5, atext/html\r\n"},
};

static void read_head(struct http_parser *parser, const char *fields)
{
	char text[512];
	size_t used;

	(void)snprintf(text, sizeof(text), "GET /status HTTP/1.1\r\nHost: x\r\n%s\r\n", fields);
	http_parser_init(parser, HTTP_REQUESTS);
	assert_int_equal(http_parser_read(parser, text, strlen(text), &used), HTTP_EVENT_HEAD);
}

static void chooses_by_what_is_named_and_liked(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_parser parser;

		read_head(&parser, cases[i].fields);
		if (accept_prefers_page(&parser.head) != cases[i].page) {
			fail_msg("%s gives %s", cases[i].fields, cases[i].page ? "JSON" : "a page");
		}
		http_parser_fini(&parser);
	}
}

/* Whether application/json is taken. */
static const struct {
	bool taken;
	const char *fields;
} takes[] = {
	{false, ""},
	{false, "Accept:\r\n"},
	{true, "Accept: */*\r\n"},
	{true, "Accept: application/*\r\n"},
	{true, "Accept: APPLICATION/JSON ; charset=utf-8\r\n"},
	{true, "Accept: text/event-stream, application/json\r\n"},
	{true, "Accept: text/event-stream\r\nAccept: application/json\r\n"},
	{true, "Accept: application/json;q=0.001\r\n"},
	{false, "Accept: application/json;q=0\r\n"},
	{false, "Accept: application/json;q=0, */*\r\n"},
	{false, "Accept: */*, application/json;q=0.0\r\n"},
	{false, "Accept: application/*;q=0, */*\r\n"},
	{true, "Accept: application/*;q=0, application/json, */*;q=0\r\n"},
	{false, "Accept: text/event-stream, text/*\r\n"},
	{false, "Accept: application/jsonl, application/jso, xapplication/*\r\n"},
	{false, "Accept: application/, *, application, /*\r\n"},
	{false, "Accept: applicatiom/*\r\n"},
};

static void takes_what_is_named_closest(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(takes) / sizeof(takes[0]); i++) {
		struct http_parser parser;

		read_head(&parser, takes[i].fields);
		if (accept_takes(&parser.head, "application/json") != takes[i].taken) {
			fail_msg("%s gives %d", takes[i].fields, !takes[i].taken);
		}
		http_parser_fini(&parser);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chooses_by_what_is_named_and_liked),
		cmocka_unit_test(takes_what_is_named_closest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
