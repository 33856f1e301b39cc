/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that can be going on in a process is a hold on a drain: a connection, a request, a
 * child, a timer that must fire. A drain is done when it is closed and empty.
 *
 * Once a drain is closed, nothing can join it: whoever comes later is told so, and nobody is
 * missed. A drain is itself a hold on a larger one, so that the process is a tree of drains,
 * whose root stages belong to the lifecycle (curfew/lifecycle.h).
 *
 * hold and release may be called from any thread. The callbacks run in the dispatch of the
 * lifecycle, never inside another call of this header.
 */
#ifndef CURFEW_DRAIN_H
#define CURFEW_DRAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curfew/link.h>
#include <curfew/time.h>
#include <curfew/visibility.h>

CURFEW_BEGIN

struct curfew_drain;
struct curfew_hold;

/* What a kind of hold is asked when its drain ends. One static table for each kind of thing. */
struct curfew_hold_ops {
	const char *kind;                     /* "connection", "request": for counts and listings */
	void (*finish)(struct curfew_hold *); /* asked once: take no new work, end what you have;
	                                         NULL: nothing to ask */
	void (*cut)(struct curfew_hold *);    /* asked once: let go now; NULL: just wait */
};

/* Embedded in the thing that is alive. Zero it before the first use; treat the fields as opaque. */
struct curfew_hold {
	struct curfew_link link;
	struct curfew_drain *drain; /* NULL: not held */
	const struct curfew_hold_ops *ops;
	const char *name;
	int64_t since;
	bool told; /* its cut was */
};

/*
 * Puts the hold on the drain. ops and name (NULL: the kind will do) are borrowed until the
 * release. Returns 0, or -ESHUTDOWN if the drain was closed: then the thing must be refused or
 * let go at once.
 */
CURFEW_API int curfew_drain_hold(struct curfew_drain *drain, struct curfew_hold *hold,
	const struct curfew_hold_ops *ops, const char *name);

/*
 * Takes the hold off its drain; nothing happens if it holds none. After it returns, no callback of
 * this hold runs or is running, unless it was called from inside one, so that its memory may go.
 */
CURFEW_API void curfew_hold_release(struct curfew_hold *hold);

/*
 * Returns a new drain that is a hold on parent (a stage of the lifecycle, or another drain) until
 * it is done: finish of that hold closes it, cut of that hold cuts it. NULL with errno ENOMEM, or
 * ESHUTDOWN if parent is closed. kind and name are borrowed as long as the drain lives.
 */
CURFEW_API struct curfew_drain *curfew_drain_new(
	struct curfew_drain *parent, const char *kind, const char *name);

/*
 * Frees a drain that is empty, closed or not, and releases its hold on the parent; in the thread
 * that dispatches, also in its own done callback. NULL is fine.
 */
CURFEW_API void curfew_drain_free(struct curfew_drain *drain);

/*
 * Closes the drain: from now on curfew_drain_hold fails. Each hold is asked to finish; each that is
 * left at the deadline is cut. Closing again can only bring the deadline forward. Any thread.
 */
CURFEW_API void curfew_drain_close(struct curfew_drain *drain, int64_t deadline);

/* Closes the drain, and cuts each hold without waiting. Any thread. */
CURFEW_API void curfew_drain_cut(struct curfew_drain *drain);

/*
 * Calls done(arg) exactly once, in the dispatch, when the drain is closed and empty; also if it is
 * already. One callback for each drain; set it before the drain is closed by another thread.
 */
CURFEW_API void curfew_drain_on_done(
	struct curfew_drain *drain, void (*done)(void *arg), void *arg);

/* Returns whether the drain was closed. Any thread. */
CURFEW_API bool curfew_drain_closed(struct curfew_drain *drain);

/* Returns the number of holds at this instant. Any thread. */
CURFEW_API size_t curfew_drain_count(struct curfew_drain *drain);

struct curfew_holder {
	const char *kind;
	const char *name; /* never NULL; the kind where the hold has no name */
	int64_t age_ms;
	int depth;     /* 0: a hold of this drain; 1: of a drain that is a hold on it, and so on */
	bool is_drain; /* its own holds follow, one deeper */
};

/*
 * Calls each(holder, arg) for every hold of the drain and of the drains below it, the oldest first
 * within each. The drain is locked meanwhile: each must not call back into it. Any thread.
 */
CURFEW_API void curfew_drain_list(struct curfew_drain *drain,
	void (*each)(const struct curfew_holder *holder, void *arg), void *arg);

CURFEW_END

#endif
