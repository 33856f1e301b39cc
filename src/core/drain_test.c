/* SPDX-License-Identifier: Apache-2.0 */
#include "core/drain.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/list.h"
#include "tests/allocation.h"
#include "tests/timeline.h"

/* A thing that is alive, and what it was asked. */
struct thing {
	struct curfew_hold hold;
	char name[8];
	bool release_on_finish;
	bool keep_on_cut;
};

static char story[512];
static struct curfew_drain drain;
static int done;

static void tell(const char *word, const char *name)
{
	size_t length = strlen(story);

	(void)snprintf(
		story + length, sizeof(story) - length, "%s%s %s", length ? ", " : "", word, name);
}

static void finish(struct curfew_hold *hold)
{
	struct thing *thing = container_of(hold, struct thing, hold);

	tell("finish", thing->name);
	if (thing->release_on_finish) {
		curfew_hold_release(hold);
	}
}

static void cut(struct curfew_hold *hold)
{
	struct thing *thing = container_of(hold, struct thing, hold);

	tell("cut", thing->name);
	if (!thing->keep_on_cut) {
		curfew_hold_release(hold);
	}
}

static const struct curfew_hold_ops ops = {.kind = "thing", .finish = finish, .cut = cut};
static const struct curfew_hold_ops silent_ops = {.kind = "silent"};

static void note_done(void *arg)
{
	int *count = arg;

	(*count)++;
	tell("done", "");
}

static struct thing *hold(struct thing *thing, const char *name)
{
	*thing = (struct thing){0};
	(void)snprintf(thing->name, sizeof(thing->name), "%s", name);
	assert_int_equal(curfew_drain_hold(&drain, &thing->hold, &ops, thing->name), 0);
	return thing;
}

static int setup(void **state)
{
	timeline_setup(state);
	drain_init(&drain, &timeline.agenda);
	curfew_drain_on_done(&drain, note_done, &done);
	done = 0;
	story[0] = '\0';
	return 0;
}

static int teardown(void **state)
{
	drain_fini(&drain);
	return timeline_teardown(state);
}

static void closed_drain_refuses_holds(void **state)
{
	struct thing thing;
	struct curfew_hold late = {0};

	(void)state;
	hold(&thing, "a");
	assert_false(curfew_drain_closed(&drain));
	curfew_drain_close(&drain, CURFEW_NEVER);
	assert_true(curfew_drain_closed(&drain));
	assert_int_equal(curfew_drain_hold(&drain, &late, &ops, "b"), -ESHUTDOWN);
	assert_null(late.drain);
	assert_int_equal(curfew_drain_count(&drain), 1);
	curfew_hold_release(&late);
	curfew_hold_release(&thing.hold);
	curfew_hold_release(&thing.hold);
	assert_int_equal(curfew_drain_count(&drain), 0);
	assert_int_equal(done, 0);
	timeline_settle();
	assert_int_equal(done, 1);
}

static void empty_drain_is_done_when_it_is_closed_and_not_before(void **state)
{
	(void)state;
	timeline_settle();
	assert_int_equal(done, 0);
	curfew_drain_close(&drain, CURFEW_NEVER);
	assert_int_equal(done, 0);
	timeline_settle();
	curfew_drain_close(&drain, curfew_after_ms(10));
	curfew_drain_cut(&drain);
	timeline_advance_ms(100);
	assert_int_equal(done, 1);
	assert_int_equal(agenda_next(&timeline.agenda), CURFEW_NEVER);
}

static void done_leaves_no_deadline_behind(void **state)
{
	(void)state;
	curfew_drain_close(&drain, CURFEW_NEVER);
	timeline_settle();
	curfew_drain_close(&drain, curfew_after_ms(10));
	assert_int_equal(agenda_next(&timeline.agenda), CURFEW_NEVER);
}

static void each_is_asked_to_finish_once_and_cut_at_the_deadline(void **state)
{
	struct thing a, b, c;

	(void)state;
	hold(&a, "a")->release_on_finish = true;
	hold(&b, "b");
	hold(&c, "c");
	curfew_drain_close(&drain, curfew_after_ms(100));
	assert_string_equal(story, "");
	timeline_advance_ms(99);
	assert_string_equal(story, "finish a, finish b, finish c");
	curfew_hold_release(&b.hold);
	timeline_advance_ms(1);
	assert_string_equal(story, "finish a, finish b, finish c, cut c, done ");
	timeline_advance_ms(1000);
	assert_int_equal(done, 1);
}

static void closing_again_only_brings_the_deadline_forward(void **state)
{
	struct thing a;

	(void)state;
	hold(&a, "a");
	curfew_drain_close(&drain, curfew_after_ms(100));
	curfew_drain_close(&drain, curfew_after_ms(200));
	curfew_drain_close(&drain, CURFEW_NEVER);
	timeline_advance_ms(50);
	curfew_drain_close(&drain, curfew_after_ms(10));
	timeline_advance_ms(9);
	assert_string_equal(story, "finish a");
	timeline_advance_ms(1);
	assert_string_equal(story, "finish a, cut a, done ");
}

static void deadline_that_passed_still_asks_to_finish_first(void **state)
{
	struct thing a;

	(void)state;
	hold(&a, "a");
	curfew_drain_close(&drain, 0);
	timeline_settle();
	assert_string_equal(story, "finish a, cut a, done ");
}

static void cut_of_an_open_drain_does_not_ask_to_finish(void **state)
{
	struct thing a, b;

	(void)state;
	hold(&a, "a");
	hold(&b, "b")->keep_on_cut = true;
	curfew_drain_cut(&drain);
	curfew_drain_cut(&drain);
	curfew_drain_close(&drain, 0);
	timeline_settle();
	assert_string_equal(story, "cut a, cut b");
	curfew_hold_release(&b.hold);
	timeline_settle();
	assert_string_equal(story, "cut a, cut b, done ");
}

static void cut_all(struct curfew_hold *asked)
{
	struct thing *thing = container_of(asked, struct thing, hold);

	tell("finish", thing->name);
	curfew_drain_cut(&drain);
}

static void cut_overtakes_a_finish_and_asks_everybody(void **state)
{
	static const struct curfew_hold_ops cutting = {.kind = "x", .finish = cut_all, .cut = cut};
	struct thing a, b = {.name = "b"}, c;

	(void)state;
	hold(&a, "a");
	assert_int_equal(curfew_drain_hold(&drain, &b.hold, &cutting, NULL), 0);
	hold(&c, "c");
	curfew_drain_close(&drain, CURFEW_NEVER);
	timeline_settle();
	assert_string_equal(story, "finish a, finish b, cut a, cut b, cut c, done ");
}

static void hold_without_callbacks_is_waited_for(void **state)
{
	struct curfew_hold silent = {0};

	(void)state;
	assert_int_equal(curfew_drain_hold(&drain, &silent, &silent_ops, NULL), 0);
	curfew_drain_cut(&drain);
	timeline_advance_ms(1000);
	assert_int_equal(done, 0);
	curfew_hold_release(&silent);
	timeline_settle();
	assert_int_equal(done, 1);
}

static void done_callback_that_is_set_late_is_called_once(void **state)
{
	int late = 0;

	(void)state;
	curfew_drain_close(&drain, CURFEW_NEVER);
	timeline_settle();
	curfew_drain_on_done(&drain, note_done, &late);
	assert_int_equal(late, 0);
	timeline_settle();
	timeline_advance_ms(1000);
	assert_int_equal(late, 1);
}

/* Drains below drains. */

static void free_drain(void *arg)
{
	tell("done", "below");
	curfew_drain_free(arg);
}

static void drain_below_is_finished_and_cut_with_the_one_above(void **state)
{
	struct curfew_drain *below = curfew_drain_new(&drain, "connection", "below");
	struct thing a = {.name = "a"};

	(void)state;
	curfew_drain_on_done(below, free_drain, below);
	assert_int_equal(curfew_drain_hold(below, &a.hold, &ops, NULL), 0);
	curfew_drain_close(&drain, curfew_after_ms(50));
	timeline_advance_ms(49);
	assert_true(curfew_drain_closed(below));
	assert_string_equal(story, "finish a");
	timeline_advance_ms(1);
	assert_string_equal(story, "finish a, cut a, done below, done ");
}

static void drain_below_that_is_done_lets_go_of_the_one_above(void **state)
{
	struct curfew_drain *below = curfew_drain_new(&drain, "connection", NULL);
	struct curfew_drain *unused = curfew_drain_new(&drain, "connection", NULL);

	(void)state;
	assert_int_equal(curfew_drain_count(&drain), 2);
	curfew_drain_close(below, CURFEW_NEVER);
	timeline_settle();
	assert_int_equal(curfew_drain_count(&drain), 1);
	curfew_drain_free(below);
	curfew_drain_free(unused);
	curfew_drain_free(NULL);
	assert_int_equal(curfew_drain_count(&drain), 0);
	curfew_drain_close(&drain, CURFEW_NEVER);
	errno = 0;
	assert_null(curfew_drain_new(&drain, "connection", NULL));
	assert_int_equal(errno, ESHUTDOWN);
}

static struct curfew_drain *inner;

static void free_inner(struct curfew_hold *asked)
{
	curfew_hold_release(asked);
	curfew_drain_free(inner);
	tell("freed", "inner");
}

static void last_hold_may_free_its_drain_when_asked(void **state)
{
	static const struct curfew_hold_ops freeing = {.kind = "x", .finish = free_inner};
	struct curfew_hold last = {0};

	(void)state;
	inner = curfew_drain_new(&drain, "inner", NULL);
	assert_int_equal(curfew_drain_hold(inner, &last, &freeing, NULL), 0);
	curfew_drain_close(&drain, CURFEW_NEVER);
	timeline_settle();
	assert_string_equal(story, "freed inner, done ");
}

static void note_holder(const struct curfew_holder *holder, void *arg)
{
	char text[64];

	(void)arg;
	(void)snprintf(text, sizeof(text), "%s%s %lld %d", holder->is_drain ? "drain " : "",
		holder->name, (long long)holder->age_ms, holder->depth);
	tell(holder->kind, text);
}

static void listing_names_every_hold_the_oldest_first(void **state)
{
	struct curfew_drain *below;
	struct thing a, b, c = {.name = "c"};

	(void)state;
	hold(&a, "a");
	timeline_advance_ms(10);
	below = curfew_drain_new(&drain, "part", NULL);
	assert_int_equal(curfew_drain_hold(below, &c.hold, &ops, NULL), 0);
	timeline_advance_ms(5);
	hold(&b, "b");
	curfew_drain_list(&drain, note_holder, NULL);
	assert_string_equal(
		story, "thing a 15 0, part drain part 5 0, thing thing 5 1, thing b 0 0");
	curfew_hold_release(&a.hold);
	curfew_hold_release(&b.hold);
	curfew_hold_release(&c.hold);
	curfew_drain_free(below);
}

static void cuts_are_noted_but_not_those_of_drains(void **state)
{
	struct curfew_drain *below;
	struct thing a, b = {.name = "b"};

	(void)state;
	drain_note_cut(&drain, note_holder, NULL);
	below = curfew_drain_new(&drain, "part", NULL);
	hold(&a, "a")->release_on_finish = true;
	assert_int_equal(curfew_drain_hold(below, &b.hold, &ops, "b"), 0);
	curfew_drain_close(&drain, curfew_after_ms(7));
	timeline_advance_ms(7);
	assert_string_equal(story, "finish a, finish b, thing b 7 0, cut b, done ");
	curfew_drain_free(below);
}

/* It is asked like any other, after whatever told it. */
static void cut_that_was_told_is_not_noted(void **state)
{
	struct thing a, b, c;

	(void)state;
	drain_note_cut(&drain, note_holder, NULL);
	hold(&a, "a");
	hold(&b, "b");
	hold(&c, "c");
	hold_told(&a.hold);
	hold_rename(&a.hold, "A");
	hold_told(&c.hold);
	hold_become(&c.hold, &ops, "C", curfew_now());
	curfew_drain_list(&drain, note_holder, NULL);
	assert_string_equal(story, "thing A 0 0, thing b 0 0, thing C 0 0");
	story[0] = '\0';
	curfew_drain_cut(&drain);
	timeline_settle();
	assert_string_equal(story, "cut a, thing b 0 0, cut b, thing C 0 0, cut c, done ");
}

static void failed_allocation_makes_no_drain(void **state)
{
	bool failed = true;

	(void)state;
	for (int n = 1; failed; n++) {
		struct curfew_drain *below;

		allocation_fail(n);
		below = curfew_drain_new(&drain, "part", NULL);
		failed = allocation_failed();
		assert_int_equal(failed, !below);
		assert_int_equal(curfew_drain_count(&drain), failed ? 0 : 1);
		assert_true(!failed || errno == ENOMEM);
		curfew_drain_free(below);
	}
}

#define drain_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		drain_test(closed_drain_refuses_holds),
		drain_test(empty_drain_is_done_when_it_is_closed_and_not_before),
		drain_test(done_leaves_no_deadline_behind),
		drain_test(each_is_asked_to_finish_once_and_cut_at_the_deadline),
		drain_test(closing_again_only_brings_the_deadline_forward),
		drain_test(deadline_that_passed_still_asks_to_finish_first),
		drain_test(cut_of_an_open_drain_does_not_ask_to_finish),
		drain_test(cut_overtakes_a_finish_and_asks_everybody),
		drain_test(hold_without_callbacks_is_waited_for),
		drain_test(done_callback_that_is_set_late_is_called_once),
		drain_test(drain_below_is_finished_and_cut_with_the_one_above),
		drain_test(drain_below_that_is_done_lets_go_of_the_one_above),
		drain_test(last_hold_may_free_its_drain_when_asked),
		drain_test(listing_names_every_hold_the_oldest_first),
		drain_test(cuts_are_noted_but_not_those_of_drains),
		drain_test(cut_that_was_told_is_not_noted),
		drain_test(failed_allocation_makes_no_drain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
