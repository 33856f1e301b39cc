/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of curfew/lifecycle.h, without descriptors: phases, stages, deadlines, hooks, on an
 * agenda. The loop's host.c puts it on an epoll descriptor, with signals.
 */
#ifndef CORE_LIFECYCLE_H
#define CORE_LIFECYCLE_H

#include <stdatomic.h>

#include <curfew/lifecycle.h>

#include "core/agenda.h"
#include "core/drain.h"
#include "core/outcome.h"
#include "core/phase.h"

#define FORCED_NAME 64   /* bytes of a forced thing's name in the report, its NUL included */
#define FORCED_LISTED 64 /* how many of them the report lists; all are counted */
#define FORCED_KINDS 16  /* kinds of holds that are told apart when they are cut */

struct forced {
	char name[FORCED_NAME];
	int64_t age_ms;
};

struct forced_kind {
	const char *kind; /* of the holds that were cut */
	uint64_t count;
};

struct curfew_hook {
	struct curfew_link link;
	struct curfew_lifecycle *life;
	char name[FORCED_NAME];
	int64_t bound_ms;
	int64_t started;
	curfew_hook_fn *run;
	void *arg;
	bool threaded;
	struct hook_thread *thread; /* hook.c */
	atomic_bool done;
};

struct curfew_lifecycle {
	struct curfew_lifecycle_options options;
	struct agenda *agenda;
	struct curfew_context *root;
	struct curfew_drain stages[CURFEW_STAGES];
	_Atomic(enum curfew_phase) phase;
	int64_t entered[PHASES]; /* when, 0 for those that were skipped */

	pthread_mutex_t lock; /* of what any thread may write: */
	struct curfew_cause cause;
	int64_t stopped_at;   /* when the first cause came; CURFEW_NEVER before */
	int64_t signalled_at; /* when the first signal came, which may be later */
	bool insisted;
	int insist_signal;
	size_t forced_count;
	struct forced forced[FORCED_LISTED];
	size_t forced_kind_count;
	struct forced_kind forced_kinds[FORCED_KINDS];
	/* Told of each hold that is cut, in the dispatch of its drain; set before that. NULL */
	void (*on_forced)(const struct curfew_holder *holder, void *arg);
	void *on_forced_arg;

	_Atomic int64_t work_deadline;
	_Atomic int64_t grace_deadline;
	atomic_uint_least64_t counts[CURFEW_COUNT_KINDS];
	struct task stop;      /* takes note of stopped_at and insisted in the dispatch */
	struct timer announce; /* ANNOUNCING is over */
	bool prolonged;        /* but for this: it lasts as long as it may */
	struct timer work;     /* the work's deadline */
	struct timer settle;   /* work that was cut has had its moment to let go */
	struct timer children; /* the children's deadline */
	struct timer abandon;  /* nothing is waited for any more */
	struct curfew_link hooks;
	struct curfew_hook *hook; /* the one whose turn it is */
	struct task hook_done;
	struct timer hook_bound;

	struct outcome_child child; /* the child whose code is ours, set by its owner before DONE */
	size_t abandoned;
	int exit_code; /* as of DONE */
};

/* Returns 0 or -ENOMEM. options is copied. */
int lifecycle_init(struct curfew_lifecycle *life, struct agenda *agenda,
	const struct curfew_lifecycle_options *options);

/*
 * Returns whether the memory may go. If not, holds were abandoned: whoever has them may release
 * them at any time, so that lifecycle and agenda must stay where they are; nothing is run any more.
 */
bool lifecycle_fini(struct curfew_lifecycle *life);

/*
 * While it is wanted ANNOUNCING is not left, nor passed over, before the latest moment that leaves
 * what draining needs: for clients who can finish what they have begun by new connections only.
 * Any number of times. The dispatching thread.
 */
void lifecycle_prolong(struct curfew_lifecycle *life, bool wanted);

/* Counts a hold that was cut by its kind, and notes it for the report. Any thread. */
void lifecycle_note_forced(struct curfew_lifecycle *life, const struct curfew_holder *holder);

/* Whether something had to be forced up to now. Any thread. */
bool lifecycle_has_forced(struct curfew_lifecycle *life);

/* Copies how many holds of each kind were cut, and returns how many kinds there are. Any thread. */
size_t lifecycle_forced_kinds(
	struct curfew_lifecycle *life, struct forced_kind kinds[FORCED_KINDS]);

/* curfew_lifecycle_ready, of the signals that were taken so far. */
bool lifecycle_ready(struct curfew_lifecycle *life);

/*
 * Takes a stop signal: the first begins the end, one that comes later than the debounce insists.
 * Returns at once; in the dispatch or any other thread.
 */
void lifecycle_signal(struct curfew_lifecycle *life, int signal, pid_t sender);

#endif
