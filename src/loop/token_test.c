/* SPDX-License-Identifier: Apache-2.0 */
#include <curfew/context.h>

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/descriptors.h"

#define THREADS 8

static void becomes_readable_and_stays_so(void **state)
{
	struct curfew_context *context = curfew_context_new(NULL, CURFEW_NEVER);
	int fd = curfew_token_fd(curfew_context_token(context));

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(curfew_token_fd(curfew_context_token(context)), fd);
	assert_false(descriptor_readable(fd, 0));
	curfew_context_cancel_for(context, CURFEW_FAILURE, NULL);
	assert_true(descriptor_readable(fd, 0));
	assert_true(descriptor_readable(fd, 0));
	curfew_context_free(context);
}

static void made_late_it_is_readable_at_once(void **state)
{
	struct curfew_context *context = curfew_context_new(NULL, CURFEW_NEVER);

	(void)state;
	curfew_context_cancel_for(context, CURFEW_FAILURE, NULL);
	assert_true(descriptor_readable(curfew_token_fd(curfew_context_token(context)), 0));
	curfew_context_free(context);
}

static void descriptors_of_all_descendants_show_it(void **state)
{
	struct curfew_context *contexts[THREADS];
	int count = descriptors_count();

	(void)state;
	for (int i = 0; i < THREADS; i++) {
		contexts[i] = curfew_context_new(i ? contexts[i - 1] : NULL, CURFEW_NEVER);
		assert_true(curfew_token_fd(curfew_context_token(contexts[i])) >= 0);
	}
	assert_int_equal(descriptors_count(), count + THREADS);
	curfew_context_cancel_for(contexts[0], CURFEW_FAILURE, NULL);
	for (int i = 0; i < THREADS; i++) {
		assert_true(
			descriptor_readable(curfew_token_fd(curfew_context_token(contexts[i])), 0));
	}
	for (int i = 0; i < THREADS; i++) {
		curfew_context_free(contexts[i]);
	}
	assert_int_equal(descriptors_count(), count);
}

static void lives_as_long_as_the_token(void **state)
{
	struct curfew_context *context = curfew_context_new(NULL, CURFEW_NEVER);
	struct curfew_token *token = curfew_token_ref(curfew_context_token(context));
	int fd = curfew_token_fd(token);
	int count = descriptors_count();

	(void)state;
	curfew_context_free(context);
	assert_true(descriptor_readable(fd, 0));
	assert_int_equal(descriptors_count(), count);
	curfew_token_unref(token);
	assert_int_equal(descriptors_count(), count - 1);
}

static void short_of_descriptors_it_says_so_and_may_be_asked_again(void **state)
{
	struct curfew_context *context = curfew_context_new(NULL, CURFEW_NEVER);
	struct curfew_token *token = curfew_context_token(context);

	(void)state;
	descriptors_leave(0);
	assert_int_equal(curfew_token_fd(token), -EMFILE);
	descriptors_restore();
	assert_true(curfew_token_fd(token) >= 0);
	curfew_context_free(context);
}

static void *await_descriptor(void *arg)
{
	return descriptor_readable(curfew_token_fd(arg), 20000) ? arg : NULL;
}

static void threads_share_one_descriptor(void **state)
{
	struct curfew_context *context = curfew_context_new(NULL, CURFEW_NEVER);
	int count = descriptors_count();
	pthread_t threads[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++) {
		pthread_create(&threads[i], NULL, await_descriptor, curfew_context_token(context));
	}
	curfew_context_cancel_for(context, CURFEW_FAILURE, NULL);
	for (int i = 0; i < THREADS; i++) {
		void *readable;

		pthread_join(threads[i], &readable);
		assert_non_null(readable);
	}
	assert_int_equal(descriptors_count(), count + 1);
	curfew_context_free(context);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(becomes_readable_and_stays_so),
		cmocka_unit_test(made_late_it_is_readable_at_once),
		cmocka_unit_test(descriptors_of_all_descendants_show_it),
		cmocka_unit_test(lives_as_long_as_the_token),
		cmocka_unit_test(short_of_descriptors_it_says_so_and_may_be_asked_again),
		cmocka_unit_test(threads_share_one_descriptor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
