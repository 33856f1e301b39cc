/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend PORT: an HTTP/1.1 service on the loopback, as fast as one thread and epoll make it, and
 * as careless at the end as most are: SIGTERM kills it at once.
 *
 *	/events		an event stream without an end, an event each 100 ms
 *	all else	200 and 128 bytes
 *
 * It reads GET alone, without a body.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define BACKLOG 4096
#define CONNECTIONS 32768 /* descriptors, that is */
#define HEAD 8192
#define ANSWERS 4096 /* bytes of answers that are sent at once to what was pipelined */
#define ANSWER_MOST 512
#define EVENT_MS 100
#define BODY                                                                                       \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"                         \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char answer[] =
	"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 128\r\n\r\n" BODY;
static const char last_answer[] =
	"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 128\r\n"
	"Connection: close\r\n\r\n" BODY;
static const char stream_head[] =
	"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"
	"Transfer-Encoding: chunked\r\n\r\n";
static const char event[] = "c\r\ndata: tick\n\n\r\n";

struct connection {
	size_t held; /* bytes of a head that is not whole */
	char *head;
	bool streams;
};

static struct connection connections[CONNECTIONS];
static int poller, listener, ticker, streams;

static void refuse(const char *what)
{
	perror(what);
	exit(1);
}

static void watch(int fd)
{
	struct epoll_event wanted = {.events = EPOLLIN, .data.fd = fd};

	if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &wanted)) {
		refuse("epoll_ctl");
	}
}

static void drop(int fd)
{
	struct connection *connection = &connections[fd];

	streams -= connection->streams;
	free(connection->head);
	*connection = (struct connection){0};
	close(fd);
}

static void accept_all(void)
{
	int fd, on = 1;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		if (fd >= CONNECTIONS) {
			close(fd);
			continue;
		}
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		watch(fd);
	}
}

static void tick_every(long ms)
{
	struct itimerspec every = {.it_value.tv_nsec = ms * 1000000};

	every.it_interval = every.it_value;
	timerfd_settime(ticker, 0, &every, NULL);
}

static bool send_all(int fd, const char *bytes, size_t length)
{
	return send(fd, bytes, length, MSG_NOSIGNAL) == (ssize_t)length;
}

/* One event to each stream; without any the ticker rests. */
static void tick(void)
{
	uint64_t ticks;

	if (read(ticker, &ticks, sizeof(ticks)) < 0 || !streams) {
		tick_every(0);
		return;
	}
	for (int fd = 0; fd < CONNECTIONS; fd++) {
		if (connections[fd].streams && !send_all(fd, event, sizeof(event) - 1)) {
			drop(fd);
		}
	}
}

/* Answers the requests that are whole, and returns their bytes. *over: it is to be closed. */
static size_t answer_requests(int fd, char *bytes, size_t length, bool *over)
{
	char answers[ANSWERS], *at = bytes, *end;
	size_t made = 0;

	*over = false;
	while (!*over && (end = memmem(at, length - (at - bytes), "\r\n\r\n", 4))) {
		const char *text = answer;

		*end = '\0';
		if (!strncmp(at, "GET /events ", 12)) {
			text = stream_head;
			connections[fd].streams = true;
			streams++;
			tick_every(EVENT_MS);
		} else if (strcasestr(at, "\nConnection: close")) {
			text = last_answer;
			*over = true;
		}
		memcpy(answers + made, text, strlen(text));
		made += strlen(text);
		at = end + 4;
		if (made > sizeof(answers) - ANSWER_MOST) {
			*over |= !send_all(fd, answers, made);
			made = 0;
		}
	}
	*over |= made && !send_all(fd, answers, made);
	return at - bytes;
}

/* Keeps what is not answered for the next round; false where it does not fit. */
static bool keep(struct connection *connection, const char *bytes, size_t length)
{
	connection->held = length;
	if (!length) {
		return true;
	}
	if (!connection->head) {
		connection->head = malloc(HEAD);
	}
	if (!connection->head || length == HEAD) {
		return false;
	}
	memmove(connection->head, bytes, length);
	return true;
}

static void serve(int fd)
{
	struct connection *connection = &connections[fd];
	char bytes[HEAD];
	size_t held = connection->held, used;
	ssize_t got;
	bool over;

	if (held) {
		memcpy(bytes, connection->head, held);
	}
	got = recv(fd, bytes + held, sizeof(bytes) - held, 0);
	if (got < 0 && errno == EAGAIN) {
		return;
	}
	if (got <= 0) {
		drop(fd);
		return;
	}
	used = answer_requests(fd, bytes, held + got, &over);
	if (over || !keep(connection, bytes + used, held + got - used)) {
		drop(fd);
	}
}

static int listen_on(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, BACKLOG)) {
		refuse("backend");
	}
	return fd;
}

int main(int argc, char **argv)
{
	struct epoll_event ready[256];
	int port = argc == 2 ? atoi(argv[1]) : 0;

	if (port <= 0 || port > 65535) {
		fprintf(stderr, "usage: backend PORT\n");
		return 2;
	}
	poller = epoll_create1(EPOLL_CLOEXEC);
	ticker = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	listener = listen_on(port);
	watch(listener);
	watch(ticker);
	for (;;) {
		int count = epoll_wait(poller, ready, 256, -1);

		for (int i = 0; i < count; i++) {
			int fd = ready[i].data.fd;

			if (fd == listener) {
				accept_all();
			} else if (fd == ticker) {
				tick();
			} else {
				serve(fd);
			}
		}
	}
}
