/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets that systemd hands over, in a child each: descriptors from 3 on are what is given, the
 * environment is as systemd makes it.
 */
#include "net/open.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int opened(const char *text)
{
	struct buffer refusal = {0};
	struct address address;
	int fd;

	assert_null(address_parse(text, &address));
	fd = listen_open(&address, &refusal);
	assert_true(fd >= 0);
	return fd;
}

static int opened_unix(void)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "unix:@curfew-activation-%d", (int)getpid());
	return opened(text);
}

struct activation {
	const char *pid; /* NULL: the child's own; "": none */
	const char *fds; /* NULL: none */
	int given[3];    /* 0: none */
	int count;       /* what listen_activated is to return */
	const char *refusal;
};

static bool is_prepared(int fd)
{
	return fcntl(fd, F_GETFD) & FD_CLOEXEC && fcntl(fd, F_GETFL) & O_NONBLOCK;
}

/* Returns 0, or the number of what was wrong. */
static int activate(const struct activation *activation)
{
	struct buffer refusal = {0};
	char own[16];
	int given[3];
	int count;

	for (int i = 0; i < 3; i++) { /* out of the way first */
		given[i] = activation->given[i] ? fcntl(activation->given[i], F_DUPFD, 100) : -1;
	}
	for (int i = 0; i < 3; i++) {
		(void)(given[i] < 0 ? close(3 + i) : dup2(given[i], 3 + i));
	}
	(void)snprintf(own, sizeof(own), "%d", getpid());
	setenv("LISTEN_PID", activation->pid ? activation->pid : own, 1);
	setenv("LISTEN_FDNAMES", "a:b", 1);
	if (activation->fds) {
		setenv("LISTEN_FDS", activation->fds, 1);
	}
	count = listen_activated(&refusal);
	if (count != activation->count) {
		return 1;
	}
	if (strcmp(buffer_text(&refusal), activation->refusal ? activation->refusal : "") != 0) {
		return 2;
	}
	if (getenv("LISTEN_PID") || getenv("LISTEN_FDS") || getenv("LISTEN_FDNAMES")) {
		return 3;
	}
	for (int i = 0; i < count; i++) {
		if (!is_prepared(3 + i)) {
			return 4;
		}
	}
	return listen_activated(&refusal) == 0 ? 0 : 5;
}

static void assert_activates(const struct activation *activation)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		_exit(activate(activation));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void takes_what_systemd_hands_over(void **state)
{
	static const char no_number[] = "LISTEN_FDS is no number of sockets";
	static const char third[] = "descriptor 3 of LISTEN_FDS is no listening stream socket "
				    "(the unit needs ListenStream= and Accept=no)";
	static const char fourth[] = "descriptor 4 of LISTEN_FDS is no listening stream socket "
				     "(the unit needs ListenStream= and Accept=no)";
	struct sockaddr_storage at;
	socklen_t length = sizeof(at);
	const struct sockaddr unnamed = {.sa_family = AF_UNIX};
	int tcp = opened("127.0.0.1:0");
	int local = opened_unix();
	int blocking = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int packets = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int datagram = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int connected = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const struct activation activations[] = {
		{NULL, "1", {tcp}, 1, NULL},
		{NULL, "3", {tcp, local, blocking}, 3, NULL},
		{NULL, "0", {tcp}, 0, NULL},
		{NULL, NULL, {tcp}, 0, NULL},
		{"", "1", {tcp}, 0, NULL},
		{"1", "1", {tcp}, 0, NULL},
		{"x", "x", {tcp}, 0, NULL},
		{NULL, "x", {tcp}, -1, no_number},
		{NULL, "", {tcp}, -1, no_number},
		{NULL, "-1", {tcp}, -1, no_number},
		{NULL, "1x", {tcp}, -1, no_number},
		{NULL, "99999999999999999999", {tcp}, -1, no_number},
		{NULL, "1025", {tcp}, -1, no_number},
		{NULL, "1", {0}, -1, third},
		{NULL, "1", {file}, -1, third},
		{NULL, "1", {connected}, -1, third},
		{NULL, "1", {packets}, -1, third},
		{NULL, "1", {datagram}, -1, third},
		{NULL, "2", {tcp, datagram}, -1, fourth},
		{NULL, "3", {tcp, 0, tcp}, -1, fourth},
	};

	(void)state;
	assert_int_equal(listen(blocking, 1), 0); /* on a port of the kernel's choice */
	assert_int_equal(bind(packets, &unnamed, sizeof(sa_family_t)), 0);
	assert_int_equal(listen(packets, 1), 0);
	assert_int_equal(getsockname(tcp, (struct sockaddr *)&at, &length), 0);
	assert_int_equal(connect(connected, (struct sockaddr *)&at, length), 0);
	for (size_t i = 0; i < sizeof(activations) / sizeof(activations[0]); i++) {
		assert_activates(&activations[i]);
	}
	close(tcp);
	close(local);
	close(blocking);
	close(packets);
	close(datagram);
	close(connected);
	close(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_what_systemd_hands_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
