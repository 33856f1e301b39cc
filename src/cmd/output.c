/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/output.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "loop/signals.h"

#define ERROR_BYTES 1024

/* Writes all there is. Returns 0 or a negative errno. */
static int write_all(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t n = write(fd, bytes, length);

		if (n < 0 && errno != EINTR) {
			return -errno;
		}
		if (n > 0) {
			bytes += n;
			length -= (size_t)n;
		}
	}
	return 0;
}

/* SIGPIPE stays blocked: a reader that went away is an error to be told, not a death. */
static void let_signals_through(void)
{
	sigset_t mask = signals_original_mask();

	sigaddset(&mask, SIGPIPE);
	sigprocmask(SIG_SETMASK, &mask, NULL);
}

int output_write(struct buffer *text)
{
	int error = text->failed ? -ENOMEM : 0;

	if (!error) {
		let_signals_through();
		error = write_all(STDOUT_FILENO, buffer_text(text), text->length);
	}
	buffer_fini(text);
	if (error) {
		output_error(NULL, "cannot write to standard output: %s", strerror(-error));
		return EXIT_CODE_FAILURE;
	}
	return 0;
}

void output_error(const char *command, const char *format, ...)
{
	char line[ERROR_BYTES];
	int length = snprintf(
		line, sizeof(line), "curfew%s%s: ", command ? " " : "", command ? command : "");
	va_list args;

	va_start(args, format);
	(void)vsnprintf(line + length, sizeof(line) - (size_t)length - 1, format, args);
	va_end(args);
	length = (int)strlen(line);
	for (int i = 0; i < length; i++) {
		if ((unsigned char)line[i] < ' ' || line[i] == '\x7f') {
			line[i] = '?';
		}
	}
	line[length] = '\n';
	let_signals_through(); /* a reader who does not read must not make us unkillable */
	(void)write_all(STDERR_FILENO, line, (size_t)length + 1); /* nobody is left to be told */
}
