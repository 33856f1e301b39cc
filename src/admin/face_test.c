/* SPDX-License-Identifier: Apache-2.0 */
/* How the face begins and ends; what it answers is tested as a black box. */
#include "admin/face.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/allocation.h"
#include "tests/descriptors.h"

#define EVENTS 4000    /* each of a kilobyte and more */
#define MUCH (1 << 20) /* more than the kernel keeps for a socket, and than we queue */

static struct curfew_lifecycle *life;
static struct worker_pool pool;
static struct metrics metrics;
static struct admin_face face;
static const struct admin_content content = {.metrics = &metrics};

/* An abstract name that the kernel chooses: unix(7), autobind. */
static int listen_somewhere(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)), 0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

static size_t held(void)
{
	return curfew_drain_count(curfew_lifecycle_stage(life, CURFEW_LOG));
}

static int start(int fd)
{
	return admin_face_start(&face, life, &pool.workers[0], fd, &content);
}

static int setup(void **state)
{
	struct curfew_lifecycle_options options;

	(void)state;
	curfew_lifecycle_defaults(&options);
	options.signals = CURFEW_SIGNALS_NONE;
	life = curfew_lifecycle_new(&options);
	assert_non_null(life);
	assert_int_equal(worker_pool_init(&pool, life, 1), 0);
	metrics_init(&metrics, life);
	assert_true(curfew_lifecycle_ready(life));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	assert_int_equal(worker_pool_run(&pool), 0);
	assert_int_equal(curfew_lifecycle_abandoned(life), 0);
	assert_true(worker_pool_fini(&pool));
	curfew_lifecycle_free(life);
	return 0;
}

static void is_held_on_the_log_stage_alone(void **state)
{
	(void)state;
	assert_int_equal(start(listen_somewhere()), 0);
	assert_int_equal(held(), 1);
	assert_int_equal(curfew_drain_count(curfew_lifecycle_stage(life, CURFEW_FRONT)), 0);
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	assert_int_equal(worker_pool_run(&pool), 0);
	assert_int_equal(curfew_lifecycle_abandoned(life), 0);
	admin_face_fini(&face);
}

static void ends_when_the_stage_is_cut(void **state)
{
	(void)state;
	assert_int_equal(start(listen_somewhere()), 0);
	curfew_drain_cut(curfew_lifecycle_stage(life, CURFEW_LOG));
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	assert_int_equal(worker_pool_run(&pool), 0);
	assert_int_equal(curfew_lifecycle_abandoned(life), 0);
	admin_face_fini(&face);
}

static void may_be_given_up_before_it_runs(void **state)
{
	int count = descriptors_count();

	(void)state;
	assert_int_equal(start(listen_somewhere()), 0);
	admin_face_phase(&face);
	admin_face_fini(&face);
	assert_int_equal(held(), 0);
	assert_int_equal(descriptors_count(), count);
}

static void refuses_what_does_not_listen(void **state)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_int_equal(start(fd), -EINVAL);
	assert_int_equal(start(-1), -EINVAL);
	assert_int_equal(held(), 0);
	assert_int_equal(close(fd), 0);
}

static void refuses_when_all_is_over(void **state)
{
	int fd = listen_somewhere();

	(void)state;
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	assert_int_equal(worker_pool_run(&pool), 0);
	assert_int_equal(start(fd), -ESHUTDOWN);
	assert_int_equal(close(fd), 0);
}

static void failed_allocation_leaves_the_socket_to_the_caller(void **state)
{
	bool failed = true;

	(void)state;
	for (int n = 1; failed; n++) {
		int fd = listen_somewhere();
		int error;

		allocation_fail(n);
		error = start(fd);
		failed = allocation_failed();
		assert_int_equal(error, failed ? -ENOMEM : 0);
		assert_int_equal(held(), failed ? 0 : 1);
		if (failed) {
			assert_int_equal(close(fd), 0);
		}
	}
	admin_face_fini(&face);
}

static int connect_to(int listening)
{
	struct sockaddr_un address;
	socklen_t length = sizeof(address);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_int_equal(getsockname(listening, (struct sockaddr *)&address, &length), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, length), 0);
	return fd;
}

/* Reads all that is there; returns how much. */
static size_t read_all(int fd)
{
	char bytes[4096];
	size_t sum = 0;
	ssize_t n;

	do {
		worker_round(&pool.workers[0], false);
		n = recv(fd, bytes, sizeof(bytes), 0);
		sum += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	return sum;
}

static void queue_of_a_viewer_that_does_not_read_is_bounded(void **state)
{
	static const char request[] = "GET /status/events HTTP/1.1\r\nHost: x\r\n\r\n";
	int listening = listen_somewhere();
	int fd = connect_to(listening);
	size_t taken;

	(void)state;
	assert_int_equal(start(listening), 0);
	assert_int_equal(send(fd, request, strlen(request), 0), strlen(request));
	while (!face.viewer_count) {
		worker_round(&pool.workers[0], false);
	}
	for (int i = 0; i < EVENTS; i++) {
		admin_face_phase(&face);
		worker_round(&pool.workers[0], false);
	}
	taken = read_all(fd);
	assert_in_range(taken, STREAM_QUEUE_HIGH, MUCH);
	admin_face_phase(&face);
	assert_in_range(read_all(fd), 1, taken / 10);
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	assert_int_equal(worker_pool_run(&pool), 0);
	admin_face_fini(&face);
	close(fd);
}

#define face_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		face_test(is_held_on_the_log_stage_alone),
		face_test(ends_when_the_stage_is_cut),
		face_test(may_be_given_up_before_it_runs),
		face_test(refuses_what_does_not_listen),
		face_test(refuses_when_all_is_over),
		face_test(queue_of_a_viewer_that_does_not_read_is_bounded),
		face_test(failed_allocation_leaves_the_socket_to_the_caller),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
