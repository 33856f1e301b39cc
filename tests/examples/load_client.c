/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts load on an HTTP server until it refuses, and counts what was lost.
 *
 *	load_client PORT fresh|kept THREADS
 *
 * Each thread connects, asks, reads the whole answer, and so on: "fresh" with one request to a
 * connection, "kept" with as many as the server allows. A thread ends when a connection is refused.
 * Lost is a request that was sent on a connection that was established, and not answered whole;
 * unsent one that could not be sent on such a connection. Prints "running" when so many requests
 * were answered that all threads are under way, and at the end one JSON object.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define THREADS_MAX 256
#define UNDER_WAY 50 /* answers for each thread */
#define ANSWER_S 20  /* an answer that takes longer is lost */

enum result { ANSWERED, ANSWERED_LAST, LOST, NOT_SENT };

static struct sockaddr_in server = {.sin_family = AF_INET};
static bool kept;
static int threads;
static atomic_long sent, answered, lost, refused, unsent;

/* Returns the length of the whole answer, or 0 while its head is not whole. */
static size_t answer_length(const char *text, size_t length)
{
	const char *end = memmem(text, length, "\r\n\r\n", 4);
	const char *field = memmem(text, length, "Content-Length: ", 16);

	if (!end || !field) {
		return 0;
	}
	return (size_t)(end + 4 - text) + strtoul(field + 16, NULL, 10);
}

static enum result read_answer(int fd)
{
	char text[4096];
	size_t length = 0;

	for (;;) {
		ssize_t got = recv(fd, text + length, sizeof(text) - length, 0);
		size_t whole;

		if (got <= 0) {
			return LOST;
		}
		length += (size_t)got;
		whole = answer_length(text, length);
		if (whole && length >= whole) {
			return memmem(text, length, "Connection: close", 17) ? ANSWERED_LAST
									     : ANSWERED;
		}
	}
}

static enum result ask(int fd)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: server\r\n\r\n";

	if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) !=
		(ssize_t)(sizeof(request) - 1)) {
		return NOT_SENT;
	}
	atomic_fetch_add(&sent, 1);
	return read_answer(fd);
}

/* Returns a connection, or -1 where none was established. */
static int dial(void)
{
	const struct timeval limit = {.tv_sec = ANSWER_S};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		err(1, "socket");
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(fd, (const struct sockaddr *)&server, sizeof(server)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void count(enum result result)
{
	long before = atomic_fetch_add(result == LOST ? &lost
			: result == NOT_SENT          ? &unsent
						      : &answered,
		1);

	if (result != LOST && result != NOT_SENT && before == (long)threads * UNDER_WAY) {
		puts("running");
		fflush(stdout);
	}
}

static void *client(void *arg)
{
	int fd;

	while ((fd = dial()) >= 0) {
		enum result result;

		do {
			result = ask(fd);
			count(result);
		} while (kept && result == ANSWERED);
		close(fd);
	}
	atomic_fetch_add(&refused, 1);
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t clients[THREADS_MAX];

	threads = argc == 4 ? atoi(argv[3]) : 0;
	if (threads < 1 || threads > THREADS_MAX) {
		errx(2, "usage: load_client PORT fresh|kept THREADS");
	}
	server.sin_port = htons((uint16_t)atoi(argv[1]));
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	kept = strcmp(argv[2], "kept") == 0;
	for (int i = 0; i < threads; i++) {
		if (pthread_create(&clients[i], NULL, client, NULL)) {
			errx(1, "cannot start a thread");
		}
	}
	for (int i = 0; i < threads; i++) {
		pthread_join(clients[i], NULL);
	}
	printf("{\"sent\":%ld,\"answered\":%ld,\"lost\":%ld,\"unsent\":%ld,\"refused\":%ld}\n",
		sent, answered, lost, unsent, refused);
	return 0;
}
