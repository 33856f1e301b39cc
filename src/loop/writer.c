/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"

#define PATH_BYTES 32

static void release_if_finished(struct writer *writer)
{
	if (writer->pending.length == 0 && writer->hold.drain &&
		curfew_drain_closed(writer->hold.drain)) {
		curfew_hold_release(&writer->hold);
	}
}

static void drop_pending(struct writer *writer)
{
	writer->failed = true;
	buffer_consume(&writer->pending, writer->pending.length);
	loop_unwatch(writer->loop, &writer->source);
	if (writer->lost) {
		writer->lost(writer);
	}
}

/*
 * Returns how many bytes of so many can be written to a pipe or terminal that may block, pipe(7).
 */
static size_t room_for(int fd, size_t length)
{
	struct pollfd writable = {.fd = fd, .events = POLLOUT};

	if (poll(&writable, 1, 0) <= 0) {
		return 0;
	}
	return length < PIPE_BUF ? length : PIPE_BUF;
}

/*
 * Writes what it can. Returns the number of bytes, 0 if it would block, negative errno on failure.
 */
static ssize_t write_some(const struct writer *writer, const char *bytes, size_t length)
{
	ssize_t written;

	if (writer->is_shared) {
		length = room_for(writer->source.fd, length);
		if (length == 0) {
			return 0;
		}
	}

	do {
		written = writer->is_socket
			? send(writer->source.fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL)
			: write(writer->source.fd, bytes, length);
	} while (written < 0 && errno == EINTR);
	if (written < 0) {
		return errno == EAGAIN ? 0 : -errno;
	}
	return written;
}

static void flush(struct writer *writer)
{
	ssize_t written;

	while (writer->pending.length > 0) {
		written = write_some(writer, writer->pending.data, writer->pending.length);
		if (written < 0) {
			drop_pending(writer);
			return;
		}
		if (written == 0) {
			(void)loop_watch(writer->loop, &writer->source, EPOLLOUT);
			return;
		}
		buffer_consume(&writer->pending, (size_t)written);
	}
	loop_unwatch(writer->loop, &writer->source);
}

static void writable(struct source *source, uint32_t events)
{
	struct writer *writer = container_of(source, struct writer, source);

	(void)events;
	flush(writer);
	release_if_finished(writer);
	if (writer->pending.length == 0 && writer->emptied) {
		writer->emptied(writer);
	}
}

size_t writer_write(struct writer *writer, const char *bytes, size_t length)
{
	if (writer->failed) {
		return 0;
	}
	buffer_append(&writer->pending, bytes, length);
	if (!writer->source.events) {
		flush(writer);
	}
	return writer->pending.length;
}

void writer_flush(struct writer *writer, int64_t deadline)
{
	while (writer->pending.length > 0) {
		struct pollfd writable = {.fd = writer->source.fd, .events = POLLOUT};
		int64_t left_ms = clock_ms_between(curfew_now(), deadline);

		if (poll(&writable, 1, left_ms < INT_MAX ? (int)left_ms : INT_MAX) <= 0) {
			break;
		}
		flush(writer);
	}
	release_if_finished(writer);
}

static void finish(struct curfew_hold *hold)
{
	release_if_finished(container_of(hold, struct writer, hold));
}

static void cut(struct curfew_hold *hold)
{
	struct writer *writer = container_of(hold, struct writer, hold);

	if (writer->pending.length > 0) {
		drop_pending(writer);
	}
	release_if_finished(writer);
}

static const struct curfew_hold_ops writer_ops = {.kind = "writer", .finish = finish, .cut = cut};

/*
 * Opens what fd refers to once more, or duplicates fd where that may not be had: of a pipe that
 * another user has made, or without /proc. Returns a descriptor or -1 with errno.
 */
static int reopen(struct writer *writer, int fd, mode_t type)
{
	char path[PATH_BYTES];
	int own;

	if (S_ISFIFO(type) || S_ISCHR(type)) {
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (own >= 0) {
			return own;
		}
		writer->is_shared = true;
	}
	return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

int writer_init(struct writer *writer, struct loop *loop, int fd, struct curfew_drain *drain)
{
	struct stat stat;
	int error;

	*writer = (struct writer){
		.loop = loop, .source = {.fd = -1, .ready = writable}, .drain = drain};
	buffer_init(&writer->pending);
	if (fstat(fd, &stat) < 0) {
		return -errno;
	}
	writer->is_socket = S_ISSOCK(stat.st_mode);
	writer->source.fd = reopen(writer, fd, stat.st_mode);
	if (writer->source.fd < 0) {
		return -errno;
	}
	error = curfew_drain_hold(drain, &writer->hold, &writer_ops, "output");
	if (error < 0) {
		close(writer->source.fd);
		writer->source.fd = -1;
	}
	return error;
}

void writer_fini(struct writer *writer)
{
	if (!writer->loop) {
		return;
	}
	loop_unwatch(writer->loop, &writer->source);
	if (writer->source.fd >= 0) {
		close(writer->source.fd);
	}
	curfew_hold_release(&writer->hold);
	buffer_fini(&writer->pending);
}
