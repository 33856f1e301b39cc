/* SPDX-License-Identifier: Apache-2.0 */
/* Who gets a place, who keeps it, and who is told of an end. */
#include "relay/registry.h"

#include "relay/registry_script.h"
#include "tests/allocation.h"

static void a_server_and_its_clients(void **state)
{
	struct member *s1;
	struct member *c2;
	struct member *c3;

	(void)state;
	s1 = server("a");
	c2 = client("a");
	c3 = client("a");
	expect("registered\nregistered\nregistered\n");
	assert_true(s1->registered && c2->registered && s1->slot == c2->slot);
	assert_int_equal(counted(&lane.counts.servers), 1);
	assert_int_equal(counted(&lane.counts.clients), 2);
	end_with(c2, 4000);
	expect("notice to s1: c2 4000\n");
	assert_int_equal(counted(&lane.counts.clients), 1);
	end(c3);
	forget();
	end(s1);
	expect("kept\n");
	assert_int_equal(counted(&lane.counts.servers), 0);
	assert_int_equal(lane.registry.slot_count, 1);
	advance(30000);
	expect("expired\n");
	assert_int_equal(lane.registry.slot_count, 0);
	assert_int_equal(counted(&lane.counts.grace_expiries), 1);
}

static void ids_are_apart(void **state)
{
	struct member *a;
	struct member *b;
	struct member *c3;

	(void)state;
	a = server("a");
	b = server("b");
	c3 = client("b");
	assert_ptr_not_equal(a->slot, b->slot);
	assert_ptr_equal(c3->slot, b->slot);
	assert_ptr_equal(registry_client(b->slot, member_name(c3), strlen(member_name(c3))), c3);
	assert_null(registry_client(a->slot, member_name(c3), strlen(member_name(c3))));
	end_all();
	forget();
}

static void a_client_without_a_server(void **state)
{
	struct member *c1;

	(void)state;
	c1 = client("a");
	expect("not_registered\nc1 close 4404 no server with that id\n");
	assert_true(c1->muted);
	assert_null(c1->slot);
	assert_int_equal(counted(&lane.counts.failures[RELAY_FAILURE_NO_SERVER]), 1);
	assert_int_equal(lane.registry.slot_count, 0);
	end(c1);
	expect("");
}

static void there_may_be_so_many_clients(void **state)
{
	struct member *c2;

	(void)state;
	(void)server("a");
	c2 = client("a");
	(void)client("a");
	(void)client("a");
	forget();
	(void)client("a");
	expect("not_registered\nc5 close 4429 too many clients\n");
	assert_int_equal(counted(&lane.counts.failures[RELAY_FAILURE_TOO_MANY]), 1);
	/* A place is free when the close frame is queued. */
	member_close(c2, 1000, "bye");
	expect("c2 close 1000 bye\n");
	assert_int_equal(counted(&lane.counts.clients), 2);
	(void)client("a");
	expect("registered\n");
	end_all();
}

/* What a client that leaves still says is heard; the notice comes behind that. */
static void the_notice_comes_at_the_end(void **state)
{
	struct member *s1;
	struct member *c2;
	struct member *c3;

	(void)state;
	s1 = server("a");
	c2 = client("a");
	c3 = client("a");
	member_close(c2, 1000, "bye");
	forget();
	assert_false(c2->muted);
	assert_ptr_equal(c2->slot->server, s1);
	assert_ptr_equal(registry_client(s1->slot, member_name(c2), strlen(member_name(c2))), c2);
	end(c2);
	expect("notice to s1: c2 1000\n");
	c3->unmissed = true; /* the server asked for it */
	end(c3);
	expect("");
	end(s1);
}

/* A server whose close frame is queued is none any more, but is heard by who is there. */
static void a_server_that_leaves(void **state)
{
	struct member *s1;
	struct member *c2;

	(void)state;
	s1 = server("a");
	c2 = client("a");
	forget();
	member_close(s1, 1011, "backlog full");
	expect("s1 close 1011 backlog full\nkept\n");
	assert_false(s1->muted);
	assert_ptr_equal(s1->slot, c2->slot);
	assert_null(c2->slot->server);
	assert_ptr_equal(registry_client(s1->slot, member_name(c2), strlen(member_name(c2))), c2);
	end(c2);
	expect("");
	end(s1);
	expect("");
}

static void a_kept_id(void **state)
{
	struct member *c2;
	struct member *c3;

	(void)state;
	end(server("a"));
	forget();
	advance(29999);
	c2 = client("a");
	expect("registered\n");
	c3 = client("a");
	member_close(c3, 1000, "bye");
	forget();
	advance(1);
	expect("expired\nc2 close 1000 the server has not come back\n");
	assert_true(c2->muted && c3->muted);
	assert_int_equal(counted(&lane.counts.clients), 0);
	assert_int_equal(lane.registry.slot_count, 0);
	end(c2);
	end(c3);
	expect("");
	(void)client("a");
	expect("not_registered\nc4 close 4404 no server with that id\n");
	end_all();
}

static void a_kept_id_is_claimed(void **state)
{
	struct member *c2;
	struct member *c3;
	struct member *s4;

	(void)state;
	end(server("a"));
	c2 = client("a");
	c3 = client("a");
	member_close(c3, 1000, "bye"); /* it leaves: nobody has heard of it */
	forget();
	s4 = server("a");
	expect("taken_over\nc2 close 4404 another server has the id now\nregistered\n");
	assert_int_equal(counted(&lane.counts.takeovers), 1);
	assert_int_equal(counted(&lane.counts.clients), 0);
	assert_true(c2->muted && c3->muted && s4->registered);
	assert_null(registry_client(s4->slot, member_name(c2), strlen(member_name(c2))));
	assert_null(registry_client(s4->slot, member_name(c3), strlen(member_name(c3))));
	advance(100000);
	end(c2);
	end(c3);
	expect("");
	(void)client("a");
	expect("registered\n");
	end_all();
}

/* One that came often, under many names, does not fill the memory. */
static void so_many_ids_are_kept(void **state)
{
	(void)state;
	lane.registry.kept_most = 2;
	end(server("a"));
	(void)client("a");
	end(server("b"));
	forget();
	end(server("c"));
	expect("registered\nkept\nexpired\nc2 close 1000 the server has not come back\n");
	assert_int_equal(lane.registry.slot_count, 2);
	(void)client("b");
	(void)client("c");
	expect("registered\nregistered\n");
	(void)server("b");
	(void)client("c");
	forget();
	end(server("d"));
	expect("registered\nkept\n");
	assert_int_equal(lane.registry.kept_count, 2);
	end_all();
}

/* The old server has not ended: it does not reach the new one's clients. */
static void an_old_server_is_muted(void **state)
{
	struct member *s1;

	(void)state;
	s1 = server("a");
	member_close(s1, 1011, "backlog full");
	(void)server("a");
	assert_true(s1->muted);
	assert_null(s1->slot);
	forget();
	end(s1);
	expect("");
	end_all();
}

/* A notice may be what ends the server, by which another one's turn comes. */
static struct member *doomed;

static void end_server(struct member *client)
{
	(void)client;
	member_close(doomed, 1011, "backlog full");
}

static void a_notice_ends_the_server(void **state)
{
	struct member *c2;

	(void)state;
	doomed = server("a");
	c2 = client("a");
	on_notice = end_server;
	forget();
	end(c2);
	expect("notice to s1: c2 1000\ns1 close 1011 backlog full\nkept\n");
	end(doomed);
	doomed = server("a");
	c2 = client("a");
	(void)client("a");
	(void)server("a");
	forget();
	end(c2);
	expect("notice to s3: c4 1000\ns3 close 1011 backlog full\ntaken_over\n"
	       "c5 close 4404 another server has the id now\nregistered\n");
	on_notice = NULL;
	end_all();
}

/* Whoever is asked for again and again, or one after the other, is found. */
static void clients_are_found(void **state)
{
	struct member *all[16];
	struct slot *slot;

	(void)state;
	config.max_clients = 16;
	slot = server("a")->slot;
	for (int i = 0; i < 16; i++) {
		all[i] = client("a");
	}
	for (int i = 0; i < 1000; i++) {
		struct member *wanted = all[i < 100 ? i % 16 : (i * 7) % 16];
		const char *name = member_name(wanted);

		assert_ptr_equal(registry_client(slot, name, strlen(name)), wanted);
		assert_null(registry_client(slot, name, strlen(name) - 1));
	}
	assert_null(registry_client(slot, "client-b-00000002", 17));
	assert_null(registry_client(slot, "server-a-00000001", 17));
	assert_null(registry_client(slot, "", 0));
	end_all();
}

/* It was drawn for two: the one that comes later gets another, until there is none of it. */
static void a_number_is_one_clients_alone(void **state)
{
	struct member *s1;
	struct member *c2;
	struct member *c3;
	struct member *late;

	(void)state;
	s1 = server("a");
	c2 = client("a");
	c3 = client("a");
	member_close(c3, 1000, "bye"); /* it is still spoken of */
	late = make(MEMBER_CLIENT, "a");
	memcpy(late->text, member_name(c3), strlen(member_name(c3)));
	forget();
	renamed = 1; /* the next one is that of c2 */
	registry_join(late);
	expect("c4 renamed\nc4 renamed\nc4 renamed\nregistered\n");
	assert_string_equal(member_name(late), "client-a-00000004");
	assert_ptr_equal(registry_client(s1->slot, member_name(c2), strlen(member_name(c2))), c2);
	assert_ptr_equal(registry_client(s1->slot, member_name(c3), strlen(member_name(c3))), c3);
	assert_ptr_equal(
		registry_client(s1->slot, member_name(late), strlen(member_name(late))), late);
	end_all();
}

static void there_may_be_many_ids(void **state)
{
	enum { MANY = 3000 };
	char id[16];

	(void)state;
	quiet = true;
	for (int i = 0; i < MANY; i++) {
		(void)snprintf(id, sizeof(id), "id%d", i);
		assert_true(server(id)->registered);
	}
	assert_int_equal(lane.registry.slot_count, MANY);
	assert_true(lane.registry.bucket_count >= MANY);
	for (int i = 0; i < MANY; i++) {
		(void)snprintf(id, sizeof(id), "id%d", i);
		assert_true(client(id)->registered);
	}
	end_all();
	advance(30000);
	assert_int_equal(lane.registry.slot_count, 0);
}

static void lanes_share_the_ids(void **state)
{
	enum { LANES = 4, MANY = 4000 };
	static struct lane lanes[LANES];
	int counts[LANES] = {0};
	char id[16];

	(void)state;
	assert_true(relay.key[0] && relay.key[1]);
	relay.lanes = lanes;
	relay.lane_count = LANES;
	for (int i = 0; i < MANY; i++) {
		int length = snprintf(id, sizeof(id), "id%d", i);
		struct lane *of = registry_lane(&relay, id, (size_t)length);

		assert_ptr_equal(of, registry_lane(&relay, id, (size_t)length));
		counts[of - lanes]++;
	}
	for (int i = 0; i < LANES; i++) {
		assert_in_range(counts[i], MANY / LANES - 200, MANY / LANES + 200);
	}
}

static void memory_runs_out(void **state)
{
	char id[16];

	(void)state;
	allocation_fail(2); /* the first is the script's */
	(void)server("a");
	assert_true(allocation_failed());
	expect("not_registered\ns1 close 1011 out of memory\n");
	end_all();
	quiet = true;
	for (int i = 0; i < 200; i++) {
		(void)snprintf(id, sizeof(id), "id%d", i);
		allocation_fail(i >= 64 ? 3 : 0); /* the table cannot grow */
		assert_true(server(id)->registered);
		assert_true(i < 64 || allocation_failed());
	}
	allocation_fail(0);
	assert_int_equal(lane.registry.bucket_count, 64);
	end_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		script_test(a_server_and_its_clients),
		script_test(ids_are_apart),
		script_test(a_client_without_a_server),
		script_test(there_may_be_so_many_clients),
		script_test(the_notice_comes_at_the_end),
		script_test(a_server_that_leaves),
		script_test(a_kept_id),
		script_test(a_kept_id_is_claimed),
		script_test(so_many_ids_are_kept),
		script_test(an_old_server_is_muted),
		script_test(a_notice_ends_the_server),
		script_test(clients_are_found),
		script_test(a_number_is_one_clients_alone),
		script_test(there_may_be_many_ids),
		script_test(lanes_share_the_ids),
		script_test(memory_runs_out),
	};

	return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
