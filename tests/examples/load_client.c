/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts load on an HTTP server until it refuses, and counts what was lost.
 *
 *	load_client PORT fresh|kept THREADS [PATH [plain|tls [JSON]]]
 *
 * Each thread connects, asks, reads the whole answer, and so on: "fresh" with one request to a
 * connection, "kept" with as many as the server allows; GET, or POST with that body. A thread ends
 * when a connection is refused. Lost is a request that was sent on a connection that was
 * established, and not answered whole; unsent one that could not be sent on such a connection.
 * Prints "running" when so many requests were answered that all threads are under way, and at the
 * end one JSON object.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define THREADS_MAX 256
#define UNDER_WAY 10 /* answers for each thread */
#define ANSWER_S 20  /* an answer that takes longer is lost */

enum result { ANSWERED, ANSWERED_LAST, LOST, NOT_SENT };

struct link {
	int fd;
	SSL *tls; /* NULL: plain */
};

static struct sockaddr_in server = {.sin_family = AF_INET};
static bool kept;
static int threads;
static SSL_CTX *tls; /* NULL: plain */
static char request[512];
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

/*
 * What has a limit of time on its socket is interrupted by a stop of this process, also without a
 * handler: signal(7).
 */
static ssize_t receive(const struct link *link, char *bytes, size_t length)
{
	return link->tls ? SSL_read(link->tls, bytes, (int)length)
			 : recv(link->fd, bytes, length, 0);
}

static ssize_t transmit(const struct link *link, const char *bytes, size_t length)
{
	return link->tls ? SSL_write(link->tls, bytes, (int)length)
			 : send(link->fd, bytes, length, MSG_NOSIGNAL);
}

static enum result read_answer(const struct link *link)
{
	char text[4096];
	size_t length = 0;

	for (;;) {
		ssize_t got =
			TEMP_FAILURE_RETRY(receive(link, text + length, sizeof(text) - length));
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

static enum result ask(const struct link *link)
{
	size_t length = strlen(request);

	if (transmit(link, request, length) != (ssize_t)length) {
		return NOT_SENT;
	}
	atomic_fetch_add(&sent, 1);
	return read_answer(link);
}

/* Makes a connection; false: none was established. */
static bool dial(struct link *link)
{
	const struct timeval limit = {.tv_sec = ANSWER_S};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		err(1, "socket");
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(fd, (const struct sockaddr *)&server, sizeof(server)) < 0) {
		close(fd);
		return false;
	}
	*link = (struct link){.fd = fd, .tls = tls ? SSL_new(tls) : NULL};
	return true;
}

/* What is established must go on: a handshake that fails is as bad as an answer that is lost. */
static bool shake_hands(const struct link *link)
{
	if (!link->tls) {
		return true;
	}
	SSL_set_fd(link->tls, link->fd);
	return TEMP_FAILURE_RETRY(SSL_connect(link->tls)) == 1;
}

static void hang_up(const struct link *link)
{
	SSL_free(link->tls);
	close(link->fd);
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
	struct link link;

	while (dial(&link)) {
		enum result result;

		bool ready = shake_hands(&link);

		do {
			result = ready ? ask(&link) : NOT_SENT;
			count(result);
		} while (kept && result == ANSWERED);
		hang_up(&link);
	}
	atomic_fetch_add(&refused, 1);
	return arg;
}

static void compose(const char *path, const char *body)
{
	int length;

	if (body) {
		length = snprintf(request, sizeof(request),
			"POST %s HTTP/1.1\r\nHost: server\r\nContent-Type: application/json\r\n"
			"Content-Length: %zu\r\n\r\n%s",
			path, strlen(body), body);
	} else {
		length = snprintf(
			request, sizeof(request), "GET %s HTTP/1.1\r\nHost: server\r\n\r\n", path);
	}
	if (length >= (int)sizeof(request)) {
		errx(2, "the request is too long");
	}
}

int main(int argc, char **argv)
{
	pthread_t clients[THREADS_MAX];

	threads = argc >= 4 && argc <= 7 ? atoi(argv[3]) : 0;
	if (threads < 1 || threads > THREADS_MAX) {
		errx(2, "usage: load_client PORT fresh|kept THREADS [PATH [plain|tls [JSON]]]");
	}
	compose(argc > 4 ? argv[4] : "/", argc > 6 ? argv[6] : NULL);
	tls = argc > 5 && strcmp(argv[5], "tls") == 0 ? SSL_CTX_new(TLS_client_method()) : NULL;
	signal(SIGPIPE, SIG_IGN);
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
