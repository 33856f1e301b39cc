/* SPDX-License-Identifier: Apache-2.0 */
/* What comes: to the owner, as far as it takes it; the rest is kept. */
#include <errno.h>
#include <sys/socket.h>

#include "net/stream_state.h"

#define READS_AT_ONCE 16 /* of a filter, in one round */

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

static void keep(struct stream *stream, const char *bytes, size_t length)
{
	buffer_append(&stream->unread, bytes, length);
	if (stream->unread.failed) {
		stream->paused = true; /* what comes next would not be what follows */
		stream_fail(stream, -ENOMEM);
	}
}

static void hand_out(struct stream *stream, char *bytes, size_t length)
{
	size_t taken;

	taken = stream->ops->received(stream, bytes, length);
	if (taken == length) {
		return;
	}
	if (stream->heir) {
		keep(stream->heir, bytes + taken, length - taken);
	} else if (stream_is_open(stream)) {
		stream->paused = true;
		keep(stream, bytes + taken, length - taken);
	}
}

/* What was kept first. Returns whether all of it was taken. */
bool stream_hand_out_unread(struct stream *stream)
{
	struct buffer kept = stream->unread;

	if (kept.length) {
		buffer_init(&stream->unread);
		hand_out(stream, kept.data, kept.length);
		buffer_fini(&kept);
	}
	return stream_is_open(stream) && !stream->paused;
}

void stream_tell_end(struct stream *stream)
{
	if (stream->has_ended && !stream->end_told && !stream->paused && stream_is_open(stream)) {
		stream->end_told = true;
		stream->ops->ended(stream);
	}
}

/* Input that nobody wants any more. A filter may wait for some of it as long as it writes. */
void stream_drop_input(struct stream *stream)
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
		stream_enter_closed(stream);
	}
}

/* Whether there may be more of which the kernel tells nothing, when so much was read at once. */
static bool may_have_more(const struct stream *stream, ssize_t length)
{
	return length > 0 && (stream->filter || length == WORKER_SCRATCH || stream->hung_up) &&
		stream_is_open(stream) && stream_reads(stream);
}

/*
 * A filter may hold bytes of which the kernel does not know: it is read until it has none, and the
 * next round goes on where that takes too long. A socket that gives less than was asked for is
 * empty, and what comes then is told anew; only its end may be there already.
 */
void stream_read(struct stream *stream)
{
	int left = stream->filter ? READS_AT_ONCE : 1;
	ssize_t n = 1;

	while (n > 0 && left-- > 0 && stream_is_open(stream) && stream_reads(stream)) {
		n = read_some(stream, stream->worker->scratch, WORKER_SCRATCH);
		if (n > 0) {
			stream->bytes_in += (uint64_t)n;
			hand_out(stream, stream->worker->scratch, (size_t)n);
		} else if (n == 0) {
			stream->has_ended = true;
			stream_tell_end(stream);
		} else if (n != -EAGAIN) {
			stream_fail(stream, (int)n);
		}
	}
	if (may_have_more(stream, n)) {
		worker_flush_later(stream->worker, &stream->flush);
		stream->resumed = true;
	}
}

/* What was kept when it failed. Returns whether all of it was taken. */
static bool give_unread(struct stream *stream)
{
	struct buffer kept = stream->unread;
	size_t left = kept.length;

	buffer_init(&stream->unread);
	if (left && !stream->paused) {
		left -= stream->ops->received(stream, kept.data, kept.length);
	}
	buffer_fini(&kept);
	return !left && stream->state == STREAM_FAILED;
}

/*
 * A failure may have been found by writing, when what the peer said before is still to be read: the
 * answer of a server that did not want the rest of a request, for one. What is not taken is lost.
 */
void stream_read_last_words(struct stream *stream)
{
	char *bytes = stream->worker->scratch;
	int left = READS_AT_ONCE;
	size_t taken, length;

	if (!give_unread(stream)) {
		return;
	}
	do {
		ssize_t n = stream->paused || stream->has_ended
			? 0
			: read_some(stream, bytes, WORKER_SCRATCH);

		length = n > 0 ? (size_t)n : 0;
		stream->bytes_in += length;
		taken = length ? stream->ops->received(stream, bytes, length) : 0;
	} while (length && taken == length && stream->state == STREAM_FAILED && --left);
}

void stream_resume(struct stream *stream)
{
	if (!stream->paused || !stream_is_open(stream)) {
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
