/* SPDX-License-Identifier: Apache-2.0 */
#include "child/launch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/signal_name.h"
#include "child/environment.h"
#include "child/keeper.h"
#include "child/spawn.h"
#include "loop/descriptor_limit.h"

#define KEEPER_START_MS 10000 /* for a keeper to say that its child runs */
#define KEEPER_WORDS 15       /* words before the command of a keeper, its NULL included */
#define DURATION_TEXT 32

/* The command of a keeper: its own words, then the child's. */
struct keeper_command {
	char fd[DURATION_TEXT], term_wait[DURATION_TEXT], eof_wait[DURATION_TEXT];
	char signal[SIGNAL_NAME_BYTES];
	const char **argv;
};

static void format_duration(char text[DURATION_TEXT], int64_t ms)
{
	if (ms == CURFEW_NEVER) {
		(void)snprintf(text, DURATION_TEXT, "inf");
	} else {
		(void)snprintf(text, DURATION_TEXT, "%lldms", (long long)ms);
	}
}

static int make_keeper_command(
	struct keeper_command *command, const struct curfew_child_config *config, int fd)
{
	size_t count = 0;
	size_t words = 0;

	while (config->argv[words]) {
		words++;
	}
	command->argv = calloc(words + KEEPER_WORDS, sizeof(*command->argv));
	if (!command->argv) {
		return -ENOMEM;
	}
	(void)snprintf(command->fd, sizeof(command->fd), "%d", fd);
	format_duration(command->term_wait, config->term_wait_ms);
	format_duration(command->eof_wait, config->eof_wait_ms);
	command->argv[count++] = config->keeper ? config->keeper : "curfew";
	command->argv[count++] = "run";
	command->argv[count++] = "--keeper";
	command->argv[count++] = command->fd;
	command->argv[count++] = "--grace=inf";
	command->argv[count++] = "--term-wait";
	command->argv[count++] = command->term_wait;
	command->argv[count++] = "--eof-wait";
	command->argv[count++] = command->eof_wait;
	if (config->stop_signal != SIGTERM) {
		command->argv[count++] = "--signal";
		command->argv[count++] = signal_name(config->stop_signal, command->signal);
	}
	if (config->main_first) {
		command->argv[count++] = "--kill-mode=main";
	}
	command->argv[count++] = "--";
	memcpy(command->argv + count, config->argv, words * sizeof(*config->argv));
	return 0;
}

static int spawn_child(
	struct curfew_child *child, const char *const *argv, const struct stdio *stdio, int keep)
{
	const struct curfew_child_config *config = &child->config;
	struct environment environment;
	struct rlimit descriptors;
	struct spawn spawn = {
		.path = argv[0],
		.argv = (char *const *)argv,
		.cwd = config->cwd,
		.stdio = {stdio->theirs[0], stdio->theirs[1], stdio->theirs[2]},
		.keep = keep,
		.inherit_descriptors = config->inherit_descriptors,
		.group = config->share_group ? SPAWN_GROUP_SHARED : SPAWN_GROUP_OWN,
		.terminal = config->terminal,
		.cgroup_procs = child->tree.cgroup.procs,
		.mask = signals_original_mask(),
		.reset_handlers = !signals_are_ours(),
		.ignore = signals_originally_ignored(),
		.parent_death_signal = config->parent_death_signal,
		.descriptors = descriptor_limit_original(&descriptors) ? &descriptors : NULL,
	};
	int error =
		environment_init(&environment, config->environment, config->inherit_descriptors);

	if (error < 0) {
		return error;
	}
	spawn.environment = environment.variables;
	spawn.search = environment_get(&environment, "PATH");
	spawn.own_pid = environment_own_pid(&environment);
	error = spawn_start(&spawn, &child->tree.main, &child->main.fd);
	environment_fini(&environment);
	return error;
}

/* Waits for the keeper's first word. Returns 0 or the error for which its child does not run. */
static int await_kept(struct curfew_child *child)
{
	struct keeper_message message = {0};
	int result = keeper_await(child->channel.fd, &message, curfew_after_ms(KEEPER_START_MS));

	if (result > 0 && message.word == KEEPER_PID) {
		child->kept = (pid_t)message.number;
		return 0;
	}
	if (result > 0 && message.word == KEEPER_ERROR) {
		result = -(int)message.number;
	} else if (result == -EPIPE || result > 0) {
		result = -ECHILD;
	}
	(void)kill(child->tree.main, SIGKILL);
	spawn_reap(child->tree.main);
	close(child->main.fd);
	child->main.fd = -1;
	return result;
}

static int spawn_keeper(struct curfew_child *child, const struct stdio *stdio)
{
	struct keeper_command command;
	int sockets[2];
	int error;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0) {
		return -errno;
	}
	child->channel.fd = sockets[0];
	error = stdio_move_above(&sockets[1]);
	if (error < 0) {
		goto out;
	}
	error = make_keeper_command(&command, &child->config, sockets[1]);
	if (!error) {
		error = spawn_child(child, command.argv, stdio, sockets[1]);
		free(command.argv);
	}
	close(sockets[1]);
	if (!error) {
		error = await_kept(child);
	}
out:
	if (error < 0) {
		close(sockets[0]);
		child->channel.fd = -1;
	}
	return error;
}

int launch(struct curfew_child *child, const struct stdio *stdio)
{
	if (child->config.tree == CURFEW_TREE_KEEPER) {
		return spawn_keeper(child, stdio);
	}
	return spawn_child(child, child->config.argv, stdio, -1);
}
