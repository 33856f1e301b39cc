/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of groups share. They include core/group.c before it, and see its inside. */
#ifndef CORE_GROUP_SCRIPT_H
#define CORE_GROUP_SCRIPT_H

#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <cmocka.h>

#define SOON 200    /* ms: a budget that a test waits out, though it may be busy until then */
#define LATER 60000 /* ms: a deadline that no test reaches */

/* What a task does, step by step; each step may be left out. */
struct script {
	sem_t *announce;   /* posted first */
	sem_t *await;      /* then waited for */
	bool await_cancel; /* then the token */
	int code;          /* then returned */
	struct curfew_cause cause;
	atomic_int ran;
};

static inline int play(struct curfew_token *token, void *arg)
{
	struct script *script = arg;

	atomic_fetch_add(&script->ran, 1);
	if (script->announce) {
		sem_post(script->announce);
	}
	if (script->await) {
		sem_wait(script->await); /* no signal interrupts it: all are blocked */
	}
	if (script->await_cancel) {
		(void)curfew_token_wait(token, CURFEW_NEVER);
	}
	script->cause = curfew_token_cause(token);
	return script->code;
}

static inline struct curfew_group *group_under(struct curfew_context *parent, int64_t deadline)
{
	struct curfew_group *group = curfew_group_new(parent, deadline);

	assert_non_null(group);
	return group;
}

/* Waits for the group, frees it, and compares what came of it. */
static inline struct curfew_error assert_ends(
	struct curfew_group *group, int code, const char *task)
{
	struct curfew_error error;

	assert_int_equal(curfew_group_wait(group, &error), code);
	assert_int_equal(error.code, code);
	assert_string_equal(error.task, task);
	curfew_group_free(group);
	return error;
}

/* Waits until the last main task has ended. */
static inline void await_settled(struct curfew_group *group)
{
	pthread_mutex_lock(&group->lock);
	while (!group->settled) {
		pthread_cond_wait(&group->changed, &group->lock);
	}
	pthread_mutex_unlock(&group->lock);
}

#endif
