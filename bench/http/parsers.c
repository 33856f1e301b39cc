/* SPDX-License-Identifier: Apache-2.0 */
/*
 *	parsers
 *
 * Time on the CPU to read a message, whole: llhttp alone with callbacks that do nothing, and our
 * parser, which keeps the head, checks it and decides on the framing. Medians of rounds in which
 * both take turns.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "http/parser.h"

#define ROUNDS 25
#define TIMES 20000

static const struct {
	const char *name;
	const char *text;
} messages[] = {
	{"GET, 1 field", "GET / HTTP/1.1\r\nHost: localhost:8080\r\n\r\n"},
	{"GET, 4 fields",
		"GET /index.html?a=b HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: "
		"curl/7.88.1\r\n"
		"Accept: */*\r\nConnection: keep-alive\r\n\r\n"},
	{"GET, browser",
		"GET /Main_Page HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: Mozilla/5.0 "
		"(X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0\r\nAccept: text/html,"
		"application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: "
		"en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\nReferer: "
		"http://www.example.org/\r\nConnection: keep-alive\r\nCookie: session=0123456789ab"
		"cdef0123456789abcdef; theme=dark\r\nUpgrade-Insecure-Requests: "
		"1\r\nSec-Fetch-Dest: "
		"document\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\n\r\n"},
	{"POST, chunked",
		"POST /a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n"
		"0123456789abcdef\r\n5\r\nabcde\r\n0\r\n\r\n"},
};

#define MESSAGES (sizeof(messages) / sizeof(messages[0]))

static double cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int pass_data(llhttp_t *grammar, const char *at, size_t length)
{
	(void)grammar;
	(void)at;
	(void)length;
	return 0;
}

static int pass(llhttp_t *grammar)
{
	(void)grammar;
	return 0;
}

static double time_plain(const char *text, size_t length)
{
	const llhttp_settings_t settings = {
		.on_url = pass_data,
		.on_header_field = pass_data,
		.on_header_value = pass_data,
		.on_body = pass_data,
		.on_headers_complete = pass,
		.on_message_complete = pass,
	};
	llhttp_t grammar;
	double began = cpu_ns();

	llhttp_init(&grammar, HTTP_REQUEST, &settings);
	for (int i = 0; i < TIMES; i++) {
		if (llhttp_execute(&grammar, text, length) != HPE_OK) {
			abort();
		}
	}
	return (cpu_ns() - began) / TIMES;
}

static double time_ours(const char *text, size_t length)
{
	struct http_parser parser;
	double began = cpu_ns(), ended;

	http_parser_init(&parser, HTTP_REQUESTS);
	for (int i = 0; i < TIMES; i++) {
		enum http_event event;
		size_t at = 0, used;

		do {
			event = http_parser_read(&parser, text + at, length - at, &used);
			at += used;
		} while (event == HTTP_EVENT_HEAD || event == HTTP_EVENT_BODY);
		if (event != HTTP_EVENT_END) {
			abort();
		}
		http_parser_next(&parser);
	}
	ended = cpu_ns();
	http_parser_fini(&parser);
	return (ended - began) / TIMES;
}

static int compare(const void *a, const void *b)
{
	double difference = *(const double *)a - *(const double *)b;

	return (difference > 0) - (difference < 0);
}

int main(void)
{
	printf("%-16s %6s %12s %12s\n", "ns a message", "bytes", "llhttp alone", "ours");
	for (size_t i = 0; i < MESSAGES; i++) {
		size_t length = strlen(messages[i].text);
		double plain[ROUNDS], ours[ROUNDS];

		for (int round = 0; round < ROUNDS; round++) {
			plain[round] = time_plain(messages[i].text, length);
			ours[round] = time_ours(messages[i].text, length);
		}
		qsort(plain, ROUNDS, sizeof(double), compare);
		qsort(ours, ROUNDS, sizeof(double), compare);
		printf("%-16s %6zu %12.0f %12.0f\n", messages[i].name, length, plain[ROUNDS / 2],
			ours[ROUNDS / 2]);
	}
	return 0;
}
