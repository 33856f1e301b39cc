/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: dials on one worker, and listeners of all kinds on loopback; names are of a table. */
#ifndef NET_DIAL_SCRIPT_H
#define NET_DIAL_SCRIPT_H

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "net/dial.h"
#include "net/names_script.h"
#include "net/open.h"
#include "net/worker_script.h"
#include "tests/descriptors.h"

#define SOON 20000 /* ms: long before the watchdog */

/* How a dial ended. */
struct ending {
	struct dial *dial;
	int told;
	int fd;
	int error;
	struct ending *cancels; /* another one, from its callback */
};

static inline void done(void *arg, int fd, int error)
{
	struct ending *ending = arg;

	ending->told++;
	ending->fd = fd;
	ending->error = error;
	if (ending->cancels) {
		dial_cancel(ending->cancels->dial);
	}
}

static inline void start(struct ending *ending, struct dial_target *target, int64_t within_ms)
{
	struct ending *cancels = ending->cancels;

	*ending = (struct ending){.fd = -1, .cancels = cancels};
	ending->dial = dial_start(target, worker, curfew_after_ms(within_ms), done, ending);
	assert_non_null(ending->dial);
	assert_int_equal(ending->told, 0);
}

static inline void await_end(struct ending *ending)
{
	run_until(ending->told);
	assert_int_equal(ending->told, 1);
	assert_true(ending->fd < 0 ? ending->error < 0 : ending->error == 0);
}

/* Dials, waits and hands back the socket, or the error. */
static inline int dial(struct dial_target *target, int64_t within_ms)
{
	struct ending ending = {0};

	start(&ending, target, within_ms);
	await_end(&ending);
	return ending.fd >= 0 ? ending.fd : ending.error;
}

static inline void assert_connects(struct dial_target *target)
{
	int fd = dial(target, SOON);

	assert_true(fd >= 0);
	close(fd);
}

static inline int dial_address(struct address address, int64_t within_ms)
{
	struct dial_target target = {.address = address};
	int result = dial(&target, within_ms);

	dial_target_fini(&target);
	return result;
}

/* Parses an address; one of a unix socket gets our pid behind it, since tests run side by side. */
static inline void parse_own(const char *text, struct address *address)
{
	assert_null(address_parse(text, address));
	if (address->is_unix) {
		size_t length = strlen(address->host);

		(void)snprintf(address->host + length, sizeof(address->host) - length, "-%d",
			(int)getpid());
	}
}

/* Makes a listener and says in address where it is: a port, if that was 0. */
static inline int listener(const char *text, struct address *address)
{
	struct buffer refusal = {0};
	struct sockaddr_in6 at = {0}; /* in both families the port has the same place */
	socklen_t length = sizeof(at);
	int fd;

	parse_own(text, address);
	fd = listen_open(address, &refusal);
	assert_true(fd >= 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &length), 0);
	if (!address->is_unix) {
		address->port = ntohs(at.sin6_port);
	}
	return fd;
}

/* Returns a port where nobody listens: it is ours, on all addresses, until the program ends. */
static inline uint16_t closed_port(void)
{
	static int fd = -1;
	struct sockaddr_in6 at = {.sin6_family = AF_INET6};
	socklen_t length = sizeof(at);
	const int both = 0;

	if (fd < 0) {
		fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &both, sizeof(both)), 0);
		assert_int_equal(bind(fd, (struct sockaddr *)&at, length), 0);
	}
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &length), 0);
	return ntohs(at.sin6_port);
}

static inline bool is_connected(int fd)
{
	struct pollfd writable = {.fd = fd, .events = POLLOUT};

	return poll(&writable, 1, 100) == 1 && !(writable.revents & (POLLHUP | POLLERR));
}

/* A listener that answers no more: its queue is full. */
struct silent {
	struct address address;
	int fd;
	int fillers[8];
	int count;
};

static inline void silent_begin(struct silent *silent, const char *text)
{
	struct socket_address at;
	bool full = false;

	silent->fd = listener(text, &silent->address);
	silent->count = 0;
	assert_int_equal(listen(silent->fd, 0), 0);
	assert_true(address_literal(&silent->address, &at));
	while (!full) {
		int fd =
			socket(at.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		assert_true(silent->count < 8);
		silent->fillers[silent->count++] = fd;
		full = (connect(fd, (struct sockaddr *)&at.storage, at.length) < 0 &&
			       errno == EAGAIN) ||
			!is_connected(fd);
	}
}

/* Empties the queue. */
static inline void silent_drain(struct silent *silent)
{
	int fd;

	while (silent->count > 0) {
		close(silent->fillers[--silent->count]);
	}
	while ((fd = accept(silent->fd, NULL, NULL)) >= 0) {
		close(fd);
	}
}

static inline void silent_end(struct silent *silent)
{
	silent_drain(silent);
	close(silent->fd);
	listen_unlink(&silent->address);
}

static inline void accept_one(int listening, int client)
{
	struct socket_address mine = {.length = sizeof(mine.storage)};
	struct socket_address theirs = {.length = sizeof(theirs.storage)};
	int fd = accept4(
		listening, (struct sockaddr *)&theirs.storage, &theirs.length, SOCK_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(getsockname(client, (struct sockaddr *)&mine.storage, &mine.length), 0);
	assert_int_equal(mine.length, theirs.length);
	assert_memory_equal(&mine.storage, &theirs.storage, mine.length);
	close(fd);
}

#endif
