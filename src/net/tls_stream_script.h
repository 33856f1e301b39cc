/* SPDX-License-Identifier: Apache-2.0 */
/* A stream with TLS on a worker, its owner, and a peer on the other end of its connection. */
#ifndef NET_TLS_STREAM_SCRIPT_H
#define NET_TLS_STREAM_SCRIPT_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "base/list.h"
#include "net/tls_script.h"
#include "net/worker_script.h"

/* What an owner does, and what happened to it. */
struct owner {
	struct stream stream;
	bool echoes;  /* what it gets, as far as there is room; else it keeps it in got */
	size_t takes; /* of what it is offered at once */
	struct buffer got;
	int ended, writable, failed, closed;
	int error;
	size_t got_at_end;                        /* bytes, when it ended or failed */
	void (*on_received)(struct owner *owner); /* NULL */
};

static inline size_t owner_received(struct stream *stream, char *bytes, size_t length)
{
	struct owner *owner = container_of(stream, struct owner, stream);

	assert_true(length > 0);
	assert_int_equal(owner->ended + owner->failed + owner->closed, 0);
	if (owner->on_received) {
		owner->on_received(owner);
	}
	length = length < owner->takes ? length : owner->takes;
	if (!owner->echoes) {
		buffer_append(&owner->got, bytes, length);
	} else if (stream_queued(stream) >= STREAM_QUEUE_HIGH) {
		return 0;
	} else {
		stream_write(stream, bytes, length);
	}
	return length;
}

static inline void owner_ended(struct stream *stream)
{
	struct owner *owner = container_of(stream, struct owner, stream);

	assert_int_equal(owner->failed + owner->closed, 0);
	owner->ended++;
	owner->got_at_end = owner->got.length;
}

static inline void owner_writable(struct stream *stream)
{
	struct owner *owner = container_of(stream, struct owner, stream);

	assert_int_equal(owner->failed + owner->closed, 0);
	owner->writable++;
	if (owner->echoes) {
		stream_resume(stream);
	}
}

static inline void owner_failed(struct stream *stream, int error)
{
	struct owner *owner = container_of(stream, struct owner, stream);

	assert_int_equal(owner->failed + owner->closed, 0);
	owner->failed++;
	owner->error = error;
	owner->got_at_end = owner->got.length;
}

static inline void owner_closed(struct stream *stream)
{
	container_of(stream, struct owner, stream)->closed++;
}

/* Zero it but for what it does. */
static inline void owner_init(struct owner *owner, int fd, struct stream_filter *filter)
{
	static const struct stream_ops ops = {
		.received = owner_received,
		.ended = owner_ended,
		.writable = owner_writable,
		.failed = owner_failed,
		.closed = owner_closed,
	};

	owner->takes = owner->takes ? owner->takes : SIZE_MAX;
	assert_int_equal(stream_init(&owner->stream, worker, fd, &ops, filter), 0);
}

/* Has it closed in order unless that was done, waits for it, and gives back what it has. */
static inline void owner_fini(struct owner *owner)
{
	if (!stream_closing(&owner->stream)) {
		stream_close(&owner->stream, false);
	}
	run_until(owner->closed);
	assert_int_equal(owner->closed, 1);
	buffer_fini(&owner->got);
}

/* Two ends of a connection on loopback. */
static inline void loopback_open(int fds[2])
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;

	assert_int_equal(bind(listener, (struct sockaddr *)&address, length), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fds[0], (struct sockaddr *)&address, length), 0);
	fds[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_true(fds[1] >= 0);
	assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
			setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)), 0);
	}
	close(listener);
}

/* Small: with as little room as can be had, and none of TCP's timers. */
static inline void connection_open(int fds[2], bool small)
{
	int least = 1;

	if (!small) {
		loopback_open(fds);
		return;
	}
	pair_open(fds);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
			setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &least, sizeof(least)), 0);
	}
}

/* One exchange of whatever there is between the peer and the worker. */
static inline void turn(struct peer *peer)
{
	(void)peer_push(peer, SIZE_MAX);
	round_now();
	(void)peer_pull(peer);
}

/* Starts an owner's stream, and shakes hands with it. */
static inline void start(struct owner *owner, struct peer *peer, int version, bool small)
{
	int fds[2];

	connection_open(fds, small);
	peer_init(peer, fds[0], version);
	owner_init(owner, fds[1], tls_accept(server));
	while (!peer->is_done) {
		peer_shake(peer);
		turn(peer);
	}
}

static inline void say(struct peer *peer, const void *bytes, size_t length)
{
	assert_int_equal(SSL_write(peer->ssl, bytes, (int)length), length);
	(void)peer_push(peer, SIZE_MAX);
}

/* What the peer has heard; 0 for nothing, -1 for close_notify. */
static inline int hear(struct peer *peer, void *bytes, size_t most)
{
	int n = SSL_read(peer->ssl, bytes, (int)most);

	if (n > 0) {
		return n;
	}
	n = SSL_get_error(peer->ssl, n);
	ERR_clear_error();
	assert_true(n == SSL_ERROR_ZERO_RETURN || n == SSL_ERROR_WANT_READ);
	return n == SSL_ERROR_ZERO_RETURN ? -1 : 0;
}

/* Pulls until the socket's end, which has to be one without an error. */
static inline void hear_out(struct peer *peer)
{
	while (true) {
		char byte;
		ssize_t n;

		(void)peer_pull(peer);
		n = recv(peer->fd, &byte, 1, MSG_PEEK);
		if (n == 0) {
			return;
		}
		assert_true(n > 0 || errno == EAGAIN);
		round_now();
	}
}

#endif
