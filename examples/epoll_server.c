/* SPDX-License-Identifier: Apache-2.0 */
/* A bare epoll server that loses nothing: ./epoll_server 8080 & ab -c 48 -n 100000 ...; kill %1 */
#include <arpa/inet.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <curfew.h>

struct connection {
	struct curfew_hold hold; /* on the work stage, from the accept to the answer */
	int fd;
	size_t length;
	char head[1024];
};

static int epoll_fd;

static void hang_up(struct curfew_hold *hold) /* the hold is the connection's first member */
{
	struct connection *connection = (struct connection *)hold;

	curfew_hold_release(hold);
	close(connection->fd);
	free(connection);
}

static const struct curfew_hold_ops connection_ops = {.kind = "connection", .cut = hang_up};

static void on_connection(int fd, void *life)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};

	if (!connection) {
		err(1, "connection");
	}
	connection->fd = fd;
	curfew_drain_hold(curfew_lifecycle_stage(life, CURFEW_WORK), &connection->hold,
		&connection_ops, NULL);
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static void readable(struct connection *connection)
{
	static const char answer[] = "HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nhello\n";
	size_t room = sizeof(connection->head) - 1 - connection->length;
	ssize_t length = recv(connection->fd, connection->head + connection->length, room, 0);

	connection->length += length > 0 ? (size_t)length : 0;
	if (length > 0 && !strstr(connection->head, "\r\n\r\n")) {
		return; /* the rest of the head is on its way */
	}
	if (length > 0) {
		(void)!send(connection->fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL);
	}
	hang_up(&connection->hold);
}

int main(int argc, char **argv)
{
	struct curfew_lifecycle *life = curfew_lifecycle_new(NULL); /* SIGTERM is safe from here */
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(argc > 1 ? atoi(argv[1]) : 8080)};
	struct epoll_event event = {.events = EPOLLIN}; /* data.ptr NULL: the lifecycle */
	struct curfew_listener *listener;
	int sock = socket(AF_INET, SOCK_STREAM, 0);
	int code;

	epoll_fd = epoll_create1(0);
	setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	if (bind(sock, (struct sockaddr *)&address, sizeof(address)) || listen(sock, 4096)) {
		err(1, "listen");
	}
	listener = curfew_listener_new(life, sock, on_connection, life); /* emptied, then closed */
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, curfew_lifecycle_fd(life), &event);
	if (curfew_lifecycle_ready(life)) {
		(void)!write(STDOUT_FILENO, "ready\n", 6);
	}
	while (!curfew_lifecycle_done(life)) {
		if (epoll_wait(epoll_fd, &event, 1, -1) == 1 && event.data.ptr) {
			readable(event.data.ptr);
		} else {
			curfew_lifecycle_dispatch(life);
		}
	}
	code = curfew_lifecycle_exit_code(life);
	curfew_listener_free(listener);
	curfew_lifecycle_free(life);
	return code;
}
