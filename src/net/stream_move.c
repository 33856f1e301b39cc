/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream that goes to other memory: on the same worker, or to another.
 *
 * To another: from lets go of the socket, so that nobody polls it; to is filled, and lies still.
 * What a received() that is running does not take is put into it yet. When from has nothing more
 * to do with it, before its closed(), to is posted to its worker, where it starts to poll.
 */
#include <assert.h>

#include "base/list.h"
#include "net/stream_state.h"

/* To has all that from had; from keeps nothing but its closed(). */
static void take_over(struct stream *to, struct stream *from, const struct stream_ops *ops)
{
	to->ops = ops;
	to->flush.link = (struct curfew_link){0};
	to->paused = false;
	to->resumed = true; /* the rest, and the end, are told at the end of the round */
	to->end_told = false;
	to->failure_told = false;
	stream_forget_socket(from);
	from->heir = to;
	from->filter = NULL;
	from->fd = -1;
	buffer_init(&from->unread);
	buffer_init(&from->queue);
	from->queue_start = 0;
	from->backlog = 0;
}

int stream_move(struct stream *to, struct stream *from, const struct stream_ops *ops)
{
	int error;

	assert(!stream_closing(from));
	loop_unwatch(from->worker->loop, &from->source); /* which knows one for a socket */
	*to = *from;
	error = stream_poll(to);
	if (error) {
		(void)stream_poll(from);
		return error;
	}
	take_over(to, from, ops);
	stream_begin_linger(to);
	worker_flush_later(to->worker, &to->flush);
	return 0;
}

/* In the thread of its new worker. */
static void arrive(struct task *task)
{
	struct stream *stream = container_of(task, struct stream, arrive);
	int error;

	stream->crossing = false;
	stream_begin_linger(stream);
	error = stream_poll(stream);
	if (error) {
		stream_fail(stream, error);
	}
	worker_flush_later(stream->worker, &stream->flush);
	if (stream->ops->arrived) {
		stream->ops->arrived(stream);
	}
}

void stream_cross(
	struct stream *to, struct stream *from, struct worker *worker, const struct stream_ops *ops)
{
	assert(!stream_closing(from));
	loop_unwatch(from->worker->loop, &from->source);
	*to = *from;
	take_over(to, from, ops);
	stream_set_backlog(to, 0); /* the other worker's, when it is tried again */
	to->worker = worker;
	to->arrive = (struct task){.run = arrive};
	to->crossing = true;
	from->crossing = true;
}

void stream_send_heir(struct stream *from)
{
	if (from->crossing) {
		struct stream *heir = from->heir;

		from->crossing = false;
		agenda_post(&heir->worker->loop->agenda, &heir->arrive);
	}
}
