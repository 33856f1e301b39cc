/* SPDX-License-Identifier: Apache-2.0 */
#include "load/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define AT_ONCE 65536

static sigset_t stop_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGQUIT);
	return signals;
}

bool file_end_is_asked(void)
{
	sigset_t pending, stop = stop_signals();

	sigpending(&pending);
	sigandset(&pending, &pending, &stop);
	return !sigisemptyset(&pending);
}

/* Waits until there is something to be read, or the end. Returns 0 or a negative errno. */
static int await(int fd, int signals)
{
	struct pollfd polled[] = {
		{.fd = signals, .events = POLLIN},
		{.fd = fd, .events = POLLIN},
	};

	while (poll(polled, 2, -1) < 0) {
		if (errno != EINTR) {
			return -errno;
		}
	}
	return polled[0].revents ? -EINTR : 0;
}

static int read_on(int fd, int signals, size_t most, struct buffer *content)
{
	size_t begin = content->length;
	ssize_t length = 1;

	while (length) {
		int error = await(fd, signals);
		char *room = buffer_reserve(content, AT_ONCE);

		if (error || !room) {
			return error ? error : -ENOMEM;
		}
		length = read(fd, room, AT_ONCE);
		if (length < 0 && errno != EINTR && errno != EAGAIN) {
			return -errno;
		}
		buffer_commit(content, length > 0 ? (size_t)length : 0);
		if (content->length - begin > most) {
			return -EFBIG;
		}
	}
	return 0;
}

/* Without a signalfd it is read, too, but not to be interrupted. */
int file_read(const char *path, size_t most, struct buffer *content)
{
	sigset_t stop = stop_signals();
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int signals, error;

	if (fd < 0) {
		return -errno;
	}
	signals = signalfd(-1, &stop, SFD_CLOEXEC);
	error = read_on(fd, signals, most, content);
	if (signals >= 0) {
		close(signals);
	}
	close(fd);
	return error;
}
