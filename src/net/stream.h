/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connected stream socket on a worker, TCP or unix, with or without a filter (TLS).
 *
 * Reading. received() gets bytes in the worker's scratch memory and returns how many it took. The
 * rest is kept, at most WORKER_SCRATCH bytes, and reading rests until stream_resume, which hands it
 * out again: so back-pressure reaches the peer. ended() tells, once, behind the last byte, that the
 * peer has sent all (FIN, close_notify); writing goes on.
 *
 * Writing. Bytes are taken at once, all of them, and go to the kernel at the end of the round, or
 * at once where there are many by then. What the kernel does not take stays in a queue;
 * stream_queued tells how much: a writer that may stop does so above STREAM_QUEUE_HIGH, and goes on
 * at writable(), which comes when the queue has become empty after it was above that.
 *
 * The end, with four promises (each ends in closed(), exactly once, never inside a call, after
 * which the memory is the owner's again):
 *
 *	stream_shut	no more will be written: what is queued goes out, then FIN; reading goes on
 *	stream_close	in order: the queue is written, then FIN; where input that nobody read, or
 *			output not yet acknowledged, would make close(2) destroy what we sent, what
 *			comes is read and dropped until the peer's end, or until all is
 *			acknowledged and nothing more expected; STREAM_LINGER_MS at most
 *	stream_cut	now: what the kernel takes without waiting is written, then it is closed
 *	stream_reset	now, with a reset: the peer must not take what it got for a whole (a unix
 *			socket has no reset: there it just ends)
 *
 * A stream may move to other memory, and another owner (stream_move): so that one that lives long
 * need not drag along what was needed at its beginning; or to another worker (stream_cross).
 *
 * Failure: failed(error) comes once, a negative errno; then only closed() does, after the owner
 * has called one of the last three. After any of these nothing but closed() is called. What the
 * peer said before it stopped reading is handed out first, as far as it is taken at once.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "net/deadline.h"
#include "net/worker.h"

#define STREAM_QUEUE_HIGH 65536 /* bytes: above it a writer should rest */
#define STREAM_LINGER_MS 2000
#define STREAM_PARTS_MOST 6
/*
 * Bytes: such a write does not wait for the end of the round, nor does one behind which there would
 * be so many in the queue. Below, a copy costs less than a call of the kernel's.
 */
#define STREAM_AT_ONCE 16384
#define STREAM_QUEUE_AT_ONCE 131072

struct socket_address; /* net/address.h */
struct stream;
struct stream_filter;

struct stream_ops {
	size_t (*received)(struct stream *stream, char *bytes, size_t length);
	void (*ended)(struct stream *stream);
	void (*writable)(struct stream *stream);
	void (*failed)(struct stream *stream, int error);
	void (*closed)(struct stream *stream);
	/* It has come to its worker, after stream_cross: before all others. NULL */
	void (*arrived)(struct stream *stream);
};

/*
 * What stands between a stream and its socket. All of these return a count, or a negative errno:
 * -EAGAIN where the socket has to become readable, or (wants_write) writable, first.
 */
struct stream_filter_ops {
	ssize_t (*read)(struct stream_filter *filter, int fd, void *bytes, size_t length);
	/* What -EAGAIN refused is offered again, perhaps with more behind it. */
	ssize_t (*write)(struct stream_filter *filter, int fd, const void *bytes, size_t length);
	int (*shut)(struct stream_filter *filter, int fd); /* says that all was sent; 0 when said */
	void (*free)(struct stream_filter *filter);
	/*
	 * Whose connection it is, where the filter knows it better than the socket; NULL: it never
	 * does
	 */
	const struct socket_address *(*peer)(const struct stream_filter *filter);
};

struct stream_filter {
	const struct stream_filter_ops *ops;
	bool read_wants_write; /* what read waits for is to write */
	bool write_wants_read; /* and the reverse */
	/* Bytes may be held decrypted: it is read until -EAGAIN, however little the socket gave. */
};

#define STREAM_STATES(X)                                                                           \
	X(OPEN)                                                                                    \
	X(SHUT)      /* FIN is sent behind the queue; reading goes on */                           \
	X(CLOSING)   /* as SHUT, and nothing is read any more */                                   \
	X(LINGERING) /* FIN is out; input is dropped */                                            \
	X(CLOSED)    /* closed() is on its way, or was called */                                   \
	X(FAILED)    /* waits for the owner to close it */

enum stream_state {
#define STREAM_STATE(name) STREAM_##name,
	STREAM_STATES(STREAM_STATE)
#undef STREAM_STATE
};

/* Embedded in its owner. Read the fields by the functions. */
struct stream {
	const struct stream_ops *ops;
	struct worker *worker;
	struct stream_filter *filter;
	struct stream *heir; /* where it has moved */
	int fd;
	int error;        /* why it is FAILED */
	uint8_t state;    /* enum stream_state */
	bool paused;      /* the owner did not take all */
	bool minds_reset; /* while reading rests, too */
	bool resumed;     /* what it did not take is handed out at the end of the round */
	bool hung_up;     /* the peer's end has come, perhaps behind what was not read yet */
	bool has_ended;   /* the peer has sent all */
	bool end_told;    /* and the owner knows it */
	bool failure_told;
	bool blocked;   /* the kernel takes no more for now */
	bool half_left; /* some of the queue is in a filter's record, which is tried again */
	bool was_high;  /* writable() is owed */
	bool fin_sent;
	bool expects_input;   /* the peer is known to be sending */
	bool crossing;        /* it, or its heir, is on the way to another worker */
	struct buffer unread; /* what the owner did not take */
	struct buffer queue;
	size_t queue_start; /* of what is left in it */
	size_t backlog;     /* of the worker's, what is this stream's */
	uint64_t bytes_in, bytes_out;
	struct worker_flush flush;
	union {
		struct deadline linger;
		struct task arrive; /* while it is crossing */
	};
	int64_t linger_until;
	struct source source;
};

/*
 * Takes a connected, non-blocking socket, and starts to read. filter (NULL: none) becomes the
 * stream's. Returns 0, or a negative errno: then both stay the caller's.
 */
int stream_init(struct stream *stream, struct worker *worker, int fd, const struct stream_ops *ops,
	struct stream_filter *filter);

/*
 * Moves a stream to other memory, with its socket, its filter, what is queued, what was not taken,
 * and the peer's end, which is told again. From the end of this round on it is to that calls, with
 * ops; from calls nothing but closed(). In received() the bytes that are not taken go along. Not
 * after one of the last three. Returns 0, or a negative errno: then nothing has moved.
 */
int stream_move(struct stream *to, struct stream *from, const struct stream_ops *ops);

/*
 * The same to any worker, with the thread: at the end of this round to is sent there, and calls
 * begin with arrived(), in that worker's thread; until then nothing may be asked of it. The owner
 * holds that worker's drain, so that its thread is still there. What goes wrong on the way is told
 * by failed(), after arrived(). From's thread.
 */
void stream_cross(struct stream *to, struct stream *from, struct worker *worker,
	const struct stream_ops *ops);

/*
 * Queues bytes; they are copied where they cannot be written at once. Dropped unless OPEN; but kept
 * behind a failure until failed() is called, for stream_unsent.
 */
void stream_write(struct stream *stream, const void *bytes, size_t length);

/* The same with several, such as a chunk and what frames it: up to STREAM_PARTS_MOST. */
struct stream_part {
	const void *bytes;
	size_t length;
};
void stream_write_parts(struct stream *stream, const struct stream_part *parts, int count);

/*
 * The same, and all goes to the kernel at once, behind what is queued: for whom the moment of it
 * matters. Through a filter only if it is one part.
 */
void stream_write_parts_now(struct stream *stream, const struct stream_part *parts, int count);

/*
 * The queue itself, to compose bytes in its end; stream_written afterwards. Never NULL; what is
 * put there is dropped unless OPEN. What is so much that it would not wait for the end of the round
 * had better be written by the functions above.
 */
struct buffer *stream_compose(struct stream *stream);
void stream_written(struct stream *stream);
bool stream_is_much(const struct stream *stream, size_t length);

/* Returns how many bytes were written so far, those included that are still queued. */
uint64_t stream_position(const struct stream *stream);

/*
 * Takes back what was written behind a position, if nothing of it has left yet; returns whether it
 * could. What is queued in front of it stays.
 */
bool stream_take_back(struct stream *stream, uint64_t position);

/*
 * What was written behind a position, if nothing of it has left yet, in failed() too; else NULL.
 * Valid until the next call.
 */
const char *stream_unsent(const struct stream *stream, uint64_t position, size_t *length);

/* Bytes that were written and that the kernel has not taken yet. */
static inline size_t stream_queued(const struct stream *stream)
{
	return stream->queue.length - stream->queue_start;
}

/* Hands out what was not taken, in the next round, and goes on reading. */
void stream_resume(struct stream *stream);

/* Whether reading rests, since the owner did not take all. */
bool stream_paused(const struct stream *stream);

/*
 * From now on a reset is told while reading rests, too, for an owner to whom nothing matters any
 * more then: what came before it and was not taken is lost.
 */
void stream_mind_reset(struct stream *stream);

void stream_shut(struct stream *stream);

/* expects_input: the peer is still sending what nobody will read, such as the rest of a request. */
void stream_close(struct stream *stream, bool expects_input);
void stream_cut(struct stream *stream);
void stream_reset(struct stream *stream);

/* Returns the peer's address in *address: the filter's, or the socket's. Zero length: not known. */
void stream_peer(const struct stream *stream, struct socket_address *address);

/* Returns whether one of the last three was called. */
bool stream_closing(const struct stream *stream);

#endif
