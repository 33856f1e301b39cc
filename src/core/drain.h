/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of curfew/drain.h: drains that stand alone, on an agenda, and the note of what was
 * cut.
 */
#ifndef CORE_DRAIN_H
#define CORE_DRAIN_H

#include <curfew/drain.h>

#include "core/agenda.h"

struct curfew_drain {
	pthread_mutex_t lock;
	struct agenda *agenda;
	struct curfew_link pending; /* holds that were not yet asked what is being asked */
	struct curfew_link held;    /* the others */
	size_t count;
	int64_t deadline; /* of the close */
	enum { DRAIN_OPEN, DRAIN_CLOSED, DRAIN_CUT } state;
	bool done;   /* the done callback was called, or is */
	bool *freed; /* where to note that a callback of a hold frees the drain; NULL: none runs */
	struct task work;   /* asks the holds, or tells that it is done */
	struct timer timer; /* cuts at the deadline */
	void (*on_done)(void *arg);
	void *on_done_arg;
	void (*on_cut)(const struct curfew_holder *holder, void *arg);
	void *on_cut_arg;
	struct curfew_hold hold; /* on the parent, if there is one */
	struct curfew_hold_ops ops;
};

/* In the caller's memory, without a parent. */
void drain_init(struct curfew_drain *drain, struct agenda *agenda);

/* The drain must be empty. In the thread that runs the agenda. */
void drain_fini(struct curfew_drain *drain);

/*
 * Has on_cut(holder, arg) called in the dispatch for each hold that is cut, before its cut();
 * drains that are made below this one do the same. Drains among the holds are passed over: their
 * holds are noted.
 */
void drain_note_cut(struct curfew_drain *drain,
	void (*on_cut)(const struct curfew_holder *holder, void *arg), void *arg);

/*
 * Makes a drain that was initialised a hold on parent, as curfew_drain_new does; its agenda may be
 * another thread's than the parent's. Returns 0 or -ESHUTDOWN.
 */
int drain_join(struct curfew_drain *drain, struct curfew_drain *parent, const char *kind,
	const char *name);

/*
 * Changes what a hold is for: what it is asked, what listings call it, and since when, as the
 * caller tells. As with curfew_drain_hold; what was asked before is not asked again. Any thread.
 */
void hold_become(struct curfew_hold *hold, const struct curfew_hold_ops *ops, const char *name,
	int64_t since);

/*
 * Its cut was told otherwise (drain_note_cut), and is not told again unless it becomes something
 * else. Any thread.
 */
void hold_told(struct curfew_hold *hold);

/* Changes what listings call a hold; name is borrowed as with curfew_drain_hold. Any thread. */
void hold_rename(struct curfew_hold *hold, const char *name);

#endif
