/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of listeners share: one that serves, in a lifecycle, and its clients. */
#ifndef LOOP_LISTENER_SCRIPT_H
#define LOOP_LISTENER_SCRIPT_H

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop/listener.h"
#include "tests/descriptors.h"

#define QUEUED 50

static struct curfew_lifecycle *life;
static struct curfew_listener *listener;
static struct sockaddr_in address;
static int served;

static inline int listen_tcp(void)
{
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	assert_int_equal(listen(fd, 128), 0);
	return fd;
}

/* Returns a connection, or a negative errno. */
static inline int dial(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}

/* Answers with one byte, and ends the connection. */
static inline void serve(int fd, void *arg)
{
	assert_ptr_equal(arg, &served);
	served++;
	assert_int_equal(send(fd, "x", 1, MSG_NOSIGNAL), 1);
	close(fd);
}

static inline bool is_answered(int fd)
{
	char byte = 0;
	bool answered = recv(fd, &byte, 1, 0) == 1 && byte == 'x';

	close(fd);
	return answered;
}

static inline void begin(int64_t grace_ms)
{
	struct curfew_lifecycle_options options;

	curfew_lifecycle_defaults(&options);
	options.signals = CURFEW_SIGNALS_NONE;
	options.grace_ms = grace_ms;
	served = 0;
	life = curfew_lifecycle_new(&options);
	assert_non_null(life);
	assert_true(curfew_lifecycle_ready(life));
}

static inline int setup(void **state)
{
	(void)state;
	begin(20000);
	listener = curfew_listener_new(life, listen_tcp(), serve, &served);
	assert_non_null(listener);
	return 0;
}

static inline void dispatch_once(void)
{
	assert_true(descriptor_readable(curfew_lifecycle_fd(life), 20000));
	curfew_lifecycle_dispatch(life);
}

static inline void stop_and_wait(void)
{
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	assert_int_equal(curfew_lifecycle_wait(life), 0);
}

static inline int teardown(void **state)
{
	(void)state;
	if (!curfew_lifecycle_done(life)) {
		stop_and_wait();
	}
	curfew_listener_free(listener);
	curfew_lifecycle_free(life);
	return 0;
}

static inline void dial_many(int fds[QUEUED])
{
	for (int i = 0; i < QUEUED; i++) {
		fds[i] = dial();
		assert_true(fds[i] >= 0);
	}
}

#define listener_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
