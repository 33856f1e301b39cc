/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our stdin goes to the command's pipe by pieces: one is read when the one before it is written, so
 * that a command that does not read stops us from reading. At the end of ours, the command's is
 * closed.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/list.h"
#include "run/runner.h"

#define PIECE 16384

static struct runner *runner_of(struct source *source)
{
	return container_of(source, struct runner, feed.source);
}

static void end(struct runner *runner)
{
	feed_stop(runner);
	curfew_child_close_input(runner->child);
}

/* Writes what is pending. Returns false where the input is full or closed. */
static bool flush(struct runner *runner)
{
	struct feed *feed = &runner->feed;

	while (feed->pending.length > 0) {
		ssize_t written = write(curfew_child_input(runner->child), feed->pending.data,
			feed->pending.length);

		if (written > 0) {
			buffer_consume(&feed->pending, (size_t)written);
		} else if (errno == EAGAIN) {
			loop_unwatch(runner->loop, &feed->source);
			feed->input.fd = curfew_child_input(runner->child);
			(void)loop_watch(runner->loop, &feed->input, EPOLLOUT);
			return false;
		} else if (errno != EINTR) {
			end(runner);
			return false;
		}
	}
	return true;
}

/* Returns whether there is more to read at once. */
static bool read_piece(struct runner *runner)
{
	char bytes[PIECE];
	ssize_t length = read(STDIN_FILENO, bytes, sizeof(bytes));

	if (length < 0 && (errno == EAGAIN || errno == EINTR)) {
		return false;
	}
	if (length <= 0) {
		end(runner);
		return false;
	}
	buffer_append(&runner->feed.pending, bytes, (size_t)length);
	return flush(runner);
}

static void stdin_readable(struct source *source, uint32_t events)
{
	(void)events;
	(void)read_piece(runner_of(source));
}

/* A regular file cannot be polled: it is always readable. So is what is closed: read tells. */
static void watch_stdin(struct runner *runner)
{
	if (loop_watch(runner->loop, &runner->feed.source, EPOLLIN) < 0) {
		while (read_piece(runner)) {}
	}
}

static void input_writable(struct source *source, uint32_t events)
{
	struct runner *runner = container_of(source, struct runner, feed.input);

	(void)events;
	if (flush(runner)) {
		loop_unwatch(runner->loop, source);
		watch_stdin(runner);
	}
}

int feed_start(struct runner *runner)
{
	buffer_init(&runner->feed.pending);
	runner->feed.source = (struct source){.fd = STDIN_FILENO, .ready = stdin_readable};
	runner->feed.input = (struct source){.fd = -1, .ready = input_writable};
	watch_stdin(runner);
	return 0;
}

void feed_stop(struct runner *runner)
{
	loop_unwatch(runner->loop, &runner->feed.source);
	loop_unwatch(runner->loop, &runner->feed.input);
	buffer_fini(&runner->feed.pending);
}
