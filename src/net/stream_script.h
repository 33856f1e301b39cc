/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: a stream whose owner notes what it is told, and the other end as a bare socket. No
 * callback may come inside a call of the owner's, none but closed() after its end, and closed()
 * once.
 */
#ifndef NET_STREAM_SCRIPT_H
#define NET_STREAM_SCRIPT_H

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/list.h"
#include "net/stream.h"
#include "net/worker_script.h"
#include "tests/descriptors.h"

#define MEGABYTE ((size_t)1024 * 1024)

struct owner {
	struct stream stream;
	int peer;          /* the other end; -1: closed */
	struct buffer got; /* what was taken */
	size_t takes;      /* bytes of each call */
	char told[64];     /* a letter for each callback: r e w f c */
	int writable;      /* how often */
	int error;         /* of failed() */
	bool calling;      /* it is inside a call of the stream's */
	bool over;         /* nothing but closed() may come */
	/* What it does from a callback; NULL: nothing. */
	void (*on_received)(struct owner *owner);
	void (*on_ended)(struct owner *owner);
	void (*on_writable)(struct owner *owner);
	void (*on_failed)(struct owner *owner);
};

static inline void note(struct owner *owner, char letter)
{
	size_t length = strlen(owner->told);
	bool again = length && owner->told[length - 1] == letter;

	assert_false(owner->calling);
	if (again && (letter == 'r' || letter == 'w')) {
		return; /* one for all in a row */
	}
	assert_true(length < sizeof(owner->told) - 1);
	owner->told[length] = letter;
}

static inline size_t owner_received(struct stream *stream, char *bytes, size_t length)
{
	struct owner *owner = container_of(stream, struct owner, stream);
	size_t taken = length < owner->takes ? length : owner->takes;

	assert_false(owner->over);
	assert_true(length > 0);
	note(owner, 'r');
	buffer_append(&owner->got, bytes, taken);
	if (owner->on_received) {
		owner->on_received(owner);
	}
	return taken;
}

static inline void owner_ended(struct stream *stream)
{
	struct owner *owner = container_of(stream, struct owner, stream);

	assert_false(owner->over);
	note(owner, 'e');
	if (owner->on_ended) {
		owner->on_ended(owner);
	}
}

static inline void owner_writable(struct stream *stream)
{
	struct owner *owner = container_of(stream, struct owner, stream);

	assert_false(owner->over);
	assert_int_equal(stream_queued(stream), 0);
	note(owner, 'w');
	owner->writable++;
	if (owner->on_writable) {
		owner->on_writable(owner);
	}
}

static inline void owner_failed(struct stream *stream, int error)
{
	struct owner *owner = container_of(stream, struct owner, stream);

	assert_false(owner->over);
	assert_true(error < 0);
	note(owner, 'f');
	owner->error = error;
	if (owner->on_failed) {
		owner->on_failed(owner);
	}
}

static inline void owner_closed(struct stream *stream)
{
	struct owner *owner = container_of(stream, struct owner, stream);

	assert_true(owner->over);
	note(owner, 'c');
	memset(stream, 0x5a, sizeof(*stream)); /* it is ours again */
}

static const struct stream_ops owner_ops = {
	.received = owner_received,
	.ended = owner_ended,
	.writable = owner_writable,
	.failed = owner_failed,
	.closed = owner_closed,
};

/* Calls of the owner's: the stream may not call back inside. */

#define CALL(owner, call)                                                                          \
	do {                                                                                       \
		bool nested = (owner)->calling;                                                    \
		(owner)->calling = true;                                                           \
		call;                                                                              \
		(owner)->calling = nested;                                                         \
	} while (0)

static inline void owner_write(struct owner *owner, const void *bytes, size_t length)
{
	CALL(owner, stream_write(&owner->stream, bytes, length));
}

static inline void owner_write_text(struct owner *owner, const char *text)
{
	owner_write(owner, text, strlen(text));
}

static inline void owner_write_parts(
	struct owner *owner, const struct stream_part *parts, int count)
{
	CALL(owner, stream_write_parts(&owner->stream, parts, count));
}

static inline void owner_compose(struct owner *owner, const char *text)
{
	CALL(owner, buffer_append_text(stream_compose(&owner->stream), text));
	CALL(owner, stream_written(&owner->stream));
}

static inline void owner_resume(struct owner *owner)
{
	CALL(owner, stream_resume(&owner->stream));
}

static inline void owner_shut(struct owner *owner)
{
	CALL(owner, stream_shut(&owner->stream));
}

static inline void owner_close(struct owner *owner, bool expects_input)
{
	CALL(owner, stream_close(&owner->stream, expects_input));
	owner->over = true;
}

static inline void owner_cut(struct owner *owner)
{
	CALL(owner, stream_cut(&owner->stream));
	owner->over = true;
}

static inline void owner_reset(struct owner *owner)
{
	CALL(owner, stream_reset(&owner->stream));
	owner->over = true;
}

static inline bool is_closed(const struct owner *owner)
{
	return strchr(owner->told, 'c') != NULL;
}

/* The two ends of a connection over loopback. */
static inline void tcp_pair(int fds[2])
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(at);
	int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(listening, (struct sockaddr *)&at, length), 0);
	assert_int_equal(listen(listening, 1), 0);
	assert_int_equal(getsockname(listening, (struct sockaddr *)&at, &length), 0);
	fds[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fds[1], (struct sockaddr *)&at, length), 0);
	fds[0] = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_true(fds[0] >= 0);
	assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
	close(listening);
}

static inline void begin_on(struct owner *owner, const int fds[2], struct stream_filter *filter)
{
	*owner = (struct owner){.peer = fds[1], .takes = SIZE_MAX};
	assert_int_equal(stream_init(&owner->stream, worker, fds[0], &owner_ops, filter), 0);
}

static inline void begin_tcp(struct owner *owner)
{
	int fds[2];

	tcp_pair(fds);
	begin_on(owner, fds, NULL);
}

static inline void begin_unix(struct owner *owner)
{
	int fds[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	begin_on(owner, fds, NULL);
}

/* Runs rounds until there is nothing to do; fails where there always is. */
static inline void settle(void)
{
	struct pollfd ready = {.fd = worker->loop->epoll_fd, .events = POLLIN};
	int rounds = 0;

	do {
		assert_true(rounds++ < 10000);
		round_now();
	} while (round_timeout() == 0 || poll(&ready, 1, 0) == 1);
}

static inline void peer_close(struct owner *owner)
{
	close(owner->peer);
	owner->peer = -1;
}

static inline void peer_reset(struct owner *owner)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};

	assert_int_equal(setsockopt(owner->peer, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
	peer_close(owner);
}

static inline void peer_send(struct owner *owner, const void *bytes, size_t length)
{
	assert_int_equal(send(owner->peer, bytes, length, MSG_NOSIGNAL), length);
}

/* What the other end has to read now: bytes, 0 for the end, or a negative errno. */
static inline ssize_t peer_receive(struct owner *owner, void *bytes, size_t length)
{
	ssize_t n = recv(owner->peer, bytes, length, 0);

	return n < 0 ? -errno : n;
}

/*
 * Reads what there is, or waits until the other end or the worker has something. Returns as
 * peer_receive.
 */
static inline ssize_t peer_receive_some(struct owner *owner, struct buffer *all)
{
	char *room = buffer_reserve(all, 65536);
	ssize_t n;

	assert_non_null(room);
	round_now();
	n = peer_receive(owner, room, 65536);
	if (n > 0) {
		buffer_commit(all, (size_t)n);
	} else if (n == -EAGAIN) {
		struct pollfd ready[] = {
			{owner->peer, POLLIN, 0}, {worker->loop->epoll_fd, POLLIN, 0}};

		(void)poll(ready, 2, round_timeout());
	}
	return n;
}

/* Reads until the end, while the worker goes on; returns 0, or how else it ended. */
static inline ssize_t peer_receive_all(struct owner *owner, struct buffer *all)
{
	ssize_t n;

	do {
		n = peer_receive_some(owner, all);
	} while (n > 0 || n == -EAGAIN);
	return n;
}

/* Bytes of which each is told by its place. */
static inline char *pattern(size_t length)
{
	char *bytes = malloc(length);

	for (size_t i = 0; i < length; i++) {
		bytes[i] = (char)(i * 31 + i / 251 + i / 65521);
	}
	return bytes;
}

/* Waits for closed(), and gives the rest back. */
static inline void end(struct owner *owner)
{
	run_until(is_closed(owner));
	assert_ptr_equal(strchr(owner->told, 'c') + 1, owner->told + strlen(owner->told));
	buffer_fini(&owner->got);
	if (owner->peer >= 0) {
		peer_close(owner);
	}
}

#endif
