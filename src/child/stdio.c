/* SPDX-License-Identifier: Apache-2.0 */
#include "child/stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/*
 * In a process without all of 0-2, what is opened takes their places; there it would be in the way
 * of what the child inherits, and closed at its exec.
 */
int stdio_move_above(int *fd)
{
	int below = *fd;

	if (below < 0 || below > STDERR_FILENO) {
		return 0;
	}
	*fd = fcntl(below, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (*fd < 0) {
		int error = -errno;

		close(below);
		return error;
	}
	close(below);
	return 0;
}

void stdio_reserve(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0) {
			(void)open("/", O_PATH | O_CLOEXEC); /* takes the lowest that is free: fd */
		}
	}
}

static int open_null(int *fd, int flags)
{
	*fd = open("/dev/null", flags | O_CLOEXEC);
	return *fd < 0 ? -errno : stdio_move_above(fd);
}

/* On failure too, the ends are to be closed where they are not -1. */
static int open_pipe(int *theirs, int *ours, bool input)
{
	int ends[2];
	int error;

	if (pipe2(ends, O_CLOEXEC) < 0) {
		return -errno;
	}
	*theirs = input ? ends[0] : ends[1];
	*ours = input ? ends[1] : ends[0];
	error = stdio_move_above(theirs);
	if (!error) {
		error = stdio_move_above(ours);
	}
	if (!error && fcntl(*ours, F_SETFL, O_NONBLOCK) < 0) {
		error = -errno;
	}
	return error;
}

static int open_stdio_end(struct stdio *stdio, int i, enum curfew_stdio kind)
{
	switch (kind) {
	case CURFEW_STDIO_INHERIT:
		stdio->theirs[i] = i;
		return 0;
	case CURFEW_STDIO_NULL:
		stdio->close_theirs[i] = true;
		return open_null(&stdio->theirs[i], i ? O_WRONLY : O_RDONLY);
	case CURFEW_STDIO_PIPE:
		stdio->close_theirs[i] = true;
		return open_pipe(&stdio->theirs[i], &stdio->ours[i], i == STDIN_FILENO);
	}
	return -EINVAL;
}

void stdio_close_theirs(struct stdio *stdio)
{
	for (int i = 0; i < 3; i++) {
		if (stdio->close_theirs[i] && stdio->theirs[i] >= 0) {
			close(stdio->theirs[i]);
		}
	}
}

void stdio_close_ours(struct stdio *stdio)
{
	for (int i = 0; i < 3; i++) {
		if (stdio->ours[i] >= 0) {
			close(stdio->ours[i]);
			stdio->ours[i] = -1;
		}
	}
}

int stdio_open(struct stdio *stdio, const struct curfew_child_config *config)
{
	const enum curfew_stdio kinds[3] = {config->in, config->out, config->err};

	*stdio = (struct stdio){.theirs = {-1, -1, -1}, .ours = {-1, -1, -1}};
	for (int i = 0; i < 3; i++) {
		int error = open_stdio_end(stdio, i, kinds[i]);

		if (error < 0) {
			stdio_close_theirs(stdio);
			stdio_close_ours(stdio);
			return error;
		}
	}
	return 0;
}
