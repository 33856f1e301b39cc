/* SPDX-License-Identifier: Apache-2.0 */
#include "http/pool.h"

#include "http/client_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/list.h"
#include "tests/allocation.h"
#include "tests/descriptors.h"

#define OK_0 "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define MOST 4

static struct http_pool pool;
static int peers[MOST]; /* the servers' ends, in the order in which they were added */
static int added;
static int64_t now;

static void pool_begin(void)
{
	const struct address address = {.host = "127.0.0.1", .port = 8080};

	added = 0;
	script.length = 0;
	script.in_data = false;
	script.most = SIZE_MAX;
	script.act = NULL;
	assert_int_equal(http_pool_init(&pool, script.worker, &address), 0);
}

static struct http_pooled *pool_connect(void)
{
	struct http_pooled *pooled;
	int pair[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	pooled = http_pool_add(&pool, pair[0], &script_handler, &script);
	assert_non_null(pooled);
	peers[added++] = pair[1];
	return pooled;
}

static void pool_end(void)
{
	struct http_pooled *pooled;

	while ((pooled = http_pool_take(&pool))) {
		http_pool_discard(pooled, true);
	}
	while (pool.count) {
		worker_round(script.worker, true);
	}
	while (added) {
		close(peers[--added]);
	}
	script.client = NULL;
	http_pool_fini(&pool);
	assert_string_equal(script_heard(), "");
}

static void ask(struct http_pooled *pooled)
{
	pooled->client.handler = &script_handler;
	script.client = &pooled->client;
	script_get();
}

static void answer(int peer, const char *text)
{
	script.peer = peer;
	(void)script_got();
	script_say(text);
}

/* A whole exchange. */
static void use(struct http_pooled *pooled, int peer, const char *text)
{
	ask(pooled);
	answer(peer, text);
	assert_non_null(strstr(script_heard(), "end"));
}

/* In end(), as a user does. */
static void give(struct script *each, const char *event)
{
	if (!strcmp(event, "end")) {
		http_pool_give(container_of(each->client, struct http_pooled, client));
	}
}

static bool peer_sees_end(int peer)
{
	char byte;

	script.peer = peer;
	(void)script_got();
	return recv(peer, &byte, 1, MSG_DONTWAIT) == 0;
}

static void what_was_used_last_goes_first(void **state)
{
	struct http_pooled *first, *second;

	(void)state;
	pool_begin();
	assert_null(http_pool_take(&pool));
	first = pool_connect();
	second = pool_connect();
	assert_null(http_pool_take(&pool));
	script.act = give;
	use(first, peers[0], OK_0);
	use(second, peers[1], OK_0);
	assert_ptr_equal(http_pool_take(&pool), second);
	assert_ptr_equal(http_pool_take(&pool), first);
	assert_null(http_pool_take(&pool));
	assert_int_equal(pool.count, 2);
	use(second, peers[1], OK_0);
	assert_true(second->client.reused);
	use(first, peers[0], OK_0);
	assert_ptr_equal(http_pool_take(&pool), first);
	http_pool_give(first);
	pool_end();
}

/* One waits for a connection, and takes it from within the end() of another. */
static void take_over(struct script *each, const char *event)
{
	struct http_pooled *pooled = container_of(each->client, struct http_pooled, client);

	if (strcmp(event, "end") != 0) {
		return;
	}
	each->act = NULL;
	http_pool_give(pooled);
	assert_ptr_equal(http_pool_take(&pool), pooled);
	pooled->client.handler = &script_handler;
	script_request("GET", (struct http_asked){0});
	http_client_head_end(each->client, HTTP_FRAMING_NONE, 0);
}

static void the_next_user_may_be_there_already(void **state)
{
	struct http_pooled *pooled;

	(void)state;
	pool_begin();
	pooled = pool_connect();
	ask(pooled);
	script.act = take_over;
	answer(peers[0], OK_0);
	assert_string_equal(script_heard(), "head 200\nend reusable\n");
	answer(peers[0], OK_0);
	assert_string_equal(script_heard(), "head 200\nend reusable\n");
	http_pool_give(pooled);
	pool_end();
}

static void one_that_was_not_used_is_kept(void **state)
{
	struct http_pooled *pooled;

	(void)state;
	pool_begin();
	pooled = pool_connect();
	http_pool_give(pooled);
	assert_ptr_equal(http_pool_take(&pool), pooled);
	ask(pooled);
	assert_false(pooled->client.reused);
	answer(peers[0], OK_0);
	assert_string_equal(script_heard(), "head 200\nend reusable\n");
	http_pool_give(pooled);
	pool_end();
}

static void what_cannot_be_used_again_is_closed(void **state)
{
	static const char *const answers[] = {
		"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nx",
		"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 0\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		pool_begin();
		script.act = give;
		use(pool_connect(), peers[0], answers[i]);
		assert_null(http_pool_take(&pool));
		assert_true(peer_sees_end(peers[0]));
		assert_int_equal(pool.count, 0);
		assert_int_equal(curfew_drain_count(&script.worker->peers), 1); /* itself */
		pool_end();
	}
}

static void an_unfinished_one_is_closed(void **state)
{
	struct http_pooled *pooled;

	(void)state;
	for (int reset = 0; reset < 2; reset++) {
		pool_begin();
		pooled = pool_connect();
		ask(pooled);
		answer(peers[0], "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
		assert_string_equal(script_heard(), "head 200\nbody he\n");
		if (reset) {
			http_pool_discard(pooled, true);
		} else {
			http_pool_give(pooled);
			script_say("llo");
		}
		script_rounds();
		assert_string_equal(script_heard(), "");
		assert_int_equal(pool.count, reset ? 0 : 1);
		assert_true(peer_sees_end(peers[0]));
		pool_end();
	}
}

static void the_server_ends_an_idle_one(void **state)
{
	struct http_pooled *pooled;

	(void)state;
	for (int speaks = 0; speaks < 2; speaks++) {
		pool_begin();
		pooled = pool_connect();
		script.act = give;
		use(pooled, peers[0], OK_0);
		if (speaks) {
			script_say("x");
		} else {
			shutdown(peers[0], SHUT_WR);
			script_rounds();
		}
		assert_null(http_pool_take(&pool));
		assert_true(peer_sees_end(peers[0]));
		assert_int_equal(pool.count, 0);
		pool_end();
	}
}

static bool found_none;

static void take_in_round(struct source *trigger, uint32_t events)
{
	assert(events);
	loop_unwatch(script.worker->loop, trigger);
	found_none = !http_pool_take(&pool) && pool.count;
}

/* A reset is found in a round, and told at the end of it: who takes one meanwhile gets another. */
static void one_that_has_failed_is_passed_over(void **state)
{
	struct source trigger = {.ready = take_in_round};
	int pair[2], peer;

	(void)state;
	pool_begin();
	http_pool_give(pool_connect());
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	trigger.fd = pair[0];
	assert_int_equal(loop_watch(script.worker->loop, &trigger, EPOLLIN), 0);
	script_rounds();
	assert_int_equal(
		send(container_of(pool.idle.next, struct http_pooled, link)->client.stream.fd, "x",
			1, 0),
		1);
	peer = peers[--added];
	close(peer); /* with something unread: a reset */
	assert_int_equal(write(pair[1], "x", 1), 1);
	found_none = false;
	script_rounds();
	assert_true(found_none);
	assert_int_equal(pool.count, 0);
	close(pair[0]);
	close(pair[1]);
	pool_end();
}

/* Lets time pass, and does what is due. */
static void pass_ms(int64_t ms)
{
	now += ms * NS_PER_MS;
	loop_dispatch(script.worker->loop);
	script_rounds();
}

/* Whether a connection that was given back with this answer is kept for so long, and no longer. */
static void kept_for(const char *text, int64_t ms)
{
	struct http_pooled *pooled;

	now = curfew_now();
	clock_fake(&now);
	pool_begin();
	pooled = pool_connect();
	script.act = give;
	use(pooled, peers[0], text);
	pass_ms(ms - 1);
	assert_ptr_equal(http_pool_take(&pool), pooled); /* in use, it has no such end */
	pass_ms(10 * ms);
	assert_int_equal(pool.count, 1);
	use(pooled, peers[0], text);
	pass_ms(ms - 1);
	assert_int_equal(pool.count, 1);
	pass_ms(1);
	assert_int_equal(pool.count, 0);
	assert_null(http_pool_take(&pool));
	assert_true(peer_sees_end(peers[0]));
	pool_end();
	clock_fake(NULL);
}

static void an_idle_one_is_given_up_in_time(void **state)
{
	(void)state;
	kept_for(OK_0, HTTP_POOL_IDLE_MS);
	kept_for("HTTP/1.1 204 No Content\r\nKeep-Alive: timeout=60\r\n\r\n", HTTP_POOL_IDLE_MS);
	kept_for("HTTP/1.1 204 No Content\r\nKeep-Alive: timeout=5\r\n\r\n", 4000);
	kept_for("HTTP/1.1 204 No Content\r\nKeep-Alive: timeout=2, max=3\r\n\r\n", 1000);
}

static void one_that_cannot_be_added(void **state)
{
	int count = descriptors_count();
	int pair[2];

	(void)state;
	pool_begin();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	allocation_fail(1);
	assert_null(http_pool_add(&pool, pair[0], &script_handler, NULL));
	assert_int_equal(errno, ENOMEM);
	assert_true(allocation_failed());
	close(pair[1]);
	assert_int_equal(descriptors_count(), count);
	assert_null(http_pool_add(&pool, -1, &script_handler, NULL));
	assert_true(errno > 0);
	assert_int_equal(pool.count, 0);
	pool_end();
}

/* As where the grace is over in the middle of work. */
static void it_lets_go_without_being_asked_to_finish(void **state)
{
	struct http_pooled *idle, *slow;

	(void)state;
	pool_begin();
	pool.hold.ops->cut(&pool.hold);
	assert_null(pool.hold.drain);
	pool_end();
	pool_begin();
	idle = pool_connect();
	slow = pool_connect();
	http_pool_give(idle);
	ask(slow);
	http_pool_discard(slow, false); /* which waits for a server that does nothing */
	pool.hold.ops->cut(&pool.hold);
	assert_non_null(pool.hold.drain);
	script_rounds();
	assert_int_equal(pool.count, 0);
	assert_null(pool.hold.drain);
	pool_end();
}

static void note(const struct curfew_holder *holder, void *arg)
{
	(void)snprintf(arg, 64, "%s %s", holder->kind, holder->name);
}

/* The last of all, since it ends what the worker's connections need. */
static void the_end_closes_what_is_idle(void **state)
{
	const struct address address = {.host = "127.0.0.1", .port = 8080};
	struct http_pooled *idle, *used, *slow;
	struct http_pool late;
	char held[64] = "";

	(void)state;
	pool_begin();
	idle = pool_connect();
	used = pool_connect();
	slow = pool_connect();
	http_pool_give(idle);
	ask(slow);
	http_pool_discard(slow, false); /* which waits for a server that does nothing */
	script_rounds();
	curfew_drain_list(&script.worker->peers, note, held);
	assert_string_equal(held, "pool 127.0.0.1:8080");
	curfew_drain_close(&script.worker->peers, CURFEW_NEVER);
	loop_dispatch(script.worker->loop);
	assert_true(peer_sees_end(peers[0]));
	assert_int_equal(pool.count, 2);
	assert_int_equal(http_pool_init(&late, script.worker, &address), -ESHUTDOWN);
	http_pool_fini(&late);
	curfew_drain_cut(&script.worker->peers);
	loop_dispatch(script.worker->loop);
	script_rounds();
	assert_int_equal(pool.count, 1);
	assert_int_equal(curfew_drain_count(&script.worker->peers), 1);
	use(used, peers[1], OK_0);
	http_pool_give(used);
	assert_null(http_pool_take(&pool));
	script_rounds();
	assert_int_equal(pool.count, 0);
	assert_int_equal(curfew_drain_count(&script.worker->peers), 0);
	pool_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_used_last_goes_first),
		cmocka_unit_test(the_next_user_may_be_there_already),
		cmocka_unit_test(one_that_was_not_used_is_kept),
		cmocka_unit_test(what_cannot_be_used_again_is_closed),
		cmocka_unit_test(an_unfinished_one_is_closed),
		cmocka_unit_test(the_server_ends_an_idle_one),
		cmocka_unit_test(one_that_has_failed_is_passed_over),
		cmocka_unit_test(an_idle_one_is_given_up_in_time),
		cmocka_unit_test(one_that_cannot_be_added),
		cmocka_unit_test(it_lets_go_without_being_asked_to_finish),
		cmocka_unit_test(the_end_closes_what_is_idle),
	};

	return cmocka_run_group_tests(tests, script_setup, script_teardown);
}
