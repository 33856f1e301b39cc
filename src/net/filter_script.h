/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: a stream with a filter that waits for what the test says, and changes each byte. */
#ifndef NET_FILTER_SCRIPT_H
#define NET_FILTER_SCRIPT_H

#include "net/address.h"
#include "net/stream_script.h"

#define MARK 0x20 /* what the filter changes in each byte */

struct fake {
	struct stream_filter filter;
	struct buffer held; /* was read and not given out yet */
	size_t gives;       /* bytes of each read */
	size_t takes;       /* bytes of each write */
	bool reads_wait;    /* for the socket to become writable */
	bool writes_wait;   /* for the socket to become readable */
	int shuts_wait;     /* how often it cannot be said that all was sent */
	int read_error, write_error, shut_error;
	int writes, shuts, frees; /* how often */
	struct socket_address peer;
};

static inline ssize_t fake_read(struct stream_filter *filter, int fd, void *bytes, size_t length)
{
	struct fake *fake = container_of(filter, struct fake, filter);
	char *room = buffer_reserve(&fake->held, 65536);
	ssize_t n;

	filter->read_wants_write = fake->reads_wait;
	if (fake->reads_wait || fake->read_error) {
		return fake->reads_wait ? -EAGAIN : fake->read_error;
	}
	if (!fake->held.length) {
		n = recv(fd, room, 65536, 0);
		if (n <= 0) {
			return n < 0 ? -errno : 0;
		}
		buffer_commit(&fake->held, (size_t)n);
	}
	length = length < fake->gives ? length : fake->gives;
	length = length < fake->held.length ? length : fake->held.length;
	for (size_t i = 0; i < length; i++) {
		((char *)bytes)[i] = (char)(fake->held.data[i] ^ MARK);
	}
	buffer_consume(&fake->held, length);
	return (ssize_t)length;
}

static inline ssize_t fake_write(
	struct stream_filter *filter, int fd, const void *bytes, size_t length)
{
	struct fake *fake = container_of(filter, struct fake, filter);
	char record[4096];
	ssize_t n;

	fake->writes++;
	filter->write_wants_read = fake->writes_wait;
	if (fake->writes_wait || fake->write_error) {
		return fake->writes_wait ? -EAGAIN : fake->write_error;
	}
	length = length < fake->takes ? length : fake->takes;
	for (size_t i = 0; i < length; i++) {
		record[i] = (char)(((const char *)bytes)[i] ^ MARK);
	}
	n = send(fd, record, length, MSG_NOSIGNAL);
	return n < 0 ? -errno : n;
}

static inline int fake_shut(struct stream_filter *filter, int fd)
{
	struct fake *fake = container_of(filter, struct fake, filter);

	fake->shuts++;
	if (fake->shuts_wait) {
		fake->shuts_wait--;
		return -EAGAIN;
	}
	if (fake->shut_error) {
		return fake->shut_error;
	}
	return send(fd, ".", 1, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

static inline void fake_free(struct stream_filter *filter)
{
	struct fake *fake = container_of(filter, struct fake, filter);

	fake->frees++;
	buffer_fini(&fake->held);
}

static const struct socket_address *fake_peer(const struct stream_filter *filter)
{
	const struct fake *fake = container_of(filter, const struct fake, filter);

	return fake->peer.length ? &fake->peer : NULL;
}

static const struct stream_filter_ops fake_ops = {
	.read = fake_read,
	.write = fake_write,
	.shut = fake_shut,
	.free = fake_free,
	.peer = fake_peer,
};

static inline void begin(struct owner *owner, struct fake *fake)
{
	int fds[2];

	*fake = (struct fake){.filter.ops = &fake_ops, .gives = SIZE_MAX, .takes = 4096};
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	begin_on(owner, fds, &fake->filter);
}

static inline void end_filtered(struct owner *owner, const struct fake *fake)
{
	if (!owner->over) {
		owner_cut(owner);
	}
	end(owner);
	assert_int_equal(fake->frees, 1);
}

static inline void assert_peer_gets(struct owner *owner, const char *text)
{
	char bytes[64];
	ssize_t n = peer_receive(owner, bytes, sizeof(bytes));

	assert_int_equal(n, strlen(text));
	assert_memory_equal(bytes, text, (size_t)n);
}

/* Fills the kernel's buffer, so that the socket is not writable. */
static inline void stuff(struct owner *owner)
{
	static char bytes[65536];

	while (send(owner->stream.fd, bytes, sizeof(bytes), MSG_NOSIGNAL) > 0) {}
	assert_int_equal(errno, EAGAIN);
}

static inline void unstuff(struct owner *owner)
{
	static char bytes[65536];

	while (recv(owner->peer, bytes, sizeof(bytes), 0) > 0) {}
}

#endif
