/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idle plain|tls PORT COUNT: opens COUNT connections, one after the other, with one request and its
 * answer on each, leaves them open and prints "open". When the server has ended them all it prints
 * "ended N reset N": how many were ended in order (with close_notify, under TLS), how many not.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BODY 128
#define SOURCES 200 /* addresses to connect from, so that ports are never short */

struct connection {
	int fd;
	SSL *ssl; /* NULL: plain */
};

static int ended, reset;

static void give_up(const char *what)
{
	printf("failed: %s: %s\n", what, strerror(errno));
	exit(1);
}

static ssize_t get(struct connection *connection, char *bytes, size_t length)
{
	if (connection->ssl) {
		return SSL_read(connection->ssl, bytes, (int)length);
	}
	return recv(connection->fd, bytes, length, 0);
}

static void ask(struct connection *connection)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
	char answer[4096];
	size_t held = 0;
	ssize_t sent = connection->ssl ? SSL_write(connection->ssl, request, sizeof(request) - 1)
				       : send(connection->fd, request, sizeof(request) - 1, 0);

	while (sent > 0) {
		ssize_t got = get(connection, answer + held, sizeof(answer) - held);
		char *end;

		if (got <= 0) {
			break;
		}
		held += (size_t)got;
		end = memmem(answer, held, "\r\n\r\n", 4);
		if (end && answer + held - end >= 4 + BODY) {
			return;
		}
	}
	give_up("no answer");
}

static void open_one(struct connection *connection, int number, int port, SSL_CTX *tls)
{
	struct sockaddr_in own = {.sin_family = AF_INET};
	struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int on = 1;

	own.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 0x100 + (uint32_t)(number % SOURCES));
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(connection->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	if (bind(connection->fd, (struct sockaddr *)&own, sizeof(own)) ||
		connect(connection->fd, (struct sockaddr *)&server, sizeof(server))) {
		give_up("cannot connect");
	}
	if (tls) {
		connection->ssl = SSL_new(tls);
		SSL_set_fd(connection->ssl, connection->fd);
		if (SSL_connect(connection->ssl) != 1) {
			give_up("no handshake");
		}
	}
	ask(connection);
}

/* The server ended a connection, in one way or the other; or it only sent a TLS record. */
static void note_end(struct connection *connection)
{
	char byte;
	ssize_t got = get(connection, &byte, 1);

	if (connection->ssl && got <= 0) {
		int error = SSL_get_error(connection->ssl, (int)got);

		if (error == SSL_ERROR_WANT_READ) {
			return;
		}
		ended += error == SSL_ERROR_ZERO_RETURN;
		reset += error != SSL_ERROR_ZERO_RETURN;
	} else {
		ended += got == 0;
		reset += got != 0;
	}
	close(connection->fd);
}

static void watch_until_ended(struct connection *connections, int count)
{
	int poller = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event wanted = {.events = EPOLLIN}, ready[256];

	for (int i = 0; i < count; i++) {
		wanted.data.ptr = &connections[i];
		fcntl(connections[i].fd, F_SETFL, O_NONBLOCK);
		epoll_ctl(poller, EPOLL_CTL_ADD, connections[i].fd, &wanted);
	}
	while (ended + reset < count) {
		int many = epoll_wait(poller, ready, 256, -1);

		for (int i = 0; i < many; i++) {
			note_end(ready[i].data.ptr);
		}
	}
}

int main(int argc, char **argv)
{
	int port = argc == 4 ? atoi(argv[2]) : 0, count = argc == 4 ? atoi(argv[3]) : 0;
	struct connection *connections = calloc((size_t)count + 1, sizeof(*connections));
	SSL_CTX *tls = NULL;

	if (port <= 0 || count <= 0 || !connections) {
		give_up("usage: idle plain|tls PORT COUNT");
	}
	if (!strcmp(argv[1], "tls")) {
		tls = SSL_CTX_new(TLS_client_method());
		SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
	}
	for (int i = 0; i < count; i++) {
		open_one(&connections[i], i, port, tls);
	}
	printf("open\n");
	fflush(stdout);
	watch_until_ended(connections, count);
	printf("ended %d reset %d\n", ended, reset);
	return 0;
}
