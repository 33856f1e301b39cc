/* SPDX-License-Identifier: Apache-2.0 */
#include "contender.h"

#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

extern char **environ;

int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static void refuse(const char *text)
{
	fprintf(stderr, "bench: %s\n", text);
	exit(2);
}

static void append(struct contender *contender, int *words, char *word)
{
	if (*words == CONTENDER_WORDS - 1) {
		refuse("too many words in a contender");
	}
	contender->argv[(*words)++] = word;
	contender->argv[*words] = NULL;
}

int contender_read(struct contender *list, char **words, char *const *child)
{
	int n = 0, length = 0;

	for (; *words; words++) {
		if (n == CONTENDERS) {
			refuse("too many contenders");
		}
		if (strcmp(*words, ",") != 0) {
			append(&list[n], &length, *words);
			continue;
		}
		for (char *const *word = child; *word; word++) {
			append(&list[n], &length, *word);
		}
		n++;
		length = 0;
	}
	if (length) {
		refuse("a contender's words end with a comma");
	}
	return n;
}

pid_t contender_start(const struct contender *contender, int out)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	pid_t pid;
	int error;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, out, 1);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	error = posix_spawnp(
		&pid, contender->argv[0], &actions, &attributes, contender->argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	if (error) {
		fprintf(stderr, "bench: cannot start %s: %s\n", contender->argv[0],
			strerror(error));
		exit(1);
	}
	return pid;
}
