/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A group of tasks on threads that share one context. The first task that fails cancels the
 * others; its error is the one that is returned, after all have been joined. When all main tasks
 * are done, the background tasks are cancelled.
 */
#ifndef CURFEW_GROUP_H
#define CURFEW_GROUP_H

#include <stdint.h>

#include <curfew/context.h>
#include <curfew/visibility.h>

CURFEW_BEGIN

struct curfew_group;

/*
 * A task: runs on a thread of its own with all signals blocked, and should return soon after the
 * token shows cancellation. Returns 0, or a negative errno that fails the group. -ECANCELED after
 * the token was cancelled is a task that stopped as asked, and fails nothing.
 */
typedef int curfew_task_fn(struct curfew_token *token, void *arg);

#define CURFEW_TASK_NAME 32 /* bytes of a task's name in an error, its NUL included */

struct curfew_error {
	int code;                    /* 0, or a negative errno */
	char task[CURFEW_TASK_NAME]; /* the task that failed; empty for the group's own budget or
	                                cancellation */
	struct curfew_cause cause;   /* of the group's context */
};

/*
 * Returns a new group under parent (NULL: none) with a budget (a deadline; CURFEW_NEVER: none).
 * NULL with errno ENOMEM.
 */
CURFEW_API struct curfew_group *curfew_group_new(struct curfew_context *parent, int64_t deadline);

/*
 * Starts a task that the group exists for. The name (NULL: "task") is copied and cut to fit.
 * Returns 0, or a negative errno (-EAGAIN, -ENOMEM: no thread; -ECANCELED: the group is cancelled
 * already): then the task never runs. Any thread, also from a task of the group; not after
 * curfew_group_wait returned.
 */
CURFEW_API int curfew_group_main(
	struct curfew_group *group, const char *name, curfew_task_fn *run, void *arg);

/*
 * Starts a task that serves the others, and is cancelled (CURFEW_COMPLETED) when the main ones
 * are done.
 */
CURFEW_API int curfew_group_background(
	struct curfew_group *group, const char *name, curfew_task_fn *run, void *arg);

/* Returns the group's context. Borrowed. Cancel it to end the group early. Any thread. */
CURFEW_API struct curfew_context *curfew_group_context(struct curfew_group *group);

/*
 * Waits until every task has been joined, and returns the group's result:
 *	0		all main tasks are done (background tasks may have been cancelled for that)
 *	the task's code	the first task that failed; error->task names it
 *	-ETIMEDOUT	the budget was over before the main tasks were done, whatever they
 *			then returned
 *	-ECANCELED	the context was cancelled from outside first; error->cause tells why
 * error may be NULL. One caller, once; blocks. A task that ignores its token is waited for: the
 * group never abandons a thread.
 */
CURFEW_API int curfew_group_wait(struct curfew_group *group, struct curfew_error *error);

/* Cancels and joins what still runs, and frees the group. NULL is fine. */
CURFEW_API void curfew_group_free(struct curfew_group *group);

CURFEW_END

#endif
