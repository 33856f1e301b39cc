/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A header's end is not known before it is read, and what stands behind it belongs to somebody
 * else: so the bytes are looked at in the kernel's queue (MSG_PEEK), and then as many are taken as
 * belong to the header. Where it comes in pieces, each is taken and kept at once, since what stays
 * in the queue would make the socket readable for ever.
 *
 * Until the header is whole nothing is written, and inner is not asked: its first bytes would have
 * to be the header's.
 */
#include "net/proxy_header.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/list.h"

enum { ENDED = 1 }; /* the peer has sent nothing, and will not */

struct proxy_filter {
	struct stream_filter filter;
	struct stream_filter *inner; /* NULL: the socket */
	struct buffer pieces;        /* of a header that is not whole */
	bool whole;
	bool has_peer;
	struct socket_address peer;
};

static ssize_t receive(int fd, void *bytes, size_t length, int flags)
{
	ssize_t n;

	do {
		n = recv(fd, bytes, length, flags);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static void finish_header(struct proxy_filter *proxy, const struct proxy_header *header)
{
	proxy->whole = true;
	proxy->has_peer = header->has_peer;
	proxy->peer = header->peer;
	buffer_fini(&proxy->pieces);
}

/* Returns 0 if the header is whole, ENDED, or a negative errno: -EAGAIN until more has come. */
static int read_header(struct proxy_filter *proxy, int fd)
{
	char bytes[PROXY_HEADER_MOST];
	size_t kept = proxy->pieces.length;
	struct proxy_header header;
	enum proxy_verdict verdict;
	size_t wanted;
	ssize_t n;

	if (kept) {
		memcpy(bytes, proxy->pieces.data, kept);
	}
	n = receive(fd, bytes + kept, sizeof(bytes) - kept, MSG_PEEK);
	if (n < 0) {
		return (int)n;
	}
	if (n == 0) {
		return kept ? -EPROTO : ENDED;
	}
	verdict = proxy_header_read(bytes, kept + (size_t)n, &header);
	if (verdict == PROXY_REFUSED) {
		return -EPROTO;
	}
	wanted = verdict == PROXY_WHOLE ? header.length - kept : (size_t)n;
	n = receive(fd, bytes + kept, wanted, 0);
	if (n < 0) {
		return (int)n;
	}
	if (verdict == PROXY_WHOLE && (size_t)n == wanted) {
		finish_header(proxy, &header);
		return 0;
	}
	buffer_append(&proxy->pieces, bytes + kept, (size_t)n);
	return proxy->pieces.failed ? -ENOMEM : -EAGAIN;
}

static void note_waits(struct proxy_filter *proxy)
{
	proxy->filter.read_wants_write = proxy->inner->read_wants_write;
	proxy->filter.write_wants_read = proxy->inner->write_wants_read;
}

static ssize_t proxy_read(struct stream_filter *filter, int fd, void *bytes, size_t length)
{
	struct proxy_filter *proxy = container_of(filter, struct proxy_filter, filter);
	int error = proxy->whole ? 0 : read_header(proxy, fd);
	ssize_t n;

	if (error) {
		return error == ENDED ? 0 : error;
	}
	if (!proxy->inner) {
		return receive(fd, bytes, length, 0);
	}
	n = proxy->inner->ops->read(proxy->inner, fd, bytes, length);
	note_waits(proxy);
	return n;
}

static ssize_t proxy_write(struct stream_filter *filter, int fd, const void *bytes, size_t length)
{
	struct proxy_filter *proxy = container_of(filter, struct proxy_filter, filter);
	int error = proxy->whole ? 0 : read_header(proxy, fd);
	ssize_t n;

	filter->write_wants_read = error == -EAGAIN;
	if (error) {
		return error == ENDED ? -ECONNRESET : error;
	}
	if (!proxy->inner) {
		do {
			n = send(fd, bytes, length, MSG_NOSIGNAL);
		} while (n < 0 && errno == EINTR);
		return n < 0 ? -errno : n;
	}
	n = proxy->inner->ops->write(proxy->inner, fd, bytes, length);
	note_waits(proxy);
	return n;
}

static int proxy_shut(struct stream_filter *filter, int fd)
{
	struct proxy_filter *proxy = container_of(filter, struct proxy_filter, filter);
	int error;

	if (!proxy->inner) {
		return 0;
	}
	error = proxy->inner->ops->shut(proxy->inner, fd);
	note_waits(proxy);
	return error;
}

static void proxy_free(struct stream_filter *filter)
{
	struct proxy_filter *proxy = container_of(filter, struct proxy_filter, filter);

	if (proxy->inner) {
		proxy->inner->ops->free(proxy->inner);
	}
	buffer_fini(&proxy->pieces);
	free(proxy);
}

static const struct socket_address *proxy_peer(const struct stream_filter *filter)
{
	const struct proxy_filter *proxy = container_of(filter, const struct proxy_filter, filter);

	if (proxy->has_peer) {
		return &proxy->peer;
	}
	return proxy->inner && proxy->inner->ops->peer ? proxy->inner->ops->peer(proxy->inner)
						       : NULL;
}

struct stream_filter *proxy_accept(struct stream_filter *inner)
{
	static const struct stream_filter_ops ops = {
		.read = proxy_read,
		.write = proxy_write,
		.shut = proxy_shut,
		.free = proxy_free,
		.peer = proxy_peer,
	};
	struct proxy_filter *proxy = calloc(1, sizeof(*proxy));

	if (!proxy) {
		return NULL;
	}
	proxy->filter.ops = &ops;
	proxy->inner = inner;
	return &proxy->filter;
}
