/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay_limit PORT: what forwarding WebSocket messages costs at least, on one thread. It routes as
 * curfew relay does (/v1/server, /v1/client, X-Relay-Server, the envelope both ways, the notice of
 * a client's end), and does nothing else: it takes every message for well-formed and every peer for
 * friendly, bounds no memory, sets no deadline, and ends when it is killed.
 *
 * A message is unmasked on its way into the buffer of the connection that it is for, so that each
 * of its bytes is touched once; of an envelope only the beginning is looked at. What a round of
 * epoll has put there goes out at its end, in one call for each connection.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "upgrade.h"
#include "ws/mask.h"

#define BACKLOG 4096
#define CONNECTIONS 32768 /* descriptors, that is */
#define INPUT 65536
#define ENVELOPE_HEAD 256 /* in which the id and the beginning of the frame are found */
#define HEADER_MOST 10
#define ID_MOST 64
#define TEXT 0x81
#define CLOSE 0x88

enum kind { OPENING, SERVER, CLIENT };

struct connection {
	enum kind kind;
	int server; /* CLIENT: its server's descriptor, -1 where that has gone */
	char id[ID_MOST];
	char prefix[ID_MOST + 64]; /* CLIENT: {"conn_id":"...","frame": */
	size_t prefix_length;
	uint8_t *kept; /* a frame that is not whole, or a request */
	size_t kept_length;
	uint8_t *out;
	size_t out_length, out_capacity, out_sent;
	bool dirty, blocked;
};

static struct connection connections[CONNECTIONS];
static int dirty[CONNECTIONS], dirty_count;
static int poller, listener;
static uint8_t input[2 * INPUT + (1 << 20)]; /* a message that was begun, and one more read */

static void refuse(const char *what)
{
	perror(what);
	exit(1);
}

static void watch(int fd, int how, uint32_t events)
{
	struct epoll_event wanted = {.events = events, .data.fd = fd};

	if (epoll_ctl(poller, how, fd, &wanted)) {
		refuse("epoll_ctl");
	}
}

/* Room for so many bytes more in what is to be sent. */
static uint8_t *reserve(int fd, size_t length)
{
	struct connection *to = &connections[fd];
	size_t needed = to->out_length + length;

	if (!to->dirty) {
		to->dirty = true;
		dirty[dirty_count++] = fd;
	}
	if (needed > to->out_capacity) {
		to->out_capacity = needed > 2 * to->out_capacity ? needed : 2 * to->out_capacity;
		to->out = realloc(to->out, to->out_capacity);
		if (!to->out) {
			refuse("realloc");
		}
	}
	return to->out + to->out_length;
}

static size_t write_header(uint8_t *to, uint8_t first, size_t length)
{
	to[0] = first;
	if (length < 126) {
		to[1] = (uint8_t)length;
		return 2;
	}
	if (length <= UINT16_MAX) {
		to[1] = 126;
		to[2] = (uint8_t)(length >> 8);
		to[3] = (uint8_t)length;
		return 4;
	}
	to[1] = 127;
	for (int i = 0; i < 8; i++) {
		to[2 + i] = (uint8_t)((uint64_t)length >> (56 - 8 * i));
	}
	return 10;
}

/* Client to server: the payload inside the envelope. */
static void forward_up(
	const struct connection *from, const uint8_t *payload, size_t length, uint32_t key)
{
	size_t whole = from->prefix_length + length + 1;
	uint8_t *to;

	if (from->server < 0) {
		return;
	}
	to = reserve(from->server, HEADER_MOST + whole);
	to += write_header(to, TEXT, whole);
	memcpy(to, from->prefix, from->prefix_length);
	to += from->prefix_length;
	ws_mask(to, payload, length, key);
	to[length] = '}';
	connections[from->server].out_length =
		(size_t)(to + length + 1 - connections[from->server].out);
}

/* The descriptor that is in the last eight hexadecimal digits of a client's id. */
static int client_of(const char *digits)
{
	unsigned number = 0;

	for (int i = 0; i < 8; i++) {
		number = number << 4 | (digits[i] <= '9' ? digits[i] - '0' : digits[i] - 'a' + 10);
	}
	return number < CONNECTIONS ? (int)number : -1;
}

/* Server to client: what is behind "frame": up to the last brace. */
static void forward_down(const uint8_t *payload, size_t length, uint32_t key)
{
	static const char id_name[] = "{\"conn_id\":\"", frame_name[] = "\",\"frame\":";
	uint8_t head[ENVELOPE_HEAD];
	size_t seen = length < sizeof(head) ? length : sizeof(head), start;
	const char *quote;
	uint8_t *to;
	int fd;

	ws_mask(head, payload, seen, key);
	if (seen < sizeof(id_name) || memcmp(head, id_name, sizeof(id_name) - 1) != 0) {
		return;
	}
	quote = memchr(head + sizeof(id_name) - 1, '"', seen - (sizeof(id_name) - 1));
	start = quote ? (size_t)(quote - (const char *)head) + sizeof(frame_name) - 1 : seen;
	if (start >= seen || memcmp(quote, frame_name, sizeof(frame_name) - 1) != 0) {
		return;
	}
	fd = client_of(quote - 8);
	if (fd < 0 || connections[fd].kind != CLIENT) {
		return;
	}
	length -= start + 1;
	to = reserve(fd, HEADER_MOST + length);
	to += write_header(to, TEXT, length);
	ws_mask(to, payload + start, length, ws_mask_turn(key, start));
	connections[fd].out_length = (size_t)(to + length - connections[fd].out);
}

/* A server loses its clients, a client is reported to its server. */
static void part(int fd)
{
	const struct connection *gone = &connections[fd];
	char notice[ID_MOST + 64];
	int length;

	if (gone->kind == SERVER) {
		for (int other = 0; other < CONNECTIONS; other++) {
			if (connections[other].kind == CLIENT && connections[other].server == fd) {
				connections[other].server = -1;
			}
		}
	} else if (gone->kind == CLIENT && gone->server >= 0) {
		struct connection *to = &connections[gone->server];
		uint8_t *bytes = reserve(gone->server, HEADER_MOST + sizeof(notice));

		length = snprintf(notice, sizeof(notice),
			"{\"conn_id\":\"%s\",\"close_code\":1001}", gone->id);
		bytes += write_header(bytes, TEXT, (size_t)length);
		memcpy(bytes, notice, (size_t)length);
		to->out_length = (size_t)(bytes + length - to->out);
	}
}

static void drop(int fd)
{
	struct connection *connection = &connections[fd];

	part(fd);
	free(connection->kept);
	free(connection->out);
	for (int i = 0; connection->dirty && i < dirty_count; i++) {
		if (dirty[i] == fd) {
			dirty[i] = dirty[--dirty_count];
		}
	}
	*connection = (struct connection){0};
	close(fd);
}

/* Sends what there is; what the kernel does not take stays. */
static void flush(int fd)
{
	struct connection *to = &connections[fd];
	ssize_t sent =
		send(fd, to->out + to->out_sent, to->out_length - to->out_sent, MSG_NOSIGNAL);

	if (sent < 0 && errno != EAGAIN) {
		to->out_length = to->out_sent = 0; /* reading will tell */
		return;
	}
	to->out_sent += sent > 0 ? (size_t)sent : 0;
	if (to->out_sent == to->out_length) {
		to->out_length = to->out_sent = 0;
	}
	if (to->blocked != (to->out_length > 0)) {
		to->blocked = !to->blocked;
		watch(fd, EPOLL_CTL_MOD, to->blocked ? EPOLLIN | EPOLLOUT : EPOLLIN);
	}
}

static void flush_all(void)
{
	for (int i = 0; i < dirty_count; i++) {
		connections[dirty[i]].dirty = false;
		if (!connections[dirty[i]].blocked) {
			flush(dirty[i]);
		}
	}
	dirty_count = 0;
}

/* Returns the size of the frame, 0 if it is not whole; false: the end of the connection. */
static bool take_frame(int fd, const uint8_t *bytes, size_t length, size_t *size)
{
	const struct connection *from = &connections[fd];
	size_t header = 6, payload;
	uint32_t key;

	*size = 0;
	if (length < 2) {
		return true;
	}
	payload = bytes[1] & 0x7f;
	header += payload < 126 ? 0 : payload == 126 ? 2 : 8;
	if (length < header) {
		return true;
	}
	if (payload >= 126) {
		int digits = payload == 126 ? 2 : 8;

		payload = 0;
		for (int i = 0; i < digits; i++) {
			payload = payload << 8 | bytes[2 + i];
		}
	}
	if (length - header < payload) {
		return true;
	}
	*size = header + payload;
	key = ws_mask_key(bytes + header - 4);
	if (bytes[0] == CLOSE) {
		return false;
	}
	if (from->kind == CLIENT) {
		forward_up(from, bytes + header, payload, key);
	} else {
		forward_down(bytes + header, payload, key);
	}
	return true;
}

static int find_server(const char *id)
{
	for (int fd = 0; fd < CONNECTIONS; fd++) {
		if (connections[fd].kind == SERVER && !strcmp(connections[fd].id, id)) {
			return fd;
		}
	}
	return -1;
}

/* Finds out who it is; false: nobody that we know. */
static bool enter(int fd, const struct upgrade *upgrade)
{
	struct connection *connection = &connections[fd];
	char id[ID_MOST - 24];

	if (!upgrade->id_length || upgrade->id_length >= sizeof(id)) {
		return false;
	}
	memcpy(id, upgrade->id, upgrade->id_length);
	id[upgrade->id_length] = '\0';
	if (upgrade->is_server) {
		connection->kind = SERVER;
		memcpy(connection->id, id, upgrade->id_length + 1);
		return true;
	}
	connection->server = find_server(id);
	if (connection->server < 0) {
		return false;
	}
	connection->kind = CLIENT;
	snprintf(connection->id, ID_MOST, "client-%s-%08x", id, (unsigned)fd);
	connection->prefix_length = (size_t)snprintf(connection->prefix, sizeof(connection->prefix),
		"{\"conn_id\":\"client-%s-%08x\",\"frame\":", id, (unsigned)fd);
	return true;
}

/* Returns the size of the request, 0 if it is not whole; false: it is not for us. */
static bool take_request(int fd, uint8_t *bytes, size_t length, size_t *size)
{
	struct upgrade upgrade;
	char *end = memmem(bytes, length, "\r\n\r\n", 4);
	size_t answer;

	*size = 0;
	if (!end) {
		return true;
	}
	*end = '\0';
	*size = (size_t)(end - (char *)bytes) + 4;
	if (!upgrade_read((char *)bytes, &upgrade) || !enter(fd, &upgrade)) {
		return false;
	}
	answer = upgrade_answer(&upgrade, (char *)reserve(fd, UPGRADE_ANSWER_MOST));
	connections[fd].out_length += answer;
	return true;
}

static void keep(struct connection *connection, const uint8_t *bytes, size_t length)
{
	connection->kept_length = length;
	if (!length) {
		return;
	}
	connection->kept = realloc(connection->kept, length);
	if (!connection->kept) {
		refuse("realloc");
	}
	memcpy(connection->kept, bytes, length);
}

static void serve(int fd)
{
	struct connection *connection = &connections[fd];
	size_t length = connection->kept_length, at = 0, size;
	ssize_t got;
	bool goes_on = true;

	if (length) {
		memcpy(input, connection->kept, length);
	}
	got = recv(fd, input + length, INPUT, 0);
	if (got < 0 && errno == EAGAIN) {
		return;
	}
	if (got <= 0) {
		drop(fd);
		return;
	}
	length += (size_t)got;
	do {
		goes_on = connection->kind == OPENING
			? take_request(fd, input + at, length - at, &size)
			: take_frame(fd, input + at, length - at, &size);
		at += size;
	} while (goes_on && size && at < length);
	if (!goes_on || length - at > sizeof(input) - INPUT) {
		drop(fd);
		return;
	}
	keep(connection, input + at, length - at);
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
		watch(fd, EPOLL_CTL_ADD, EPOLLIN);
	}
}

static int listen_on(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, BACKLOG)) {
		refuse("relay_limit");
	}
	return fd;
}

static void go_on(int fd, uint32_t events)
{
	if (events & EPOLLOUT) {
		flush(fd);
	}
	if (events & ~(uint32_t)EPOLLOUT) {
		serve(fd);
	}
}

int main(int argc, char **argv)
{
	struct epoll_event ready[1024];
	int port = argc == 2 ? atoi(argv[1]) : 0;

	if (port <= 0 || port > 65535) {
		fprintf(stderr, "usage: relay_limit PORT\n");
		return 2;
	}
	poller = epoll_create1(EPOLL_CLOEXEC);
	listener = listen_on(port);
	watch(listener, EPOLL_CTL_ADD, EPOLLIN);
	for (;;) {
		int count = epoll_wait(poller, ready, 1024, -1);

		for (int i = 0; i < count; i++) {
			if (ready[i].data.fd == listener) {
				accept_all();
			} else {
				go_on(ready[i].data.fd, ready[i].events);
			}
		}
		flush_all();
	}
}
