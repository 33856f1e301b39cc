/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that somebody behind us, or before us, could read in another way: a message a row, and
 * what is made of it. Those that are refused never reach anybody; those that are read have one
 * reading, which is the one that is composed anew for the next hop.
 */
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
#define GET "GET / HTTP/1.1\r\nHost: a\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

static const struct refused {
	const char *text;
	size_t length;
	enum http_error error;
} refused[] = {
	/* Content-Length. */
	{TEXT(POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde"), HTTP_REPEATED_LENGTH},
	{TEXT(POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde"), HTTP_REPEATED_LENGTH},
	{TEXT(POST "Content-Length: 5\r\ncontent-length: 0\r\n\r\nabcde"), HTTP_REPEATED_LENGTH},
	{TEXT(POST "Content-Length: 0\r\nContent-Length: 0\r\n\r\n"), HTTP_REPEATED_LENGTH},
	{TEXT(POST "Content-Length: 5, 5\r\n\r\nabcde"), HTTP_BAD_LENGTH},
	{TEXT(POST "Content-Length: 5,6\r\n\r\nabcde"), HTTP_BAD_LENGTH},
	{TEXT(POST "Content-Length: +5\r\n\r\nabcde"), HTTP_BAD_LENGTH},
	{TEXT(POST "Content-Length: -5\r\n\r\nabcde"), HTTP_BAD_LENGTH},
	{TEXT(POST "Content-Length: 0x5\r\n\r\nabcde"), HTTP_BAD_LENGTH},
	{TEXT(POST "Content-Length: 5 5\r\n\r\nabcde"), HTTP_BAD_LENGTH},
	{TEXT(POST "Content-Length: 5.0\r\n\r\nabcde"), HTTP_BAD_LENGTH},
	{TEXT(POST "Content-Length: 5e0\r\n\r\nabcde"), HTTP_BAD_LENGTH},
	{TEXT(POST "Content-Length: \"5\"\r\n\r\nabcde"), HTTP_BAD_LENGTH},
	{TEXT(POST "Content-Length:\r\n\r\nabcde"), HTTP_BAD_LENGTH},
	{TEXT(POST "Content-Length: 1_0\r\n\r\nabcde"), HTTP_BAD_LENGTH},
	{TEXT(POST "Content-Length: 18446744073709551621\r\n\r\nabcde"), HTTP_BAD_LENGTH},
	{TEXT(POST "Content-Length: 9223372036854775808\r\n\r\nabcde"), HTTP_BAD_LENGTH},
	{TEXT(POST "Content-Length: 00000000000000000005\r\n\r\nabcde"), HTTP_BAD_LENGTH},
	{TEXT(POST "Content-Length: 5\r\n Content-Length: 6\r\n\r\nabcde"), HTTP_FOLDED},
	{TEXT(POST "Content-Length : 5\r\n\r\nabcde"), HTTP_BAD_FIELD},
	{TEXT(POST "Content-Length\t: 5\r\n\r\nabcde"), HTTP_BAD_FIELD},
	{TEXT(POST "Content-Length\0: 5\r\n\r\nabcde"), HTTP_BAD_FIELD},
	/* Transfer-Encoding. */
	{TEXT(POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
		HTTP_LENGTH_AND_CODING},
	{TEXT(POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
		HTTP_LENGTH_AND_CODING},
	{TEXT(POST "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n"),
		HTTP_LENGTH_AND_CODING},
	{TEXT(POST "Transfer-Encoding: gzip\r\n\r\n"), HTTP_BAD_CODING},
	{TEXT(POST "Transfer-Encoding: identity\r\n\r\n"), HTTP_BAD_CODING},
	{TEXT(POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"), HTTP_BAD_CODING},
	{TEXT(POST "Transfer-Encoding: chunkedx\r\n\r\n0\r\n\r\n"), HTTP_BAD_CODING},
	{TEXT(POST "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"), HTTP_BAD_CODING},
	{TEXT(POST "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n"), HTTP_BAD_CODING},
	{TEXT(POST "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"), HTTP_BAD_CODING},
	{TEXT(POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"), HTTP_BAD_CODING},
	{TEXT(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
		HTTP_BAD_CODING},
	{TEXT(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"),
		HTTP_BAD_CODING},
	{TEXT(POST "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
		HTTP_BAD_CODING},
	{TEXT(POST "Transfer-Encoding:\r\n\r\n"), HTTP_BAD_CODING},
	{TEXT(POST "Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n"), HTTP_UNKNOWN_CODING},
	{TEXT(POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), HTTP_UNKNOWN_CODING},
	{TEXT(POST "Transfer-Encoding: \x0b"
		   "chunked\r\n\r\n0\r\n\r\n"),
		HTTP_BAD_FIELD},
	{TEXT(POST "Transfer-Encoding: chunked\0\r\n\r\n0\r\n\r\n"), HTTP_BAD_FIELD},
	{TEXT(POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"), HTTP_BAD_FIELD},
	{TEXT(POST "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"), HTTP_FOLDED},
	{TEXT(POST "X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), HTTP_BARE_LF},
	{TEXT(POST "X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), HTTP_BARE_CR},
	{TEXT("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), HTTP_EARLY_CODING},
	/* Lines and fields. */
	{TEXT("GET / HTTP/1.1\nHost: a\n\n"), HTTP_BARE_LF},
	{TEXT("GET / HTTP/1.1\r\nHost: a\n\r\n"), HTTP_BARE_LF},
	{TEXT(GET "X: y\r\n\n"), HTTP_BARE_LF},
	{TEXT(GET "X: y\r\r\n\r\n"), HTTP_BARE_CR},
	{TEXT(GET "X: y\rz\r\n\r\n"), HTTP_BARE_CR},
	{TEXT(GET "\rX: y\r\n\r\n"), HTTP_BARE_CR},
	{TEXT(GET "X: a\r\n b\r\n\r\n"), HTTP_FOLDED},
	{TEXT(GET "X: a\r\n\tb\r\n\r\n"), HTTP_FOLDED},
	{TEXT("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), HTTP_FOLDED},
	{TEXT(GET ": y\r\n\r\n"), HTTP_BAD_FIELD},
	{TEXT(GET "X\r\n\r\n"), HTTP_BAD_FIELD},
	{TEXT(GET "X y: z\r\n\r\n"), HTTP_BAD_FIELD},
	{TEXT(GET "X\xc3\xa4: z\r\n\r\n"), HTTP_BAD_FIELD},
	{TEXT(GET "(X): z\r\n\r\n"), HTTP_BAD_FIELD},
	{TEXT(GET "X: a\0b\r\n\r\n"), HTTP_BAD_FIELD},
	{TEXT(GET "X: a\x7f\r\n\r\n"), HTTP_BAD_FIELD},
	{TEXT(GET "X: a\x1b[0m\r\n\r\n"), HTTP_BAD_FIELD},
	/* The start line. */
	{TEXT("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"), HTTP_BAD_START_LINE},
	{TEXT("GET /  HTTP/1.1\r\nHost: a\r\n\r\n"), HTTP_BAD_START_LINE},
	{TEXT("GET / HTTP/1.1 \r\nHost: a\r\n\r\n"), HTTP_BAD_START_LINE},
	{TEXT("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"), HTTP_BAD_START_LINE},
	{TEXT("GET /\r\n\r\n"), HTTP_BAD_START_LINE},
	{TEXT("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"), HTTP_BAD_START_LINE},
	{TEXT("GET / HTTP/1.1x\r\nHost: a\r\n\r\n"), HTTP_BAD_START_LINE},
	{TEXT("GET / http/1.1\r\nHost: a\r\n\r\n"), HTTP_BAD_START_LINE},
	{TEXT("GET / HTTP/11\r\nHost: a\r\n\r\n"), HTTP_BAD_START_LINE},
	{TEXT("GET HTTP/1.1\r\nHost: a\r\n\r\n"), HTTP_BAD_START_LINE},
	{TEXT(" GET / HTTP/1.1\r\nHost: a\r\n\r\n"), HTTP_BAD_START},
	{TEXT("\x16\x03\x01\x02"), HTTP_BAD_START},
	{TEXT("\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), HTTP_BAD_START},
	{TEXT("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), HTTP_EMPTY_LINE},
	{TEXT("GET / HTTP/1.2\r\nHost: a\r\n\r\n"), HTTP_BAD_VERSION},
	{TEXT("GET / HTTP/0.9\r\nHost: a\r\n\r\n"), HTTP_BAD_VERSION},
	{TEXT("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), HTTP_BAD_VERSION},
	{TEXT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), HTTP_BAD_VERSION},
	{TEXT("BREW / HTTP/1.1\r\nHost: a\r\n\r\n"), HTTP_UNKNOWN_METHOD},
	{TEXT("get / HTTP/1.1\r\nHost: a\r\n\r\n"), HTTP_UNKNOWN_METHOD},
	{TEXT("PLAY / HTTP/1.1\r\nHost: a\r\n\r\n"), HTTP_UNKNOWN_METHOD},
	{TEXT("GE(T / HTTP/1.1\r\nHost: a\r\n\r\n"), HTTP_BAD_START_LINE},
	/* Target and Host. */
	{TEXT("GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n"), HTTP_BAD_TARGET},
	{TEXT("GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n"), HTTP_BAD_TARGET},
	{TEXT("GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n"), HTTP_BAD_TARGET},
	{TEXT("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"), HTTP_BAD_TARGET},
	{TEXT("GET a HTTP/1.1\r\nHost: a\r\n\r\n"), HTTP_BAD_TARGET},
	{TEXT("GET * HTTP/1.1\r\nHost: a\r\n\r\n"), HTTP_BAD_TARGET},
	{TEXT("GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n"), HTTP_BAD_TARGET},
	{TEXT("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"), HTTP_BAD_TARGET},
	{TEXT("GET http:///b HTTP/1.1\r\nHost: a\r\n\r\n"), HTTP_BAD_TARGET},
	{TEXT("GET http://b@a/ HTTP/1.1\r\nHost: a\r\n\r\n"), HTTP_BAD_TARGET},
	{TEXT("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"), HTTP_OTHER_HOST},
	{TEXT("GET http://a:80/ HTTP/1.1\r\nHost: a\r\n\r\n"), HTTP_OTHER_HOST},
	{TEXT("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"), HTTP_UNKNOWN_METHOD},
	{TEXT("GET / HTTP/1.1\r\n\r\n"), HTTP_NO_HOST},
	{TEXT(GET "Host: a\r\n\r\n"), HTTP_REPEATED_HOST},
	{TEXT(GET "host: b\r\n\r\n"), HTTP_REPEATED_HOST},
	{TEXT("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"), HTTP_REPEATED_HOST},
	{TEXT("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"), HTTP_BAD_HOST},
	{TEXT("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), HTTP_BAD_HOST},
	{TEXT("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), HTTP_BAD_HOST},
	{TEXT("GET / HTTP/1.1\r\nHost: b@a\r\n\r\n"), HTTP_BAD_HOST},
	/* Chunks. */
	{TEXT(CHUNKED "\r\n0\r\n\r\n"), HTTP_BAD_CHUNK},
	{TEXT(CHUNKED "x\r\n"), HTTP_BAD_CHUNK},
	{TEXT(CHUNKED "0x5\r\nabcde\r\n0\r\n\r\n"), HTTP_BAD_CHUNK},
	{TEXT(CHUNKED "+5\r\nabcde\r\n0\r\n\r\n"), HTTP_BAD_CHUNK},
	{TEXT(CHUNKED "-1\r\nabcde\r\n0\r\n\r\n"), HTTP_BAD_CHUNK},
	{TEXT(CHUNKED " 5\r\nabcde\r\n0\r\n\r\n"), HTTP_BAD_CHUNK},
	{TEXT(CHUNKED "5 \r\nabcde\r\n0\r\n\r\n"), HTTP_BAD_CHUNK},
	{TEXT(CHUNKED "5\nabcde\r\n0\r\n\r\n"), HTTP_BAD_CHUNK},
	{TEXT(CHUNKED "5\rabcde\r\n0\r\n\r\n"), HTTP_BAD_CHUNK},
	{TEXT(CHUNKED "5\r\nabcde\n0\r\n\r\n"), HTTP_BAD_CHUNK},
	{TEXT(CHUNKED "5\r\nabcdeX\r\n0\r\n\r\n"), HTTP_BAD_CHUNK},
	{TEXT(CHUNKED "5\r\nabcde0\r\n\r\n"), HTTP_BAD_CHUNK},
	{TEXT(CHUNKED "5\r\nabc\r\n0\r\n\r\n"), HTTP_BAD_CHUNK},
	{TEXT(CHUNKED "10000000000000005\r\nabcde\r\n0\r\n\r\n"), HTTP_BAD_CHUNK},
	{TEXT(CHUNKED "8000000000000000\r\nabcde"), HTTP_BAD_CHUNK},
	{TEXT(CHUNKED "5;a=\nb\r\nabcde\r\n0\r\n\r\n"), HTTP_BAD_CHUNK},
	{TEXT(CHUNKED "5;a\0b\r\nabcde\r\n0\r\n\r\n"), HTTP_BAD_CHUNK},
	{TEXT(CHUNKED "5;a=\"\n\"\r\nabcde\r\n0\r\n\r\n"), HTTP_BAD_CHUNK},
	{TEXT(CHUNKED "0\r\nContent-Length: 5\r\n\r\n"), HTTP_BAD_TRAILER},
	{TEXT(CHUNKED "0\r\nTransfer-Encoding: chunked\r\n\r\n"), HTTP_BAD_CODING},
	{TEXT(CHUNKED "0\r\nHost: b\r\n\r\n"), HTTP_BAD_TRAILER},
	{TEXT(CHUNKED "0\r\nX: y\n\r\n"), HTTP_BARE_LF},
	{TEXT(CHUNKED "0\r\nX: y\r\n z\r\n\r\n"), HTTP_FOLDED},
	{TEXT(CHUNKED "0\r\nX : y\r\n\r\n"), HTTP_BAD_FIELD},
	{TEXT(CHUNKED "0\r\n X: y\r\n\r\n"), HTTP_BAD_FIELD},
	{TEXT(CHUNKED "0\r\n\n"), HTTP_BARE_LF},
	/* What ends too early, and the rest. */
	{TEXT("GET / HTTP/1.1\r\nHost: a\r\n"), HTTP_TRUNCATED},
	{TEXT(POST "Content-Length: 5\r\n\r\nabcd"), HTTP_TRUNCATED},
	{TEXT(CHUNKED "5\r\nabcde\r\n"), HTTP_TRUNCATED},
	{TEXT(CHUNKED "5\r\nabcde\r\n0\r\n"), HTTP_TRUNCATED},
	{TEXT(POST "Expect: a miracle\r\nContent-Length: 1\r\n\r\nx"), HTTP_UNKNOWN_EXPECTATION},
};

static void refuses_what_is_ambiguous(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(refused); i++) {
		struct transcript script;
		const char *text;

		transcript_begin(&script, HTTP_REQUESTS, (struct http_asked){0});
		transcript_feed(&script, refused[i].text, refused[i].length);
		text = transcript_end(&script);
		if (script.parser.error != refused[i].error) {
			fail_msg("row %zu:\n%s\nexpected: %s\nis: %s", i, refused[i].text,
				http_error_text(refused[i].error), text);
		}
		transcript_fini(&script);
	}
}

static const struct {
	const char *text;
	size_t length;
	const char *says; /* in the transcript */
} accepted[] = {
	{TEXT("\r\n" GET "\r\n"), "end at 29\nidle"},
	{TEXT(GET "\r\n\r\n" GET "\r\n"), "end at 27\nhead"},
	{TEXT("\r\n" GET "\r\n\r\n" GET "\r\n"), "end at 58\nidle"},
	{TEXT("GET / HTTP/1.0\r\n\r\n"), "keep=0"},
	{TEXT("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), "keep=1"},
	{TEXT("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n"), "keep=0"},
	{TEXT(GET "Connection: close\r\n\r\n"), "keep=0"},
	{TEXT(GET "Connection: x\r\nConnection: \t,, Close ,y\r\n\r\n"), "keep=0"},
	{TEXT(GET "Connection: closed\r\n\r\n"), "keep=1"},
	{TEXT("GET / HTTP/1.1\r\nhOST: a\r\n\r\n"), "idle"},
	{TEXT("GET / HTTP/1.1\r\nHost:\r\n\r\n"), "idle"},
	{TEXT("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"), "value=[::1]:80\n"},
	{TEXT("GET http://A:80/b?c HTTP/1.1\r\nHost: a:80\r\n\r\n"), "authority=A:80 path=/b?c "},
	{TEXT("GET https://a?b HTTP/1.1\r\nHost: a\r\n\r\n"), "authority=a path=?b "},
	{TEXT("GET http://a HTTP/1.1\r\nHost: a\r\n\r\n"), "form=1 framing=0"},
	{TEXT("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), "form=2"},
	{TEXT("GET //b HTTP/1.1\r\nHost: a\r\n\r\n"), "authority= path=//b "},
	{TEXT(POST "Content-Length: 05\r\n\r\nabcde"), "length=1,5"},
	{TEXT(POST "Content-Length:5  \r\n\r\nabcde"), "value=5\n"},
	{TEXT(POST "Content-Length: 0\r\n\r\n" GET "\r\n"), "framing=0"},
	{TEXT(POST "\r\nabcde"), "end at 28\nrefused"}, /* no length: no body */
	{TEXT(GET "Content-Length: 3\r\n\r\nabc" GET "\r\n"), "body abc\nend at 49\nhead"},
	{TEXT(POST "Transfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n"), "framing=2"},
	{TEXT(POST "Transfer_Encoding: chunked\r\n\r\n"), "framing=0"},
	{TEXT(POST "X-Transfer-Encoding: chunked\r\n\r\n"), "framing=0"},
	{TEXT(CHUNKED "5\r\nabcde\r\n3\r\nfgh\r\n0\r\n\r\n"), "body abcdefgh\nend"},
	{TEXT(CHUNKED "A\r\n0123456789\r\n00\r\n\r\n"), "body 0123456789\nend"},
	{TEXT(CHUNKED "0005;a=b\r\nabcde\r\n0;c\r\n\r\n"), "body abcde\nend"},
	{TEXT(CHUNKED "1;a=\"b c\"\r\nx\r\n0\r\nX: y\r\n\r\n" GET "\r\n"), "field=X value=y\nhead"},
	{TEXT(GET "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x80"), "upgrade=1"},
	{TEXT(GET "Upgrade: websocket\r\n\r\n"), "upgrade=0"},
	{TEXT(GET "Connection: upgrade\r\n\r\n"), "upgrade=0"},
	{TEXT("GET / HTTP/1.0\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n"), "upgrade=0"},
	{TEXT(POST "Upgrade: h2c\r\nConnection: upgrade\r\nContent-Length: 1\r\n\r\nx"),
		"upgrade=0"},
	{TEXT(POST "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\nx"), "continue=1"},
	{TEXT(POST "Expect: 100-continue\r\n\r\n"), "continue=0"},
	{TEXT(GET "X: \xc3\xa4\t \r\nY:  a \"b, c\"\t\r\n\r\n"), "field=Y value=a \"b, c\"\n"},
	{TEXT(GET "Connection: host, x, Via\r\nX: 1\r\nVia: b\r\n\r\n"),
		"field=Host value=a\n  hop=Connection value=host, x, Via\n  hop=X value=1\n  "
		"field=Via value=b"},
	{TEXT(GET "Connection: Keep-Alive, X\r\nX: 1\r\nKeep-Alive: a\r\n\r\n"),
		"hop=Connection value=Keep-Alive, X\n  hop=X value=1\n  hop=Keep-Alive value=a"},
	{TEXT(GET "Connection: keep-alive\r\nKeep-Alive: a\r\nX: 1\r\n\r\n"),
		"hop=Connection value=keep-alive\n  hop=Keep-Alive value=a\n  field=X value=1"},
	{TEXT(GET "Connection: close\r\nClose: a\r\n\r\n"),
		"hop=Connection value=close\n  hop=Close value=a"},
};

static void reads_the_rest_in_one_way(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(accepted); i++) {
		struct transcript script;
		const char *text;

		transcript_begin(&script, HTTP_REQUESTS, (struct http_asked){0});
		transcript_feed(&script, accepted[i].text, accepted[i].length);
		text = transcript_end(&script);
		if (!strstr(text, "head") || !strstr(text, accepted[i].says)) {
			fail_msg("row %zu:\n%s\nexpected: %s\nis: %s", i, accepted[i].text,
				accepted[i].says, text);
		}
		transcript_fini(&script);
	}
}

/* However the bytes of a row are cut. */
static void cuts_make_no_difference(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(refused) + ROWS(accepted); i++) {
		bool bad = i < ROWS(refused);
		size_t row = bad ? i : i - ROWS(refused);
		const char *bytes = bad ? refused[row].text : accepted[row].text;
		size_t length = bad ? refused[row].length : accepted[row].length;
		struct transcript script;
		const char *whole;

		transcript_begin(&script, HTTP_REQUESTS, (struct http_asked){0});
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
		cmocka_unit_test(refuses_what_is_ambiguous),
		cmocka_unit_test(reads_the_rest_in_one_way),
		cmocka_unit_test(cuts_make_no_difference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
