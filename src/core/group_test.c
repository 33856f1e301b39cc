/* SPDX-License-Identifier: Apache-2.0 */
/* The group is compiled in here, so that its allocations and threads can be made to fail. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include <curfew/context.h>

static void *calloc_or_fail(size_t count, size_t size);
static struct curfew_context *context_new_or_fail(struct curfew_context *parent, int64_t deadline);
static int pthread_create_or_fail(
	pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *arg);

#define calloc calloc_or_fail
#define curfew_context_new context_new_or_fail
#define pthread_create pthread_create_or_fail
#include "core/group.c" /* NOLINT(bugprone-suspicious-include) */
#undef calloc
#undef curfew_context_new
#undef pthread_create

#include "core/group_script.h"

enum failing { NOTHING, ALLOCATION, CONTEXT, THREAD };
static enum failing failing;

static void *calloc_or_fail(size_t count, size_t size)
{
	if (failing == ALLOCATION) {
		errno = ENOMEM;
		return NULL;
	}
	return calloc(count, size);
}

static struct curfew_context *context_new_or_fail(struct curfew_context *parent, int64_t deadline)
{
	if (failing == CONTEXT) {
		errno = ENOMEM;
		return NULL;
	}
	return curfew_context_new(parent, deadline);
}

static int pthread_create_or_fail(
	pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *arg)
{
	return failing == THREAD ? EAGAIN : pthread_create(thread, attributes, run, arg);
}

static void without_tasks_is_done(void **state)
{
	struct curfew_group *group = group_under(NULL, CURFEW_NEVER);

	(void)state;
	assert_int_equal(assert_ends(group, 0, "").cause.reason, CURFEW_COMPLETED);
	curfew_group_free(NULL);
}

static void background_is_cancelled_when_the_main_tasks_are_done(void **state)
{
	struct curfew_group *group = group_under(NULL, CURFEW_NEVER);
	struct script work = {0}, more = {0}, service = {.await_cancel = true, .code = -ECANCELED};

	(void)state;
	assert_int_equal(curfew_group_background(group, "service", play, &service), 0);
	assert_int_equal(curfew_group_main(group, "work", play, &work), 0);
	assert_int_equal(curfew_group_main(group, NULL, play, &more), 0);
	assert_int_equal(assert_ends(group, 0, "").cause.reason, CURFEW_COMPLETED);
	assert_int_equal(work.ran, 1);
	assert_int_equal(more.ran, 1);
	assert_int_equal(service.cause.reason, CURFEW_COMPLETED);
}

static void first_failure_cancels_the_others_and_is_returned(void **state)
{
	struct curfew_group *group = group_under(NULL, curfew_after_ms(LATER));
	struct script fails = {.code = -EIO};
	struct script others[] = {
		{.await_cancel = true, .code = -ECANCELED},
		{.await_cancel = true, .code = -EPIPE}, /* a consequence */
		{.await_cancel = true, .code = 0},
	};
	struct curfew_error error;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(curfew_group_main(group, "other", play, &others[i]), 0);
	}
	assert_int_equal(curfew_group_background(group, "disk", play, &fails), 0);
	error = assert_ends(group, -EIO, "disk");
	assert_int_equal(error.cause.reason, CURFEW_FAILURE);
	assert_string_equal(error.cause.text, "disk: Input/output error");
	assert_int_equal(others[0].cause.reason, CURFEW_FAILURE);
}

static void cancelled_without_being_asked_is_a_failure(void **state)
{
	struct curfew_group *group = group_under(NULL, CURFEW_NEVER);
	struct script fails = {.code = -ECANCELED};

	(void)state;
	assert_int_equal(curfew_group_main(group, "early", play, &fails), 0);
	assert_int_equal(assert_ends(group, -ECANCELED, "early").cause.reason, CURFEW_FAILURE);
}

static void background_that_fails_while_it_stops_fails_the_group(void **state)
{
	struct curfew_group *group = group_under(NULL, CURFEW_NEVER);
	struct script flush = {.await_cancel = true, .code = -ENOSPC};

	(void)state;
	assert_int_equal(curfew_group_background(group, "flush", play, &flush), 0);
	assert_int_equal(assert_ends(group, -ENOSPC, "flush").cause.reason, CURFEW_COMPLETED);
}

static int fail_after_another(struct curfew_token *token, void *arg)
{
	struct curfew_group *group = arg;

	(void)token;
	pthread_mutex_lock(&group->lock);
	while (!group->error.code) {
		pthread_cond_wait(&group->changed, &group->lock);
	}
	pthread_mutex_unlock(&group->lock);
	return -EIO;
}

static void first_failure_while_stopping_stays(void **state)
{
	struct curfew_group *group = group_under(NULL, CURFEW_NEVER);
	struct script flush = {.await_cancel = true, .code = -ENOSPC};

	(void)state;
	assert_int_equal(curfew_group_background(group, "second", fail_after_another, group), 0);
	assert_int_equal(curfew_group_background(group, "flush", play, &flush), 0);
	(void)assert_ends(group, -ENOSPC, "flush");
}

static void main_task_may_end_before_the_next_is_started(void **state)
{
	struct curfew_group *group = group_under(NULL, CURFEW_NEVER);
	struct script first = {0}, second = {0};

	(void)state;
	assert_int_equal(curfew_group_main(group, "first", play, &first), 0);
	await_settled(group);
	assert_int_equal(curfew_group_main(group, "second", play, &second), 0);
	(void)assert_ends(group, 0, "");
	assert_int_equal(second.ran, 1);
}

struct tree {
	struct curfew_group *group;
	atomic_int ran;
	int depth;
};

struct node {
	struct tree *tree;
	int depth;
	struct node *below[2];
};

static int grow(struct curfew_token *token, void *arg)
{
	struct node *node = arg;

	(void)token;
	atomic_fetch_add(&node->tree->ran, 1);
	for (int i = 0; i < 2 && node->below[i]; i++) {
		int error = curfew_group_main(node->tree->group, "node", grow, node->below[i]);

		if (error) {
			return error;
		}
	}
	return 0;
}

#define NODES 127

static void tasks_start_tasks(void **state)
{
	struct tree tree = {.group = group_under(NULL, CURFEW_NEVER)};
	struct node nodes[NODES];

	(void)state;
	for (int i = 0; i < NODES; i++) {
		nodes[i] = (struct node){.tree = &tree};
		for (int j = 0; j < 2 && 2 * i + 1 + j < NODES; j++) {
			nodes[i].below[j] = &nodes[2 * i + 1 + j];
		}
	}
	assert_int_equal(curfew_group_main(tree.group, "root", grow, &nodes[0]), 0);
	(void)assert_ends(tree.group, 0, "");
	assert_int_equal(tree.ran, NODES);
}

static void only_one_of_many_failures_is_the_first(void **state)
{
	struct script fails[16];

	(void)state;
	for (int round = 0; round < 20; round++) {
		struct curfew_group *group = group_under(NULL, CURFEW_NEVER);
		struct curfew_error error;
		int started = 0;

		for (int i = 0; i < 16; i++) {
			char name[CURFEW_TASK_NAME];

			fails[i] = (struct script){.code = -(i + 1)};
			(void)snprintf(name, sizeof(name), "%d", i + 1);
			started += !curfew_group_main(group, name, play, &fails[i]);
		}
		assert_true(started > 0);
		assert_true(curfew_group_wait(group, &error) < 0);
		assert_int_equal(-error.code, atoi(error.task));
		for (int i = 0; i < 16; i++) {
			started -= fails[i].ran;
		}
		assert_int_equal(started, 0);
		curfew_group_free(group);
	}
}

static int look_at_mask(struct curfew_token *token, void *arg)
{
	sigset_t *mask = arg;

	(void)token;
	return -pthread_sigmask(SIG_SETMASK, NULL, mask);
}

static void tasks_block_all_signals_and_the_caller_keeps_its_mask(void **state)
{
	struct curfew_group *group = group_under(NULL, CURFEW_NEVER);
	sigset_t before, inside, after;

	(void)state;
	sigemptyset(&before);
	sigaddset(&before, SIGUSR2);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	assert_int_equal(curfew_group_main(group, "mask", look_at_mask, &inside), 0);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	(void)assert_ends(group, 0, "");
	for (int number = 1; number <= SIGRTMAX; number++) {
		bool cannot = number == SIGKILL || number == SIGSTOP ||
			(number > 31 && number < SIGRTMIN);

		assert_true(cannot || sigismember(&inside, number));
		assert_int_equal(sigismember(&before, number), sigismember(&after, number));
	}
}

static void names_are_cut_to_fit(void **state)
{
	struct curfew_group *group = group_under(NULL, CURFEW_NEVER);
	struct script fails = {.code = -EIO};

	(void)state;
	assert_int_equal(curfew_group_main(
				 group, "a name that is much too long for its field", play, &fails),
		0);
	(void)assert_ends(group, -EIO, "a name that is much too long fo");
	group = group_under(NULL, CURFEW_NEVER);
	assert_int_equal(curfew_group_main(group, NULL, play, &fails), 0);
	assert_int_equal(curfew_group_wait(group, NULL), -EIO);
	assert_string_equal(group->error.task, "task");
	curfew_group_free(group);
}

static void what_cannot_start_never_runs(void **state)
{
	struct curfew_group *group = group_under(NULL, CURFEW_NEVER);
	struct script refused = {0}, work = {0};

	(void)state;
	failing = THREAD;
	assert_int_equal(curfew_group_main(group, "thread", play, &refused), -EAGAIN);
	assert_int_equal(curfew_group_background(group, "thread", play, &refused), -EAGAIN);
	failing = ALLOCATION;
	assert_int_equal(curfew_group_main(group, "memory", play, &refused), -ENOMEM);
	failing = NOTHING;
	assert_int_equal(curfew_group_main(group, "work", play, &work), 0);
	(void)assert_ends(group, 0, "");
	assert_int_equal(refused.ran, 0);
	assert_int_equal(work.ran, 1);
}

static void group_without_memory_is_none(void **state)
{
	(void)state;
	for (failing = ALLOCATION; failing <= CONTEXT; failing++) {
		errno = 0;
		assert_null(curfew_group_new(NULL, CURFEW_NEVER));
		assert_int_equal(errno, ENOMEM);
	}
	failing = NOTHING;
}

static void free_cancels_and_joins(void **state)
{
	struct curfew_group *group = group_under(NULL, CURFEW_NEVER);
	struct script work = {.await_cancel = true}, service = {.await_cancel = true};

	(void)state;
	assert_int_equal(curfew_group_main(group, "work", play, &work), 0);
	assert_int_equal(curfew_group_background(group, "service", play, &service), 0);
	curfew_group_free(group);
	assert_int_equal(work.cause.reason, CURFEW_COMPLETED);
	assert_int_equal(service.cause.reason, CURFEW_COMPLETED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_tasks_is_done),
		cmocka_unit_test(background_is_cancelled_when_the_main_tasks_are_done),
		cmocka_unit_test(first_failure_cancels_the_others_and_is_returned),
		cmocka_unit_test(cancelled_without_being_asked_is_a_failure),
		cmocka_unit_test(background_that_fails_while_it_stops_fails_the_group),
		cmocka_unit_test(first_failure_while_stopping_stays),
		cmocka_unit_test(main_task_may_end_before_the_next_is_started),
		cmocka_unit_test(tasks_start_tasks),
		cmocka_unit_test(only_one_of_many_failures_is_the_first),
		cmocka_unit_test(tasks_block_all_signals_and_the_caller_keeps_its_mask),
		cmocka_unit_test(names_are_cut_to_fit),
		cmocka_unit_test(what_cannot_start_never_runs),
		cmocka_unit_test(group_without_memory_is_none),
		cmocka_unit_test(free_cancels_and_joins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
