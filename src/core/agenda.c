/* SPDX-License-Identifier: Apache-2.0 */
#include "core/agenda.h"

#include <assert.h>

#include <curfew/time.h>

#include "base/list.h"

void agenda_init(struct agenda *agenda, void (*attend)(struct agenda *agenda, int64_t due))
{
	*agenda = (struct agenda){.told = CURFEW_NEVER, .attend = attend};
	pthread_mutex_init(&agenda->lock, NULL);
	pthread_cond_init(&agenda->ran, NULL);
	list_init(&agenda->posted);
}

static void nobody_attends(struct agenda *agenda, int64_t due)
{
	(void)agenda;
	(void)due;
}

void agenda_abandon(struct agenda *agenda)
{
	pthread_mutex_lock(&agenda->lock);
	agenda->attend = nobody_attends;
	pthread_mutex_unlock(&agenda->lock);
}

void agenda_fini(struct agenda *agenda)
{
	assert(list_empty(&agenda->posted));
	assert(!heap_first(&agenda->timers));
	pthread_cond_destroy(&agenda->ran);
	pthread_mutex_destroy(&agenda->lock);
}

static int64_t next_locked(const struct agenda *agenda)
{
	const struct heap_node *first = heap_first(&agenda->timers);

	if (!list_empty(&agenda->posted)) {
		return 0;
	}
	return first ? first->due : CURFEW_NEVER;
}

static void tell(struct agenda *agenda, int64_t due)
{
	if (due < agenda->told) {
		agenda->told = due;
		agenda->attend(agenda, due);
	}
}

void agenda_post(struct agenda *agenda, struct task *task)
{
	pthread_mutex_lock(&agenda->lock);
	if (!link_linked(&task->link)) {
		list_append(&agenda->posted, &task->link);
		tell(agenda, 0);
	}
	pthread_mutex_unlock(&agenda->lock);
}

void agenda_start(struct agenda *agenda, struct timer *timer, int64_t due)
{
	pthread_mutex_lock(&agenda->lock);
	heap_remove(&agenda->timers, &timer->node);
	if (due != CURFEW_NEVER) {
		heap_add(&agenda->timers, &timer->node, due);
		tell(agenda, due);
	}
	pthread_mutex_unlock(&agenda->lock);
}

static void await_locked(struct agenda *agenda, const void *object)
{
	while (agenda->running == object && !pthread_equal(agenda->runner, pthread_self())) {
		pthread_cond_wait(&agenda->ran, &agenda->lock);
	}
}

void agenda_unpost(struct agenda *agenda, struct task *task)
{
	pthread_mutex_lock(&agenda->lock);
	link_remove(&task->link);
	await_locked(agenda, task);
	pthread_mutex_unlock(&agenda->lock);
}

void agenda_stop(struct agenda *agenda, struct timer *timer)
{
	pthread_mutex_lock(&agenda->lock);
	heap_remove(&agenda->timers, &timer->node);
	await_locked(agenda, timer);
	pthread_mutex_unlock(&agenda->lock);
}

void agenda_forget(struct agenda *agenda, struct timer *timer)
{
	pthread_mutex_lock(&agenda->lock);
	heap_remove(&agenda->timers, &timer->node);
	pthread_mutex_unlock(&agenda->lock);
}

int64_t agenda_next(struct agenda *agenda)
{
	int64_t due;

	pthread_mutex_lock(&agenda->lock);
	due = next_locked(agenda);
	pthread_mutex_unlock(&agenda->lock);
	return due;
}

static void set_running(struct agenda *agenda, const void *object)
{
	agenda->running = object;
	agenda->runner = pthread_self();
	pthread_cond_broadcast(&agenda->ran);
}

/* Runs the tasks that were there at the start; what they post waits for the next run. */
static int run_tasks(struct agenda *agenda)
{
	struct curfew_link batch;
	struct curfew_link *link;
	int count = 0;

	list_init(&batch);
	list_splice(&batch, &agenda->posted);
	while ((link = list_take(&batch))) {
		struct task *task = container_of(link, struct task, link);

		set_running(agenda, task);
		pthread_mutex_unlock(&agenda->lock);
		task->run(task);
		pthread_mutex_lock(&agenda->lock);
		count++;
	}
	return count;
}

static int run_timers(struct agenda *agenda, int64_t now)
{
	struct heap_node *node;
	int count = 0;

	while ((node = heap_first(&agenda->timers)) && node->due <= now) {
		struct timer *timer = container_of(node, struct timer, node);

		heap_remove(&agenda->timers, node);
		set_running(agenda, timer);
		pthread_mutex_unlock(&agenda->lock);
		timer->fired(timer);
		pthread_mutex_lock(&agenda->lock);
		count++;
	}
	return count;
}

int agenda_run(struct agenda *agenda, int64_t now)
{
	const void *before;
	int count;

	pthread_mutex_lock(&agenda->lock);
	before = agenda->running; /* NULL, unless a callback dispatches */
	count = run_tasks(agenda);
	count += run_timers(agenda, now);
	set_running(agenda, before);
	agenda->told = next_locked(agenda);
	agenda->attend(agenda, agenda->told);
	pthread_mutex_unlock(&agenda->lock);
	return count;
}

const void *agenda_enter(struct agenda *agenda, const void *object)
{
	const void *before;

	pthread_mutex_lock(&agenda->lock);
	before = agenda->running;
	set_running(agenda, object);
	pthread_mutex_unlock(&agenda->lock);
	return before;
}

void agenda_leave(struct agenda *agenda, const void *before)
{
	pthread_mutex_lock(&agenda->lock);
	set_running(agenda, before);
	pthread_mutex_unlock(&agenda->lock);
}

void agenda_await(struct agenda *agenda, const void *object)
{
	pthread_mutex_lock(&agenda->lock);
	await_locked(agenda, object);
	pthread_mutex_unlock(&agenda->lock);
}
