/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a lane: clients first, at once or spread, and each within its bound. */
#include "relay/ending.h"

#include "relay/registry_script.h"
#include "tests/allocation.h"

#define SHUTTING " close 1001 shutting down\n"

/* Nobody is left, and nothing of them. */
static void expect_over(void)
{
	assert_true(list_empty(&members));
	assert_int_equal(lane.registry.slot_count, 0);
	assert_int_equal(curfew_drain_count(&worker.drain), 0);
}

static void clients_first(void **state)
{
	struct member *s1;
	struct member *c2;
	struct member *c3;

	(void)state;
	s1 = server("a");
	c2 = client("a");
	c3 = client("a");
	forget();
	drain_begins(18000);
	expect("c2" SHUTTING "c3" SHUTTING);
	assert_int_equal(counted(&lane.counts.clients), 0);
	end(c3);
	expect("notice to s1: c3 1000\n");
	end_with(c2, WS_CLOSE_CUT);
	expect("notice to s1: c2 1006\ns1" SHUTTING);
	assert_int_equal(counted(&lane.counts.servers), 0);
	end(s1);
	expect_over();
}

static void a_server_without_clients(void **state)
{
	struct member *s1;

	(void)state;
	s1 = server("a");
	forget();
	drain_begins(18000);
	expect("s1" SHUTTING);
	end(s1);
	expect_over();
}

/* A client that was leaving before is waited for as well: what it says goes to the server. */
static void one_that_leaves_is_waited_for(void **state)
{
	struct member *s1;
	struct member *c2;

	(void)state;
	s1 = server("a");
	c2 = client("a");
	member_close(c2, 1000, "bye");
	forget();
	drain_begins(18000);
	expect("");
	end(c2);
	expect("notice to s1: c2 1000\ns1" SHUTTING);
	end(s1);
	expect_over();
}

/* A notice that does not go out ends the server. */
static struct member *doomed;

static void end_server(struct member *client)
{
	(void)client;
	member_close(doomed, 1011, "backlog full");
}

static void the_notice_ends_the_server(void **state)
{
	struct member *c2;
	struct member *c3;

	(void)state;
	doomed = server("a");
	c2 = client("a");
	c3 = client("a");
	on_notice = end_server;
	drain_begins(18000);
	forget();
	end(c2);
	expect("notice to s1: c2 1000\ns1 close 1011 backlog full\n");
	end(doomed);
	end(c3);
	expect("");
	expect_over();
}

/* It goes by itself: nothing is kept any more, and its clients have their turn. */
static void the_server_goes(void **state)
{
	struct member *s1;
	struct member *c2;

	(void)state;
	s1 = server("a");
	c2 = client("a");
	forget();
	drain_begins(18000);
	end(s1);
	expect("c2" SHUTTING);
	end(c2);
	expect("");
	expect_over();
}

static void a_kept_id_is_given_up(void **state)
{
	struct member *c2;

	(void)state;
	end(server("a"));
	end(server("b"));
	c2 = client("a");
	forget();
	drain_begins(18000);
	expect("c3" SHUTTING);
	end(c2);
	expect_over();
	advance(0);
	assert_int_equal(agenda_next(&loop.agenda), CURFEW_NEVER);
	expect("");
}

static void claims_get_theirs_at_once(void **state)
{
	struct member *c2;

	(void)state;
	(void)server("a");
	c2 = client("a");
	(void)server("a");
	(void)server("a");
	forget();
	drain_begins(18000);
	expect("s3" SHUTTING "s4" SHUTTING "c2" SHUTTING);
	end(c2);
	expect("notice to s1: c2 1000\ns1" SHUTTING);
	end_all();
	expect_over();
}

/* Between its 101 and its place. */
static void who_comes_later_gets_it_too(void **state)
{
	struct member *s1;
	struct member *c2;

	(void)state;
	(void)server("a");
	s1 = make(MEMBER_SERVER, "b");
	c2 = make(MEMBER_CLIENT, "a");
	forget();
	drain_begins(18000);
	expect("s1" SHUTTING "s2" SHUTTING "c3" SHUTTING);
	end(s1);
	end(c2);
	s1 = NULL;
	end_all();
	expect_over();
}

static void who_joins_later_gets_it_too(void **state)
{
	struct member *late[2];

	(void)state;
	(void)server("a");
	late[0] = make(MEMBER_SERVER, "b");
	late[1] = make(MEMBER_CLIENT, "a");
	for (int i = 0; i < 2; i++) { /* on its way: what it is asked comes when it is there */
		late[i]->ws.state = WS_CONNECTION_CLOSED;
	}
	drain_begins(18000);
	forget();
	for (int i = 0; i < 2; i++) {
		late[i]->ws.state = WS_CONNECTION_OPEN;
		registry_join(late[i]);
		assert_true(late[i]->muted);
		assert_false(late[i]->registered);
	}
	expect("not_registered\ns2" SHUTTING "not_registered\nc3" SHUTTING);
	assert_int_equal(counted(&lane.counts.clients), 0);
	end_all();
	expect_over();
}

/* How many of all are still open. */
static int open_ones(enum member_role role)
{
	int count = 0;

	list_each(link, &members) {
		struct member *member = &container_of(link, struct actor, known)->member;

		count += member->role == role && member->ws.state == WS_CONNECTION_OPEN;
	}
	return count;
}

static void make_many(int servers)
{
	char id[16];

	quiet = true;
	for (int i = 0; i < servers; i++) {
		(void)snprintf(id, sizeof(id), "id%d", i);
		(void)server(id);
		(void)client(id);
	}
}

static void end_the_closed(void)
{
	list_each_safe(link, &members) {
		struct member *member = &container_of(link, struct actor, known)->member;

		if (member->ws.state == WS_CONNECTION_CLOSING) {
			end(member);
		}
	}
}

static void closes_are_spread(void **state)
{
	enum { SERVERS = 2000 };
	int last = SERVERS;

	(void)state;
	config.spread_ms = 8000;
	make_many(SERVERS);
	drain_begins(60000);
	assert_in_range(open_ones(MEMBER_CLIENT), SERVERS - 20, SERVERS);
	for (int i = 0; i < 8; i++) {
		int left;

		advance(1000);
		left = open_ones(MEMBER_CLIENT);
		assert_in_range(last - left, SERVERS / 8 - 90, SERVERS / 8 + 90);
		last = left;
		end_the_closed();
		/* A server waits for the later of two moments: its own, and its client's. */
		assert_in_range(open_ones(MEMBER_SERVER), left, SERVERS);
	}
	assert_int_equal(last, 0);
	end_the_closed();
	assert_int_equal(open_ones(MEMBER_SERVER), 0);
	end_the_closed();
	expect_over();
}

static void the_spread_leaves_time_to_close(void **state)
{
	(void)state;
	config.spread_ms = 60000;
	make_many(100);
	drain_begins(18000); /* half of which the closes of clients, and servers, have */
	advance(8000);
	assert_true(open_ones(MEMBER_CLIENT) > 0);
	advance(1000);
	assert_int_equal(open_ones(MEMBER_CLIENT), 0);
	end_the_closed();
	end_the_closed();
	expect_over();
}

/* A server whose client does not end is closed while there is time for it. */
static void a_server_has_its_bound(void **state)
{
	static const struct {
		int64_t work_ms, bound_ms;
	} rows[] = {{18000, 13000}, {4000, 2000}};

	for (size_t i = 0; i < 2; i++) {
		struct member *s1;
		struct member *c2;

		if (i) {
			assert_int_equal(script_teardown(state), 0);
			assert_int_equal(script_setup(state), 0);
		}
		s1 = server("a");
		c2 = client("a");
		drain_begins(rows[i].work_ms);
		forget();
		advance(rows[i].bound_ms - 1);
		expect("");
		advance(1);
		expect("s1" SHUTTING);
		end(c2);
		expect("");
		end(s1);
		expect_over();
	}
}

/* Those who end before their turn have none; those who are not asked for memory come at once. */
static void some_end_before_their_turn(void **state)
{
	struct member *c2;
	struct member *c3;

	(void)state;
	config.spread_ms = 8000;
	(void)server("a");
	c2 = client("a");
	c3 = client("a");
	forget();
	drain_begins(60000);
	end(c2);
	member_close(c3, 1000, "bye");
	assert_int_equal(c3->turn, 0);
	end(c3);
	expect("notice to s1: c2 1000\nc3 close 1000 bye\nnotice to s1: c3 1000\n");
	advance(8000);
	expect("s1" SHUTTING);
	end_all();
	expect_over();
}

static void memory_runs_out(void **state)
{
	(void)state;
	config.spread_ms = 8000;
	(void)server("a");
	forget();
	allocation_fail(1);
	drain_begins(60000);
	assert_true(allocation_failed());
	expect("s1" SHUTTING);
	end_all();
	expect_over();
}

/* The drain is cut before it was closed. */
static void it_is_cut(void **state)
{
	(void)state;
	end(server("a"));
	forget();
	curfew_drain_cut(&worker.drain);
	advance(0);
	expect("");
	expect_over();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		script_test(clients_first),
		script_test(a_server_without_clients),
		script_test(one_that_leaves_is_waited_for),
		script_test(the_notice_ends_the_server),
		script_test(the_server_goes),
		script_test(a_kept_id_is_given_up),
		script_test(claims_get_theirs_at_once),
		script_test(who_comes_later_gets_it_too),
		script_test(who_joins_later_gets_it_too),
		script_test(closes_are_spread),
		script_test(the_spread_leaves_time_to_close),
		script_test(a_server_has_its_bound),
		script_test(some_end_before_their_turn),
		script_test(memory_runs_out),
		script_test(it_is_cut),
	};

	return cmocka_run_group_tests_name("ending", tests, NULL, NULL);
}
