/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each task has a thread. A task that ends notes what that means for the group, puts itself on the
 * list of the ended and is joined from there, by whoever waits or starts the next one. The group's
 * lock is taken before a context's, never inside it.
 *
 * Main tasks may start one after another, so that their number can be zero before all were started:
 * it counts only once somebody waits. How things stood is kept from the moment when the last one
 * ended, for a budget that is over later, or a cancellation that comes later, is not their failure.
 */
#include <curfew/group.h>

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/list.h"

struct curfew_group {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* a task ended, or was joined */
	struct curfew_context *context;
	int64_t budget;
	struct curfew_link ended; /* tasks to be joined */
	unsigned mains;           /* main tasks that run */
	unsigned unjoined;        /* tasks of both kinds, ended or not */
	bool settled;             /* standing tells how it stood when the last main task ended */
	int standing;             /* 0, -ETIMEDOUT or -ECANCELED */
	bool waited;
	bool completed;            /* cancelled by us, since the main tasks were done */
	struct curfew_error error; /* of the first task that failed */
};

struct group_task {
	struct curfew_link link;
	struct curfew_group *group;
	pthread_t thread;
	bool is_main;
	curfew_task_fn *run;
	void *arg;
	char name[CURFEW_TASK_NAME];
};

static struct curfew_token *token_of(struct curfew_group *group)
{
	return curfew_context_token(group->context);
}

/*
 * Returns whether the group is cancelled by now, a deadline that nobody has noticed yet included.
 */
static bool is_cancelled(struct curfew_group *group)
{
	return curfew_token_wait(token_of(group), curfew_now());
}

/* Returns what the context's state means for main tasks that are not done. */
static int standing_now(struct curfew_group *group)
{
	struct curfew_token *token = token_of(group);

	if (!is_cancelled(group)) {
		return 0;
	}
	/* A deadline above that is earlier than our budget is a cancellation from outside. */
	if (curfew_token_cause(token).origin == CURFEW_DEADLINE &&
		group->budget == curfew_token_deadline(token) && curfew_now() >= group->budget) {
		return -ETIMEDOUT;
	}
	return -ECANCELED;
}

static void settle(struct curfew_group *group)
{
	group->settled = true;
	group->standing = standing_now(group);
}

/* Only the first failure counts, and only if nothing but our own completion came before it. */
static void note_failure(struct group_task *task, int code)
{
	struct curfew_group *group = task->group;
	bool cancelled = is_cancelled(group);
	char text[CURFEW_CAUSE_TEXT];

	if (group->error.code || (cancelled && (code == -ECANCELED || !group->completed))) {
		return;
	}
	group->error.code = code;
	memcpy(group->error.task, task->name, sizeof(task->name));
	if (!cancelled) {
		(void)snprintf(text, sizeof(text), "%s: %s", task->name, strerror(-code));
		curfew_context_cancel_for(group->context, CURFEW_FAILURE, text);
	}
}

static void *task_thread(void *arg)
{
	struct group_task *task = arg;
	struct curfew_group *group = task->group;
	int code = task->run(token_of(group), task->arg);

	assert(code <= 0);
	pthread_mutex_lock(&group->lock);
	if (code) {
		note_failure(task, code);
	}
	if (task->is_main && !--group->mains) {
		settle(group);
	}
	list_append(&group->ended, &task->link);
	pthread_cond_broadcast(&group->changed);
	pthread_mutex_unlock(&group->lock);
	return NULL;
}

/*
 * Joins the tasks that have ended. The group is locked, but not while a thread takes its last
 * steps.
 */
static void join_ended(struct curfew_group *group)
{
	struct curfew_link *link;

	while ((link = list_take(&group->ended))) {
		struct group_task *task = container_of(link, struct group_task, link);

		pthread_mutex_unlock(&group->lock);
		pthread_join(task->thread, NULL);
		free(task);
		pthread_mutex_lock(&group->lock);
		group->unjoined--;
		pthread_cond_broadcast(&group->changed);
	}
}

static int start_thread(struct group_task *task)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&task->thread, NULL, task_thread, task);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -error;
}

/*
 * The group is locked, so that the task cannot end before it was counted. Returns 0 or a negative
 * errno.
 */
static int start_locked(struct group_task *task)
{
	struct curfew_group *group = task->group;
	int error;

	if (is_cancelled(group)) {
		/*
		 * What was refused is not done: a caller who does not look must not take it for
		 * that.
		 */
		group->settled = group->settled && !task->is_main;
		return -ECANCELED;
	}
	error = start_thread(task);
	if (error) {
		return error;
	}
	group->unjoined++;
	if (task->is_main) {
		group->mains++;
	}
	return 0;
}

static int start(
	struct curfew_group *group, bool is_main, const char *name, curfew_task_fn *run, void *arg)
{
	struct group_task *task = calloc(1, sizeof(*task));
	int error;

	if (!task) {
		return -ENOMEM;
	}
	*task = (struct group_task){.group = group, .is_main = is_main, .run = run, .arg = arg};
	(void)snprintf(task->name, sizeof(task->name), "%s", name ? name : "task");
	pthread_mutex_lock(&group->lock);
	join_ended(group);
	error = start_locked(task);
	pthread_mutex_unlock(&group->lock);
	if (error) {
		free(task);
	}
	return error;
}

int curfew_group_main(struct curfew_group *group, const char *name, curfew_task_fn *run, void *arg)
{
	return start(group, true, name, run, arg);
}

int curfew_group_background(
	struct curfew_group *group, const char *name, curfew_task_fn *run, void *arg)
{
	return start(group, false, name, run, arg);
}

struct curfew_group *curfew_group_new(struct curfew_context *parent, int64_t deadline)
{
	struct curfew_group *group = calloc(1, sizeof(*group));
	pthread_condattr_t monotonic;

	if (!group) {
		return NULL;
	}
	group->budget = deadline;
	group->context = curfew_context_new(parent, deadline);
	if (!group->context) {
		free(group);
		return NULL;
	}
	list_init(&group->ended);
	pthread_mutex_init(&group->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&group->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return group;
}

struct curfew_context *curfew_group_context(struct curfew_group *group)
{
	return group->context;
}

/* Waits for a change or the deadline, which in a tree without a lifecycle nobody else keeps. */
static void await_change(struct curfew_group *group)
{
	int64_t until = is_cancelled(group) ? CURFEW_NEVER : curfew_token_deadline(token_of(group));
	const struct timespec at = {.tv_sec = until / NS_PER_S, .tv_nsec = until % NS_PER_S};

	if (until == CURFEW_NEVER) {
		pthread_cond_wait(&group->changed, &group->lock);
	} else {
		pthread_cond_timedwait(&group->changed, &group->lock, &at);
	}
}

static void join_all(struct curfew_group *group)
{
	for (;;) {
		join_ended(group);
		if (!group->unjoined) {
			return;
		}
		if (list_empty(&group->ended)) {
			await_change(group);
		}
	}
}

/*
 * Waits until no main task runs, and tells what that means. Returns as curfew_group_wait, but for
 * failures.
 */
static int await_mains(struct curfew_group *group)
{
	while (group->mains) {
		join_ended(group);
		if (group->mains && list_empty(&group->ended)) {
			await_change(group);
		}
	}
	if (!group->settled) { /* none was ever started, or the last one was refused */
		settle(group);
	}
	return group->standing;
}

int curfew_group_wait(struct curfew_group *group, struct curfew_error *error)
{
	int code;

	pthread_mutex_lock(&group->lock);
	assert(!group->waited);
	group->waited = true;
	code = await_mains(group);
	group->completed = !is_cancelled(group);
	curfew_context_cancel_for(group->context, CURFEW_COMPLETED, NULL);
	join_all(group);
	if (!group->error.code) {
		group->error.code = code;
	}
	group->error.cause = curfew_token_cause(token_of(group));
	code = group->error.code;
	if (error) {
		*error = group->error;
	}
	pthread_mutex_unlock(&group->lock);
	return code;
}

void curfew_group_free(struct curfew_group *group)
{
	if (!group) {
		return;
	}
	pthread_mutex_lock(&group->lock);
	curfew_context_cancel_for(group->context, CURFEW_COMPLETED, NULL);
	join_all(group);
	pthread_mutex_unlock(&group->lock);
	curfew_context_free(group->context);
	pthread_cond_destroy(&group->changed);
	pthread_mutex_destroy(&group->lock);
	free(group);
}
