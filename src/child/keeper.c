/* SPDX-License-Identifier: Apache-2.0 */
#include "child/keeper.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "child/child.h"

#define RUNG_WORD(name, word, text) word,
static const char *const rungs[] = {CURFEW_RUNGS(RUNG_WORD)};
#define RUNGS (sizeof(rungs) / sizeof(rungs[0]))

const char *rung_name(enum curfew_rung rung)
{
	return rungs[rung];
}

/* Reads a decimal number that is all of the text. */
static bool parse_number(const char *text, long *number)
{
	char *end;

	errno = 0;
	*number = strtol(text, &end, 10);
	return end != text && *end == '\0' && errno == 0 && *number >= 0 && *number <= INT32_MAX;
}

static bool parse_rung(const char *word, enum curfew_rung *rung)
{
	for (size_t i = 0; i < RUNGS; i++) {
		if (strcmp(word, rungs[i]) == 0) {
			*rung = (enum curfew_rung)i;
			return true;
		}
	}
	return false;
}

static bool parse_exit(const char *text, struct curfew_child_exit *exit)
{
	char rung[8];
	int by_us;
	int forced;
	int end = 0;

	*exit = (struct curfew_child_exit){.exited = true};
	if (sscanf(text, "code=%d signal=%d by_us=%1d rung=%7[a-z] forced=%1d%n", &exit->code,
		    &exit->signal, &by_us, rung, &forced, &end) != 5) {
		return false;
	}
	exit->by_us = by_us;
	exit->forced = forced;
	return text[end] == '\0' && parse_rung(rung, &exit->rung) && exit->code >= 0 &&
		exit->code <= 255 && exit->signal >= 0 && exit->signal < _NSIG;
}

struct keeper_message keeper_parse(const char *text)
{
	static const struct {
		const char *name;
		enum keeper_word word;
	} words[] = {
		{"signal", KEEPER_SIGNAL},
		{"stop", KEEPER_STOP},
		{"pid", KEEPER_PID},
		{"error", KEEPER_ERROR},
	};
	struct keeper_message message = {.number = -1};
	char line[KEEPER_MESSAGE] = "";
	char *argument;

	strncpy(line, text, sizeof(line) - 1);
	line[strcspn(line, "\n")] = '\0';
	argument = strchr(line, ' ');
	if (!argument) {
		message.word = strcmp(line, "stop") == 0 ? KEEPER_STOP
			: strcmp(line, "kill") == 0      ? KEEPER_KILL
							 : KEEPER_NONE;
		return message;
	}
	*argument++ = '\0';
	if (strcmp(line, "exit") == 0 && parse_exit(argument, &message.exit)) {
		message.word = KEEPER_EXIT;
	} else if (strcmp(line, "ended") == 0 && parse_exit(argument, &message.exit)) {
		message.word = KEEPER_ENDED;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(line, words[i].name) == 0 && parse_number(argument, &message.number)) {
			message.word = words[i].word;
		}
	}
	return message;
}

size_t keeper_format_exit(
	enum keeper_word word, const struct curfew_child_exit *exit, char text[KEEPER_MESSAGE])
{
	return (size_t)snprintf(text, KEEPER_MESSAGE,
		"%s code=%d signal=%d by_us=%d rung=%s forced=%d",
		word == KEEPER_ENDED ? "ended" : "exit", exit->code, exit->signal, exit->by_us,
		rung_name(exit->rung), exit->forced);
}

void keeper_send(int fd, const char *text)
{
	(void)send(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
}

int keeper_receive(int fd, struct keeper_message *message)
{
	char text[KEEPER_MESSAGE];
	ssize_t length = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	if (length < 0) {
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	}
	if (length == 0) {
		return -EPIPE;
	}
	text[length] = '\0';
	*message = keeper_parse(text);
	return 1;
}

int keeper_await(int fd, struct keeper_message *message, int64_t deadline)
{
	for (;;) {
		struct pollfd readable = {.fd = fd, .events = POLLIN};
		int result = keeper_receive(fd, message);
		int64_t now = curfew_now();

		if (result) {
			return result;
		}
		if (now >= deadline) {
			return -ETIMEDOUT;
		}
		(void)poll(&readable, 1, (int)clock_ms_between(now, deadline) + 1);
	}
}
