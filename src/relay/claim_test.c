/* SPDX-License-Identifier: Apache-2.0 */
/* Two servers that want one id. */
#include <unistd.h>

#include "relay/registry_script.h"

static void the_holder_answers(void **state)
{
	struct member *s1;
	struct member *s3;

	(void)state;
	s1 = server("a");
	(void)client("a");
	forget();
	s3 = server("a");
	expect("s1 pinged\n");
	assert_true(s3->waits && !s3->registered && !s3->muted);
	assert_int_equal(counted(&lane.counts.servers), 1);
	advance(9999);
	registry_pong(s1);
	expect("not_registered\ns3 close 4409 id taken\n");
	assert_int_equal(counted(&lane.counts.failures[RELAY_FAILURE_ID_TAKEN]), 1);
	assert_true(s3->muted);
	assert_null(s3->slot);
	assert_true(s1->registered);
	advance(100000);
	registry_pong(s1);
	expect("");
	(void)server("a"); /* and again */
	expect("s1 pinged\n");
	registry_pong(s1);
	expect("not_registered\ns4 close 4409 id taken\n");
	end_all();
}

static void the_holder_is_silent(void **state)
{
	struct member *s1;
	struct member *c2;
	struct member *s3;

	(void)state;
	s1 = server("a");
	c2 = client("a");
	s3 = server("a");
	forget();
	advance(9999);
	expect("");
	advance(1);
	expect("taken_over\ns1 close 1011 heartbeat timeout\n"
	       "c2 close 4404 another server has the id now\nregistered\n");
	assert_true(s3->registered && !s3->waits);
	assert_ptr_equal(s3->slot->server, s3);
	assert_true(s1->muted && c2->muted);
	assert_int_equal(counted(&lane.counts.servers), 1);
	assert_int_equal(counted(&lane.counts.clients), 0);
	registry_pong(s1); /* too late */
	end(s1);
	end(c2);
	expect("");
	(void)client("a");
	expect("registered\n");
	end_all();
}

/* What it has sent may be its pong, which was not read for lack of time: a moment more, once. */
static void the_holder_may_have_answered(void **state)
{
	struct member *s1;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	s1 = server("a");
	s1->ws.stream.fd = fds[0];
	(void)server("a");
	forget();
	advance(10000);
	expect("");
	registry_pong(s1);
	expect("not_registered\ns2 close 4409 id taken\n");
	(void)server("a");
	forget();
	advance(10099);
	expect("");
	advance(1);
	expect("taken_over\ns1 close 1011 heartbeat timeout\nregistered\n");
	close(fds[0]);
	close(fds[1]);
	end_all();
}

/* It has not come to the ping: it is behind what else waits, or there was no room for it. */
static void the_holder_is_busy(void **state)
{
	struct stream *holder;

	(void)state;
	holder = &server("a")->ws.stream;
	holder->bytes_in = 100;
	holder->bytes_out = 1000;
	(void)server("a");
	advance(5000);
	forget();
	holder->bytes_in++; /* it says something */
	advance(4999);
	expect("");
	advance(1);
	expect("not_registered\ns2 close 4409 id taken\n");
	holder->backlog = 50000;
	(void)server("a");
	forget();
	holder->bytes_out++; /* it takes something */
	advance(10000);
	expect("not_registered\ns3 close 4409 id taken\n");
	(void)server("a");
	forget();
	advance(10000);
	expect("taken_over\ns1 close 1011 heartbeat timeout\nregistered\n");
	end_all();
}

/* The kernel takes a ping for anybody. */
static void the_ping_is_no_sign_of_life(void **state)
{
	struct stream *holder;

	(void)state;
	holder = &server("a")->ws.stream;
	(void)server("a");
	forget();
	holder->bytes_out += 6;
	advance(10000);
	expect("taken_over\ns1 close 1011 heartbeat timeout\nregistered\n");
	end_all();
}

static void the_holder_goes(void **state)
{
	struct member *s1;

	(void)state;
	s1 = server("a");
	(void)client("a");
	(void)server("a");
	forget();
	end(s1);
	expect("taken_over\nc2 close 4404 another server has the id now\nregistered\n");
	advance(100000);
	expect("");
	end_all();
	/* Or its close frame is queued. */
	forget();
	s1 = server("b");
	(void)server("b");
	forget();
	member_close(s1, 1011, "backlog full");
	expect("s4 close 1011 backlog full\ntaken_over\nregistered\n");
	assert_true(s1->muted);
	end_all();
}

static void several_wait(void **state)
{
	struct member *s1;
	struct member *s2;

	(void)state;
	s1 = server("a");
	s2 = server("a");
	(void)server("a");
	(void)server("a");
	(void)server("a");
	expect("registered\ns1 pinged\n");
	(void)server("a");
	expect("not_registered\ns6 close 4409 id taken\n");
	advance(10000);
	expect("taken_over\ns1 close 1011 heartbeat timeout\nregistered\n"
	       "not_registered\ns3 close 4409 id taken\n"
	       "not_registered\ns4 close 4409 id taken\n"
	       "not_registered\ns5 close 4409 id taken\n");
	assert_true(s2->registered);
	assert_int_equal(s2->slot->claim_count, 0);
	assert_int_equal(counted(&lane.counts.failures[RELAY_FAILURE_ID_TAKEN]), 4);
	end(s1);
	end_all();
}

static void one_that_waits_goes(void **state)
{
	struct member *s1;
	struct member *s2;
	struct member *s3;

	(void)state;
	s1 = server("a");
	s2 = server("a");
	s3 = server("a");
	forget();
	end(s2);
	assert_int_equal(s1->slot->state, SLOT_CONTESTED);
	member_close(s3, 1011, "out of memory");
	expect("s3 close 1011 out of memory\n");
	assert_int_equal(s1->slot->state, SLOT_HELD);
	assert_null(s3->slot);
	advance(100000);
	registry_pong(s1);
	expect("");
	(void)server("a");
	expect("s1 pinged\n");
	end(s1);
	end_all();
}

/* A client may come while its id is contested: it belongs to the holder. */
static void a_client_comes_meanwhile(void **state)
{
	struct member *s1;

	(void)state;
	s1 = server("a");
	(void)server("a");
	forget();
	(void)client("a");
	expect("registered\n");
	registry_pong(s1);
	expect("not_registered\ns2 close 4409 id taken\n");
	(void)server("a");
	forget();
	advance(10000);
	expect("taken_over\ns1 close 1011 heartbeat timeout\n"
	       "c3 close 4404 another server has the id now\nregistered\n");
	end_all();
}

/* The pong of one that does not hold anything. */
static void other_pongs(void **state)
{
	struct member *s1;
	struct member *s2;

	(void)state;
	s1 = server("a");
	s2 = server("a");
	registry_pong(s2);
	assert_true(s2->waits);
	member_close(s1, 1011, "write failed");
	registry_pong(s1);
	registry_pong(s2);
	assert_true(s2->registered);
	end_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		script_test(the_holder_answers),
		script_test(the_holder_is_silent),
		script_test(the_holder_may_have_answered),
		script_test(the_holder_is_busy),
		script_test(the_ping_is_no_sign_of_life),
		script_test(the_holder_goes),
		script_test(several_wait),
		script_test(one_that_waits_goes),
		script_test(a_client_comes_meanwhile),
		script_test(other_pongs),
	};

	return cmocka_run_group_tests_name("claim", tests, NULL, NULL);
}
