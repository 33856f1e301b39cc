/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lifecycle moves a process through its phases, forward only, and asks each part three things:
 * take no new work, finish what you have, let go now. It holds the root context, the stages, the
 * signals, the hooks, the report and the exit code. curfew(7) tells the whole story.
 *
 *	struct curfew_lifecycle *life = curfew_lifecycle_new(NULL);	SIGTERM is safe from here
 *	watch(ep, curfew_lifecycle_fd(life));			one descriptor for everything
 *	curfew_listener_new(life, sock, on_conn, server);		emptied, then closed
 *	curfew_lifecycle_ready(life);
 *	while (!curfew_lifecycle_done(life))
 *		... epoll_wait; curfew_lifecycle_dispatch(life) when its descriptor is readable ...
 *	return curfew_lifecycle_exit_code(life);
 *
 * A program without a loop calls curfew_lifecycle_wait instead. The thread that dispatches or
 * waits is the owner; functions are for it alone unless they say "any thread". The library never
 * exits, never waits for a child that is not its own, and prints nothing.
 */
#ifndef CURFEW_LIFECYCLE_H
#define CURFEW_LIFECYCLE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curfew/context.h>
#include <curfew/drain.h>
#include <curfew/visibility.h>

CURFEW_BEGIN

struct curfew_lifecycle;

#define CURFEW_PHASES(X)                                                                           \
	X(STARTING, "starting", "signals are held, nothing is offered yet")                        \
	X(RUNNING, "running", "ready")                                                             \
	X(ANNOUNCING, "announcing", "not ready; everything is still answered")                     \
	X(DRAINING, "draining", "listeners are emptied and closed; what was begun is finished")    \
	X(FORCING, "forcing", "the deadline is over or a second signal insisted: work is cut")     \
	X(REAPING, "reaping", "children are ended, hooks run, the log is flushed")                 \
	X(DONE, "done", "the exit code stands")

enum curfew_phase {
#define CURFEW_PHASE_ENUM(name, word, text) CURFEW_##name,
	CURFEW_PHASES(CURFEW_PHASE_ENUM)
#undef CURFEW_PHASE_ENUM
};

/* Returns the phase as one lower-case word. Static. Any thread. */
CURFEW_API const char *curfew_phase_name(enum curfew_phase phase);

/* The stages of the root drain: each is asked to finish when the one before it is empty or cut. */
enum curfew_stage {
	CURFEW_FRONT,    /* listeners */
	CURFEW_WORK,     /* requests, connections, calls, tasks */
	CURFEW_CHILDREN, /* processes */
	CURFEW_LOG,      /* what must still be written */
	CURFEW_STAGES
};

enum curfew_signals {
	CURFEW_SIGNALS_HANDLERS, /* sigaction(2): for a host program, which keeps its signal mask */
	CURFEW_SIGNALS_BLOCKED,  /* blocked mask and signalfd(2): for a program that is all ours */
	CURFEW_SIGNALS_NONE      /* the program calls curfew_lifecycle_stop itself */
};

/* Fill with curfew_lifecycle_defaults, then change what differs. Strings are borrowed. */
struct curfew_lifecycle_options {
	const char *command;         /* for the report; NULL: "program" */
	const char *version;         /* for the report; NULL: "" */
	int64_t grace_ms;            /* first signal to exit, all included; 25 000;
	                                CURFEW_NEVER: none */
	int64_t announce_ms;         /* how long ANNOUNCING lasts; 0. It leaves 1 500 of the
	                                work's time, or half of it */
	int64_t child_reserve_ms;    /* of the grace, kept for children, at most a third of
	                                it; 7 000 */
	int64_t debounce_ms;         /* a second signal sooner than this is the same one; 100 */
	bool ignore_insist;          /* a second signal does nothing; false */
	int forced_exit;             /* exit code where a clean cause ended by force; 0 */
	enum curfew_signals signals; /* CURFEW_SIGNALS_HANDLERS */
	sigset_t stop_signals;       /* begin the end; SIGTERM and SIGINT */
	sigset_t other_signals;      /* handed to on_signal; none */
	void (*on_signal)(const siginfo_t *info, void *arg); /* in the dispatch; NULL */
	/* in the dispatch, after each change; NULL */
	void (*on_phase)(enum curfew_phase phase, void *arg);
	void *arg;
};

/* Fills in the defaults. */
CURFEW_API void curfew_lifecycle_defaults(struct curfew_lifecycle_options *options);

/*
 * Returns a new lifecycle in STARTING; from here on its signals are not lost and not fatal. options
 * NULL: the defaults. NULL with errno on failure (ENOMEM, EMFILE; EBUSY: with handlers or a blocked
 * mask there can be only one in a process). In BLOCKED mode call it before any thread is started.
 */
CURFEW_API struct curfew_lifecycle *curfew_lifecycle_new(
	const struct curfew_lifecycle_options *options);

/*
 * Gives everything back; signal mask and dispositions are as before. All holds must have been
 * released, or the lifecycle be DONE; watches, children, listeners and drains are freed before it.
 * If holds were abandoned (curfew_lifecycle_abandoned), the memory stays, for their owners may
 * still come back to it. Not inside a callback. NULL is fine.
 */
CURFEW_API void curfew_lifecycle_free(struct curfew_lifecycle *life);

/* Returns the descriptor to poll for reading: signals, deadlines, wake-ups, children, listeners. */
CURFEW_API int curfew_lifecycle_fd(const struct curfew_lifecycle *life);

/* Does all that is due, callbacks included, and returns. Never blocks. */
CURFEW_API void curfew_lifecycle_dispatch(struct curfew_lifecycle *life);

/* Dispatches until the lifecycle is DONE; for programs without a loop. Returns the exit code. */
CURFEW_API int curfew_lifecycle_wait(struct curfew_lifecycle *life);

/*
 * Makes curfew_lifecycle_fd readable, so that the owner dispatches soon. Any thread, signal
 * handlers too.
 */
CURFEW_API void curfew_lifecycle_wake(struct curfew_lifecycle *life);

/* STARTING is over: RUNNING. Returns false if the end has begun meanwhile; then open nothing. */
CURFEW_API bool curfew_lifecycle_ready(struct curfew_lifecycle *life);

/*
 * Begins the end, as a signal would. The first cause decides the exit code: 1 for CURFEW_FAILURE
 * and CURFEW_DEADLINE, 0 for the others. Later ones change nothing, but for CURFEW_INSISTED, which
 * forces, and makes it 128 + its signal (SIGTERM where it has none). Any thread, any number of
 * times.
 */
CURFEW_API void curfew_lifecycle_stop(
	struct curfew_lifecycle *life, const struct curfew_cause *cause);

/* The same, with a reason and a text (NULL for none) only. */
CURFEW_API void curfew_lifecycle_stop_for(
	struct curfew_lifecycle *life, enum curfew_reason reason, const char *text);

/* Returns the phase. Any thread. */
CURFEW_API enum curfew_phase curfew_lifecycle_phase(const struct curfew_lifecycle *life);

/* Returns whether the phase is DONE. Any thread. */
CURFEW_API bool curfew_lifecycle_done(const struct curfew_lifecycle *life);

/*
 * Returns the exit code (curfew(7), EXIT STATUS), 0 before DONE. main returns it. If threads had
 * to be abandoned (curfew_lifecycle_abandoned), end with _exit(2), since exit(3) may wait for
 * them.
 */
CURFEW_API int curfew_lifecycle_exit_code(const struct curfew_lifecycle *life);

/* Returns how many holds were never released, and how many hooks' threads still ran, at DONE. */
CURFEW_API size_t curfew_lifecycle_abandoned(const struct curfew_lifecycle *life);

/*
 * Returns the root context: cancelled at the first signal. Borrowed; to begin the end do not cancel
 * it, but call curfew_lifecycle_stop. Any thread.
 */
CURFEW_API struct curfew_context *curfew_lifecycle_context(struct curfew_lifecycle *life);

/*
 * Returns a stage's drain. Borrowed: the lifecycle closes it, and has its done callback. Any
 * thread.
 */
CURFEW_API struct curfew_drain *curfew_lifecycle_stage(
	struct curfew_lifecycle *life, enum curfew_stage stage);

/*
 * Returns the deadline of the work (the grace less the children's reserve); CURFEW_NEVER before
 * the end.
 */
CURFEW_API int64_t curfew_lifecycle_work_deadline(const struct curfew_lifecycle *life);

/* Returns the deadline of the whole grace; CURFEW_NEVER before the end. */
CURFEW_API int64_t curfew_lifecycle_grace_deadline(const struct curfew_lifecycle *life);

/*
 * Something to do in REAPING, after the children and before the log: the last registered runs
 * first.
 */
struct curfew_hook;
typedef void curfew_hook_fn(struct curfew_hook *hook, void *arg);

/*
 * Registers a hook. run(hook, arg) is called in the dispatch, must not block, and is completed by
 * curfew_hook_done, inside or later; after bound_ms (clipped to the grace) the next one gets its
 * turn regardless. name is copied. Returns the hook, which belongs to the lifecycle, or NULL with
 * errno ENOMEM.
 */
CURFEW_API struct curfew_hook *curfew_lifecycle_hook(struct curfew_lifecycle *life,
	const char *name, int64_t bound_ms, curfew_hook_fn *run, void *arg);

/*
 * The same for a function that blocks: it runs on a thread of its own, with NULL for the hook,
 * and its return completes it.
 */
CURFEW_API struct curfew_hook *curfew_lifecycle_hook_threaded(struct curfew_lifecycle *life,
	const char *name, int64_t bound_ms, curfew_hook_fn *run, void *arg);

/* Says that a hook has completed. Any thread; once; not after the lifecycle was freed. */
CURFEW_API void curfew_hook_done(struct curfew_hook *hook);

/* What a program counts for its report, and for its metrics. */
#define CURFEW_COUNTS(X)                                                                           \
	X(REQUESTS_COMPLETED, "requests_completed", "requests answered whole")                     \
	X(REQUESTS_DRAINED, "requests_drained", "of these, answered after the signal")             \
	X(REQUESTS_FORCED, "requests_forced", "requests cut or answered 503 by force")             \
	X(WEBSOCKETS_CLOSED, "websockets_closed", "websockets closed in order")                    \
	X(WEBSOCKETS_FORCED, "websockets_forced", "websockets cut")                                \
	X(CHILDREN_EOF, "children_eof", "children that ended by themselves or on end of input")    \
	X(CHILDREN_TERM, "children_term", "children that ended on the stop signal")                \
	X(CHILDREN_KILL, "children_kill", "children that had to be killed")                        \
	X(BYTES_UNDELIVERED, "bytes_undelivered", "bytes that could not be delivered")

enum curfew_count {
#define CURFEW_COUNT_ENUM(name, word, text) CURFEW_##name,
	CURFEW_COUNTS(CURFEW_COUNT_ENUM) CURFEW_COUNT_KINDS
#undef CURFEW_COUNT_ENUM
};

/* Adds n to a count. Any thread; one atomic addition. */
CURFEW_API void curfew_lifecycle_count(
	struct curfew_lifecycle *life, enum curfew_count count, uint64_t n);

/*
 * Notes that something had to be forced, for the report; curfew does so itself for every hold
 * that is cut. The strings are copied. Any thread.
 */
CURFEW_API void curfew_lifecycle_forced(
	struct curfew_lifecycle *life, const char *name, int64_t age_ms);

/*
 * Writes the report, one JSON object with a newline, as curfew(7) gives it, into a string to be
 * freed with free(3). NULL with errno ENOMEM. Complete once DONE.
 */
CURFEW_API char *curfew_lifecycle_report(struct curfew_lifecycle *life);

/*
 * The same for the state dump: phase, cause, time left, each hold with its age; lines for people.
 */
CURFEW_API char *curfew_lifecycle_dump(struct curfew_lifecycle *life);

CURFEW_END

#endif
