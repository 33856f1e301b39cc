/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines to the child. They are queued, and written at the end of the round; what the pipe does not
 * take waits until it is writable.
 *
 * The child object closes its end of the pipe when the child is asked to end, by us or by the
 * children stage, or is gone. By that the kernel forgets that it was watched, and so must we.
 */
#include <errno.h>
#include <unistd.h>

#include "mcp/backend_state.h"
#include "mcp/host.h"

#define CONSUME_FROM 65536 /* bytes that were written, from which on the rest is moved */

static struct backend *backend_of(struct backend_input *input)
{
	return container_of(input, struct backend, input);
}

static size_t queued(const struct backend_input *input)
{
	return input->queue.length - input->start;
}

bool backend_is_full(const struct backend *backend)
{
	return queued(&backend->input) > BACKEND_QUEUE_HIGH;
}

static struct loop *loop_of(struct backend *backend)
{
	return backend->mcp->worker->loop;
}

static void unwatch(struct backend *backend)
{
	struct source *source = &backend->input.source;

	if (source->fd != curfew_child_input(backend->child)) {
		source->fd = -1; /* it was closed, and its number may be somebody else's */
	}
	loop_unwatch(loop_of(backend), source);
}

static void drop_queue(struct backend *backend)
{
	struct backend_input *input = &backend->input;

	worker_flush_forget(&input->flush);
	worker_spare_give(backend->mcp->worker, &input->queue);
	input->start = 0;
}

static void consume(struct backend *backend, size_t length)
{
	struct backend_input *input = &backend->input;

	input->start += length;
	if (input->start == input->queue.length) {
		drop_queue(backend);
	} else if (input->start >= CONSUME_FROM && input->start >= input->queue.length / 2) {
		buffer_consume(&input->queue, input->start); /* each byte is moved once */
		input->start = 0;
	}
}

/* Writes what the pipe takes. Returns 0, or why it did not take all: -EAGAIN, or it is broken. */
static int write_queue(struct backend *backend)
{
	struct backend_input *input = &backend->input;

	while (queued(input)) {
		ssize_t length = write(curfew_child_input(backend->child),
			input->queue.data + input->start, queued(input));

		if (length >= 0) {
			consume(backend, (size_t)length);
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

/*
 * Nobody will read it any more. What the child has to say is still heard while the ladder runs.
 */
static void break_off(struct backend *backend, int error)
{
	backend->input.broken = error == -EPIPE;
	unwatch(backend);
	drop_queue(backend);
	curfew_child_stop(backend->child, NULL);
}

static void tell_room(struct backend *backend)
{
	struct backend_input *input = &backend->input;

	if (input->was_full && queued(input) <= BACKEND_QUEUE_HIGH / 2) {
		input->was_full = false;
		if (backend->ops->room) {
			backend->ops->room(backend);
		}
	}
}

/* Room is told of a broken pipe too: whoever waits for it then learns that it is over. */
static void write_now(struct backend *backend)
{
	struct source *source = &backend->input.source;
	int error = write_queue(backend);

	if (error == -EAGAIN) {
		source->fd = curfew_child_input(backend->child);
		error = loop_watch(loop_of(backend), source, EPOLLOUT);
	} else if (!error) {
		unwatch(backend);
	}
	if (error < 0) {
		break_off(backend, error);
	}
	tell_room(backend);
}

static void flush(struct worker_flush *flush)
{
	struct backend *backend = backend_of(container_of(flush, struct backend_input, flush));

	if (!backend->input.source.events) {
		write_now(backend);
	}
}

static void writable(struct source *source, uint32_t events)
{
	struct backend *backend = backend_of(container_of(source, struct backend_input, source));

	(void)events;
	write_now(backend);
}

void input_init(struct backend *backend)
{
	backend->input = (struct backend_input){
		.flush = {.run = flush},
		.source = {.fd = -1, .ready = writable},
	};
}

struct buffer *input_begin(struct backend *backend, size_t *before)
{
	struct backend_input *input = &backend->input;

	if (backend->stopping || curfew_child_input(backend->child) < 0) {
		return NULL;
	}
	if (!input->queue.data) {
		input->queue = worker_spare_take(backend->mcp->worker);
	}
	*before = input->queue.length;
	return &input->queue;
}

int input_end(struct backend *backend, size_t before)
{
	struct backend_input *input = &backend->input;

	if (input->queue.failed) {
		input->queue.failed = false;
		input->queue.length = before;
		return -ENOMEM;
	}
	input->was_full = input->was_full || backend_is_full(backend);
	worker_flush_later(backend->mcp->worker, &input->flush);
	return 0;
}

void input_finish(struct backend *backend)
{
	if (curfew_child_input(backend->child) >= 0) {
		(void)write_queue(backend);
	}
	input_fini(backend);
}

void input_fini(struct backend *backend)
{
	unwatch(backend);
	drop_queue(backend);
}
