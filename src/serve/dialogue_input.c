/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The child object closes its end of the input pipe when the child is asked to end, by us or by the
 * children stage, or is gone. By that the kernel forgets that it was watched, and so must we.
 */
#include "serve/dialogue_input.h"

#include <assert.h>
#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/list.h"

static void unwatch(struct dialogue *dialogue)
{
	struct source *source = &dialogue->writable;

	if (source->fd != curfew_child_input(dialogue->child)) {
		source->fd = -1; /* it was closed, and its number may be somebody else's */
	}
	loop_unwatch(dialogue->serve->worker->loop, source);
}

void dialogue_end_saying(struct dialogue *dialogue, bool closes)
{
	worker_flush_forget(&dialogue->flush);
	unwatch(dialogue);
	dialogue->text = NULL;
	if (closes) {
		curfew_child_close_input(dialogue->child);
	}
}

/* Returns what writev(2) does, with the newline behind the text. */
static ssize_t write_rest(const struct dialogue *dialogue)
{
	size_t written = dialogue->written;
	struct iovec parts[2] = {
		{(char *)dialogue->text + written, dialogue->length - written}, {"\n", 1}};

	if (written == dialogue->length) {
		return write(curfew_child_input(dialogue->child), "\n", 1);
	}
	return writev(curfew_child_input(dialogue->child), parts, 2);
}

/* Returns 0, or why it could not be written whole: -EAGAIN, -EPIPE. */
static int write_text(struct dialogue *dialogue)
{
	while (dialogue->length && dialogue->written <= dialogue->length) {
		ssize_t length = write_rest(dialogue);

		if (length >= 0) {
			dialogue->written += (size_t)length;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

/*
 * A process that takes one request need not read it. One that is kept and has closed its input has
 * no other way to be asked: it is ended.
 */
static void write_now(struct dialogue *dialogue)
{
	int error = write_text(dialogue);

	if (error == -EAGAIN) {
		dialogue->writable.fd = curfew_child_input(dialogue->child);
		error = loop_watch(dialogue->serve->worker->loop, &dialogue->writable, EPOLLOUT);
		if (!error) {
			return;
		}
	}
	dialogue_end_saying(dialogue, dialogue->closes);
	if (error && !dialogue->closes) {
		dialogue_stop(dialogue);
	}
}

void dialogue_flush(struct worker_flush *flush)
{
	struct dialogue *dialogue = container_of(flush, struct dialogue, flush);

	if (dialogue->text && !dialogue->writable.events) {
		write_now(dialogue);
	}
}

void dialogue_writable(struct source *source, uint32_t events)
{
	(void)events;
	write_now(container_of(source, struct dialogue, writable));
}

void dialogue_say(struct dialogue *dialogue, const char *text, size_t length, bool closes)
{
	assert(!dialogue->text);
	dialogue->written = 0;
	dialogue->complaint[0] = '\0'; /* it was about something else */
	if (curfew_child_input(dialogue->child) < 0) {
		return; /* it is ending */
	}
	dialogue->text = text;
	dialogue->length = length;
	dialogue->closes = closes;
	worker_flush_later(dialogue->serve->worker, &dialogue->flush);
}
