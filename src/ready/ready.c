/* SPDX-License-Identifier: Apache-2.0 */
#include "ready/ready.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "core/outcome.h"
#include "loop/notice.h"
#include "loop/signals.h"
#include "ready/target.h"

#define ANSWER_BYTES 2048 /* of an answer that are looked at */
#define REASON_BYTES 256
#define REQUEST                                                                                    \
	"GET /readyz HTTP/1.1\r\nHost: localhost\r\nUser-Agent: curfew-ready\r\n"                  \
	"Connection: close\r\n\r\n"

/* Waits until a descriptor is ready. Returns 0 or a negative errno. */
static int await(int fd, short events, int64_t deadline)
{
	struct pollfd ready = {.fd = fd, .events = events};
	int64_t left_ms = clock_ms_between(curfew_now(), deadline);
	int count = poll(&ready, 1, left_ms < INT_MAX ? (int)left_ms : INT_MAX);

	if (count < 0) {
		return errno == EINTR ? await(fd, events, deadline) : -errno;
	}
	return count ? 0 : -ETIMEDOUT;
}

static int finish_connecting(int fd, int64_t deadline)
{
	int failure = await(fd, POLLOUT, deadline);
	int error = 0;
	socklen_t length = sizeof(error);

	if (failure < 0) {
		return failure;
	}
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0 ? -errno : -error;
}

/* Returns a connected socket, or a negative errno. */
static int connect_to(const struct sockaddr_storage *address, socklen_t length, int64_t deadline)
{
	int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error = 0;

	if (fd < 0) {
		return -errno;
	}
	if (connect(fd, (const struct sockaddr *)address, length) < 0) {
		error = errno == EINPROGRESS ? finish_connecting(fd, deadline) : -errno;
	}
	if (error < 0) {
		close(fd);
		return error;
	}
	return fd;
}

static int connect_any(const struct target *target, int64_t deadline)
{
	int first = 0;

	for (int i = 0; i < target->count; i++) {
		int fd = connect_to(&target->address[i], target->length[i], deadline);

		if (fd >= 0) {
			return fd;
		}
		first = first ? first : fd;
	}
	return first;
}

/* A socket that has just been connected takes so much at once. */
static int ask(int fd)
{
	ssize_t sent = send(fd, REQUEST, sizeof(REQUEST) - 1, MSG_NOSIGNAL);

	if (sent < 0) {
		return -errno;
	}
	return sent == sizeof(REQUEST) - 1 ? 0 : -EPIPE;
}

/* Returns the status of an answer, 0 if that is not HTTP. */
static int status_of(const char *answer)
{
	int status, used = 0;

	if (sscanf(answer, "HTTP/1.%*1[01] %3d%n", &status, &used) != 1 || status < 100 ||
		!strchr(" \r\n", answer[used]) || !strchr(answer, '\n')) {
		return 0;
	}
	return status;
}

/*
 * Reads until it is known to be ready, or up to the end, or as much as there is room for. Returns 0
 * or a negative errno.
 */
static int read_answer(int fd, char answer[ANSWER_BYTES], int64_t deadline)
{
	size_t length = 0;

	answer[0] = '\0';
	while (length < ANSWER_BYTES - 1 && status_of(answer) != 200) {
		int error = await(fd, POLLIN, deadline);
		ssize_t n = error < 0 ? 0 : read(fd, answer + length, ANSWER_BYTES - 1 - length);

		if (error < 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
			return error < 0 ? error : -errno;
		}
		if (n == 0) {
			break;
		}
		length += n > 0 ? (size_t)n : 0;
		answer[length] = '\0';
	}
	return length ? 0 : -ECONNRESET;
}

/* Writes the first line of the body, or of the whole, where there is none. */
static void quote(const char *answer, char reason[REASON_BYTES])
{
	const char *body = strstr(answer, "\r\n\r\n");
	const char *line = body && body[4] ? body + 4 : answer;

	(void)snprintf(reason, REASON_BYTES, "%.*s", (int)strcspn(line, "\r\n"), line);
}

/* Returns whether it is ready; if not, why. */
static bool is_ready(
	const struct ready_config *config, const struct target *target, char reason[REASON_BYTES])
{
	int64_t deadline = curfew_after_ms(config->timeout_ms);
	int fd = connect_any(target, deadline);
	char answer[ANSWER_BYTES] = "";
	int error, status;

	if (fd < 0) {
		(void)snprintf(reason, REASON_BYTES,
			"cannot be reached: %s (was the service started with --admin %.100s?)",
			strerror(-fd), config->address);
		return false;
	}
	error = ask(fd);
	error = error ? error : read_answer(fd, answer, deadline);
	close(fd);
	status = status_of(answer);
	if (status) {
		quote(answer, reason);
	} else {
		(void)snprintf(reason, REASON_BYTES, "%s",
			error < 0 ? strerror(-error) : "what answers there is not HTTP");
	}
	return status == 200;
}

int ready_main(const struct ready_config *config)
{
	const sigset_t mask = signals_original_mask();
	char reason[REASON_BYTES];
	struct target target;
	const char *refusal = target_parse(config->address, &target);

	(void)sigprocmask(SIG_SETMASK, &mask, NULL); /* nothing here has to be ended in order */
	notice_command("ready");
	if (refusal) {
		notice("cannot ask '%.100s': it %s (write ADDRESS:PORT, :PORT or unix:PATH)",
			config->address, refusal);
		return EXIT_CODE_USAGE;
	}
	if (is_ready(config, &target, reason)) {
		return 0;
	}
	if (!config->quiet) {
		notice("%.100s: %s", config->address, reason);
	}
	return EXIT_CODE_FAILURE;
}
