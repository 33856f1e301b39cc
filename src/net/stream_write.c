/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes: at once where it is much, at the end of the round where it is little; what the kernel
 * does not take is queued.
 */
#include <assert.h>
#include <errno.h>
#include <sys/socket.h>

#include "base/lanes.h"
#include "net/stream_state.h"

/* Writing. */

void stream_set_backlog(struct stream *stream, size_t backlog)
{
	_Atomic uint64_t *all = &stream->worker->backlog;

	if (stream->backlog != backlog) {
		atomic_store_explicit(all,
			atomic_load_explicit(all, memory_order_relaxed) + backlog - stream->backlog,
			memory_order_relaxed);
		stream->backlog = backlog;
	}
}

static ssize_t write_parts(struct stream *stream, struct iovec *parts, int count)
{
	const struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};
	ssize_t n;

	do { /* send(2) is the cheaper one */
		n = count == 1 ? send(stream->fd, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL)
			       : sendmsg(stream->fd, &message, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* A filter takes one part after the other. */
static ssize_t filter_parts(struct stream *stream, const struct iovec *parts, int count)
{
	ssize_t sum = 0;

	for (int i = 0; i < count; i++) {
		size_t done = 0;

		while (done < parts[i].iov_len) {
			ssize_t n = stream->filter->ops->write(stream->filter, stream->fd,
				(const char *)parts[i].iov_base + done, parts[i].iov_len - done);

			if (n < 0) {
				return sum ? sum : n;
			}
			done += (size_t)n;
			sum += n;
		}
	}
	return sum;
}

/* A queue that is empty keeps no memory: the next stream that writes can have it. */
static struct buffer *queue_open(struct stream *stream)
{
	if (!stream->queue.data && !stream->queue.failed) {
		stream->queue = worker_spare_take(stream->worker);
	}
	return &stream->queue;
}

void stream_queue_close(struct stream *stream)
{
	worker_spare_give(stream->worker, &stream->queue);
	stream->queue_start = 0;
}

static void drop_written(struct stream *stream, size_t length)
{
	stream->queue_start += length;
	if (stream->queue_start == stream->queue.length) {
		stream_queue_close(stream);
	} else if (stream->queue_start >= STREAM_QUEUE_HIGH &&
		stream->queue_start >= stream->queue.length / 2) { /* each byte is moved once */
		buffer_consume(&stream->queue, stream->queue_start);
		stream->queue_start = 0;
	}
}

/*
 * Writes the queue, and then parts that are not in it, as far as the kernel takes them. Returns how
 * many bytes of the latter it took.
 */
size_t stream_write_now(struct stream *stream, const struct stream_part *more, int count)
{
	struct iovec parts[1 + STREAM_PARTS_MOST];
	size_t waiting = stream_queued(stream), length = waiting, written;
	ssize_t n;
	int used = 0;

	if (waiting) {
		parts[used++] = (struct iovec){stream->queue.data + stream->queue_start, waiting};
	}
	for (int i = 0; i < count; i++) {
		parts[used++] = (struct iovec){
			(void *)(uintptr_t)more[i].bytes,
			more[i].length,
		};
		length += more[i].length;
	}
	n = stream->filter ? filter_parts(stream, parts, used) : write_parts(stream, parts, used);
	if (n < 0 && n != -EAGAIN) {
		stream_fail(stream, (int)n);
		return 0;
	}
	written = n > 0 ? (size_t)n : 0;
	stream->bytes_out += written;
	stream->blocked = written < length;
	stream->half_left = stream->filter && stream->blocked;
	if (waiting) {
		drop_written(stream, written < waiting ? written : waiting);
	}
	stream_set_backlog(stream, stream->blocked ? stream_queued(stream) : 0);
	return written > waiting ? written - waiting : 0;
}

void stream_written(struct stream *stream)
{
	if (stream->state != STREAM_OPEN) {
		buffer_consume(&stream->worker->dropped, stream->worker->dropped.length);
		return;
	}
	if (stream->queue.failed) {
		stream_fail(stream, -ENOMEM);
		return;
	}
	if (stream_queued(stream) >= STREAM_QUEUE_HIGH) {
		stream->was_high = true;
	}
	if (stream->blocked) {
		stream_set_backlog(stream, stream_queued(stream));
	} else {
		worker_flush_later(stream->worker, &stream->flush);
	}
}

/* Until the owner knows of a failure, what it writes is kept: it may be taken back. */
static bool keeps_output(const struct stream *stream)
{
	return stream->state == STREAM_OPEN ||
		(stream->state == STREAM_FAILED && !stream->failure_told);
}

struct buffer *stream_compose(struct stream *stream)
{
	return keeps_output(stream) ? queue_open(stream) : &stream->worker->dropped;
}

/* Queues what is behind the bytes that were written already. */
static void queue_rest(struct stream *stream, const struct stream_part *parts, int count,
	size_t length, size_t written)
{
	struct buffer *queue = stream_compose(stream);
	char *room = buffer_reserve(queue, length - written);
	char *to = room;

	for (int i = 0; room && i < count; i++) {
		size_t skipped = written < parts[i].length ? written : parts[i].length;

		to = lanes_copy(
			to, (const char *)parts[i].bytes + skipped, parts[i].length - skipped);
		written -= skipped;
	}
	if (room) {
		buffer_commit(queue, (size_t)(to - room));
	}
	stream_written(stream);
}

bool stream_is_much(const struct stream *stream, size_t length)
{
	return length >= STREAM_AT_ONCE || stream_queued(stream) + length >= STREAM_QUEUE_AT_ONCE;
}

/* For a filter each part would be one of its own records: it gets them in one piece. */
static bool can_go_at_once(const struct stream *stream, int count)
{
	return stream->state == STREAM_OPEN && !stream->blocked && (count == 1 || !stream->filter);
}

static size_t sum_of(const struct stream_part *parts, int count)
{
	size_t length = 0;

	for (int i = 0; i < count; i++) {
		length += parts[i].length;
	}
	return length;
}

static void write_or_queue(struct stream *stream, const struct stream_part *parts, int count,
	size_t length, bool at_once)
{
	size_t written = 0;

	assert(count <= STREAM_PARTS_MOST);
	if (!keeps_output(stream)) {
		return;
	}
	if (at_once && can_go_at_once(stream, count)) {
		written = stream_write_now(stream, parts, count);
		if (stream->state == STREAM_OPEN) {
			(void)stream_poll(stream);
		}
	}
	if (written < length) {
		queue_rest(stream, parts, count, length, written);
	}
}

void stream_write_parts(struct stream *stream, const struct stream_part *parts, int count)
{
	size_t length = sum_of(parts, count);

	write_or_queue(stream, parts, count, length, stream_is_much(stream, length));
}

void stream_write_parts_now(struct stream *stream, const struct stream_part *parts, int count)
{
	write_or_queue(stream, parts, count, sum_of(parts, count), true);
}

void stream_write(struct stream *stream, const void *bytes, size_t length)
{
	const struct stream_part part = {bytes, length};

	stream_write_parts(stream, &part, 1);
}

uint64_t stream_position(const struct stream *stream)
{
	return stream->bytes_out + stream_queued(stream);
}

bool stream_take_back(struct stream *stream, uint64_t position)
{
	if (stream->state != STREAM_OPEN || stream->bytes_out > position || stream->half_left ||
		stream_position(stream) < position) {
		return false;
	}
	stream->queue.length = stream->queue_start + (size_t)(position - stream->bytes_out);
	return true;
}

const char *stream_unsent(const struct stream *stream, uint64_t position, size_t *length)
{
	uint64_t end = stream_position(stream);

	if (stream->bytes_out > position || end < position || stream->queue.failed) {
		return NULL;
	}
	*length = (size_t)(end - position);
	return stream->queue.data ? stream->queue.data + stream->queue.length - *length : "";
}
