/* SPDX-License-Identifier: Apache-2.0 */
/*
 *	exchanges [COUNT]
 *
 * Time on the CPU for a small request and its response on a kept connection, at the client's side:
 * the bare system calls (epoll_wait, send, recv) with nothing read or made of the bytes, and our
 * client on a worker; CONNECTIONS at a time, so that neither sleeps. The server is a process that
 * answers without looking. For one of the two alone, to be counted by strace -c or callgrind:
 * exchanges COUNT bare, exchanges COUNT client.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "http/client.h"
#include "http/compose.h"

#define COUNT 100000
#define ROUNDS 9
#define CONNECTIONS 32

static const char request[] = "GET /hello HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: bench\r\n"
			      "Accept: */*\r\nX-Forwarded-For: 127.0.0.1\r\nVia: 1.1 bench\r\n\r\n";
static const char response[] =
	"HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
	"Content-Type: text/plain; charset=utf-8\r\nContent-Length: 13\r\n"
	"Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\nHello, world\n";

static void watch(int epoll, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		abort();
	}
}

/* Answers on all of them, until the first ends. */
static void server_main(const int *fds)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	char bytes[4096];

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < CONNECTIONS; i++) {
		watch(epoll, fds[i]);
	}
	for (;;) {
		struct epoll_event events[CONNECTIONS];
		int count = epoll_wait(epoll, events, CONNECTIONS, -1);

		for (int i = 0; i < count; i++) {
			if (recv(events[i].data.fd, bytes, sizeof(bytes), 0) <= 0) {
				_exit(0);
			}
			(void)!send(
				events[i].data.fd, response, sizeof(response) - 1, MSG_NOSIGNAL);
		}
	}
}

/* Connects to a server of its own. */
static void server_start(int *fds)
{
	int ends[CONNECTIONS];
	pid_t child;

	for (int i = 0; i < CONNECTIONS; i++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
			abort();
		}
		fds[i] = pair[0];
		ends[i] = pair[1];
	}
	child = fork();
	if (child < 0) {
		abort();
	}
	if (child == 0) {
		for (int i = 0; i < CONNECTIONS; i++) {
			close(fds[i]);
		}
		server_main(ends);
	}
	for (int i = 0; i < CONNECTIONS; i++) {
		close(ends[i]);
	}
}

static double cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void ask_bare(int fd)
{
	(void)!send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL);
}

static double time_bare(int count)
{
	int fds[CONNECTIONS], epoll = epoll_create1(EPOLL_CLOEXEC), done = 0;
	char bytes[4096];
	double began;

	server_start(fds);
	began = cpu_ns();
	for (int i = 0; i < CONNECTIONS; i++) {
		watch(epoll, fds[i]);
		ask_bare(fds[i]);
	}
	while (done < count) {
		struct epoll_event events[CONNECTIONS];
		int ready = epoll_wait(epoll, events, CONNECTIONS, -1);

		for (int i = 0; i < ready; i++) {
			(void)!recv(events[i].data.fd, bytes, sizeof(bytes), 0);
			ask_bare(events[i].data.fd);
			done++;
		}
	}
	began = (cpu_ns() - began) / count;
	for (int i = 0; i < CONNECTIONS; i++) {
		close(fds[i]);
	}
	close(epoll);
	return began;
}

/* Our client. */

static int left, open_count;

static void ask(struct http_client *client)
{
	struct buffer *out = http_client_request(client, (struct http_asked){0});

	/* All but the empty line. */
	buffer_append(out, request, sizeof(request) - 3);
	http_client_head_end(client, HTTP_FRAMING_NONE, 0);
}

static void on_head(struct http_client *client)
{
	(void)client;
}

static size_t on_body(struct http_client *client, char *bytes, size_t length)
{
	(void)client;
	(void)bytes;
	return length;
}

static void on_end(struct http_client *client)
{
	left--;
	ask(client);
}

static void on_failed(struct http_client *client, enum http_client_failure failure)
{
	fprintf(stderr, "exchanges: the server %s\n", http_client_failure_text(failure));
	(void)client;
	exit(1);
}

static void on_closed(struct http_client *client)
{
	(void)client;
	open_count--;
}

static const struct http_client_handler handler = {
	.head = on_head,
	.body = on_body,
	.end = on_end,
	.failed = on_failed,
	.closed = on_closed,
};

static double time_client(struct worker *worker, int count)
{
	static struct http_client clients[CONNECTIONS];
	int fds[CONNECTIONS];
	double began;

	server_start(fds);
	left = count;
	open_count = CONNECTIONS;
	began = cpu_ns();
	for (int i = 0; i < CONNECTIONS; i++) {
		if (http_client_init(&clients[i], worker, fds[i], NULL, &handler, NULL) < 0) {
			abort();
		}
		ask(&clients[i]);
	}
	while (left > 0) {
		worker_round(worker, true);
	}
	began = (cpu_ns() - began) / count;
	for (int i = 0; i < CONNECTIONS; i++) {
		http_client_reset(&clients[i]);
	}
	while (open_count) {
		worker_round(worker, true);
	}
	return began;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : COUNT;
	const char *only = argc > 2 ? argv[2] : "";
	struct curfew_lifecycle_options options;
	struct curfew_lifecycle *life;
	struct worker_pool pool;
	double bare[ROUNDS], client[ROUNDS];

	curfew_lifecycle_defaults(&options);
	options.signals = CURFEW_SIGNALS_NONE;
	life = curfew_lifecycle_new(&options);
	if (!life || worker_pool_init(&pool, life, 1) < 0) {
		abort();
	}
	if (!strcmp(only, "bare")) {
		(void)time_bare(count);
	} else if (!strcmp(only, "client")) {
		(void)time_client(&pool.workers[0], count);
	} else {
		for (int i = 0; i < ROUNDS; i++) {
			bare[i] = time_bare(count);
			client[i] = time_client(&pool.workers[0], count);
		}
		qsort(bare, ROUNDS, sizeof(*bare), compare);
		qsort(client, ROUNDS, sizeof(*client), compare);
		printf("%-24s %8.0f ns\n%-24s %8.0f ns\n", "system calls alone", bare[ROUNDS / 2],
			"client", client[ROUNDS / 2]);
	}
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	(void)worker_pool_run(&pool);
	(void)worker_pool_fini(&pool);
	curfew_lifecycle_free(life);
	return 0;
}
