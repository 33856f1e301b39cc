/* SPDX-License-Identifier: Apache-2.0 */
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "ws/frame.h"
#include "ws/handshake.h"
#include "ws/mask.h"

#define READ_BYTES 65536
#define FRAME_MOST (1 << 20)
#define EVENTS 512
#define OWN_ADDRESSES 200 /* of ours, so that ports are never short */
#define STALLED_BUFFER 4096
#define HEAD_MOST 1024
#define WAIT_MOST_MS 1000
#define KEY "dGhlIHNhbXBsZSBub25jZQ==" /* RFC 6455, 1.3: it draws none for each */

static const uint8_t mask[4] = {0x5a, 0xc3, 0x17, 0x9e};

void complain(const char *what)
{
	printf("failed: %s\n", what);
	exit(1);
}

void give_up(const char *what)
{
	printf("failed: %s: %s\n", what, strerror(errno));
	exit(1);
}

int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

void peers_init(struct peers *peers)
{
	peers->poller = epoll_create1(EPOLL_CLOEXEC);
	if (peers->poller < 0) {
		give_up("epoll_create1");
	}
}

static void watch(const struct peers *peers, struct peer *peer, int how, uint32_t events)
{
	struct epoll_event wanted = {.events = events, .data.ptr = peer};

	if (epoll_ctl(peers->poller, how, peer->fd, &wanted)) {
		give_up("epoll_ctl");
	}
}

/* Its beginning. */

static void connect_from(struct peer *peer, int port, unsigned number)
{
	struct sockaddr_in own = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
	int on = 1, little = STALLED_BUFFER;

	own.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 0x100 + number % OWN_ADDRESSES);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons((uint16_t)port);
	peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (peer->fd < 0) {
		give_up("socket");
	}
	setsockopt(peer->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (peer->stalled) {
		setsockopt(peer->fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof(little));
	}
	if (bind(peer->fd, (struct sockaddr *)&own, sizeof(own)) ||
		connect(peer->fd, (struct sockaddr *)&to, sizeof(to))) {
		give_up("connect");
	}
}

/* Reads the answer, byte for byte at its end, since a frame may be behind it. */
static void read_answer(const struct peer *peer)
{
	char head[HEAD_MOST];
	size_t length = 0;

	while (length < 4 || memcmp(head + length - 4, "\r\n\r\n", 4) != 0) {
		if (length == sizeof(head) || recv(peer->fd, head + length, 1, 0) != 1) {
			complain("no answer to a handshake");
		}
		length++;
	}
	if (strncmp(head, "HTTP/1.1 101 ", 13) != 0) {
		complain("a handshake was refused");
	}
}

void peer_open(struct peers *peers, struct peer *peer, enum peer_kind kind, const char *server_id,
	unsigned number)
{
	static const char *const own[] = {
		[PEER_SERVER] = "server HTTP/1.1\r\nX-Relay-Version: 1\r\n",
		[PEER_CLIENT] = "client HTTP/1.1\r\nX-Relay-Token: secret\r\n",
	};
	char request[HEAD_MOST];
	int length = snprintf(request, sizeof(request),
		"GET /v1/%sHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Version: 13\r\n"
		"User-Agent: bench\r\nX-Relay-Server: %s\r\n\r\n",
		own[kind], server_id);

	peer->kind = kind;
	connect_from(peer, peers->port, number);
	if (send(peer->fd, request, (size_t)length, MSG_NOSIGNAL) != length) {
		give_up("send");
	}
	read_answer(peer);
	if (fcntl(peer->fd, F_SETFL, O_NONBLOCK)) {
		give_up("fcntl");
	}
	watch(peers, peer, EPOLL_CTL_ADD, peer->stalled ? 0 : EPOLLIN);
}

void peer_close(struct peer *peer)
{
	close(peer->fd);
	peer->fd = -1;
	peer->out_length = peer->out_sent = 0;
}

/* What it sends. */

static uint8_t *reserve(struct peer *peer, size_t length)
{
	size_t needed = peer->out_length + length;

	if (needed > peer->out_capacity) {
		peer->out_capacity = 2 * needed;
		peer->out = realloc(peer->out, peer->out_capacity);
		if (!peer->out) {
			give_up("realloc");
		}
	}
	return peer->out + peer->out_length;
}

void peer_send(struct peers *peers, struct peer *peer, unsigned opcode,
	const struct peer_part *parts, int count)
{
	struct ws_frame frame = {.fin = true, .masked = true, .opcode = (uint8_t)opcode};
	uint32_t key = ws_mask_key(mask);
	uint8_t *to;

	memcpy(frame.key, mask, sizeof(mask));
	for (int i = 0; i < count; i++) {
		frame.length += parts[i].length;
	}
	to = reserve(peer, WS_HEADER_MOST + (size_t)frame.length);
	to += ws_frame_write(to, &frame);
	for (int i = 0; i < count; i++) {
		key = ws_mask(to, parts[i].bytes, parts[i].length, key);
		to += parts[i].length;
	}
	peer->out_length = (size_t)(to - peer->out);
	if (!peer->dirty) {
		peer->dirty = true;
		peer->next_dirty = peers->dirty;
		peers->dirty = peer;
	}
}

static void flush(const struct peers *peers, struct peer *peer)
{
	size_t left = peer->out_length - peer->out_sent;
	ssize_t sent = left ? send(peer->fd, peer->out + peer->out_sent, left, MSG_NOSIGNAL) : 0;

	if (sent < 0 && errno != EAGAIN) {
		return; /* reading will tell */
	}
	peer->out_sent += sent > 0 ? (size_t)sent : 0;
	if (peer->out_sent == peer->out_length) {
		peer->out_sent = peer->out_length = 0;
	}
	if (peer->blocked != (peer->out_length > 0)) {
		peer->blocked = !peer->blocked;
		watch(peers, peer, EPOLL_CTL_MOD, peer->blocked ? EPOLLIN | EPOLLOUT : EPOLLIN);
	}
}

static void flush_all(struct peers *peers)
{
	struct peer *peer;

	while ((peer = peers->dirty)) {
		peers->dirty = peer->next_dirty;
		peer->dirty = false;
		if (peer->fd >= 0 && !peer->blocked) {
			flush(peers, peer);
		}
	}
}

/* What comes. */

static void keep(struct peer *peer, const uint8_t *bytes, size_t length)
{
	peer->kept_length = length;
	if (length) {
		peer->kept = realloc(peer->kept, length);
		if (!peer->kept) {
			give_up("realloc");
		}
		memcpy(peer->kept, bytes, length);
	}
}

/* Returns the size of the frame that lies here whole, or 0. */
static size_t take_frame(
	struct peers *peers, struct peer *peer, const uint8_t *bytes, size_t length)
{
	size_t header = length < 2 ? 2 : ws_frame_header_size(bytes[1]), payload;

	if (length < header) {
		return 0;
	}
	payload = (size_t)ws_frame_length(bytes);
	if (payload > FRAME_MOST) {
		complain("a frame that nobody sent");
	}
	if (length - header < payload) {
		return 0;
	}
	peers->frame(peer, bytes[0] & 0x0f, bytes + header, payload);
	return header + payload;
}

static void receive(struct peers *peers, struct peer *peer)
{
	static uint8_t bytes[FRAME_MOST + READ_BYTES + WS_HEADER_MOST];
	size_t length = peer->kept_length, at = 0, size;
	ssize_t got;

	if (length) {
		memcpy(bytes, peer->kept, length);
	}
	got = recv(peer->fd, bytes + length, READ_BYTES, 0);
	if (got < 0 && errno == EAGAIN) {
		return;
	}
	if (got <= 0) {
		peers->ended(peer);
		return;
	}
	length += (size_t)got;
	do {
		size = take_frame(peers, peer, bytes + at, length - at);
		at += size;
	} while (size && peer->fd >= 0);
	keep(peer, bytes + at, length - at);
}

static int wait_ms(int64_t until_ns)
{
	int64_t ms = (until_ns - now_ns()) / 1000000 + 1;

	return ms <= 0 ? 0 : ms < WAIT_MOST_MS ? (int)ms : WAIT_MOST_MS;
}

void peers_round(struct peers *peers, int64_t until_ns)
{
	struct epoll_event ready[EVENTS];
	int count;

	flush_all(peers);
	count = epoll_wait(peers->poller, ready, EVENTS, wait_ms(until_ns));
	for (int i = 0; i < count; i++) {
		struct peer *peer = ready[i].data.ptr;

		if (peer->fd < 0) {
			continue;
		}
		if (peer->stalled) { /* it was cut */
			peer_close(peer);
			continue;
		}
		if (ready[i].events & EPOLLOUT) {
			flush(peers, peer);
		}
		if (ready[i].events & ~(uint32_t)EPOLLOUT) {
			receive(peers, peer);
		}
	}
}
