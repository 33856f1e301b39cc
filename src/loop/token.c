/* SPDX-License-Identifier: Apache-2.0 */
/* The descriptor of a token: an eventfd(2) that is written once and never read. */
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/context.h"

static int make(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

static void notify(int fd)
{
	const uint64_t one = 1;

	(void)!write(fd, &one, sizeof(one));
}

static void drop(int fd)
{
	close(fd);
}

static const struct context_descriptor eventfd_descriptor = {
	.make = make, .notify = notify, .drop = drop};

int curfew_token_fd(struct curfew_token *token)
{
	return context_descriptor(token, &eventfd_descriptor);
}
