/* SPDX-License-Identifier: Apache-2.0 */
#include "net/deadline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/list.h"
#include "tests/timeline.h"

/* A deadline's owner. */
struct owner {
	struct deadline deadline;
	int passed;
	int64_t passed_ms; /* when, the last time */
	int again;         /* how often it sets the deadline anew, 10 ms later */
};

static int freed;

static void passed(struct deadline *deadline)
{
	struct owner *owner = container_of(deadline, struct owner, deadline);

	owner->passed++;
	owner->passed_ms = timeline_ms();
	if (owner->again) {
		owner->again--;
		deadline_set(deadline, curfew_after_ms(10));
	}
}

static void passed_and_gone(struct deadline *deadline)
{
	deadline_fini(deadline);
	free(container_of(deadline, struct owner, deadline));
	freed++;
}

static void begin(struct owner *owner)
{
	*owner = (struct owner){0};
	deadline_init(&owner->deadline, &timeline.agenda, passed);
}

static void set(struct owner *owner, int64_t ms)
{
	deadline_set(&owner->deadline, curfew_after_ms(ms));
}

static void it_passes_once(void **state)
{
	struct owner owner;

	(void)state;
	begin(&owner);
	timeline_advance_ms(100);
	assert_int_equal(owner.passed, 0); /* none was set */
	set(&owner, 50);
	timeline_advance_ms(49);
	assert_int_equal(owner.passed, 0);
	timeline_advance_ms(1);
	assert_int_equal(owner.passed, 1);
	assert_int_equal(owner.passed_ms, 150);
	timeline_advance_ms(1000);
	assert_int_equal(owner.passed, 1);
	set(&owner, 50); /* another one */
	timeline_advance_ms(1000);
	assert_int_equal(owner.passed, 2);
	assert_int_equal(owner.passed_ms, 1200);
	deadline_fini(&owner.deadline);
}

static void one_that_is_over_passes_in_the_next_dispatch(void **state)
{
	struct owner owner;

	(void)state;
	begin(&owner);
	deadline_set(&owner.deadline, curfew_now());
	assert_int_equal(owner.passed, 0); /* never inside the call */
	timeline_settle();
	assert_int_equal(owner.passed, 1);
	deadline_set(&owner.deadline, 0);
	timeline_settle();
	assert_int_equal(owner.passed, 2);
	deadline_fini(&owner.deadline);
}

static void it_moves(void **state)
{
	struct owner owner;

	(void)state;
	begin(&owner);
	set(&owner, 50);
	set(&owner, 80); /* later: the timer fires at 50 and goes on */
	timeline_advance_ms(79);
	assert_int_equal(owner.passed, 0);
	timeline_advance_ms(1);
	assert_int_equal(owner.passed, 1);
	set(&owner, 50);
	set(&owner, 20); /* earlier */
	timeline_advance_ms(100);
	assert_int_equal(owner.passed, 2);
	assert_int_equal(owner.passed_ms, 100);
	set(&owner, 50);
	set(&owner, 80);
	set(&owner, 60); /* between the time that the timer has and the last one */
	timeline_advance_ms(100);
	assert_int_equal(owner.passed, 3);
	assert_int_equal(owner.passed_ms, 240);
	set(&owner, 50);
	deadline_fini(&owner.deadline); /* and nothing of it is left on the agenda */
}

static void it_is_taken_away(void **state)
{
	struct owner owner;

	(void)state;
	begin(&owner);
	set(&owner, 50);
	deadline_set(&owner.deadline, CURFEW_NEVER);
	timeline_advance_ms(100);
	assert_int_equal(owner.passed, 0);
	set(&owner, 50); /* at 150 */
	timeline_advance_ms(20);
	deadline_set(&owner.deadline, CURFEW_NEVER);
	set(&owner, 50); /* at 170, while the timer has 150 */
	timeline_advance_ms(49);
	assert_int_equal(owner.passed, 0);
	timeline_advance_ms(1);
	assert_int_equal(owner.passed, 1);
	set(&owner, 50);
	deadline_fini(&owner.deadline);
	timeline_advance_ms(100);
	assert_int_equal(owner.passed, 1);
	deadline_fini(&owner.deadline);
}

static void its_callback_may_set_it_and_end_it(void **state)
{
	struct owner owner;
	struct owner *gone = calloc(1, sizeof(*gone));

	(void)state;
	begin(&owner);
	owner.again = 3;
	set(&owner, 10);
	timeline_advance_ms(1000);
	assert_int_equal(owner.passed, 4);
	assert_int_equal(owner.passed_ms, 40);
	deadline_fini(&owner.deadline);
	freed = 0;
	deadline_init(&gone->deadline, &timeline.agenda, passed_and_gone);
	set(gone, 10);
	timeline_advance_ms(1000);
	assert_int_equal(freed, 1);
}

/* What it is for: with each message a deadline moves, and the agenda hears nothing of it. */
static void to_move_it_later_is_one_store(void **state)
{
	struct owner owner;
	int64_t armed;
	int attended;

	(void)state;
	begin(&owner);
	set(&owner, 1000);
	armed = owner.deadline.timer.node.due;
	attended = timeline.attended;
	for (int i = 0; i < 500; i++) {
		timeline.now += NS_PER_MS;
		set(&owner, 1000);
		deadline_set(&owner.deadline, CURFEW_NEVER);
		set(&owner, 1000);
	}
	assert_int_equal(timeline.attended, attended);
	assert_int_equal(owner.deadline.timer.node.due, armed);
	timeline_advance_ms(999);
	assert_int_equal(owner.passed, 0);
	timeline_advance_ms(1);
	assert_int_equal(owner.passed, 1);
	deadline_fini(&owner.deadline);
}

static void a_zeroed_one_may_be_ended(void **state)
{
	struct deadline deadline = {0};

	(void)state;
	deadline_fini(&deadline);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		timeline_test(it_passes_once),
		timeline_test(one_that_is_over_passes_in_the_next_dispatch),
		timeline_test(it_moves),
		timeline_test(it_is_taken_away),
		timeline_test(its_callback_may_set_it_and_end_it),
		timeline_test(to_move_it_later_is_one_store),
		timeline_test(a_zeroed_one_may_be_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
