/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a drain: holds come and go -> close: no more come -> each hold is asked to finish, in
 * the dispatch -> at the deadline, or by curfew_drain_cut, each that is left is asked to let go ->
 * the last release -> done, in the dispatch, once.
 *
 * Asking walks the holds with the lock dropped for each callback, since a callback releases. So
 * that no hold is asked twice or missed, all are moved to pending when the asking begins, and back
 * to held one by one. A hold whose callback runs is entered on the agenda: a release in another
 * thread waits for it.
 */
#include "core/drain.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/list.h"

static void work(struct task *task);
static void deadline_passed(struct timer *timer);

void drain_init(struct curfew_drain *drain, struct agenda *agenda)
{
	*drain = (struct curfew_drain){.agenda = agenda, .deadline = CURFEW_NEVER};
	pthread_mutex_init(&drain->lock, NULL);
	list_init(&drain->pending);
	list_init(&drain->held);
	drain->work.run = work;
	drain->timer.fired = deadline_passed;
}

void drain_fini(struct curfew_drain *drain)
{
	assert(drain->count == 0);
	if (drain->freed) {
		*drain->freed = true;
	}
	agenda_stop(drain->agenda, &drain->timer);
	agenda_unpost(drain->agenda, &drain->work);
	curfew_hold_release(&drain->hold);
	pthread_mutex_destroy(&drain->lock);
}

int curfew_drain_hold(struct curfew_drain *drain, struct curfew_hold *hold,
	const struct curfew_hold_ops *ops, const char *name)
{
	int error = 0;

	assert(!hold->drain);
	pthread_mutex_lock(&drain->lock);
	if (drain->state == DRAIN_OPEN) {
		hold->drain = drain;
		hold->ops = ops;
		hold->name = name;
		hold->since = clock_coarse();
		hold->told = false;
		list_append(&drain->held, &hold->link);
		drain->count++;
	} else {
		error = -ESHUTDOWN;
	}
	pthread_mutex_unlock(&drain->lock);
	return error;
}

void curfew_hold_release(struct curfew_hold *hold)
{
	struct curfew_drain *drain = hold->drain;

	if (!drain) {
		return;
	}
	pthread_mutex_lock(&drain->lock);
	link_remove(&hold->link);
	hold->drain = NULL;
	if (drain->state != DRAIN_OPEN) {
		/*
		 * It still counts: drain and agenda stay while a callback in another thread is
		 * awaited.
		 */
		pthread_mutex_unlock(&drain->lock);
		agenda_await(drain->agenda, hold);
		pthread_mutex_lock(&drain->lock);
	}
	if (--drain->count == 0 && drain->state != DRAIN_OPEN) {
		agenda_post(drain->agenda, &drain->work);
	}
	pthread_mutex_unlock(&drain->lock);
}

void hold_rename(struct curfew_hold *hold, const char *name)
{
	struct curfew_drain *drain = hold->drain;

	if (drain) {
		pthread_mutex_lock(&drain->lock);
		hold->name = name;
		pthread_mutex_unlock(&drain->lock);
	}
}

void hold_told(struct curfew_hold *hold)
{
	struct curfew_drain *drain = hold->drain;

	if (drain) {
		pthread_mutex_lock(&drain->lock);
		hold->told = true;
		pthread_mutex_unlock(&drain->lock);
	}
}

void hold_become(struct curfew_hold *hold, const struct curfew_hold_ops *ops, const char *name,
	int64_t since)
{
	struct curfew_drain *drain = hold->drain;

	if (drain) {
		pthread_mutex_lock(&drain->lock);
		hold->ops = ops;
		hold->name = name;
		hold->since = since;
		hold->told = false;
		pthread_mutex_unlock(&drain->lock);
	}
}

/* Moves every hold back to be asked, the oldest first; the drain is locked. */
static void begin_asking(struct curfew_drain *drain)
{
	list_splice(&drain->held, &drain->pending);
	list_splice(&drain->pending, &drain->held);
	agenda_post(drain->agenda, &drain->work);
}

void curfew_drain_close(struct curfew_drain *drain, int64_t deadline)
{
	pthread_mutex_lock(&drain->lock);
	if (drain->state == DRAIN_OPEN) {
		drain->state = DRAIN_CLOSED;
		begin_asking(drain);
	}
	if (drain->state == DRAIN_CLOSED && !drain->done && deadline < drain->deadline) {
		drain->deadline = deadline;
		agenda_start(drain->agenda, &drain->timer, deadline);
	}
	pthread_mutex_unlock(&drain->lock);
}

void curfew_drain_cut(struct curfew_drain *drain)
{
	pthread_mutex_lock(&drain->lock);
	if (drain->state != DRAIN_CUT) {
		drain->state = DRAIN_CUT;
		agenda_forget(drain->agenda, &drain->timer);
		begin_asking(drain);
	}
	pthread_mutex_unlock(&drain->lock);
}

static void deadline_passed(struct timer *timer)
{
	curfew_drain_cut(container_of(timer, struct curfew_drain, timer));
}

static void cut_drain(struct curfew_hold *hold);

static bool is_drain(const struct curfew_hold *hold)
{
	return hold->ops->cut == cut_drain;
}

static struct curfew_holder describe(const struct curfew_hold *hold, int depth)
{
	return (struct curfew_holder){
		.kind = hold->ops->kind,
		.name = hold->name ? hold->name : hold->ops->kind,
		.age_ms = clock_ms_between(hold->since, curfew_now()),
		.depth = depth,
		.is_drain = is_drain(hold),
	};
}

static int64_t deadline_of(struct curfew_drain *drain)
{
	int64_t deadline;

	pthread_mutex_lock(&drain->lock);
	deadline = drain->deadline;
	pthread_mutex_unlock(&drain->lock);
	return deadline;
}

static void finish_drain(struct curfew_hold *hold)
{
	struct curfew_drain *drain = container_of(hold, struct curfew_drain, hold);

	curfew_drain_close(drain, deadline_of(hold->drain));
}

static void cut_drain(struct curfew_hold *hold)
{
	curfew_drain_cut(container_of(hold, struct curfew_drain, hold));
}

/*
 * Asks one hold; the drain is locked before and after, and not while the callback runs. Returns
 * whether the drain is still there: the callback may release its last hold, and free it.
 */
static bool ask(struct curfew_drain *drain, struct curfew_hold *hold, bool cut)
{
	void (*callback)(struct curfew_hold *) = cut ? hold->ops->cut : hold->ops->finish;
	struct agenda *agenda = drain->agenda;
	bool freed = false;
	const void *before;

	if (cut && drain->on_cut && !hold->told && !is_drain(hold)) {
		struct curfew_holder holder = describe(hold, 0);

		drain->on_cut(&holder, drain->on_cut_arg);
	}
	if (!callback) {
		return true;
	}
	before = agenda_enter(agenda, hold);
	drain->freed = &freed;
	pthread_mutex_unlock(&drain->lock);
	callback(hold);
	agenda_leave(agenda, before);
	if (freed) {
		return false;
	}
	drain->freed = NULL;
	pthread_mutex_lock(&drain->lock);
	return true;
}

/*
 * Asks all that is pending. A cut may overtake while a finish runs: then all holds are pending
 * again, and the rest of the walk asks the new thing. Returns whether the drain is still there.
 */
static bool ask_all(struct curfew_drain *drain)
{
	struct curfew_link *link;

	while ((link = list_take(&drain->pending))) {
		struct curfew_hold *hold = container_of(link, struct curfew_hold, link);

		list_append(&drain->held, link);
		if (!ask(drain, hold, drain->state == DRAIN_CUT)) {
			return false;
		}
	}
	return true;
}

static void work(struct task *task)
{
	struct curfew_drain *drain = container_of(task, struct curfew_drain, work);
	void (*on_done)(void *arg);
	void *arg;
	bool done;

	pthread_mutex_lock(&drain->lock);
	if (!ask_all(drain)) {
		return;
	}
	done = drain->state != DRAIN_OPEN && drain->count == 0 && !drain->done;
	if (done) {
		drain->done = true;
		agenda_forget(drain->agenda, &drain->timer);
	}
	on_done = drain->on_done;
	arg = drain->on_done_arg;
	pthread_mutex_unlock(&drain->lock);
	if (!done) {
		return;
	}
	curfew_hold_release(&drain->hold);
	if (on_done) {
		on_done(arg); /* may free the drain */
	}
}

void curfew_drain_on_done(struct curfew_drain *drain, void (*done)(void *arg), void *arg)
{
	bool late;

	pthread_mutex_lock(&drain->lock);
	drain->on_done = done;
	drain->on_done_arg = arg;
	late = drain->done;
	if (late) {
		drain->done = false; /* the callback is still owed */
		agenda_post(drain->agenda, &drain->work);
	}
	pthread_mutex_unlock(&drain->lock);
}

void drain_note_cut(struct curfew_drain *drain,
	void (*on_cut)(const struct curfew_holder *holder, void *arg), void *arg)
{
	drain->on_cut = on_cut;
	drain->on_cut_arg = arg;
}

int drain_join(
	struct curfew_drain *drain, struct curfew_drain *parent, const char *kind, const char *name)
{
	drain->ops =
		(struct curfew_hold_ops){.kind = kind, .finish = finish_drain, .cut = cut_drain};
	drain_note_cut(drain, parent->on_cut, parent->on_cut_arg);
	return curfew_drain_hold(parent, &drain->hold, &drain->ops, name);
}

struct curfew_drain *curfew_drain_new(
	struct curfew_drain *parent, const char *kind, const char *name)
{
	struct curfew_drain *drain = malloc(sizeof(*drain));

	if (!drain) {
		return NULL;
	}
	drain_init(drain, parent->agenda);
	if (drain_join(drain, parent, kind, name) < 0) {
		drain_fini(drain);
		free(drain);
		errno = ESHUTDOWN;
		return NULL;
	}
	return drain;
}

void curfew_drain_free(struct curfew_drain *drain)
{
	if (drain) {
		drain_fini(drain);
		free(drain);
	}
}

bool curfew_drain_closed(struct curfew_drain *drain)
{
	bool closed;

	pthread_mutex_lock(&drain->lock);
	closed = drain->state != DRAIN_OPEN;
	pthread_mutex_unlock(&drain->lock);
	return closed;
}

size_t curfew_drain_count(struct curfew_drain *drain)
{
	size_t count;

	pthread_mutex_lock(&drain->lock);
	count = drain->count;
	pthread_mutex_unlock(&drain->lock);
	return count;
}

struct listing {
	void (*each)(const struct curfew_holder *holder, void *arg);
	void *arg;
};

static void list_drain(struct curfew_drain *drain, int depth, const struct listing *listing);

static void list_holds(const struct curfew_link *head, int depth, const struct listing *listing)
{
	list_each(link, head) {
		struct curfew_hold *hold = container_of(link, struct curfew_hold, link);
		struct curfew_holder holder = describe(hold, depth);

		listing->each(&holder, listing->arg);
		if (is_drain(hold)) {
			list_drain(
				container_of(hold, struct curfew_drain, hold), depth + 1, listing);
		}
	}
}

/* Drains nest as deep as the program's parts do, and no deeper. */
static void list_drain(struct curfew_drain *drain, int depth, const struct listing *listing)
{
	pthread_mutex_lock(&drain->lock);
	list_holds(&drain->held, depth, listing);
	list_holds(&drain->pending, depth, listing);
	pthread_mutex_unlock(&drain->lock);
}

void curfew_drain_list(struct curfew_drain *drain,
	void (*each)(const struct curfew_holder *holder, void *arg), void *arg)
{
	const struct listing listing = {.each = each, .arg = arg};

	list_drain(drain, 0, &listing);
}
