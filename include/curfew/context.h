/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A context is a cancellation: it has a parent, an absolute deadline and, once cancelled, a cause.
 * Cancelling a context cancels all its descendants. The first cause stays.
 *
 * A token is the read-only side of a context. It is counted and may outlive the context; nothing
 * that can be done to a token cancels anything. Give tokens to code that should stop when asked.
 *
 * Every function here may be called from any thread, also at the same time, unless it says
 * otherwise.
 */
#ifndef CURFEW_CONTEXT_H
#define CURFEW_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <curfew/time.h>
#include <curfew/visibility.h>

CURFEW_BEGIN

struct curfew_context;
struct curfew_token;
struct curfew_lifecycle;

/*
 * Why a context was cancelled: name, text for people. CURFEW_PARENT is the reason of every
 * descendant of the context that was cancelled; the cause's origin tells what it was there.
 */
#define CURFEW_REASONS(X)                                                                          \
	X(NONE, "none", "not cancelled")                                                           \
	X(SIGNAL, "signal", "asked to end by a signal")                                            \
	X(DURATION, "duration", "its own duration is over")                                        \
	X(COMPLETED, "completed", "its work is done")                                              \
	X(DEADLINE, "deadline", "a deadline passed")                                               \
	X(FAILURE, "failure", "something failed")                                                  \
	X(INSISTED, "insisted", "a second signal insisted")                                        \
	X(CLIENT_GONE, "client-gone", "the client went away")                                      \
	X(PARENT, "parent", "a context above was cancelled")

enum curfew_reason {
#define CURFEW_REASON_ENUM(name, word, text) CURFEW_##name,
	CURFEW_REASONS(CURFEW_REASON_ENUM)
#undef CURFEW_REASON_ENUM
};

/* Returns the reason as one lower-case word ("client-gone"), for logs and labels. Static. */
CURFEW_API const char *curfew_reason_name(enum curfew_reason reason);

#define CURFEW_CAUSE_TEXT 96 /* bytes of a cause's text, its NUL included */

struct curfew_cause {
	enum curfew_reason reason;    /* of this context */
	enum curfew_reason origin;    /* of the context where it began; equal to reason but for
	                                 CURFEW_PARENT */
	int signal;                   /* CURFEW_SIGNAL, CURFEW_INSISTED: signal(7) number, else 0 */
	pid_t sender;                 /* process that sent the signal, 0 where the kernel did or
	                                 nobody knows */
	char text[CURFEW_CAUSE_TEXT]; /* for people; one line, may be empty */
};

/*
 * Returns a new context, to be freed with curfew_context_free, or NULL with errno ENOMEM.
 *
 * parent: NULL for one that stands alone; it may be freed before its children.
 * deadline: CURFEW_NEVER for none. The effective deadline is the earlier of this and the parent's.
 *
 * The deadline is kept by the lifecycle at the root of the tree (curfew_lifecycle_context), in its
 * dispatch. In a tree without a lifecycle it is kept by whoever waits: curfew_token_wait and
 * curfew_group_wait cancel what has expired.
 */
CURFEW_API struct curfew_context *curfew_context_new(
	struct curfew_context *parent, int64_t deadline);

/*
 * Cancels the context (CURFEW_COMPLETED, where it was not yet cancelled) and gives it back. Tokens
 * that were taken stay valid and show the cancellation. NULL is fine.
 */
CURFEW_API void curfew_context_free(struct curfew_context *context);

/*
 * Cancels the context and its descendants; any number of times, the first cause stays. When it
 * returns, the flag and the descriptor of each descendant show it. Callbacks are not run inside:
 * each comes later, in the dispatch of its lifecycle. cause is copied; its origin is ignored.
 * Not for signal handlers.
 */
CURFEW_API void curfew_context_cancel(
	struct curfew_context *context, const struct curfew_cause *cause);

/* The same, with a reason and a text (NULL for none) only. */
CURFEW_API void curfew_context_cancel_for(
	struct curfew_context *context, enum curfew_reason reason, const char *text);

/*
 * Returns the context's token: borrowed, valid as long as the context; curfew_token_ref to keep
 * it.
 */
CURFEW_API struct curfew_token *curfew_context_token(struct curfew_context *context);

/* Takes another reference to a token, and returns it. */
CURFEW_API struct curfew_token *curfew_token_ref(struct curfew_token *token);

/* Gives back a reference that curfew_token_ref took. NULL is fine. */
CURFEW_API void curfew_token_unref(struct curfew_token *token);

/* Returns whether its context was cancelled: one atomic load, no lock, a few nanoseconds. */
CURFEW_API bool curfew_token_cancelled(const struct curfew_token *token);

/*
 * Waits until the context is cancelled or the deadline passes (CURFEW_NEVER: for ever). Returns
 * whether it is cancelled. Blocks the calling thread; not for a thread that runs a loop.
 */
CURFEW_API bool curfew_token_wait(struct curfew_token *token, int64_t deadline);

/*
 * Returns a descriptor that becomes readable, and stays so, when the context is cancelled; for
 * poll(2) and its kin. It belongs to the token: do not read or close it. It is made at the first
 * call. Negative errno on failure (-EMFILE, -ENOMEM).
 */
CURFEW_API int curfew_token_fd(struct curfew_token *token);

/* Returns the cause; its reason is CURFEW_NONE while the context is not cancelled. */
CURFEW_API struct curfew_cause curfew_token_cause(const struct curfew_token *token);

/* Returns the context's effective deadline, CURFEW_NEVER for none. */
CURFEW_API int64_t curfew_token_deadline(const struct curfew_token *token);

/* A callback on cancellation. */
struct curfew_watch;

/*
 * Returns a new watch, which calls cancelled(arg) once, in a dispatch of the lifecycle, after the
 * context was cancelled; also if that was before this call. It keeps the token. NULL with errno
 * ENOMEM.
 */
CURFEW_API struct curfew_watch *curfew_watch_new(struct curfew_token *token,
	struct curfew_lifecycle *life, void (*cancelled)(void *arg), void *arg);

/*
 * Frees the watch. After it returns the callback does not run and is not running, unless this was
 * called from inside it. NULL is fine.
 */
CURFEW_API void curfew_watch_free(struct curfew_watch *watch);

CURFEW_END

#endif
