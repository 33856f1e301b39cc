/* SPDX-License-Identifier: Apache-2.0 */
/* Places for connections: real sockets on one worker, false time. */
#include "admin/front.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "loop/descriptor_limit.h"
#include "tests/descriptors.h"

#define MANY (FRONT_WAITING_MOST + 20)
#define REQUEST "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

static struct curfew_lifecycle *life;
static struct worker_pool pool;
static struct front front;
static struct socket_address address; /* where it listens */
static int64_t now;
static int admitted[MANY]; /* in their order */
static size_t admitted_count;
static int told_full;
static int answer; /* of accepted() */

static int accepted(void *arg, struct worker *worker, int fd, struct stream_filter *filter)
{
	assert_ptr_equal(arg, &front);
	assert_ptr_equal(worker, &pool.workers[0]);
	assert_null(filter);
	if (answer < 0) {
		close(fd);
	} else {
		admitted[admitted_count++] = fd;
	}
	return answer;
}

static void full(void *arg)
{
	assert_ptr_equal(arg, &front);
	told_full++;
}

static void on_phase(enum curfew_phase phase, void *arg)
{
	(void)arg;
	if (phase == CURFEW_DRAINING) {
		front_drain(&front);
	}
}

static void open_front(int most)
{
	const struct words none = {.count = 0};
	struct buffer refusal = {0};

	assert_int_equal(front_open(&front, &none, "127.0.0.1:0", &refusal), 0);
	address.length = sizeof(address.storage);
	assert_int_equal(getsockname(front.sockets[0].fd, (struct sockaddr *)&address.storage,
				 &address.length),
		0);
	front.pool = &pool;
	front.most = most;
	front.accepted = accepted;
	front.full = full;
	front.arg = &front;
	assert_int_equal(front_listen(&front, life), 0);
}

static int setup(void **state)
{
	struct curfew_lifecycle_options options;

	(void)state;
	(void)descriptor_limit_raise();
	now = curfew_now();
	clock_fake(&now);
	curfew_lifecycle_defaults(&options);
	options.signals = CURFEW_SIGNALS_NONE;
	options.on_phase = on_phase;
	life = curfew_lifecycle_new(&options);
	assert_non_null(life);
	assert_int_equal(worker_pool_init(&pool, life, 1), 0);
	assert_true(curfew_lifecycle_ready(life));
	admitted_count = 0;
	told_full = 0;
	answer = 0;
	return 0;
}

/* Lets the worker do all that is there to be done. */
static void turn(void)
{
	curfew_lifecycle_wake(life);
	for (int i = 0; i < 20; i++) {
		worker_round(&pool.workers[0], false);
	}
}

static void leave_all(void)
{
	while (admitted_count) {
		close(admitted[--admitted_count]);
		front_left(&front);
	}
}

static int teardown(void **state)
{
	(void)state;
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, "done");
	for (int i = 0; i < 100 && !curfew_lifecycle_done(life); i++) {
		now += 100 * NS_PER_MS;
		turn();
		leave_all();
	}
	assert_true(curfew_lifecycle_done(life));
	assert_int_equal(atomic_load(&front.waiting), 0);
	front_fini(&front);
	assert_true(worker_pool_fini(&pool));
	curfew_lifecycle_free(life);
	clock_fake(NULL);
	return 0;
}

/* A client that is connected, and its request sent. */
static int connect_client(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address.storage, address.length), 0);
	assert_int_equal(send(fd, REQUEST, sizeof(REQUEST) - 1, MSG_NOSIGNAL), sizeof(REQUEST) - 1);
	return fd;
}

/* Takes turns until so many have a place. */
static void until_admitted(size_t count)
{
	for (int i = 0; i < 100000 && admitted_count < count; i++) {
		turn();
	}
	assert_int_equal(admitted_count, count);
}

static void until_waiting(int count)
{
	for (int i = 0; i < 1000 && atomic_load(&front.waiting) != count; i++) {
		turn();
	}
	assert_int_equal(atomic_load(&front.waiting), count);
}

/* That a client gets 503 and the end of the connection, and closes it. */
static void assert_refused(int fd)
{
	char text[1024] = "";
	size_t length = 0;
	ssize_t n = 1;

	for (int i = 0; i < 1000 && n != 0; i++) {
		turn();
		n = recv(fd, text + length, sizeof(text) - 1 - length, MSG_DONTWAIT);
		assert_true(n >= 0 || errno == EAGAIN);
		length += n > 0 ? (size_t)n : 0;
	}
	assert_int_equal(n, 0);
	text[length] = '\0';
	assert_memory_equal(text, "HTTP/1.1 503 ", 13);
	assert_non_null(strstr(text, "Retry-After: "));
	assert_non_null(strstr(text, "Connection: close"));
	close(fd);
}

static bool is_silent(int fd)
{
	turn();
	return !descriptor_readable(fd, 0);
}

static void so_many_have_a_place_and_the_next_one_waits_for_it(void **state)
{
	int clients[4];

	(void)state;
	open_front(2);
	for (int i = 0; i < 4; i++) {
		clients[i] = connect_client();
	}
	until_waiting(2);
	until_admitted(2);
	assert_int_equal(told_full, 1);
	assert_true(is_silent(clients[2]) && is_silent(clients[3]));
	assert_int_equal(send(admitted[0], "a", 1, MSG_NOSIGNAL), 1);
	front_left(&front);
	until_admitted(3);
	assert_int_equal(send(admitted[2], "c", 1, MSG_NOSIGNAL), 1);
	assert_true(descriptor_readable(clients[2], 1000)); /* the one that came first */
	assert_true(is_silent(clients[3]));
	front_left(&front);
	until_admitted(4);
	for (int i = 0; i < 4; i++) {
		close(clients[i]);
	}
	close(admitted[0]); /* those whose places were given back already */
	close(admitted[1]);
	admitted[0] = admitted[2];
	admitted[1] = admitted[3];
	admitted_count = 2;
}

static void who_has_waited_too_long_is_refused_in_order(void **state)
{
	int first, second, third;

	(void)state;
	open_front(1);
	first = connect_client();
	until_admitted(1);
	second = connect_client();
	until_waiting(1);
	now += (FRONT_WAIT_MS - 1000) * NS_PER_MS;
	third = connect_client();
	until_waiting(2);
	now += 999 * NS_PER_MS;
	assert_true(is_silent(second));
	now += 1 * NS_PER_MS;
	assert_refused(second);
	assert_int_equal(atomic_load(&front.waiting), 1);
	assert_true(is_silent(third));
	now += FRONT_WAIT_MS * NS_PER_MS;
	assert_refused(third);
	assert_int_equal(admitted_count, 1);
	assert_int_equal(atomic_load(&front.refused.statuses[503 - METRIC_STATUS_LEAST]), 2);
	close(first);
}

static void more_than_can_wait_here_wait_in_the_queue(void **state)
{
	static int clients[MANY];

	(void)state;
	open_front(1);
	for (int i = 0; i < MANY; i++) {
		clients[i] = connect_client();
	}
	until_waiting(FRONT_WAITING_MOST);
	assert_true(front.paused);
	assert_true(curfew_listener_accepted(front.sockets[0].listener) < MANY);
	for (size_t i = 1; i < MANY; i++) {
		front_left(&front);
		until_admitted(i + 1);
	}
	assert_false(front.paused);
	for (int i = 0; i < MANY; i++) {
		close(clients[i]);
	}
	while (admitted_count > 1) {
		close(admitted[--admitted_count]);
	}
}

static void in_a_drain_nobody_waits(void **state)
{
	int first, second, third;

	(void)state;
	open_front(1);
	first = connect_client();
	until_admitted(1);
	second = connect_client();
	until_waiting(1);
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, "done");
	assert_refused(second);
	assert_int_equal(curfew_lifecycle_phase(life), CURFEW_DRAINING);
	third = connect_client(); /* while the listener is being emptied */
	now += 10 * NS_PER_MS;
	assert_refused(third);
	assert_int_equal(admitted_count, 1);
	close(first);
}

static void in_a_drain_who_finds_a_place_has_it(void **state)
{
	int first;

	(void)state;
	open_front(1);
	first = connect_client();
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, "done");
	until_admitted(1);
	close(first);
}

static void a_connection_that_is_not_taken_has_no_place(void **state)
{
	int client;

	(void)state;
	open_front(1);
	answer = -ESHUTDOWN;
	for (int i = 0; i < 3; i++) {
		client = connect_client();
		for (int j = 0; j < 100 && is_silent(client); j++) {}
		assert_false(is_silent(client));
		close(client);
	}
	assert_int_equal(atomic_load(&front.taken), 0);
	answer = 0;
	client = connect_client();
	until_admitted(1);
	close(client);
}

static void *leave(void *arg)
{
	front_left(arg);
	return NULL;
}

static void a_place_may_become_free_in_any_thread(void **state)
{
	int clients[100];
	pthread_t thread;

	(void)state;
	open_front(1);
	for (size_t i = 0; i < 100; i++) {
		clients[i] = connect_client();
		if (i) {
			assert_int_equal(pthread_create(&thread, NULL, leave, &front), 0);
			until_admitted(i + 1);
			pthread_join(thread, NULL);
		} else {
			until_admitted(1);
		}
	}
	for (int i = 0; i < 100; i++) {
		close(clients[i]);
	}
	while (admitted_count > 1) {
		close(admitted[--admitted_count]);
	}
}

#define front_unit(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		front_unit(so_many_have_a_place_and_the_next_one_waits_for_it),
		front_unit(who_has_waited_too_long_is_refused_in_order),
		front_unit(more_than_can_wait_here_wait_in_the_queue),
		front_unit(in_a_drain_nobody_waits),
		front_unit(in_a_drain_who_finds_a_place_has_it),
		front_unit(a_connection_that_is_not_taken_has_no_place),
		front_unit(a_place_may_become_free_in_any_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
