/* SPDX-License-Identifier: Apache-2.0 */
#include "core/context.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/list.h"
#include "tests/allocation.h"
#include "tests/timeline.h"

#define MANY 5000
#define DEEP 300000

static struct curfew_context *contexts[DEEP];

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

static void shuffle(int count)
{
	for (int i = count - 1; i > 0; i--) {
		int other = (int)(random() % (i + 1));
		struct curfew_context *context = contexts[i];

		contexts[i] = contexts[other];
		contexts[other] = context;
	}
}

static void free_tree(int count)
{
	for (int i = 0; i < count; i++) {
		curfew_context_free(contexts[i]);
	}
}

static void cancel_reaches_every_descendant_and_the_first_cause_stays(void **state)
{
	const struct curfew_cause cause = {
		.reason = CURFEW_SIGNAL, .signal = 15, .sender = 7, .text = "SIGTERM"};

	(void)state;
	make_tree(MANY, curfew_context_new(NULL, CURFEW_NEVER));
	curfew_context_cancel(contexts[0], &cause);
	curfew_context_cancel_for(contexts[0], CURFEW_FAILURE, "later");
	assert_int_equal(cause_of(contexts[0]).reason, CURFEW_SIGNAL);
	assert_int_equal(cause_of(contexts[0]).origin, CURFEW_SIGNAL);
	for (int i = 1; i < MANY; i++) {
		struct curfew_cause inherited = cause_of(contexts[i]);

		assert_true(cancelled(contexts[i]));
		assert_int_equal(inherited.reason, CURFEW_PARENT);
		assert_int_equal(inherited.origin, CURFEW_SIGNAL);
		assert_int_equal(inherited.signal, 15);
		assert_int_equal(inherited.sender, 7);
		assert_string_equal(inherited.text, "SIGTERM");
	}
	free_tree(MANY);
}

static void cancel_of_a_part_leaves_the_rest(void **state)
{
	struct curfew_context *root = curfew_context_new(NULL, CURFEW_NEVER);
	struct curfew_context *left = curfew_context_new(root, CURFEW_NEVER);
	struct curfew_context *right = curfew_context_new(root, CURFEW_NEVER);
	struct curfew_context *below = curfew_context_new(left, CURFEW_NEVER);

	(void)state;
	curfew_context_cancel_for(left, CURFEW_CLIENT_GONE, NULL);
	assert_true(cancelled(left) && cancelled(below));
	assert_false(cancelled(root) || cancelled(right));
	assert_int_equal(cause_of(right).reason, CURFEW_NONE);
	curfew_context_cancel_for(root, CURFEW_FAILURE, "x");
	assert_int_equal(cause_of(below).origin, CURFEW_CLIENT_GONE);
	assert_int_equal(cause_of(right).origin, CURFEW_FAILURE);
	curfew_context_free(root);
	curfew_context_free(left);
	curfew_context_free(right);
	curfew_context_free(below);
}

static void chain_of_any_depth_is_cancelled_without_recursion(void **state)
{
	(void)state;
	contexts[0] = curfew_context_new(NULL, CURFEW_NEVER);
	for (int i = 1; i < DEEP; i++) {
		contexts[i] = curfew_context_new(contexts[i - 1], CURFEW_NEVER);
	}
	curfew_context_cancel_for(contexts[0], CURFEW_FAILURE, NULL);
	assert_true(cancelled(contexts[DEEP - 1]));
	free_tree(DEEP);
}

static void contexts_are_freed_in_any_order(void **state)
{
	(void)state;
	make_tree(MANY, curfew_context_new(NULL, CURFEW_NEVER));
	shuffle(MANY);
	free_tree(MANY);
}

static void free_cancels_what_is_below(void **state)
{
	struct curfew_context *parent = curfew_context_new(NULL, CURFEW_NEVER);
	struct curfew_context *child = curfew_context_new(parent, CURFEW_NEVER);

	(void)state;
	curfew_context_free(parent);
	assert_int_equal(cause_of(child).reason, CURFEW_PARENT);
	assert_int_equal(cause_of(child).origin, CURFEW_COMPLETED);
	curfew_context_free(child);
	curfew_context_free(NULL);
}

static void child_of_a_cancelled_context_is_born_cancelled(void **state)
{
	struct curfew_context *parent = curfew_context_new(NULL, CURFEW_NEVER);
	struct curfew_context *child;

	(void)state;
	curfew_context_cancel_for(parent, CURFEW_DURATION, "over");
	child = curfew_context_new(parent, CURFEW_NEVER);
	assert_int_equal(cause_of(child).reason, CURFEW_PARENT);
	assert_int_equal(cause_of(child).origin, CURFEW_DURATION);
	curfew_context_free(child);
	curfew_context_free(parent);
}

static void tokens_outlive_their_contexts(void **state)
{
	struct curfew_context *context = curfew_context_new(NULL, CURFEW_NEVER);
	struct curfew_context *child = curfew_context_new(context, 12345);
	struct curfew_token *token = curfew_token_ref(curfew_context_token(child));

	(void)state;
	curfew_context_free(context);
	curfew_context_free(child);
	assert_true(curfew_token_cancelled(token));
	assert_int_equal(curfew_token_deadline(token), 12345);
	assert_int_equal(curfew_token_cause(token).origin, CURFEW_COMPLETED);
	assert_true(curfew_token_wait(token, CURFEW_NEVER));
	curfew_token_unref(token);
	curfew_token_unref(NULL);
}

static void text_of_a_cause_is_cut_to_fit(void **state)
{
	struct curfew_context *context = curfew_context_new(NULL, CURFEW_NEVER);
	char text[3 * CURFEW_CAUSE_TEXT];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	curfew_context_cancel_for(context, CURFEW_FAILURE, text);
	assert_int_equal(strlen(cause_of(context).text), CURFEW_CAUSE_TEXT - 1);
	curfew_context_free(context);
}

/* Deadlines. */

static void deadline_is_the_earlier_of_ones_own_and_the_parents(void **state)
{
	struct curfew_context *parent = curfew_context_new(NULL, 100);
	struct curfew_context *earlier = curfew_context_new(parent, 50);
	struct curfew_context *later = curfew_context_new(parent, 200);

	(void)state;
	assert_int_equal(curfew_token_deadline(curfew_context_token(earlier)), 50);
	assert_int_equal(curfew_token_deadline(curfew_context_token(later)), 100);
	curfew_context_free(parent);
	curfew_context_free(earlier);
	curfew_context_free(later);
}

static void agenda_keeps_the_deadlines_of_its_tree(void **state)
{
	struct curfew_context *root = context_new_root(&timeline.agenda, CURFEW_NEVER);
	struct curfew_context *middle = curfew_context_new(root, curfew_after_ms(100));
	struct curfew_context *same = curfew_context_new(middle, curfew_after_ms(200));
	struct curfew_context *early = curfew_context_new(middle, curfew_after_ms(50));

	(void)state;
	timeline_advance_ms(49);
	assert_false(cancelled(early));
	timeline_advance_ms(1);
	assert_int_equal(cause_of(early).reason, CURFEW_DEADLINE);
	assert_false(cancelled(middle) || cancelled(same));
	timeline_advance_ms(50);
	assert_int_equal(cause_of(middle).reason, CURFEW_DEADLINE);
	assert_int_equal(cause_of(same).reason, CURFEW_PARENT);
	assert_int_equal(cause_of(same).origin, CURFEW_DEADLINE);
	assert_false(cancelled(root));
	curfew_context_free(early);
	curfew_context_free(same);
	curfew_context_free(middle);
	context_free_root(root);
}

static void cancelled_context_leaves_no_deadline_on_the_agenda(void **state)
{
	struct curfew_context *root = context_new_root(&timeline.agenda, curfew_after_ms(500));
	struct curfew_context *child = curfew_context_new(root, curfew_after_ms(100));

	(void)state;
	curfew_context_cancel_for(child, CURFEW_FAILURE, NULL);
	assert_int_equal(agenda_next(&timeline.agenda), curfew_after_ms(500));
	curfew_context_cancel_for(root, CURFEW_FAILURE, NULL);
	assert_int_equal(agenda_next(&timeline.agenda), CURFEW_NEVER);
	curfew_context_free(child);
	context_free_root(root);
}

static void tree_outlives_the_agenda_of_its_root(void **state)
{
	struct curfew_context *root = context_new_root(&timeline.agenda, CURFEW_NEVER);
	struct curfew_context *child = curfew_context_new(root, curfew_after_ms(100));
	struct curfew_context *grandchild = curfew_context_new(child, curfew_after_ms(50));
	struct curfew_context *born_late;

	(void)state;
	context_free_root(root);
	assert_int_equal(agenda_next(&timeline.agenda), CURFEW_NEVER);
	assert_true(cancelled(child) && cancelled(grandchild));
	born_late = curfew_context_new(child, curfew_after_ms(10));
	assert_int_equal(agenda_next(&timeline.agenda), CURFEW_NEVER);
	curfew_context_free(child);
	curfew_context_free(born_late);
	curfew_context_free(grandchild);
}

static void waiter_notes_the_deadline_where_no_agenda_does(void **state)
{
	struct curfew_context *parent;
	struct curfew_context *child;
	struct curfew_context *beside;

	(void)state;
	parent = curfew_context_new(NULL, curfew_after_ms(20));
	child = curfew_context_new(parent, CURFEW_NEVER);
	beside = curfew_context_new(parent, CURFEW_NEVER);
	assert_false(curfew_token_wait(curfew_context_token(child), curfew_after_ms(5)));
	assert_true(curfew_token_wait(curfew_context_token(child), CURFEW_NEVER));
	assert_true(curfew_now() >= curfew_token_deadline(curfew_context_token(parent)));
	assert_int_equal(cause_of(parent).reason, CURFEW_DEADLINE);
	assert_int_equal(cause_of(child).reason, CURFEW_PARENT);
	assert_true(cancelled(beside));
	curfew_context_free(parent);
	curfew_context_free(beside);
	curfew_context_free(child);
}

static void wait_with_a_deadline_that_passed_returns_at_once(void **state)
{
	struct curfew_context *context = curfew_context_new(NULL, CURFEW_NEVER);
	struct curfew_context *late = curfew_context_new(NULL, 0);

	(void)state;
	assert_false(curfew_token_wait(curfew_context_token(context), 0));
	assert_false(curfew_token_wait(curfew_context_token(context), -1));
	assert_true(curfew_token_wait(curfew_context_token(late), CURFEW_NEVER));
	curfew_context_free(context);
	curfew_context_free(late);
}

/* Listeners. */

struct ear {
	struct context_listener listener;
	int heard;
};

static void heard(struct context_listener *listener)
{
	container_of(listener, struct ear, listener)->heard++;
}

static void listener_is_told_once_also_when_it_comes_late(void **state)
{
	struct curfew_context *context = curfew_context_new(NULL, CURFEW_NEVER);
	struct curfew_token *token = curfew_context_token(context);
	struct ear early = {.listener.cancelled = heard};
	struct ear late = {.listener.cancelled = heard};
	struct ear gone = {.listener.cancelled = heard};

	(void)state;
	context_listen(token, &early.listener);
	context_listen(token, &gone.listener);
	context_unlisten(token, &gone.listener);
	curfew_context_cancel_for(context, CURFEW_FAILURE, NULL);
	curfew_context_cancel_for(context, CURFEW_FAILURE, NULL);
	context_listen(token, &late.listener);
	assert_int_equal(early.heard, 1);
	assert_int_equal(late.heard, 1);
	assert_int_equal(gone.heard, 0);
	context_unlisten(token, &early.listener);
	context_unlisten(token, &late.listener);
	curfew_context_free(context);
}

static int made, notified, dropped;

static int make_descriptor(void)
{
	return made++ ? 42 : -EMFILE;
}

static void notify_descriptor(int fd)
{
	assert_int_equal(fd, 42);
	notified++;
}

static void drop_descriptor(int fd)
{
	assert_int_equal(fd, 42);
	dropped++;
}

static void descriptor_is_made_once_notified_once_and_dropped(void **state)
{
	static const struct context_descriptor kind = {
		make_descriptor, notify_descriptor, drop_descriptor};
	struct curfew_context *context = curfew_context_new(NULL, CURFEW_NEVER);
	struct curfew_token *token = curfew_context_token(context);

	(void)state;
	assert_int_equal(context_descriptor(token, &kind), -EMFILE);
	assert_int_equal(context_descriptor(token, &kind), 42);
	assert_int_equal(context_descriptor(token, &kind), 42);
	assert_int_equal(made, 2);
	assert_int_equal(notified, 0);
	curfew_context_cancel_for(context, CURFEW_FAILURE, NULL);
	assert_int_equal(notified, 1);
	curfew_context_free(context);
	assert_int_equal(dropped, 1);
}

/* Allocation. */

static void failed_allocation_makes_no_context(void **state)
{
	bool failed = true;

	(void)state;
	for (int n = 1; failed; n++) {
		struct curfew_context *root;
		struct curfew_context *child;

		allocation_fail(n);
		root = curfew_context_new(NULL, CURFEW_NEVER);
		child = root ? curfew_context_new(root, 5) : NULL;
		failed = allocation_failed();
		assert_int_equal(failed, !child);
		assert_true(!failed || errno == ENOMEM);
		curfew_context_free(child);
		curfew_context_free(root);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cancel_reaches_every_descendant_and_the_first_cause_stays),
		cmocka_unit_test(cancel_of_a_part_leaves_the_rest),
		cmocka_unit_test(chain_of_any_depth_is_cancelled_without_recursion),
		cmocka_unit_test(contexts_are_freed_in_any_order),
		cmocka_unit_test(free_cancels_what_is_below),
		cmocka_unit_test(child_of_a_cancelled_context_is_born_cancelled),
		cmocka_unit_test(tokens_outlive_their_contexts),
		cmocka_unit_test(text_of_a_cause_is_cut_to_fit),
		cmocka_unit_test(deadline_is_the_earlier_of_ones_own_and_the_parents),
		timeline_test(agenda_keeps_the_deadlines_of_its_tree),
		timeline_test(cancelled_context_leaves_no_deadline_on_the_agenda),
		timeline_test(tree_outlives_the_agenda_of_its_root),
		cmocka_unit_test(waiter_notes_the_deadline_where_no_agenda_does),
		cmocka_unit_test(wait_with_a_deadline_that_passed_returns_at_once),
		cmocka_unit_test(listener_is_told_once_also_when_it_comes_late),
		cmocka_unit_test(descriptor_is_made_once_notified_once_and_dropped),
		cmocka_unit_test(failed_allocation_makes_no_context),
	};

	srandom(7);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
