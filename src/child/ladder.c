/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ladder: RUNNING -> EOF (where we own the input) -> TERM -> KILL, each rung with a bound. The
 * main process can end on any of them; then what is left of its tree goes on up the ladder. While
 * something of the tree lives, the descriptor of one survivor is watched; when that one ends, the
 * next is looked for.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"
#include "child/child.h"
#include "child/keeper.h"
#include "child/proc.h"
#include "core/lifecycle.h"

#define LOOK_MS 20

static void look_for_survivors(struct curfew_child *child);
static void end_output(struct curfew_child *child);

static bool is_kept(const struct curfew_child *child)
{
	return child->channel.fd >= 0;
}

/* The only writer of the rung, which the name that listings show tells too. */
static void climb(struct curfew_child *child, enum curfew_rung rung)
{
	child->rung = rung;
	hold_rename(&child->hold, child->main_ended ? child->rest_name : child->names[rung]);
}

static void next_rung_after(struct curfew_child *child, int64_t ms)
{
	agenda_start(&child->loop->agenda, &child->ladder, curfew_after_ms(ms));
}

static bool may_be_stopped(pid_t pid)
{
	struct proc_stat stat;

	return !proc_stat(pid, &stat) || stat.state == 'T';
}

/* Says a word to the keeper, who may have been stopped by somebody, and is continued to hear it. */
static void tell_keeper(struct curfew_child *child, const char *word)
{
	if (!child->main_ended && may_be_stopped(child->tree.main)) {
		(void)kill(child->tree.main, SIGCONT);
	}
	keeper_send(child->channel.fd, word);
}

static void signal_tree(struct curfew_child *child)
{
	int signal = child->config.stop_signal;

	if (is_kept(child)) {
		tell_keeper(child, "stop");
	} else if (child->config.main_first && !child->main_ended) {
		(void)curfew_child_signal(child, signal);
		(void)curfew_child_signal(child, SIGCONT);
	} else {
		tree_signal(&child->tree, signal, child->told_group);
		tree_signal(&child->tree, SIGCONT, 0);
	}
}

static void enter_term(struct curfew_child *child)
{
	climb(child, CURFEW_RUNG_TERM);
	next_rung_after(child, child->config.term_wait_ms);
	signal_tree(child);
}

/* For the report, and for who counts and logs what is cut, as if its hold had been. */
static void note_killed(const char *name, void *arg)
{
	const struct curfew_child *child = arg;
	const struct curfew_holder holder = {
		.kind = child_ops.kind,
		.name = name,
		.age_ms = clock_ms_between(child->started, curfew_now()),
	};

	lifecycle_note_forced(child->life, &holder);
}

/* At a bound of its own. If it still holds when the stage is cut, it is not told again. */
static void note_child_killed(struct curfew_child *child)
{
	note_killed(child->hold.name, child);
	hold_told(&child->hold);
}

static void enter_kill(struct curfew_child *child)
{
	climb(child, CURFEW_RUNG_KILL);
	agenda_stop(&child->loop->agenda, &child->ladder);
	if (child->tree_ended) {
		end_output(child);
		return;
	}
	child->exit.forced = true;
	if (is_kept(child)) {
		tell_keeper(child, "kill");
	} else {
		tree_list(&child->tree, note_killed, child);
		tree_kill(&child->tree);
	}
}

static void enter_eof(struct curfew_child *child)
{
	climb(child, CURFEW_RUNG_EOF);
	next_rung_after(child, child->config.eof_wait_ms);
	curfew_child_close_input(child);
}

static void bound_over(struct timer *timer)
{
	struct curfew_child *child = container_of(timer, struct curfew_child, ladder);

	if (child->rung == CURFEW_RUNG_EOF) {
		enter_term(child);
	} else {
		note_child_killed(child);
		enter_kill(child);
	}
}

static void stop(struct curfew_child *child)
{
	if (child->tree_ended || child->rung != CURFEW_RUNG_RUNNING) {
		return;
	}
	if (child->input >= 0) {
		enter_eof(child);
	} else {
		enter_term(child);
	}
}

static void stop_watched(void *arg)
{
	stop(arg);
}

static void kill_watched(void *arg)
{
	curfew_child_kill(arg);
}

void curfew_child_stop(struct curfew_child *child, struct curfew_context *context)
{
	if (context && !child->watch_kill) {
		child->watch_kill = curfew_watch_new(
			curfew_context_token(context), child->life, kill_watched, child);
	}
	stop(child);
}

void child_set_stop_signal(struct curfew_child *child, int signal, pid_t told_group)
{
	if (child->rung < CURFEW_RUNG_TERM) {
		child->config.stop_signal = signal;
		child->told_group = told_group;
	}
}

void curfew_child_kill(struct curfew_child *child)
{
	if (!child->done && child->rung != CURFEW_RUNG_KILL) {
		enter_kill(child);
	}
}

static void finish(struct curfew_hold *hold)
{
	stop(container_of(hold, struct curfew_child, hold));
}

static void cut(struct curfew_hold *hold)
{
	curfew_child_kill(container_of(hold, struct curfew_child, hold));
}

const struct curfew_hold_ops child_ops = {.kind = "child", .finish = finish, .cut = cut};

static void unwatch_survivor(struct curfew_child *child)
{
	if (child->survivor.fd >= 0) {
		loop_unwatch(child->loop, &child->survivor);
		close(child->survivor.fd);
		child->survivor.fd = -1;
	}
}

static void survivor_ended(struct source *source, uint32_t events)
{
	struct curfew_child *child = container_of(source, struct curfew_child, survivor);

	(void)events;
	unwatch_survivor(child);
	look_for_survivors(child);
}

static void look_again(struct timer *timer)
{
	look_for_survivors(container_of(timer, struct curfew_child, look));
}

/* Watches a process until it ends; without a descriptor, looks again a little later. */
static void watch_survivor(struct curfew_child *child, pid_t pid)
{
	child->survivor.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (child->survivor.fd >= 0 && loop_watch(child->loop, &child->survivor, EPOLLIN) == 0) {
		return;
	}
	unwatch_survivor(child);
	agenda_start(&child->loop->agenda, &child->look, curfew_after_ms(LOOK_MS));
}

/*
 * All writers are gone. When we are in a hurry, what a paused pump has not read is lost, and
 * counted.
 */
static void end_output(struct curfew_child *child)
{
	struct pump *pumps[] = {&child->output, &child->errors};

	for (size_t i = 0; i < sizeof(pumps) / sizeof(pumps[0]); i++) {
		if (child->rung == CURFEW_RUNG_KILL && pumps[i]->paused) {
			curfew_lifecycle_count(
				child->life, CURFEW_BYTES_UNDELIVERED, pump_abort(pumps[i]));
		} else {
			pump_finish(pumps[i]);
		}
	}
}

/*
 * Returns somebody of the tree who lives, 0 for nobody. One that ends while we look hands its
 * children over to us behind our back, and is found as one more to reap: then the look did not
 * count.
 */
static pid_t find_survivor(struct curfew_child *child)
{
	pid_t survivor;

	if (is_kept(child)) {
		return 0;
	}
	do {
		survivor = tree_survivor(&child->tree);
	} while (!survivor && child->tree.descendants && reaper_reap() > 0);
	return survivor;
}

/* Waits for a survivor, or lets go of the tree where there is none. */
static void go_on(struct curfew_child *child, pid_t survivor)
{
	if (!survivor) {
		child->tree_ended = true;
		agenda_stop(&child->loop->agenda, &child->ladder);
		end_output(child);
		curfew_hold_release(&child->tree_hold);
		return;
	}
	if (child->rung == CURFEW_RUNG_KILL) {
		tree_kill(&child->tree);
	}
	watch_survivor(child, survivor);
}

/* The main process has ended: is the rest of its tree gone too? */
static void look_for_survivors(struct curfew_child *child)
{
	go_on(child, find_survivor(child));
}

void ladder_main_ended(struct curfew_child *child)
{
	bool asked = child->rung >= CURFEW_RUNG_TERM;
	pid_t survivor;

	if (is_kept(child) && child->exit.forced && child->rung != CURFEW_RUNG_KILL) {
		note_child_killed(child); /* the keeper's bound came before ours */
	}
	child->main_ended = true;
	hold_rename(&child->hold, child->rest_name);
	curfew_child_close_input(child);
	survivor = find_survivor(child);
	if (survivor) {
		if (!asked) {
			enter_term(child);
		} else if (child->config.main_first && child->rung == CURFEW_RUNG_TERM) {
			signal_tree(child);
		}
	}
	go_on(child, survivor);
}

void ladder_init(struct curfew_child *child)
{
	child->ladder.fired = bound_over;
	child->look.fired = look_again;
	child->survivor = (struct source){.fd = -1, .ready = survivor_ended};
}

/* Has the child stopped when context is cancelled. Returns 0 or -ENOMEM. */
int ladder_watch(struct curfew_child *child, struct curfew_context *context)
{
	child->watch_stop =
		curfew_watch_new(curfew_context_token(context), child->life, stop_watched, child);
	return child->watch_stop ? 0 : -ENOMEM;
}

void ladder_fini(struct curfew_child *child)
{
	agenda_stop(&child->loop->agenda, &child->ladder);
	agenda_stop(&child->loop->agenda, &child->look);
	unwatch_survivor(child);
	curfew_watch_free(child->watch_stop);
	curfew_watch_free(child->watch_kill);
	child->watch_stop = NULL;
	child->watch_kill = NULL;
}
