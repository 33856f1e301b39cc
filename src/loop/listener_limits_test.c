/* SPDX-License-Identifier: Apache-2.0 */
/* Listeners that are short of something, or refused. */
#include "loop/listener_script.h"

#include "tests/allocation.h"

static void connections_wait_while_descriptors_are_short(void **state)
{
	int fd = dial();

	(void)state;
	descriptors_leave(0);
	dispatch_once();
	dispatch_once();
	assert_int_equal(served, 0);
	descriptors_restore();
	while (served == 0) {
		dispatch_once();
	}
	assert_true(is_answered(fd));
}

static void closing_waits_for_descriptors_too(void **state)
{
	int fd = dial();

	(void)state;
	descriptors_leave(0);
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	for (int i = 0; i < 3; i++) {
		dispatch_once();
	}
	assert_int_equal(curfew_lifecycle_phase(life), CURFEW_DRAINING);
	descriptors_restore();
	assert_int_equal(curfew_lifecycle_wait(life), 0);
	assert_true(is_answered(fd));
}

static void short_of_descriptors_for_ever_it_is_cut(void **state)
{
	int fd;

	(void)state;
	teardown(NULL);
	begin(60);
	listener = curfew_listener_new(life, listen_tcp(), serve, &served);
	fd = dial();
	descriptors_leave(0);
	stop_and_wait();
	descriptors_restore();
	assert_int_equal(served, 0);
	assert_false(is_answered(fd));
}

static void socket_that_is_no_use_any_more_does_not_hold_the_end_up(void **state)
{
	struct curfew_listener *broken;
	int fd = listen_tcp();

	(void)state;
	broken = curfew_listener_new(life, fd, serve, &served);
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	assert_int_equal(shutdown(fd, SHUT_RDWR), 0);
	assert_int_equal(curfew_lifecycle_wait(life), 0);
	curfew_listener_free(broken);
}

static void socket_that_ceases_to_listen_is_a_failure(void **state)
{
	struct curfew_listener *broken;
	int fd = listen_tcp();

	(void)state;
	broken = curfew_listener_new(life, fd, serve, &served);
	assert_int_equal(shutdown(fd, SHUT_RDWR), 0);
	assert_int_equal(curfew_lifecycle_wait(life), 1);
	curfew_listener_free(broken);
}

static void refuses_what_does_not_listen(void **state)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_null(curfew_listener_new(life, fd, serve, &served));
	assert_int_equal(errno, EINVAL);
	assert_null(curfew_listener_new(life, -1, serve, &served));
	assert_int_equal(errno, EINVAL);
	assert_int_equal(close(fd), 0);
}

static void refuses_when_the_end_has_begun(void **state)
{
	int fd = listen_tcp();

	(void)state;
	stop_and_wait();
	errno = 0;
	assert_null(curfew_listener_new(life, fd, serve, &served));
	assert_int_equal(errno, ESHUTDOWN);
	assert_int_equal(close(fd), 0);
}

static void failed_allocation_leaves_the_socket_to_the_caller(void **state)
{
	bool failed = true;

	(void)state;
	for (int n = 1; failed; n++) {
		struct curfew_listener *made;
		int fd = listen_tcp();

		allocation_fail(n);
		made = curfew_listener_new(life, fd, serve, &served);
		failed = allocation_failed();
		assert_int_equal(failed, !made);
		assert_int_equal(curfew_drain_count(curfew_lifecycle_stage(life, CURFEW_FRONT)),
			failed ? 1 : 2);
		if (failed) {
			assert_int_equal(errno, ENOMEM);
			assert_int_equal(close(fd), 0);
		}
		curfew_listener_free(made);
	}
}

static void failed_allocation_makes_no_lifecycle(void **state)
{
	int count = descriptors_count();
	bool failed = true;

	(void)state;
	for (int n = 1; failed; n++) {
		struct curfew_lifecycle *made;

		allocation_fail(n);
		made = curfew_lifecycle_new(NULL);
		failed = allocation_failed();
		assert_int_equal(failed, !made);
		curfew_lifecycle_free(made);
		assert_int_equal(descriptors_count(), count);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		listener_test(connections_wait_while_descriptors_are_short),
		listener_test(closing_waits_for_descriptors_too),
		listener_test(short_of_descriptors_for_ever_it_is_cut),
		listener_test(socket_that_is_no_use_any_more_does_not_hold_the_end_up),
		listener_test(socket_that_ceases_to_listen_is_a_failure),
		listener_test(refuses_what_does_not_listen),
		listener_test(refuses_when_the_end_has_begun),
		listener_test(failed_allocation_leaves_the_socket_to_the_caller),
		cmocka_unit_test(failed_allocation_makes_no_lifecycle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
