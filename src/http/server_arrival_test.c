/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections on their way to another worker. That worker is held up meanwhile, so that what is to
 * happen before they arrive does.
 */
#include "http/server.h"

#include <semaphore.h>

#include "http/server_script.h"

static struct {
	struct task task;
	sem_t begun, go_on;
} pause_;

static void hold_up(struct task *task)
{
	(void)task;
	sem_post(&pause_.begun);
	sem_wait(&pause_.go_on);
}

/* A connection for the second worker, which does not get to it. */
static void begin_held_up(int64_t grace_ms)
{
	int fds[2];

	workers_begin(2, grace_ms);
	sem_init(&pause_.begun, 0, 0);
	sem_init(&pause_.go_on, 0, 0);
	pause_.task.run = hold_up;
	agenda_post(&pool.workers[1].loop->agenda, &pause_.task);
	sem_wait(&pause_.begun);
	tcp_pair(fds);
	serve_on(&pool.workers[1], fds);
	assert_int_equal(curfew_drain_count(&pool.workers[1].drain), 1); /* it is held already */
}

static void go_on(void)
{
	sem_post(&pause_.go_on);
}

/* Only behind the end of its thread can it be seen what it heard. */
static void end_all(const char *heard)
{
	assert_true(workers_end());
	assert_string_equal(buffer_text(&script.heard), heard);
	assert_int_equal(script.left, 1);
	assert_int_equal(script.open, 0);
	sem_destroy(&pause_.begun);
	sem_destroy(&pause_.go_on);
	close(client);
	buffer_fini(&script.heard);
	buffer_fini(&got);
}

static void it_is_served_there(void **state)
{
	(void)state;
	begin_held_up(20000);
	say(GET("/a"));
	assert_int_equal(server.connections, 0);
	go_on();
	expect(OK);
	client_shut();
	expect("<end>");
	end_all("request GET /a\nend\nover 200\n");
}

/* The drain closes before it has arrived: it has its moment as any other. */
static void it_may_be_asked_to_finish_before(void **state)
{
	(void)state;
	for (int asks = 0; asks < 2; asks++) {
		begin_held_up(20000);
		limits.idle_grace_ms = asks ? 20000 : 50;
		curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
		settle();
		assert_true(curfew_drain_closed(&pool.workers[1].drain));
		go_on();
		if (asks) {
			say(GET("/a"));
			expect(OK_CLOSE "<end>");
		} else {
			expect("<end>");
		}
		end_all(asks ? "request GET /a\nend\nover 200\n" : "");
	}
}

static struct http_connection *arriving(void)
{
	struct curfew_hold *hold =
		container_of(pool.workers[1].drain.held.next, struct curfew_hold, link);

	return container_of(hold, struct http_connection, hold);
}

/* As if the drain had overtaken it: what is asked is done when it is there. */
static void it_may_be_overtaken(void **state)
{
	(void)state;
	for (int cut = 0; cut < 2; cut++) {
		struct http_connection *connection;
		struct agenda *agenda;

		begin_held_up(20000);
		limits.idle_grace_ms = 50;
		agenda = &pool.workers[1].loop->agenda;
		connection = arriving();
		agenda_unpost(agenda, &connection->arrive);
		if (cut) {
			curfew_drain_cut(&pool.workers[1].drain);
			say(GET("/a"));
		} else {
			curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
			settle();
		}
		agenda_post(agenda, &connection->arrive);
		go_on();
		expect("<end>");
		end_all("");
	}
}

static void it_may_be_cut_before(void **state)
{
	(void)state;
	begin_held_up(20000);
	say(GET("/a"));
	curfew_drain_cut(&pool.workers[1].drain);
	go_on();
	expect("<end>");
	end_all("");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_served_there),
		cmocka_unit_test(it_may_be_asked_to_finish_before),
		cmocka_unit_test(it_may_be_cut_before),
		cmocka_unit_test(it_may_be_overtaken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
