/* SPDX-License-Identifier: Apache-2.0 */
/* Lifecycles on descriptors, with threads that come back late. */
#include "loop/host.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/descriptors.h"

#define CYCLES 1000

static struct curfew_lifecycle *begin(int64_t grace_ms)
{
	struct curfew_lifecycle_options options;
	struct curfew_lifecycle *life;

	curfew_lifecycle_defaults(&options);
	options.signals = CURFEW_SIGNALS_NONE;
	options.grace_ms = grace_ms;
	life = curfew_lifecycle_new(&options);
	assert_non_null(life);
	assert_true(curfew_lifecycle_ready(life));
	return life;
}

static void *release(void *hold)
{
	curfew_hold_release(hold);
	return NULL;
}

/* The lifecycle is freed as soon as it is done: the thread must not touch it after its release. */
static void last_release_of_a_thread_ends_it(void **state)
{
	static const struct curfew_hold_ops ops = {.kind = "task"};
	int count = descriptors_count();

	(void)state;
	for (int i = 0; i < CYCLES; i++) {
		struct curfew_lifecycle *life = begin(20000);
		struct curfew_hold hold = {0};
		pthread_t thread;

		assert_int_equal(curfew_drain_hold(curfew_lifecycle_stage(life, CURFEW_WORK), &hold,
					 &ops, NULL),
			0);
		curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
		curfew_lifecycle_dispatch(life);
		pthread_create(&thread, NULL, release, &hold);
		assert_int_equal(curfew_lifecycle_wait(life), 0);
		curfew_lifecycle_free(life);
		pthread_join(thread, NULL);
	}
	assert_int_equal(descriptors_count(), count);
}

static void abandoned_hold_may_be_released_after_the_lifecycle(void **state)
{
	static const struct curfew_hold_ops ops = {.kind = "task"};
	int count = descriptors_count();
	struct curfew_lifecycle *life = begin(0);
	struct curfew_hold hold = {0};
	struct curfew_hold below = {0};
	struct curfew_drain *drain =
		curfew_drain_new(curfew_lifecycle_stage(life, CURFEW_WORK), "part", NULL);
	struct curfew_context *context =
		curfew_context_new(curfew_lifecycle_context(life), CURFEW_NEVER);

	(void)state;
	curfew_drain_hold(curfew_lifecycle_stage(life, CURFEW_WORK), &hold, &ops, NULL);
	curfew_drain_hold(drain, &below, &ops, NULL);
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	assert_int_equal(curfew_lifecycle_wait(life), 0);
	assert_int_equal(curfew_lifecycle_abandoned(life), 2);
	curfew_lifecycle_free(life);
	assert_int_equal(descriptors_count(), count);
	curfew_hold_release(&hold);
	curfew_hold_release(&below);
	curfew_drain_free(drain);
	curfew_context_free(context);
}

static void *wake(void *life)
{
	curfew_lifecycle_wake(life);
	return NULL;
}

static void it_is_woken_from_any_thread(void **state)
{
	struct curfew_lifecycle *life = begin(20000);
	pthread_t thread;

	(void)state;
	assert_false(descriptor_readable(curfew_lifecycle_fd(life), 0));
	pthread_create(&thread, NULL, wake, life);
	assert_true(descriptor_readable(curfew_lifecycle_fd(life), 20000));
	curfew_lifecycle_dispatch(life);
	assert_false(descriptor_readable(curfew_lifecycle_fd(life), 0));
	pthread_join(thread, NULL);
	curfew_lifecycle_free(life);
}

static void short_of_descriptors_there_is_none(void **state)
{
	int count = descriptors_count();

	(void)state;
	for (int left = 0; left < 4; left++) {
		struct curfew_lifecycle *life;

		descriptors_leave(left);
		errno = 0;
		life = curfew_lifecycle_new(NULL);
		descriptors_restore();
		assert_null(life);
		assert_int_equal(errno, EMFILE);
		assert_int_equal(descriptors_count(), count);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(last_release_of_a_thread_ends_it),
		cmocka_unit_test(abandoned_hold_may_be_released_after_the_lifecycle),
		cmocka_unit_test(it_is_woken_from_any_thread),
		cmocka_unit_test(short_of_descriptors_there_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
