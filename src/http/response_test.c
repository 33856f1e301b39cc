/* SPDX-License-Identifier: Apache-2.0 */
/* Responses: how long the body is, what a 101 needs, and what is refused. */
#include "http/parser.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "http/transcript_script.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))
#define TEXT(literal) literal, sizeof(literal) - 1
#define OK200 "HTTP/1.1 200 OK\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n\r\n"
#define SWITCH "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: a\r\n\r\n"

static const struct http_asked plain, to_head = {.head = true}, to_upgrade = {.upgrade = true};

static const struct {
	const char *text;
	size_t length;
	const struct http_asked *asked;
	const char *says; /* in the transcript */
	enum http_error error;
} responses[] = {
	/* A length, chunks, the end of the connection. */
	{TEXT(OK200 "Content-Length: 3\r\n\r\nabc"), &plain, "body abc\nend at 41\nidle", 0},
	{TEXT(OK200 "Content-Length: 0\r\n\r\n"), &plain, "framing=0", 0},
	{TEXT(OK200 "Content-Length: 3\r\n\r\nabc" OK200 "Content-Length: 0\r\n\r\n"), &plain,
		"end at 41\nhead", 0},
	{TEXT(OK200 CHUNKED "3\r\nabc\r\n0\r\nA: b\r\n\r\n"), &plain, "field=A value=b\nidle", 0},
	{TEXT(OK200 "\r\nabc"), &plain, "keep=0 upgrade=0 continue=0 method= target= ", 0},
	{TEXT(OK200 "\r\nabc"), &plain, "body abc\nend at 22\n", 0},
	{TEXT(OK200 "\r\n"), &plain, "framing=3", 0},
	{TEXT("HTTP/1.0 200 OK\r\n\r\nabc"), &plain, "body abc\nend at 22\n", 0},
	{TEXT("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na"), &plain,
		"keep=1", 0},
	{TEXT("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na"), &plain, "keep=0", 0},
	{TEXT(OK200 "Connection: close\r\nContent-Length: 1\r\n\r\na"), &plain, "keep=0", 0},
	{TEXT("HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n"), &plain, "status=404", 0},
	{TEXT("HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n"), &plain, "reason=\n", 0},
	{TEXT("HTTP/1.1 299 \xc3\xa4 b\r\nContent-Length: 0\r\n\r\n"), &plain,
		"reason=\xc3\xa4 b\n", 0},
	/* Without a body, whatever the fields say. */
	{TEXT(OK200 "Content-Length: 3\r\n\r\n" OK200), &to_head, "length=1,3", HTTP_TRUNCATED},
	{TEXT(OK200 "Content-Length: 3\r\n\r\n"), &to_head, "framing=0", 0},
	{TEXT(OK200 CHUNKED), &to_head, "end at 47\nidle", 0},
	{TEXT(OK200 "\r\n"), &to_head, "keep=1", 0},
	{TEXT("HTTP/1.1 204 No Content\r\n\r\n" OK200 "\r\n"), &plain, "end at 27\nhead", 0},
	{TEXT("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"), &plain, "framing=0", 0},
	{TEXT("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"), &plain, "framing=0", 0},
	{TEXT("HTTP/1.1 304 Not Modified\r\n" CHUNKED), &plain, "framing=0", 0},
	{TEXT("HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n"), &plain, "framing=0", 0},
	/* Interim responses; what was asked holds for the final one. */
	{TEXT("HTTP/1.1 100 Continue\r\n\r\n" OK200 "Content-Length: 1\r\n\r\na"), &plain,
		"end at 25\nhead", 0},
	{TEXT("HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" OK200 "Content-Length: 1\r\n\r\n"),
		&to_head, "idle", 0},
	{TEXT(SWITCH "\x81\x00"), &to_upgrade, "tunnel at 69", 0},
	{TEXT("HTTP/1.1 100 Continue\r\n\r\n" SWITCH), &to_upgrade, "tunnel at 94", 0},
	{TEXT(SWITCH), &plain, "refused", HTTP_UNASKED_UPGRADE},
	{TEXT("HTTP/1.1 101 A\r\nConnection: upgrade\r\n\r\n"), &to_upgrade, "refused",
		HTTP_UNASKED_UPGRADE},
	{TEXT("HTTP/1.1 101 A\r\nUpgrade: a\r\n\r\n"), &to_upgrade, "refused",
		HTTP_UNASKED_UPGRADE},
	{TEXT(OK200 "Connection: upgrade\r\nUpgrade: a\r\nContent-Length: 0\r\n\r\n"), &to_upgrade,
		"upgrade=0", 0},
	/* Lies. */
	{TEXT(OK200 "Content-Length: 3\r\n\r\nab"), &plain, "body ab\n", HTTP_TRUNCATED},
	{TEXT(OK200 CHUNKED "3\r\nabc\r\n"), &plain, "body abc\n", HTTP_TRUNCATED},
	{TEXT(OK200 CHUNKED "0\r\n"), &plain, "refused", HTTP_TRUNCATED},
	{TEXT(OK200), &plain, "(502)", HTTP_TRUNCATED},
	{TEXT(OK200 "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"), &plain, "(502)",
		HTTP_REPEATED_LENGTH},
	{TEXT(OK200 "Content-Length: 3, 3\r\n\r\nabc"), &plain, "(502)", HTTP_BAD_LENGTH},
	{TEXT(OK200 "Content-Length: 3\r\n" CHUNKED), &plain, "(502)", HTTP_LENGTH_AND_CODING},
	{TEXT("HTTP/1.0 200 OK\r\n" CHUNKED), &plain, "(502)", HTTP_EARLY_CODING},
	{TEXT(OK200 "Transfer-Encoding: gzip\r\n\r\nabc"), &plain, "(502)", HTTP_UNKNOWN_CODING},
	{TEXT(OK200 "Transfer-Encoding: identity\r\n\r\nabc"), &plain, "(502)", HTTP_BAD_CODING},
	{TEXT(OK200 "Transfer-Encoding: chunked, gzip\r\n\r\nabc"), &plain, "(502)",
		HTTP_BAD_CODING},
	{TEXT("HTTP/1.1 204 A\r\n" CHUNKED), &plain, "(502)", HTTP_BODY_FORBIDDEN},
	{TEXT("HTTP/1.1 204 A\r\nContent-Length: 1\r\n\r\na"), &plain, "(502)",
		HTTP_BODY_FORBIDDEN},
	{TEXT("HTTP/1.1 100 A\r\nContent-Length: 1\r\n\r\na"), &plain, "(502)",
		HTTP_BODY_FORBIDDEN},
	{TEXT("HTTP/1.1 103 A\r\n" CHUNKED), &plain, "(502)", HTTP_BODY_FORBIDDEN},
	/* Start lines. */
	{TEXT("HTTP/2.0 200 OK\r\n\r\n"), &plain, "(502)", HTTP_BAD_VERSION},
	{TEXT("HTTP/1.1 20 OK\r\n\r\n"), &plain, "(502)", HTTP_BAD_START_LINE},
	{TEXT("HTTP/1.1 0200 OK\r\n\r\n"), &plain, "(502)", HTTP_BAD_START_LINE},
	{TEXT("HTTP/1.1 099 OK\r\n\r\n"), &plain, "(502)", HTTP_BAD_START_LINE},
	{TEXT("HTTP/1.1 600 OK\r\n\r\n"), &plain, "(502)", HTTP_BAD_START_LINE},
	{TEXT("HTTP/1.1  200 OK\r\n\r\n"), &plain, "(502)", HTTP_BAD_START_LINE},
	{TEXT("HTTP/1.1 200OK\r\n\r\n"), &plain, "(502)", HTTP_BAD_START_LINE},
	{TEXT("HTTP/1.1 200 O\0K\r\n\r\n"), &plain, "(502)", HTTP_BAD_START_LINE},
	{TEXT("HTTP/1.1 200 O\x7fK\r\n\r\n"), &plain, "(502)", HTTP_BAD_START_LINE},
	{TEXT("HTTP/1.1\r\n\r\n"), &plain, "(502)", HTTP_BAD_START_LINE},
	{TEXT("HTTP/1.1 200 OK\n\n"), &plain, "(502)", HTTP_BARE_LF},
	{TEXT("HTTP/1.1 200 O\rK\r\n\r\n"), &plain, "(502)", HTTP_BARE_CR},
	{TEXT("\r\nHTTP/1.1 200 OK\r\n\r\n"), &plain, "(502)", HTTP_BAD_START},
	{TEXT("SSH-2.0-OpenSSH_9.2\r\n"), &plain, "(502)", HTTP_BAD_START},
	{TEXT("ICY 200 OK\r\n\r\n"), &plain, "(502)", HTTP_BAD_START},
	{TEXT("HTTP/1.1 200 OK\r\nA : b\r\n\r\n"), &plain, "(502)", HTTP_BAD_FIELD},
	{TEXT("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n"), &plain, "(502)", HTTP_FOLDED},
};

static void responses_are_framed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(responses); i++) {
		struct transcript script;
		const char *text;

		transcript_begin(&script, HTTP_RESPONSES, *responses[i].asked);
		transcript_feed(&script, responses[i].text, responses[i].length);
		text = transcript_end(&script);
		if (!strstr(text, responses[i].says) || script.parser.error != responses[i].error) {
			fail_msg("row %zu:\n%s\nexpected: %s, %s\nis: %s", i, responses[i].text,
				responses[i].says, http_error_text(responses[i].error), text);
		}
		transcript_fini(&script);
	}
}

static void cuts_make_no_difference(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(responses); i++) {
		const char *bytes = responses[i].text, *whole;
		size_t length = responses[i].length;
		struct transcript script;

		transcript_begin(&script, HTTP_RESPONSES, *responses[i].asked);
		transcript_feed(&script, bytes, length);
		whole = transcript_end(&script);
		for (size_t cut = 0; cut <= length; cut++) {
			if (!transcript_same_cut(whole, &script, bytes, length, cut, length + 1) ||
				!transcript_same_cut(whole, &script, bytes, length, cut, 1)) {
				fail_msg(
					"row %zu cut at %zu:\n%s\nwhole: %s", i, cut, bytes, whole);
			}
		}
		transcript_fini(&script);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(responses_are_framed),
		cmocka_unit_test(cuts_make_no_difference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
