/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child from its start to its reap. curfew_child_start spawns it and opens its parts: the main
 * process, its tree, the pipes. Each part is released when it ends: the process when its pidfd is
 * readable, the tree when nothing of it lives (ladder.c), a pipe at its end. Then the process is
 * reaped, once, the hold on the stage released, and on_exit called, last, for it may free the
 * object.
 */
#include "child/child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "child/keeper.h"
#include "child/launch.h"
#include "child/proc.h"
#include "child/spawn.h"

#define LINE_BOUND 8192 /* bytes of a line of errors in one piece */
#define STOLEN_CODE 255 /* exit code of a child whose status somebody else took */

static const struct curfew_hold_ops part_ops = {.kind = "part"};

void curfew_child_defaults(struct curfew_child_config *config)
{
	*config = (struct curfew_child_config){
		.stop_signal = SIGTERM,
		.eof_wait_ms = 2000,
		.term_wait_ms = 5000,
		.terminal = -1,
	};
}

/* The end of the object. */

static void count_end(struct curfew_child *child)
{
	static const enum curfew_count counts[] = {
		[CURFEW_RUNG_RUNNING] = CURFEW_CHILDREN_EOF,
		[CURFEW_RUNG_EOF] = CURFEW_CHILDREN_EOF,
		[CURFEW_RUNG_TERM] = CURFEW_CHILDREN_TERM,
		[CURFEW_RUNG_KILL] = CURFEW_CHILDREN_KILL,
	};

	curfew_lifecycle_count(child->life, counts[child->exit.rung], 1);
}

static void parts_done(void *arg)
{
	struct curfew_child *child = arg;
	siginfo_t info;

	(void)waitid(P_PIDFD, (id_t)child->main.fd, &info, WEXITED);
	reaper_remove_anchor(&child->anchor);
	ladder_fini(child);
	child->done = true;
	child->exit.exited = true;
	count_end(child);
	cgroup_fini(&child->tree.cgroup);
	curfew_hold_release(&child->hold);
	if (child->config.on_exit) {
		child->config.on_exit(child, child->config.arg);
	}
}

/* The main process. */

static void note_exit(struct curfew_child *child, const siginfo_t *info)
{
	struct curfew_child_exit *exit = &child->exit;
	int stop_signal = child->rung >= CURFEW_RUNG_TERM ? child->config.stop_signal : 0;

	exit->rung = child->rung;
	if (info->si_code == CLD_EXITED) {
		exit->code = info->si_status;
		exit->by_us = stop_signal && exit->code == 128 + stop_signal;
	} else {
		exit->signal = info->si_status;
		exit->by_us = exit->signal == stop_signal ||
			(exit->signal == SIGKILL && child->rung == CURFEW_RUNG_KILL);
	}
}

/*
 * The host ignores SIGCHLD, or waits for every child: the status is lost, and with the process the
 * right to its number, so that its group is not signalled any more.
 */
static void note_stolen(struct curfew_child *child, siginfo_t *info)
{
	log_message(CURFEW_LEVEL_WARNING, "child %s: somebody else took its exit status",
		child->names[CURFEW_RUNG_RUNNING]);
	*info = (siginfo_t){.si_code = CLD_EXITED};
	info->si_status = STOLEN_CODE;
	child->tree.own_group = false;
}

/* Once: a keeper tells of it before it ends itself, if something of the tree keeps it. */
static void tell_main_exit(struct curfew_child *child)
{
	void (*tell)(struct curfew_child * child, void *arg) = child->on_main_exit;

	child->on_main_exit = NULL;
	if (tell) {
		tell(child, child->config.arg);
	}
}

/* Returns what keeper_receive did at last. */
static int take_messages(struct curfew_child *child)
{
	struct keeper_message message;
	int result;

	while ((result = keeper_receive(child->channel.fd, &message)) > 0) {
		if (message.word == KEEPER_EXIT || message.word == KEEPER_ENDED) {
			child->exit = message.exit;
		}
	}
	return result;
}

static void keeper_says(struct source *source, uint32_t events)
{
	struct curfew_child *child = container_of(source, struct curfew_child, channel);

	(void)events;
	if (take_messages(child) < 0) {
		loop_unwatch(child->loop, source); /* its pidfd tells the rest */
	}
	if (child->exit.exited) {
		tell_main_exit(child);
	}
}

static void main_ended(struct source *source, uint32_t events)
{
	struct curfew_child *child = container_of(source, struct curfew_child, main);
	siginfo_t info = {0};

	(void)events;
	if (waitid(P_PIDFD, (id_t)source->fd, &info, WEXITED | WNOHANG | WNOWAIT) < 0) {
		note_stolen(child, &info);
	} else if (!info.si_pid) {
		return;
	}
	loop_unwatch(child->loop, source);
	if (child->channel.fd >= 0) {
		loop_unwatch(child->loop, &child->channel);
		(void)take_messages(child);
	}
	if (!child->exit.exited) { /* or its keeper has told, who then ended himself */
		note_exit(child, &info);
	}
	ladder_main_ended(child);
	curfew_hold_release(&child->main_hold);
	tell_main_exit(child);
}

/* Its output. */

/* One that exits is marked so before its descriptors are closed. */
static bool goes_on(const struct curfew_child *child)
{
	struct proc_stat stat;

	return !child->main_ended && !child->exit.exited &&
		proc_stat(curfew_child_pid(child), &stat) && stat.alive && !stat.exiting;
}

static void output_read(struct pump *pump, const char *bytes, size_t length)
{
	struct curfew_child *child = container_of(pump, struct curfew_child, output);

	if (length == 0) {
		if (child->on_silence && goes_on(child)) {
			child->on_silence(child, child->config.arg);
		}
		curfew_hold_release(&child->output_hold);
	} else if (child->config.on_output) {
		child->config.on_output(child, bytes, length, child->config.arg);
	}
}

static void error_line(const struct line *line, void *arg)
{
	struct curfew_child *child = arg;

	if (child->config.on_error_line) {
		child->config.on_error_line(child, line->bytes, line->length, child->config.arg);
	}
}

static void errors_read(struct pump *pump, const char *bytes, size_t length)
{
	struct curfew_child *child = container_of(pump, struct curfew_child, errors);

	if (length > 0) {
		line_splitter_feed(&child->lines, bytes, length);
	} else {
		line_splitter_finish(&child->lines);
		curfew_hold_release(&child->errors_hold);
	}
}

/* The start. */

/*
 * From here on the child runs. Every part is held; the drain is closed, so that it is done when all
 * are released. Only watching can fail, for want of memory in the kernel.
 */
static int open_parts(struct curfew_child *child, struct stdio *stdio)
{
	int error = loop_watch(child->loop, &child->main, EPOLLIN);

	curfew_drain_hold(&child->parts, &child->main_hold, &part_ops, "main process");
	curfew_drain_hold(&child->parts, &child->tree_hold, &part_ops, "tree");
	if (!error && child->channel.fd >= 0) {
		error = loop_watch(child->loop, &child->channel, EPOLLIN);
	}
	child->input = stdio->ours[0];
	stdio->ours[0] = -1;
	if (!error && stdio->ours[1] >= 0) {
		error = pump_init(&child->output, child->loop, stdio->ours[1], output_read);
		stdio->ours[1] = -1;
		curfew_drain_hold(&child->parts, &child->output_hold, &part_ops, "output");
	}
	if (!error && stdio->ours[2] >= 0) {
		error = pump_init(&child->errors, child->loop, stdio->ours[2], errors_read);
		stdio->ours[2] = -1;
		curfew_drain_hold(&child->parts, &child->errors_hold, &part_ops, "errors");
	}
	return error;
}

static void describe(struct curfew_child *child, const char *command)
{
	const char *slash = strrchr(command, '/');

	for (int rung = CURFEW_RUNG_RUNNING; rung <= CURFEW_RUNG_KILL; rung++) {
		(void)snprintf(child->names[rung], CHILD_NAME, "%.20s pid %d%s%s",
			slash ? slash + 1 : command, (int)curfew_child_pid(child),
			rung == CURFEW_RUNG_RUNNING ? "" : ", rung ",
			rung == CURFEW_RUNG_RUNNING ? "" : rung_name((enum curfew_rung)rung));
	}
	(void)snprintf(child->rest_name, CHILD_NAME, "descendants of %.39s",
		child->names[CURFEW_RUNG_RUNNING]);
	hold_rename(&child->hold, child->names[CURFEW_RUNG_RUNNING]);
	child->started = curfew_now();
}

static void abandon_start(struct curfew_child *child)
{
	tree_kill(&child->tree);
	spawn_reap(child->tree.main);
	loop_unwatch(child->loop, &child->main);
	loop_unwatch(child->loop, &child->channel);
	curfew_hold_release(&child->main_hold);
	curfew_hold_release(&child->tree_hold);
	curfew_hold_release(&child->output_hold);
	curfew_hold_release(&child->errors_hold);
}

static int start(struct curfew_child *child, struct curfew_context *context)
{
	struct curfew_drain *drain = child->config.drain;
	struct stdio stdio;
	int error;

	if (!drain) {
		drain = curfew_lifecycle_stage(child->life, CURFEW_CHILDREN);
	}
	error = curfew_drain_hold(drain, &child->hold, &child_ops, NULL);
	if (error < 0) {
		return error;
	}
	if (child->tree.descendants) {
		cgroup_init(&child->tree.cgroup);
	}
	error = stdio_open(&stdio, &child->config);
	if (error < 0) {
		return error;
	}
	error = launch(child, &stdio);
	stdio_close_theirs(&stdio);
	if (error < 0) {
		stdio_close_ours(&stdio);
		return error;
	}
	describe(child, child->config.argv[0]);
	reaper_add_anchor(&child->anchor, child->tree.main);
	error = open_parts(child, &stdio);
	if (!error && context) {
		error = ladder_watch(child, context);
	}
	if (error < 0) {
		abandon_start(child);
		stdio_close_ours(&stdio);
		return error;
	}
	curfew_drain_on_done(&child->parts, parts_done, child);
	curfew_drain_close(&child->parts, CURFEW_NEVER);
	return 0;
}

static struct curfew_child *child_new(
	struct curfew_lifecycle *life, const struct curfew_child_config *config)
{
	struct curfew_child *child = calloc(1, sizeof(*child));

	if (!child) {
		return NULL;
	}
	child->life = life;
	child->loop = lifecycle_loop(life);
	child->config = *config;
	child->input = -1;
	child->main = (struct source){.fd = -1, .ready = main_ended};
	child->channel = (struct source){.fd = -1, .ready = keeper_says};
	child->tree.own_group = !config->share_group;
	child->tree.descendants = config->tree == CURFEW_TREE_DESCENDANTS;
	child->tree.cgroup.procs = -1;
	ladder_init(child);
	if (line_splitter_init(&child->lines, LINE_BOUND, error_line, child) < 0) {
		free(child);
		return NULL;
	}
	drain_init(&child->parts, &child->loop->agenda);
	return child;
}

static void child_delete(struct curfew_child *child)
{
	reaper_remove_anchor(&child->anchor);
	ladder_fini(child);
	pump_fini(&child->output);
	pump_fini(&child->errors);
	curfew_child_close_input(child);
	if (child->main.fd >= 0) {
		close(child->main.fd);
	}
	if (child->channel.fd >= 0) {
		close(child->channel.fd);
	}
	cgroup_fini(&child->tree.cgroup);
	curfew_hold_release(&child->hold);
	drain_fini(&child->parts);
	line_splitter_fini(&child->lines);
	free(child);
}

struct curfew_child *curfew_child_start(struct curfew_lifecycle *life,
	struct curfew_context *context, const struct curfew_child_config *config)
{
	struct curfew_child *child;
	int error;

	if (!config->argv || !config->argv[0]) {
		errno = EINVAL;
		return NULL;
	}
	child = child_new(life, config);
	if (!child) {
		errno = ENOMEM;
		return NULL;
	}
	error = start(child, context);
	if (error < 0) {
		child_delete(child);
		errno = -error;
		return NULL;
	}
	child->config.argv = NULL;
	child->config.environment = NULL;
	child->config.cwd = NULL;
	child->config.keeper = NULL;
	return child;
}

void curfew_child_free(struct curfew_child *child)
{
	if (child) {
		child_delete(child);
	}
}

/* What can be asked of it. */

int curfew_child_signal(struct curfew_child *child, int signal)
{
	char text[KEEPER_MESSAGE];

	if (child->main_ended) {
		return -ESRCH;
	}
	if (child->channel.fd < 0) {
		return kill(child->tree.main, signal) < 0 ? -errno : 0;
	}
	(void)snprintf(text, sizeof(text), "signal %d", signal);
	keeper_send(child->channel.fd, text);
	return 0;
}

pid_t curfew_child_pid(const struct curfew_child *child)
{
	return child->kept ? child->kept : child->tree.main;
}

int curfew_child_input(const struct curfew_child *child)
{
	return child->input;
}

void curfew_child_close_input(struct curfew_child *child)
{
	if (child->input >= 0) {
		close(child->input);
		child->input = -1;
	}
}

void curfew_child_pause(struct curfew_child *child)
{
	pump_pause(&child->output);
	pump_pause(&child->errors);
}

void curfew_child_resume(struct curfew_child *child)
{
	pump_resume(&child->output);
	pump_resume(&child->errors);
}

struct curfew_child_exit curfew_child_exit(const struct curfew_child *child)
{
	return child->exit;
}

enum curfew_rung curfew_child_rung(const struct curfew_child *child)
{
	return child->rung;
}

void child_on_main_exit(
	struct curfew_child *child, void (*on_main_exit)(struct curfew_child *child, void *arg))
{
	child->on_main_exit = on_main_exit;
}

void child_on_silence(
	struct curfew_child *child, void (*on_silence)(struct curfew_child *child, void *arg))
{
	child->on_silence = on_silence;
}
