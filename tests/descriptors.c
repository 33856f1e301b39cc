/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/descriptors.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/resource.h>
#include <unistd.h>

#define MOST 256

static int taken[MOST];
static int taken_count;
static struct rlimit before;

int descriptors_count(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int count = -3; /* ".", ".." and the folder's own */

	while (readdir(folder)) {
		count++;
	}
	closedir(folder);
	return count;
}

void descriptors_leave(int count)
{
	struct rlimit few;
	int fd;

	getrlimit(RLIMIT_NOFILE, &before);
	few = before;
	few.rlim_cur = MOST;
	setrlimit(RLIMIT_NOFILE, &few);
	while ((fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0) {
		taken[taken_count++] = fd;
	}
	while (count-- > 0) {
		close(taken[--taken_count]);
	}
}

void descriptors_restore(void)
{
	while (taken_count > 0) {
		close(taken[--taken_count]);
	}
	setrlimit(RLIMIT_NOFILE, &before);
}

bool descriptor_readable(int fd, int within_ms)
{
	struct pollfd readable = {.fd = fd, .events = POLLIN};
	int count;

	do {
		count = poll(&readable, 1, within_ms);
	} while (count < 0 && errno == EINTR);
	return count == 1;
}
