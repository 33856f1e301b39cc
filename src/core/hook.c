/* SPDX-License-Identifier: Apache-2.0 */
#include "core/hook.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"

static void next_hook(struct curfew_lifecycle *life);

static struct curfew_hook *hook_new(struct curfew_lifecycle *life, const char *name,
	int64_t bound_ms, curfew_hook_fn *run, void *arg)
{
	struct curfew_hook *hook = calloc(1, sizeof(*hook));

	if (!hook) {
		return NULL;
	}
	hook->life = life;
	hook->bound_ms = bound_ms;
	hook->run = run;
	hook->arg = arg;
	strncpy(hook->name, name, sizeof(hook->name) - 1);
	list_append(&life->hooks, &hook->link);
	return hook;
}

struct curfew_hook *curfew_lifecycle_hook(struct curfew_lifecycle *life, const char *name,
	int64_t bound_ms, curfew_hook_fn *run, void *arg)
{
	return hook_new(life, name, bound_ms, run, arg);
}

struct curfew_hook *curfew_lifecycle_hook_threaded(struct curfew_lifecycle *life, const char *name,
	int64_t bound_ms, curfew_hook_fn *run, void *arg)
{
	struct curfew_hook *hook = hook_new(life, name, bound_ms, run, arg);

	if (hook) {
		hook->threaded = true;
	}
	return hook;
}

void curfew_hook_done(struct curfew_hook *hook)
{
	atomic_store(&hook->done, true);
	agenda_post(hook->life->agenda, &hook->life->hook_done);
}

/* What a hook and its thread share; either may end first. */
struct hook_thread {
	pthread_mutex_t lock;
	struct curfew_hook *hook; /* NULL: nobody waits any more */
	bool finished;
	curfew_hook_fn *run;
	void *arg;
};

static void hook_thread_free(struct hook_thread *thread)
{
	pthread_mutex_destroy(&thread->lock);
	free(thread);
}

static void *run_on_thread(void *arg)
{
	struct hook_thread *thread = arg;
	bool last;

	thread->run(NULL, thread->arg);
	pthread_mutex_lock(&thread->lock);
	thread->finished = true;
	last = !thread->hook;
	if (!last) {
		curfew_hook_done(thread->hook);
	}
	pthread_mutex_unlock(&thread->lock);
	if (last) {
		hook_thread_free(thread);
	}
	return NULL;
}

/* Lets go of the hook's thread, which may still run. */
static void leave_thread(struct curfew_hook *hook)
{
	struct hook_thread *thread = hook->thread;
	bool last;

	if (!thread) {
		return;
	}
	pthread_mutex_lock(&thread->lock);
	thread->hook = NULL;
	last = thread->finished;
	pthread_mutex_unlock(&thread->lock);
	if (last) {
		hook_thread_free(thread);
	}
}

static int create_detached(void *(*run)(void *), void *arg)
{
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t all;
	sigset_t mask;
	int error;

	sigfillset(&all);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &mask);
	error = pthread_create(&thread, &attributes, run, arg);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	pthread_attr_destroy(&attributes);
	return error;
}

/* Starts a detached thread that takes no signals. Returns 0 or an error number. */
static int start_thread(struct curfew_hook *hook)
{
	struct hook_thread *thread = calloc(1, sizeof(*thread));
	int error;

	if (!thread) {
		return ENOMEM;
	}
	pthread_mutex_init(&thread->lock, NULL);
	thread->hook = hook;
	thread->run = hook->run;
	thread->arg = hook->arg;
	error = create_detached(run_on_thread, thread);
	if (error) {
		hook_thread_free(thread);
		return error;
	}
	hook->thread = thread;
	return 0;
}

static void give_up(struct curfew_hook *hook, const char *why)
{
	log_message(CURFEW_LEVEL_WARNING, "hook %s %s", hook->name, why);
	curfew_lifecycle_forced(
		hook->life, hook->name, clock_ms_between(hook->started, curfew_now()));
}

static void bound_over(struct timer *timer)
{
	struct curfew_lifecycle *life = container_of(timer, struct curfew_lifecycle, hook_bound);

	give_up(life->hook, "did not complete within its bound");
	next_hook(life);
}

static void completion_noted(struct task *task)
{
	struct curfew_lifecycle *life = container_of(task, struct curfew_lifecycle, hook_done);

	if (life->hook && atomic_load(&life->hook->done)) {
		agenda_stop(life->agenda, &life->hook_bound);
		next_hook(life);
	}
}

static void run_hook(struct curfew_hook *hook)
{
	struct curfew_lifecycle *life = hook->life;
	int64_t until = curfew_after_ms(hook->bound_ms);
	int64_t grace = curfew_lifecycle_grace_deadline(life);

	hook->started = curfew_now();
	agenda_start(life->agenda, &life->hook_bound, until < grace ? until : grace);
	if (!hook->threaded) {
		hook->run(hook, hook->arg);
	} else if (start_thread(hook)) {
		give_up(hook, "could not be started: no thread");
		curfew_hook_done(hook);
	}
}

static void next_hook(struct curfew_lifecycle *life)
{
	struct curfew_link *last = life->hook ? life->hook->link.prev : life->hooks.prev;

	life->hook = NULL;
	if (last == &life->hooks) {
		lifecycle_hooks_done(life);
		return;
	}
	life->hook = container_of(last, struct curfew_hook, link);
	run_hook(life->hook);
}

void hooks_run(struct curfew_lifecycle *life)
{
	next_hook(life);
}

size_t hooks_abandon(struct curfew_lifecycle *life)
{
	size_t count = 0;

	agenda_stop(life->agenda, &life->hook_bound);
	life->hook = NULL;
	list_each(link, &life->hooks) {
		const struct curfew_hook *hook = container_of(link, struct curfew_hook, link);

		count += hook->thread && !atomic_load(&hook->done);
	}
	return count;
}

void hooks_clip(struct curfew_lifecycle *life)
{
	int64_t grace = curfew_lifecycle_grace_deadline(life);

	if (!life->hook) {
		return;
	}
	if (!timer_started(&life->hook_bound) || life->hook_bound.node.due > grace) {
		agenda_start(life->agenda, &life->hook_bound, grace);
	}
}

int64_t hooks_bound_ms(const struct curfew_lifecycle *life)
{
	int64_t sum = 0;

	list_each(link, &life->hooks) {
		const struct curfew_hook *hook = container_of(link, struct curfew_hook, link);

		if (hook->bound_ms > CURFEW_NEVER - sum) {
			return CURFEW_NEVER;
		}
		sum += hook->bound_ms > 0 ? hook->bound_ms : 0;
	}
	return sum;
}

void hooks_init(struct curfew_lifecycle *life)
{
	list_init(&life->hooks);
	life->hook_done.run = completion_noted;
	life->hook_bound.fired = bound_over;
}

void hooks_fini(struct curfew_lifecycle *life)
{
	agenda_stop(life->agenda, &life->hook_bound);
	list_each_safe(link, &life->hooks) {
		struct curfew_hook *hook = container_of(link, struct curfew_hook, link);

		leave_thread(hook);
		free(hook);
	}
	/* Only now: a thread that was left late may have posted it until then. */
	agenda_unpost(life->agenda, &life->hook_done);
}
