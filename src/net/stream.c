/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream's life: OPEN; SHUT, if its owner half-closes it; then CLOSING until the queue is written,
 * LINGERING if there is something to save, CLOSED. A failure leads to FAILED, and stays there until
 * the owner has heard of it and closes. stream_cut and stream_reset go straight to CLOSED.
 *
 * Everything that calls the owner starts in one of two places: socket_ready, when the kernel says so,
 * and flush, at the end of a round. A call of the owner's only queues.
 */
#include "net/stream.h"

#include <assert.h>
#include <errno.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"
#include "net/address.h"

#define LINGER_LOOK_MS 5
#define READS_AT_ONCE 16 /* of a filter, in one round */
#define DROPPED_READS 16 /* of what is dropped when a stream is cut */
#define SPARE_MOST 16384 /* bytes of a queue that is kept for the next one */

static void socket_ready(uv_poll_t *handle, int status, int events);

static bool reads(const struct stream *stream)
{
	switch (stream->state) {
	case STREAM_OPEN:
	case STREAM_SHUT: /* what was kept is handed out first, which a flush does */
		return !stream->paused && !stream->unread.length && !stream->has_ended;
	case STREAM_CLOSING: /* a peer that writes before it reads would wait for us, too */
		return stream->blocked && !stream->has_ended;
	case STREAM_LINGERING:
		return true;
	default:
		return false;
	}
}

/* What has to come to pass; each direction of a filter may wait for the other. */
static unsigned waits_for(const struct stream *stream)
{
	const struct stream_filter *filter = stream->filter;
	bool reading = reads(stream);
	bool writing = stream->blocked && stream->state <= STREAM_CLOSING;
	bool reading_writes =
		reading && filter && filter->read_wants_write && stream->state != STREAM_LINGERING;
	bool writing_reads = writing && filter && filter->write_wants_read;
	unsigned wanted = 0;

	if ((reading && !reading_writes) || writing_reads) {
		wanted |= UV_READABLE;
	}
	if ((writing && !writing_reads) || reading_writes) {
		wanted |= UV_WRITABLE;
	}
	return wanted;
}

/* Has libuv wait for it. */
static void poll_socket(struct stream *stream)
{
	unsigned wanted = waits_for(stream);

	if (stream->state == STREAM_CLOSED || wanted == stream->polled) {
		return;
	}
	stream->polled = (uint8_t)wanted;
	if (wanted) {
		(void)uv_poll_start(&stream->poll, (int)wanted, socket_ready);
	} else {
		(void)uv_poll_stop(&stream->poll);
	}
}

static void closed(uv_handle_t *handle)
{
	struct stream *stream = container_of((uv_poll_t *)handle, struct stream, poll);

	stream->ops->closed(stream); /* may free it */
}

static void enter_closed(struct stream *stream)
{
	stream->state = STREAM_CLOSED;
	worker_flush_forget(&stream->flush);
	deadline_fini(&stream->linger);
	uv_close((uv_handle_t *)&stream->poll, closed);
	if (stream->filter) {
		stream->filter->ops->free(stream->filter);
		stream->filter = NULL;
	}
	close(stream->fd);
	stream->fd = -1;
	buffer_fini(&stream->unread);
	buffer_fini(&stream->queue);
	stream->queue_start = 0;
}

/* The owner hears of it at the end of the round, since it may be inside a call of its own. */
static void fail(struct stream *stream, int error)
{
	if (stream->state >= STREAM_CLOSING) {
		if (stream->state != STREAM_CLOSED && stream->state != STREAM_FAILED) {
			enter_closed(stream);
		}
		return;
	}
	stream->state = STREAM_FAILED;
	stream->error = error;
	worker_flush_later(stream->worker, &stream->flush);
}

/* Reading. */

static ssize_t read_some(struct stream *stream, char *bytes, size_t length)
{
	ssize_t n;

	if (stream->filter) {
		return stream->filter->ops->read(stream->filter, stream->fd, bytes, length);
	}
	do {
		n = recv(stream->fd, bytes, length, 0);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static bool open_for_owner(const struct stream *stream)
{
	return stream->state == STREAM_OPEN || stream->state == STREAM_SHUT;
}

static void hand_out(struct stream *stream, char *bytes, size_t length)
{
	size_t taken;

	taken = stream->ops->received(stream, bytes, length);
	if (taken < length && open_for_owner(stream)) {
		stream->paused = true;
		buffer_append(&stream->unread, bytes + taken, length - taken);
		if (stream->unread.failed) {
			fail(stream, -ENOMEM);
		}
	}
}

/* What was kept first. Returns whether all of it was taken. */
static bool hand_out_unread(struct stream *stream)
{
	struct buffer kept = stream->unread;

	if (kept.length) {
		buffer_init(&stream->unread);
		hand_out(stream, kept.data, kept.length);
		buffer_fini(&kept);
	}
	return open_for_owner(stream) && !stream->paused;
}

static void tell_end(struct stream *stream)
{
	if (stream->has_ended && !stream->end_told && !stream->paused && open_for_owner(stream)) {
		stream->end_told = true;
		stream->ops->ended(stream);
	}
}

/* Input that nobody wants any more. A filter may wait for some of it as long as it writes. */
static void drop_input(struct stream *stream)
{
	bool lingers = stream->state == STREAM_LINGERING;
	ssize_t n;

	if (!lingers && stream->filter && stream->filter->write_wants_read) {
		return;
	}
	do {
		n = recv(stream->fd, stream->worker->scratch, WORKER_SCRATCH, 0);
	} while (n < 0 && errno == EINTR);
	if (n == 0 && !lingers) {
		stream->has_ended = true;
	} else if (n == 0 || (n < 0 && errno != EAGAIN)) {
		enter_closed(stream);
	}
}

/*
 * A filter may hold bytes of which the kernel does not know: it is read until it has none, and the
 * next round goes on where that takes too long.
 */
static void read_socket(struct stream *stream)
{
	int left = stream->filter ? READS_AT_ONCE : 1;
	ssize_t n = 1;

	while (n > 0 && left-- > 0 && open_for_owner(stream) && reads(stream)) {
		n = read_some(stream, stream->worker->scratch, WORKER_SCRATCH);
		if (n > 0) {
			stream->bytes_in += (uint64_t)n;
			hand_out(stream, stream->worker->scratch, (size_t)n);
		} else if (n == 0) {
			stream->has_ended = true;
			tell_end(stream);
		} else if (n != -EAGAIN) {
			fail(stream, (int)n);
		}
	}
	if (n > 0 && stream->filter && open_for_owner(stream) && reads(stream)) {
		worker_flush_later(stream->worker, &stream->flush);
		stream->resumed = true;
	}
}

/* Writing. */

static size_t queued(const struct stream *stream)
{
	return stream->queue.length - stream->queue_start;
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

/* A queue that is empty keeps no memory; nearly always the next stream that writes can have it. */
static struct buffer *queue_open(struct stream *stream)
{
	if (!stream->queue.data && !stream->queue.failed) {
		stream->queue = stream->worker->spare;
		buffer_init(&stream->worker->spare);
	}
	return &stream->queue;
}

static void queue_close(struct stream *stream)
{
	struct buffer *spare = &stream->worker->spare;

	if (spare->data || stream->queue.capacity > SPARE_MOST) {
		buffer_fini(&stream->queue);
	} else {
		*spare = stream->queue;
		spare->length = 0;
		buffer_init(&stream->queue);
	}
	stream->queue_start = 0;
}

static void drop_written(struct stream *stream, size_t length)
{
	stream->queue_start += length;
	if (stream->queue_start == stream->queue.length) {
		queue_close(stream);
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
static size_t write_now(struct stream *stream, const struct stream_part *more, int count)
{
	struct iovec parts[1 + STREAM_PARTS_MOST];
	size_t waiting = queued(stream), length = waiting, written;
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
		fail(stream, (int)n);
		return 0;
	}
	written = n > 0 ? (size_t)n : 0;
	stream->bytes_out += written;
	stream->blocked = written < length;
	if (waiting) {
		drop_written(stream, written < waiting ? written : waiting);
	}
	return written > waiting ? written - waiting : 0;
}

static bool can_write(const struct stream *stream)
{
	return !stream->blocked && stream->state <= STREAM_CLOSING;
}

/* The end of the queue is the end of what is sent: FIN, behind the filter's own word. */
static void finish_output(struct stream *stream)
{
	int error = stream->filter ? stream->filter->ops->shut(stream->filter, stream->fd) : 0;

	if (error == -EAGAIN) {
		stream->blocked = true;
		return;
	}
	if (shutdown(stream->fd, SHUT_WR) < 0 || error < 0) {
		fail(stream, error < 0 ? error : -errno);
		return;
	}
	stream->fin_sent = true;
}

/* Whether close(2) now would cost the peer something that we sent. */
static bool has_to_linger(const struct stream *stream)
{
	int unread = 0;
	int unacknowledged = 0;

	(void)ioctl(stream->fd, FIONREAD, &unread);
	(void)ioctl(stream->fd, SIOCOUTQ, &unacknowledged);
	return unread || stream->unread.length ||
		(!stream->has_ended && (stream->expects_input || unacknowledged));
}

/* Nothing tells that output was acknowledged: it is looked at, after 5, 10, 20 ms and so on. */
static void wait_lingering(struct stream *stream)
{
	int64_t now = curfew_now();
	int64_t next = stream->expects_input
		? stream->linger_until
		: now + (now - stream->linger_since) + LINGER_LOOK_MS * NS_PER_MS;

	deadline_set(&stream->linger, next < stream->linger_until ? next : stream->linger_until);
}

static void linger_passed(struct deadline *deadline)
{
	struct stream *stream = container_of(deadline, struct stream, linger);

	if (curfew_now() >= stream->linger_until || !has_to_linger(stream)) {
		enter_closed(stream);
	} else {
		wait_lingering(stream);
	}
}

static void step_closing(struct stream *stream)
{
	bool lingers = has_to_linger(stream);

	if (!lingers && !stream->filter) {
		enter_closed(stream);
		return;
	}
	if (!stream->fin_sent) {
		finish_output(stream);
	}
	if (stream->state != STREAM_CLOSING || !stream->fin_sent) {
		return;
	}
	if (!lingers) {
		enter_closed(stream);
		return;
	}
	stream->state = STREAM_LINGERING;
	buffer_fini(&stream->unread);
	stream->linger_since = curfew_now();
	stream->linger_until = clock_add_ms(stream->linger_since, STREAM_LINGER_MS);
	wait_lingering(stream);
}

/* Writes what there is, and goes on to what waits for the queue to be empty. */
static void write_queue(struct stream *stream)
{
	if (queued(stream) && can_write(stream)) {
		(void)write_now(stream, NULL, 0);
	}
	if (queued(stream) || stream->blocked) {
		return;
	}
	if (stream->state == STREAM_SHUT && !stream->fin_sent) {
		finish_output(stream);
	} else if (stream->state == STREAM_CLOSING) {
		step_closing(stream);
	} else if (stream->state == STREAM_OPEN && stream->was_high) {
		stream->was_high = false;
		stream->ops->writable(stream);
	}
}

/*
 * A failure may have been found by writing, when what the peer said before is still to be read: the
 * answer of a server that did not want the rest of a request, for one. What is not taken is lost.
 */
static void read_last_words(struct stream *stream)
{
	char *bytes = stream->worker->scratch;
	int left = READS_AT_ONCE;
	size_t taken, length;

	do {
		ssize_t n = stream->paused || stream->has_ended
			? 0
			: read_some(stream, bytes, WORKER_SCRATCH);

		length = n > 0 ? (size_t)n : 0;
		stream->bytes_in += length;
		taken = length ? stream->ops->received(stream, bytes, length) : 0;
	} while (length && taken == length && stream->state == STREAM_FAILED && --left);
}

static void tell_failure(struct stream *stream)
{
	if (stream->failure_told) {
		return;
	}
	stream->failure_told = true;
	poll_socket(stream); /* for nothing any more, even if its owner takes its time */
	read_last_words(stream);
	if (stream->state == STREAM_FAILED) {
		stream->ops->failed(stream, stream->error);
	}
}

/* Where the kernel calls us, and the end of a round. */

static void flush(struct worker_flush *flush)
{
	struct stream *stream = container_of(flush, struct stream, flush);

	if (stream->state == STREAM_FAILED) {
		tell_failure(stream);
		return;
	}
	if (stream->resumed) {
		stream->resumed = false;
		if (open_for_owner(stream) && hand_out_unread(stream)) {
			tell_end(stream);
		}
		if (stream->filter && open_for_owner(stream)) {
			read_socket(stream);
		}
	}
	if (stream->state != STREAM_CLOSED) {
		write_queue(stream);
	}
	if (stream->state == STREAM_FAILED) {
		tell_failure(stream);
	} else {
		poll_socket(stream);
	}
}

static void socket_ready(uv_poll_t *handle, int status, int events)
{
	struct stream *stream = container_of(handle, struct stream, poll);

	if (status < 0) { /* a reset, of which the socket itself tells: libuv has stopped */
		stream->polled = 0;
		events = UV_READABLE | UV_WRITABLE;
	}
	if (stream->filter) { /* either may wait for the other */
		events = UV_READABLE | UV_WRITABLE;
	}
	if (events & UV_WRITABLE && stream->blocked) {
		stream->blocked = false;
		worker_flush_later(stream->worker, &stream->flush);
	}
	if (events & UV_READABLE) {
		if (open_for_owner(stream)) {
			read_socket(stream);
		} else if (reads(stream)) {
			drop_input(stream);
		}
	}
	if (stream->state == STREAM_CLOSED || stream->state == STREAM_FAILED) {
		return;
	}
	if (status < 0) {
		worker_flush_later(stream->worker, &stream->flush);
	}
	if (stream->flush.link.next && !stream->resumed) {
		/* At once, so that one stream after the other uses the same memory for its queue. */
		worker_flush_forget(&stream->flush);
		flush(&stream->flush);
	} else {
		poll_socket(stream);
	}
}

/* For the owner. */

int stream_init(struct stream *stream, struct worker *worker, int fd, const struct stream_ops *ops,
	struct stream_filter *filter)
{
	int error;

	*stream = (struct stream){
		.ops = ops,
		.worker = worker,
		.filter = filter,
		.fd = fd,
		.flush.run = flush,
	};
	error = uv_poll_init(&worker->uv, &stream->poll, fd);
	if (error) {
		return error;
	}
	deadline_init(&stream->linger, &worker->loop->agenda, linger_passed);
	poll_socket(stream);
	return 0;
}

void stream_written(struct stream *stream)
{
	if (stream->state != STREAM_OPEN) {
		buffer_consume(&stream->worker->dropped, stream->worker->dropped.length);
		return;
	}
	if (stream->queue.failed) {
		fail(stream, -ENOMEM);
		return;
	}
	if (queued(stream) >= STREAM_QUEUE_HIGH) {
		stream->was_high = true;
	}
	if (!stream->blocked) {
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
static void queue_rest(
	struct stream *stream, const struct stream_part *parts, int count, size_t written)
{
	struct buffer *queue = stream_compose(stream);

	for (int i = 0; i < count; i++) {
		size_t length = parts[i].length;
		size_t skipped = written < length ? written : length;

		buffer_append(queue, (const char *)parts[i].bytes + skipped, length - skipped);
		written -= skipped;
	}
	stream_written(stream);
}

/* For a filter each part would be one of its own records: it gets them in one piece. */
void stream_write_parts(struct stream *stream, const struct stream_part *parts, int count)
{
	size_t length = 0, written = 0;

	assert(count <= STREAM_PARTS_MOST);
	if (!keeps_output(stream)) {
		return;
	}
	for (int i = 0; i < count; i++) {
		length += parts[i].length;
	}
	if (length >= STREAM_AT_ONCE && stream->state == STREAM_OPEN && !stream->blocked &&
		(count == 1 || !stream->filter)) {
		written = write_now(stream, parts, count);
		if (stream->state == STREAM_OPEN) {
			poll_socket(stream);
		}
	}
	if (written < length) {
		queue_rest(stream, parts, count, written);
	}
}

void stream_write(struct stream *stream, const void *bytes, size_t length)
{
	const struct stream_part part = {bytes, length};

	stream_write_parts(stream, &part, 1);
}

void stream_peer(const struct stream *stream, struct socket_address *address)
{
	const struct socket_address *known = stream->filter && stream->filter->ops->peer
		? stream->filter->ops->peer(stream->filter)
		: NULL;

	if (known) {
		*address = *known;
		return;
	}
	address->length = sizeof(address->storage);
	if (getpeername(stream->fd, (struct sockaddr *)&address->storage, &address->length) < 0) {
		address->length = 0;
	}
}

uint64_t stream_position(const struct stream *stream)
{
	return stream->bytes_out + queued(stream);
}

bool stream_take_back(struct stream *stream, uint64_t position)
{
	bool half_left = stream->filter && stream->blocked; /* in a record that is tried again */

	if (stream->state != STREAM_OPEN || stream->bytes_out > position || half_left ||
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

size_t stream_queued(const struct stream *stream)
{
	return queued(stream);
}

void stream_resume(struct stream *stream)
{
	if (!stream->paused || !open_for_owner(stream)) {
		return;
	}
	stream->paused = false;
	stream->resumed = true;
	worker_flush_later(stream->worker, &stream->flush);
}

bool stream_paused(const struct stream *stream)
{
	return stream->paused;
}

void stream_shut(struct stream *stream)
{
	if (stream->state == STREAM_OPEN) {
		stream->state = STREAM_SHUT;
		worker_flush_later(stream->worker, &stream->flush);
	}
}

bool stream_closing(const struct stream *stream)
{
	return stream->state >= STREAM_CLOSING && stream->state != STREAM_FAILED;
}

void stream_close(struct stream *stream, bool expects_input)
{
	if (stream_closing(stream)) {
		return;
	}
	if (stream->state == STREAM_FAILED) {
		enter_closed(stream);
		return;
	}
	stream->state = STREAM_CLOSING;
	stream->expects_input = expects_input;
	worker_flush_later(stream->worker, &stream->flush);
}

void stream_cut(struct stream *stream)
{
	if (stream->state == STREAM_CLOSED) {
		return;
	}
	if (stream->state <= STREAM_CLOSING) {
		stream->state = STREAM_CLOSING;
		if (queued(stream)) {
			(void)write_now(stream, NULL, 0);
		}
	}
	if (stream->state == STREAM_CLOSING) {
		if (stream->filter && !queued(stream)) { /* or what is cut off would look whole */
			(void)stream->filter->ops->shut(stream->filter, stream->fd);
		}
		(void)shutdown(stream->fd, SHUT_WR);
	}
	if (stream->state == STREAM_CLOSING || stream->state == STREAM_LINGERING) {
		int left = DROPPED_READS;

		while (left-- > 0 &&
			recv(stream->fd, stream->worker->scratch, WORKER_SCRATCH, 0) > 0) {}
	}
	if (stream->state != STREAM_CLOSED) {
		enter_closed(stream);
	}
}

void stream_reset(struct stream *stream)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};

	if (stream->state != STREAM_CLOSED) {
		(void)setsockopt(stream->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		enter_closed(stream);
	}
}
