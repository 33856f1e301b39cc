/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP server on a bare epoll loop that loses nothing when it is told to end. Try:
 *
 *	./http_server 8080 &
 *	ab -k -c 48 -n 1000000 http://127.0.0.1:8080/ &
 *	kill %1; wait %1; echo $?
 *
 * Every request that was sent has its whole answer. It knows small requests without a body, one at
 * a time.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <curfew.h>

#define IDLE_MS 1000 /* at the end, how long we wait for one more request on a connection */

struct connection {
	struct curfew_hold hold; /* on connections, as long as it is open */
	int fd;
	size_t length;
	char head[2048];
};

static struct curfew_lifecycle *life;
static struct curfew_drain *connections;
static int epoll_fd;

static void hang_up(struct connection *connection)
{
	curfew_hold_release(&connection->hold);
	close(connection->fd);
	free(connection);
}

/*
 * The last answer is followed by our end of file, and we by the client's: nothing is reset on its
 * way.
 */
static void answer(struct connection *connection)
{
	bool last = curfew_lifecycle_phase(life) != CURFEW_RUNNING;
	const char *text = last
		? "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n"
		: "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n";

	connection->length = 0;
	curfew_lifecycle_count(life, CURFEW_REQUESTS_COMPLETED, 1);
	(void)!send(connection->fd, text, strlen(text), MSG_NOSIGNAL);
	if (last) {
		shutdown(connection->fd, SHUT_WR);
	}
}

/* Returns whether the connection goes on; a head that fills our room leads to its end as well. */
static bool readable(struct connection *connection)
{
	size_t room = sizeof(connection->head) - connection->length;
	ssize_t got = recv(connection->fd, connection->head + connection->length, room, 0);

	if (got <= 0) {
		return got < 0 && errno == EAGAIN;
	}
	connection->length += (size_t)got;
	if (memmem(connection->head, connection->length, "\r\n\r\n", 4)) {
		answer(connection);
	}
	return true;
}

static void finish(struct curfew_hold *hold)
{
	(void)hold;
	curfew_drain_close(
		connections, curfew_after_ms(IDLE_MS)); /* once: a later deadline changes nothing */
}

static void cut(struct curfew_hold *hold)
{
	struct connection *connection = (struct connection *)hold;

	readable(connection); /* what came in the last moment has its answer too */
	hang_up(connection);
}

static const struct curfew_hold_ops connection_ops = {
	.kind = "connection", .finish = finish, .cut = cut};

static void accepted(int fd, void *arg)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};

	(void)arg;
	if (!connection ||
		curfew_drain_hold(connections, &connection->hold, &connection_ops, NULL)) {
		close(fd);
		free(connection);
		return;
	}
	connection->fd = fd;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event)) {
		hang_up(connection);
	}
}

static int listen_on(const char *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	at.sin_port = htons((uint16_t)atoi(port));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	if (bind(fd, (struct sockaddr *)&at, length) || listen(fd, SOMAXCONN)) {
		err(1, "cannot listen on port %s", port);
	}
	getsockname(fd, (struct sockaddr *)&at, &length);
	printf("listening on 127.0.0.1:%d\n", ntohs(at.sin_port));
	fflush(stdout);
	return fd;
}

/*
 * The lifecycle has its turn when the connections had theirs, since it may hang up on some of them.
 */
static void turn(void)
{
	struct epoll_event events[64];
	int count = epoll_wait(epoll_fd, events, 64, -1);

	for (int i = 0; i < count; i++) {
		if (events[i].data.ptr && !readable(events[i].data.ptr)) {
			hang_up(events[i].data.ptr);
		}
	}
	curfew_lifecycle_dispatch(life);
}

int main(int argc, char **argv)
{
	struct epoll_event event = {.events = EPOLLIN};
	struct curfew_listener *listener;
	int code;

	life = curfew_lifecycle_new(NULL); /* SIGTERM is safe from here */
	connections =
		curfew_drain_new(curfew_lifecycle_stage(life, CURFEW_WORK), "connections", NULL);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, curfew_lifecycle_fd(life), &event);
	listener =
		curfew_listener_new(life, listen_on(argc > 1 ? argv[1] : "8080"), accepted, NULL);
	curfew_lifecycle_ready(life);
	while (!curfew_lifecycle_done(life)) {
		turn();
	}
	code = curfew_lifecycle_exit_code(life);
	curfew_listener_free(listener);
	curfew_drain_free(connections);
	curfew_lifecycle_free(life);
	return code;
}
