/* SPDX-License-Identifier: Apache-2.0 */
#include "child/stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int open_stdio_end(struct stdio *stdio, int i, enum curfew_stdio kind)
{
	int ends[2];

	switch (kind) {
	case CURFEW_STDIO_INHERIT:
		stdio->theirs[i] = i;
		return 0;
	case CURFEW_STDIO_NULL:
		stdio->theirs[i] = open("/dev/null", (i ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
		stdio->close_theirs[i] = true;
		return stdio->theirs[i] < 0 ? -errno : 0;
	case CURFEW_STDIO_PIPE:
		if (pipe2(ends, O_CLOEXEC) < 0) {
			return -errno;
		}
		stdio->theirs[i] = i ? ends[1] : ends[0];
		stdio->ours[i] = i ? ends[0] : ends[1];
		stdio->close_theirs[i] = true;
		return fcntl(stdio->ours[i], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
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
