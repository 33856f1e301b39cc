/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/listener_script.h"

#include <pthread.h>
#include <sys/un.h>

#define CLIENTS 4
#define SERVED 400

static void connections_are_accepted_as_they_come(void **state)
{
	int fd = dial();

	(void)state;
	while (served == 0) {
		dispatch_once();
	}
	assert_true(is_answered(fd));
	assert_int_equal(curfew_listener_accepted(listener), 1);
}

static void queue_is_emptied_before_the_close(void **state)
{
	int fds[QUEUED];

	(void)state;
	dial_many(fds);
	stop_and_wait();
	assert_int_equal(served, QUEUED);
	for (int i = 0; i < QUEUED; i++) {
		assert_true(is_answered(fds[i]));
	}
	assert_int_equal(dial(), -ECONNREFUSED);
}

/* Dials until it is refused; returns how many connections were not answered. */
static void *load(void *arg)
{
	uintptr_t lost = 0;
	int fd;

	(void)arg;
	while ((fd = dial()) >= 0) {
		lost += !is_answered(fd);
	}
	return (void *)(lost + (fd != -ECONNREFUSED));
}

static void nothing_is_lost_under_load(void **state)
{
	pthread_t clients[CLIENTS];
	void *lost;

	(void)state;
	for (int i = 0; i < CLIENTS; i++) {
		pthread_create(&clients[i], NULL, load, NULL);
	}
	while (served < SERVED) {
		dispatch_once();
	}
	stop_and_wait();
	for (int i = 0; i < CLIENTS; i++) {
		pthread_join(clients[i], &lost);
		assert_int_equal((uintptr_t)lost, 0);
	}
}

static void closes_early_when_asked(void **state)
{
	int fds[QUEUED];

	(void)state;
	dial_many(fds);
	curfew_listener_close(listener);
	curfew_listener_close(listener);
	while (curfew_drain_count(curfew_lifecycle_stage(life, CURFEW_FRONT)) > 0) {
		dispatch_once();
	}
	assert_int_equal(served, QUEUED);
	assert_int_equal(dial(), -ECONNREFUSED);
	assert_int_equal(curfew_lifecycle_phase(life), CURFEW_RUNNING);
	for (int i = 0; i < QUEUED; i++) {
		assert_true(is_answered(fds[i]));
	}
}

static void paused_listener_leaves_the_queue_alone(void **state)
{
	int fd;

	(void)state;
	curfew_listener_pause(listener);
	fd = dial();
	assert_false(descriptor_readable(curfew_lifecycle_fd(life), 20));
	curfew_lifecycle_dispatch(life);
	assert_int_equal(served, 0);
	curfew_listener_resume(listener);
	dispatch_once();
	assert_true(is_answered(fd));
}

static void paused_listener_is_emptied_at_the_end(void **state)
{
	int fds[QUEUED];

	(void)state;
	curfew_listener_pause(listener);
	dial_many(fds);
	stop_and_wait();
	assert_int_equal(served, QUEUED);
	for (int i = 0; i < QUEUED; i++) {
		assert_true(is_answered(fds[i]));
	}
}

static void cut_takes_what_is_there_also_when_paused(void **state)
{
	int fds[QUEUED];

	(void)state;
	curfew_listener_pause(listener);
	dial_many(fds);
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	curfew_drain_cut(curfew_lifecycle_stage(life, CURFEW_FRONT));
	assert_int_equal(curfew_lifecycle_wait(life), 0);
	assert_int_equal(served, QUEUED);
	for (int i = 0; i < QUEUED; i++) {
		assert_true(is_answered(fds[i]));
	}
}

static void is_last_where_its_hold_is_on_another_stage(void **state)
{
	struct curfew_drain *log = curfew_lifecycle_stage(life, CURFEW_LOG);
	struct curfew_listener *late = listener_new_on(life, log, listen_tcp(), serve, &served);
	static const struct curfew_hold_ops ops = {.kind = "task"};
	struct curfew_hold task = {0};
	int fd;

	(void)state;
	assert_int_equal(
		curfew_drain_hold(curfew_lifecycle_stage(life, CURFEW_WORK), &task, &ops, NULL), 0);
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	while (curfew_drain_count(curfew_lifecycle_stage(life, CURFEW_FRONT)) > 0) {
		dispatch_once();
	}
	fd = dial();
	while (served == 0) {
		dispatch_once();
	}
	assert_true(is_answered(fd));
	curfew_hold_release(&task);
	assert_int_equal(curfew_lifecycle_wait(life), 0);
	assert_int_equal(dial(), -ECONNREFUSED);
	curfew_listener_free(late);
}

static void cut_empties_the_queue_and_closes_at_once(void **state)
{
	int fds[QUEUED];

	(void)state;
	dial_many(fds);
	listener_cut(listener);
	listener_cut(listener);
	assert_int_equal(served, QUEUED);
	assert_int_equal(dial(), -ECONNREFUSED);
	assert_int_equal(curfew_drain_count(curfew_lifecycle_stage(life, CURFEW_FRONT)), 0);
	for (int i = 0; i < QUEUED; i++) {
		assert_true(is_answered(fds[i]));
	}
}

static void unix_sockets_are_emptied_as_well(void **state)
{
	struct sockaddr_un path = {.sun_family = AF_UNIX};
	struct curfew_listener *local;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int clients[QUEUED];

	(void)state;
	/* A name in the abstract namespace, unix(7). */
	(void)snprintf(path.sun_path + 1, sizeof(path.sun_path) - 1, "curfew-test-%d", getpid());
	assert_int_equal(bind(fd, (struct sockaddr *)&path, sizeof(path)), 0);
	assert_int_equal(listen(fd, 128), 0);
	local = curfew_listener_new(life, fd, serve, &served);
	assert_non_null(local);
	for (int i = 0; i < QUEUED; i++) {
		clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(clients[i], (struct sockaddr *)&path, sizeof(path)), 0);
	}
	stop_and_wait();
	assert_int_equal(served, QUEUED);
	for (int i = 0; i < QUEUED; i++) {
		assert_true(is_answered(clients[i]));
	}
	curfew_listener_free(local);
}

static void close_listener(int fd, void *arg)
{
	served++;
	close(fd);
	curfew_listener_close(*(struct curfew_listener **)arg);
}

static void may_be_closed_by_its_callback(void **state)
{
	struct curfew_listener *own;
	int fds[QUEUED];

	(void)state;
	own = curfew_listener_new(life, listen_tcp(), close_listener, &own);
	dial_many(fds);
	while (served < QUEUED) {
		dispatch_once();
	}
	stop_and_wait();
	assert_int_equal(curfew_listener_accepted(own), QUEUED);
	curfew_listener_free(own);
	for (int i = 0; i < QUEUED; i++) {
		close(fds[i]);
	}
}

static void free_of_an_open_one_closes_its_socket(void **state)
{
	(void)state;
	curfew_listener_free(listener);
	listener = NULL;
	curfew_listener_free(NULL);
	assert_int_equal(dial(), -ECONNREFUSED);
	assert_int_equal(curfew_drain_count(curfew_lifecycle_stage(life, CURFEW_FRONT)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		listener_test(connections_are_accepted_as_they_come),
		listener_test(queue_is_emptied_before_the_close),
		listener_test(nothing_is_lost_under_load),
		listener_test(closes_early_when_asked),
		listener_test(paused_listener_leaves_the_queue_alone),
		listener_test(paused_listener_is_emptied_at_the_end),
		listener_test(cut_takes_what_is_there_also_when_paused),
		listener_test(is_last_where_its_hold_is_on_another_stage),
		listener_test(cut_empties_the_queue_and_closes_at_once),
		listener_test(unix_sockets_are_emptied_as_well),
		listener_test(may_be_closed_by_its_callback),
		listener_test(free_of_an_open_one_closes_its_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
