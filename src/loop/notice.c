/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/notice.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "core/outcome.h"

#define LINE_BYTES 1024
#define WAIT_MS 500

static const char *command = "";
static _Atomic int64_t limit = CURFEW_NEVER;

void notice_command(const char *name)
{
	command = name;
}

void notice_limit(int64_t deadline)
{
	atomic_store(&limit, deadline);
}

int notice_write(int fd, const char *bytes, size_t length)
{
	static atomic_bool waited;
	int64_t deadline = curfew_after_ms(waited ? 0 : WAIT_MS);

	if (atomic_load(&limit) < deadline) {
		deadline = atomic_load(&limit);
	}
	while (length > 0) {
		struct pollfd writable = {.fd = fd, .events = POLLOUT};
		ssize_t written;

		if (poll(&writable, 1, (int)clock_ms_between(curfew_now(), deadline)) <= 0) {
			waited = true;
			errno = ETIMEDOUT;
			return -1;
		}
		/* As much as a pipe with room takes without blocking, pipe(7). */
		written = write(fd, bytes, length < PIPE_BUF ? length : PIPE_BUF);
		if (written < 0) {
			return -1;
		}
		bytes += written;
		length -= (size_t)written;
	}
	return 0;
}

void notice_list(const char *format, va_list args)
{
	int error = errno; /* for %m */
	char line[LINE_BYTES];
	size_t length = (size_t)snprintf(line, sizeof(line), "curfew %s: ", command);

	errno = error;
	(void)vsnprintf(line + length, sizeof(line) - length - 1, format, args);
	for (length = 0; line[length]; length++) {
		if ((unsigned char)line[length] < ' ' || line[length] == '\x7f') {
			line[length] = '?'; /* a command's name may hold anything, newlines too */
		}
	}
	line[length++] = '\n';
	(void)notice_write(STDERR_FILENO, line, length); /* nobody is left to be told */
}

void notice(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	notice_list(format, args);
	va_end(args);
}

int notice_exit_code(int error)
{
	return error == ENOENT ? EXIT_CODE_NOT_FOUND : EXIT_CODE_CANNOT_EXECUTE;
}

int notice_refused(const char *name, int error)
{
	errno = error;
	if (error == ENOENT) {
		notice("cannot run '%s': not found (check the name, PATH, and a script's #! line)",
			name);
	} else if (error == EACCES) {
		notice("cannot run '%s': not an executable file (chmod +x may be missing)", name);
	} else {
		notice("cannot run '%s': %m", name);
	}
	return notice_exit_code(error);
}
