/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream's life: OPEN; SHUT, if its owner half-closes it; then CLOSING until the queue is
 * written, LINGERING if there is something to save, CLOSED. A failure leads to FAILED, and stays
 * there until the owner has heard of it and closes. stream_cut and stream_reset go straight to
 * CLOSED.
 *
 * Everything that calls the owner starts in one of two places: socket_ready, when the kernel says
 * so, and flush, at the end of a round. A call of the owner's only queues.
 */
#include "net/stream_state.h"

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
#define DROPPED_READS 64 /* of what is dropped when a stream is cut */
#define DROPPED_READ 16384

bool stream_reads(const struct stream *stream)
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

/*
 * What has to come to pass; each direction of a filter may wait for the other. Where that is
 * nothing but input, the kernel tells only of what is new (EPOLLET), since else it would look at
 * each such socket twice: what it told of is read to its end (stream_read), or waited for anew.
 */
static uint32_t waits_for(const struct stream *stream)
{
	const struct stream_filter *filter = stream->filter;
	bool reading = stream_reads(stream);
	bool writing = stream->blocked && stream->state <= STREAM_CLOSING;
	bool reading_writes =
		reading && filter && filter->read_wants_write && stream_is_open(stream);
	bool writing_reads = writing && filter && filter->write_wants_read;
	uint32_t wanted = 0;

	if ((reading && !reading_writes) || writing_reads) {
		wanted |= EPOLLIN;
	}
	if ((writing && !writing_reads) || reading_writes) {
		wanted |= EPOLLOUT;
	}
	if (wanted == EPOLLIN && !filter && stream_is_open(stream)) {
		wanted |= EPOLLRDHUP | EPOLLET;
	}
	if (!wanted && stream->minds_reset && stream_is_open(stream)) {
		wanted = EPOLLET; /* for EPOLLERR, which needs not be asked for */
	}
	return wanted;
}

int stream_poll(struct stream *stream)
{
	return stream->state == STREAM_CLOSED
		? 0
		: loop_watch(stream->worker->loop, &stream->source, waits_for(stream));
}

static void tell_closed(struct worker_flush *flush)
{
	struct stream *stream = container_of(flush, struct stream, flush);

	stream_send_heir(stream);
	stream->ops->closed(stream); /* may free it */
}

void stream_forget_socket(struct stream *stream)
{
	stream->state = STREAM_CLOSED;
	stream->flush.run = tell_closed;
	worker_flush_later(stream->worker, &stream->flush);
	deadline_fini(&stream->linger);
	loop_unwatch(stream->worker->loop, &stream->source);
}

void stream_enter_closed(struct stream *stream)
{
	stream_forget_socket(stream);
	if (stream->filter) {
		stream->filter->ops->free(stream->filter);
		stream->filter = NULL;
	}
	close(stream->fd);
	stream->fd = -1;
	buffer_fini(&stream->unread);
	buffer_fini(&stream->queue);
	stream->queue_start = 0;
	stream_set_backlog(stream, 0);
}

/* The owner hears of it at the end of the round, since it may be inside a call of its own. */
void stream_fail(struct stream *stream, int error)
{
	if (stream->state >= STREAM_CLOSING) {
		if (stream->state != STREAM_CLOSED && stream->state != STREAM_FAILED) {
			stream_enter_closed(stream);
		}
		return;
	}
	stream->state = STREAM_FAILED;
	stream->error = error;
	if (!stream->crossing) {
		worker_flush_later(stream->worker, &stream->flush);
	}
}

bool stream_is_open(const struct stream *stream)
{
	return stream->state == STREAM_OPEN || stream->state == STREAM_SHUT;
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
		stream_fail(stream, error < 0 ? error : -errno);
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
	int64_t since = stream->linger_until - STREAM_LINGER_MS * NS_PER_MS;
	int64_t next = stream->expects_input ? stream->linger_until
					     : now + (now - since) + LINGER_LOOK_MS * NS_PER_MS;

	deadline_set(&stream->linger, next < stream->linger_until ? next : stream->linger_until);
}

static void linger_passed(struct deadline *deadline)
{
	struct stream *stream = container_of(deadline, struct stream, linger);

	if (curfew_now() >= stream->linger_until || !has_to_linger(stream)) {
		stream_enter_closed(stream);
	} else {
		wait_lingering(stream);
	}
}

void stream_begin_linger(struct stream *stream)
{
	deadline_init(&stream->linger, &stream->worker->loop->agenda, linger_passed);
}

static void step_closing(struct stream *stream)
{
	bool lingers = has_to_linger(stream);

	if (!lingers && !stream->filter) {
		stream_enter_closed(stream);
		return;
	}
	if (!stream->fin_sent) {
		finish_output(stream);
	}
	if (stream->state != STREAM_CLOSING || !stream->fin_sent) {
		return;
	}
	if (!lingers) {
		stream_enter_closed(stream);
		return;
	}
	stream->state = STREAM_LINGERING;
	buffer_fini(&stream->unread);
	stream->linger_until = clock_add_ms(curfew_now(), STREAM_LINGER_MS);
	wait_lingering(stream);
}

/* Writes what there is, and goes on to what waits for the queue to be empty. */
static void write_queue(struct stream *stream)
{
	if (stream_queued(stream) && can_write(stream)) {
		(void)stream_write_now(stream, NULL, 0);
	}
	if (stream_queued(stream) || stream->blocked) {
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

static void tell_failure(struct stream *stream)
{
	if (stream->failure_told) {
		return;
	}
	stream->failure_told = true;
	(void)stream_poll(stream); /* for nothing any more, even if its owner takes its time */
	stream_read_last_words(stream);
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
		if (stream_is_open(stream) && stream_hand_out_unread(stream)) {
			stream_tell_end(stream);
		}
		if (stream_is_open(stream)) {
			stream_read(stream);
		}
	}
	if (stream->state != STREAM_CLOSED) {
		write_queue(stream);
	}
	if (stream->state == STREAM_FAILED) {
		tell_failure(stream);
	} else {
		(void)stream_poll(stream);
	}
}

/* Of a socket that epoll says has one. */
static int socket_error(int fd)
{
	int error = 0;
	socklen_t length = sizeof(error);

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error ? -error
										   : -ECONNRESET;
}

static void socket_ready(struct source *source, uint32_t events)
{
	struct stream *stream = container_of(source, struct stream, source);
	bool broken = events & EPOLLERR;
	bool drops = !stream_is_open(stream) && stream_reads(stream);

	if (broken) { /* of which the socket itself tells more; but epoll would never stop */
		loop_unwatch(stream->worker->loop, source);
	}
	if (events & (EPOLLRDHUP | EPOLLHUP)) {
		stream->hung_up = true;
	}
	if (events & (EPOLLERR | EPOLLHUP) || stream->filter) { /* either may wait for the other */
		events = EPOLLIN | EPOLLOUT;
	}
	if (events & EPOLLOUT && stream->blocked) {
		stream->blocked = false;
		worker_flush_later(stream->worker, &stream->flush);
	}
	if (events & EPOLLIN) {
		if (stream_is_open(stream)) {
			stream_read(stream);
		} else if (drops) {
			stream_drop_input(stream);
		}
	}
	if (stream->state == STREAM_CLOSED || stream->state == STREAM_FAILED) {
		return;
	}
	if (broken && stream->minds_reset && stream_is_open(stream) && !stream_reads(stream)) {
		stream_fail(stream, socket_error(stream->fd));
	}
	if (broken) {
		worker_flush_later(stream->worker, &stream->flush);
	}
	if (!link_linked(&stream->flush.link)) { /* which knows better what to wait for */
		(void)stream_poll(stream);
	}
}

/* For the owner. */

void stream_mind_reset(struct stream *stream)
{
	stream->minds_reset = true;
	(void)stream_poll(stream);
}

int stream_init(struct stream *stream, struct worker *worker, int fd, const struct stream_ops *ops,
	struct stream_filter *filter)
{
	int error;

	*stream = (struct stream){
		.ops = ops,
		.worker = worker,
		.filter = filter,
		.fd = fd,
		.source = {.fd = fd, .ready = socket_ready},
		.flush.run = flush,
	};
	error = stream_poll(stream);
	if (error) {
		return error;
	}
	stream_begin_linger(stream);
	return 0;
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
		stream_enter_closed(stream);
		return;
	}
	stream->state = STREAM_CLOSING;
	stream->expects_input = expects_input;
	worker_flush_later(stream->worker, &stream->flush);
}

/* Not into the worker's scratch: another stream's input may lie there, which is being read. */
static void drop_input(int fd)
{
	char dropped[DROPPED_READ];
	int left = DROPPED_READS;

	while (left-- > 0 && recv(fd, dropped, sizeof(dropped), 0) > 0) {}
}

void stream_cut(struct stream *stream)
{
	if (stream->state == STREAM_CLOSED) {
		return;
	}
	if (stream->state <= STREAM_CLOSING) {
		stream->state = STREAM_CLOSING;
		if (stream_queued(stream)) {
			(void)stream_write_now(stream, NULL, 0);
		}
	}
	if (stream->state == STREAM_CLOSING) {
		if (stream->filter &&
			!stream_queued(stream)) { /* or what is cut off would look whole */
			(void)stream->filter->ops->shut(stream->filter, stream->fd);
		}
		(void)shutdown(stream->fd, SHUT_WR);
	}
	if (stream->state == STREAM_CLOSING || stream->state == STREAM_LINGERING) {
		drop_input(stream->fd);
	}
	if (stream->state != STREAM_CLOSED) {
		stream_enter_closed(stream);
	}
}

void stream_reset(struct stream *stream)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};

	if (stream->state != STREAM_CLOSED) {
		(void)setsockopt(stream->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		stream_enter_closed(stream);
	}
}
