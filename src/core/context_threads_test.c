/* SPDX-License-Identifier: Apache-2.0 */
/* Contexts that many threads cancel, wait for, make and free. */
#include "core/context.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/timeline.h"

#define MANY 5000
#define THREADS 8
#define ROUNDS 400

static struct curfew_context *contexts[MANY];

static bool cancelled(struct curfew_context *context)
{
	return curfew_token_cancelled(curfew_context_token(context));
}

static struct curfew_cause cause_of(struct curfew_context *context)
{
	return curfew_token_cause(curfew_context_token(context));
}

/* The parent of each is a random one before it. */
static void make_tree(int count, struct curfew_context *root)
{
	contexts[0] = root;
	for (int i = 1; i < count; i++) {
		contexts[i] = curfew_context_new(contexts[random() % i], CURFEW_NEVER);
		assert_non_null(contexts[i]);
	}
}

static void free_tree(int count)
{
	for (int i = 0; i < count; i++) {
		curfew_context_free(contexts[i]);
	}
}

struct canceller {
	pthread_t thread;
	struct curfew_context *root;
	struct curfew_token *token;
	int number;
	bool saw_all;
};

static void *cancel_root(void *arg)
{
	struct canceller *canceller = arg;
	char text[16];

	(void)snprintf(text, sizeof(text), "%d", canceller->number);
	curfew_context_cancel_for(canceller->root, CURFEW_FAILURE, text);
	canceller->saw_all = true;
	for (int i = 0; i < MANY; i++) {
		canceller->saw_all = canceller->saw_all && cancelled(contexts[i]);
	}
	return NULL;
}

static void *await_token(void *arg)
{
	struct canceller *waiter = arg;

	waiter->saw_all = curfew_token_wait(waiter->token, CURFEW_NEVER);
	curfew_token_unref(waiter->token);
	return NULL;
}

static void one_of_many_cancellers_is_the_cause(void **state)
{
	struct canceller cancellers[THREADS];
	struct canceller waiters[THREADS];
	char text[CURFEW_CAUSE_TEXT];

	(void)state;
	make_tree(MANY, curfew_context_new(NULL, CURFEW_NEVER));
	for (int i = 0; i < THREADS; i++) {
		struct curfew_context *context = contexts[random() % MANY];

		waiters[i].token = curfew_token_ref(curfew_context_token(context));
		pthread_create(&waiters[i].thread, NULL, await_token, &waiters[i]);
	}
	for (int i = 0; i < THREADS; i++) {
		cancellers[i] = (struct canceller){.number = i, .root = contexts[0]};
		pthread_create(&cancellers[i].thread, NULL, cancel_root, &cancellers[i]);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(cancellers[i].thread, NULL);
		pthread_join(waiters[i].thread, NULL);
		assert_true(cancellers[i].saw_all);
		assert_true(waiters[i].saw_all);
	}
	memcpy(text, cause_of(contexts[0]).text, sizeof(text));
	for (int i = 0; i < MANY; i++) {
		assert_string_equal(cause_of(contexts[i]).text, text);
	}
	free_tree(MANY);
}

static atomic_int busy;

static void *make_and_free(void *arg)
{
	struct curfew_context *parent = arg;

	for (int i = 0; i < ROUNDS; i++) {
		struct curfew_context *child =
			curfew_context_new(parent, TIMELINE_START + i % 3 - 1);
		struct curfew_context *grandchild = curfew_context_new(child, TIMELINE_START - 5);

		if (i % 8 == 0) {
			sched_yield();
		}
		curfew_context_free(child);
		curfew_context_free(grandchild);
	}
	curfew_context_free(parent);
	atomic_fetch_sub(&busy, 1);
	return NULL;
}

/* Each thread has a parent of its own; the root and its agenda go while they are at it. */
static void run_against_threads(bool free_root_early)
{
	struct curfew_context *root = context_new_root(&timeline.agenda, CURFEW_NEVER);
	pthread_t threads[THREADS];

	atomic_store(&busy, THREADS);
	for (int i = 0; i < THREADS; i++) {
		pthread_create(
			&threads[i], NULL, make_and_free, curfew_context_new(root, CURFEW_NEVER));
	}
	while (atomic_load(&busy) > (free_root_early ? THREADS / 2 : 0)) {
		agenda_run(&timeline.agenda, timeline.now);
		sched_yield();
	}
	context_free_root(root);
	timeline_fini();
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
	}
	timeline_init();
}

static void deadlines_pass_while_their_contexts_are_freed(void **state)
{
	(void)state;
	run_against_threads(false);
}

static void root_and_agenda_go_while_contexts_are_in_use(void **state)
{
	(void)state;
	run_against_threads(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_of_many_cancellers_is_the_cause),
		timeline_test(deadlines_pass_while_their_contexts_are_freed),
		timeline_test(root_and_agenda_go_while_contexts_are_in_use),
	};

	srandom(7);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
