/* SPDX-License-Identifier: Apache-2.0 */
#include "child/pump.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/descriptors.h"

static struct loop loop;
static struct pump pump;
static int writer; /* the other end, which something may hold for ever */
static size_t got;
static int ends;
static bool pause_after_each;

static void on_read(struct pump *which, const char *bytes, size_t length)
{
	assert_ptr_equal(which, &pump);
	assert_int_equal(ends, 0);
	got += length;
	if (length == 0) {
		assert_null(bytes);
		ends++;
	} else if (pause_after_each) {
		pump_pause(which);
	}
}

static int setup(void **state)
{
	int fds[2];

	(void)state;
	got = 0;
	ends = 0;
	pause_after_each = false;
	assert_int_equal(loop_init(&loop), 0);
	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	writer = fds[1];
	assert_int_equal(pump_init(&pump, &loop, fds[0], on_read), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pump_fini(&pump);
	close(writer);
	loop_fini(&loop);
	return 0;
}

static void put(size_t length)
{
	char bytes[65536];

	memset(bytes, 'x', length);
	assert_int_equal(write(writer, bytes, length), length);
}

static void dispatch_all(void)
{
	while (descriptor_readable(loop.epoll_fd, 0)) {
		loop_dispatch(&loop);
	}
}

static void bytes_come_until_the_end(void **state)
{
	(void)state;
	put(50000);
	dispatch_all();
	assert_int_equal(got, 50000);
	put(1);
	dispatch_all();
	assert_int_equal(got, 50001);
	assert_int_equal(ends, 0);
	close(writer);
	dispatch_all();
	assert_int_equal(ends, 1);
	writer = -1;
}

static void finish_reads_exactly_what_is_there(void **state)
{
	(void)state;
	put(20000);
	pump_finish(&pump);
	put(7000); /* of somebody who escaped, and still writes */
	pump_finish(&pump);
	dispatch_all();
	assert_int_equal(got, 20000);
	assert_int_equal(ends, 1);
}

static void finish_of_an_empty_pipe_is_the_end_though_it_is_held(void **state)
{
	(void)state;
	pump_finish(&pump);
	assert_int_equal(ends, 1);
	pump_finish(&pump);
	pump_pause(&pump);
	pump_resume(&pump);
	dispatch_all();
	assert_int_equal(ends, 1);
	assert_int_equal(got, 0);
}

static void paused_pump_reads_nothing_and_goes_on(void **state)
{
	(void)state;
	pump_pause(&pump);
	put(40000);
	dispatch_all();
	assert_int_equal(got, 0);
	pump_finish(&pump);
	dispatch_all();
	assert_int_equal(ends, 0);
	pause_after_each = true;
	for (int i = 0; i < 10 && !ends; i++) {
		size_t before = got;

		pump_resume(&pump);
		dispatch_all();
		assert_true(ends || (got > before && got - before <= 16384));
	}
	assert_int_equal(got, 40000);
	assert_int_equal(ends, 1);
}

static void abort_tells_what_was_not_read(void **state)
{
	(void)state;
	pump_pause(&pump);
	put(12345);
	assert_int_equal(pump_abort(&pump), 12345);
	assert_int_equal(ends, 1);
	assert_int_equal(pump_abort(&pump), 0);
	assert_int_equal(got, 0);
}

static void descriptor_is_closed_at_the_end(void **state)
{
	int count = descriptors_count();

	(void)state;
	pump_finish(&pump);
	assert_int_equal(descriptors_count(), count - 1);
	pump_fini(&pump);
	pump_fini(&pump);
	assert_int_equal(descriptors_count(), count - 1);
}

static void zeroed_pump_is_fine(void **state)
{
	struct pump none = {0};

	(void)state;
	pump_finish(&none);
	pump_pause(&none);
	pump_resume(&none);
	assert_int_equal(pump_abort(&none), 0);
	pump_fini(&none);
}

#define pump_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		pump_test(bytes_come_until_the_end),
		pump_test(finish_reads_exactly_what_is_there),
		pump_test(finish_of_an_empty_pipe_is_the_end_though_it_is_held),
		pump_test(paused_pump_reads_nothing_and_goes_on),
		pump_test(abort_tells_what_was_not_read),
		pump_test(descriptor_is_closed_at_the_end),
		pump_test(zeroed_pump_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
