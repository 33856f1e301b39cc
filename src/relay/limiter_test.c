/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens and places of addresses, on a time of the test's own. */
#include "relay/limiter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tests/allocation.h"

#define A "192.0.2.1"
#define B "192.0.2.2"
#define START (INT64_C(1000) * NS_PER_S)

static struct limiter limiter;
static int64_t now;

static int setup(void **state)
{
	(void)state;
	limiter = (struct limiter){.interval_ms = 6000, .burst = 3};
	now = START;
	return limiter_init(&limiter);
}

static int teardown(void **state)
{
	(void)state;
	limiter_fini(&limiter);
	limiter_fini(&limiter); /* a second time does nothing */
	return 0;
}

static enum limiter_answer enter(const char *address)
{
	return limiter_enter(&limiter, address, now);
}

static int64_t wait_s(const char *address)
{
	return limiter_wait_s(&limiter, address, now);
}

static void pass_ms(int64_t ms)
{
	now += ms * NS_PER_MS;
}

static void take_burst(const char *address)
{
	for (int i = 0; i < limiter.burst; i++) {
		assert_int_equal(enter(address), LIMITER_WELCOME);
	}
	assert_int_equal(enter(address), LIMITER_TOO_OFTEN);
}

static void a_burst_and_then_one_every_so_often(void **state)
{
	(void)state;
	take_burst(A);
	pass_ms(5999);
	assert_int_equal(enter(A), LIMITER_TOO_OFTEN);
	pass_ms(1);
	assert_int_equal(enter(A), LIMITER_WELCOME);
	assert_int_equal(enter(A), LIMITER_TOO_OFTEN);
	pass_ms(12000);
	assert_int_equal(enter(A), LIMITER_WELCOME);
	assert_int_equal(enter(A), LIMITER_WELCOME);
	assert_int_equal(enter(A), LIMITER_TOO_OFTEN);
}

static void a_bucket_is_never_more_than_full(void **state)
{
	(void)state;
	take_burst(A);
	pass_ms(1000000);
	take_burst(A);
}

static void addresses_have_buckets_of_their_own(void **state)
{
	(void)state;
	take_burst(A);
	take_burst(B);
	take_burst("2001:db8::1");
	take_burst("::1");
}

static void an_ipv6_network_counts_as_one(void **state)
{
	(void)state;
	take_burst("2001:db8:0:1::1");
	assert_int_equal(enter("2001:db8:0:1:ffff::2"), LIMITER_TOO_OFTEN);
	assert_int_equal(enter("2001:db8:0:2::1"), LIMITER_WELCOME);
}

static void retry_after_is_when_it_would_be_welcome(void **state)
{
	(void)state;
	assert_int_equal(wait_s(A), 1); /* not known */
	take_burst(A);
	assert_int_equal(wait_s(A), 6);
	pass_ms(1);
	assert_int_equal(wait_s(A), 6);
	pass_ms(999);
	assert_int_equal(wait_s(A), 5);
	pass_ms(4500);
	assert_int_equal(wait_s(A), 1);
	assert_int_equal(wait_s("unix"), 1);
}

static void what_is_no_address_is_not_limited(void **state)
{
	(void)state;
	limiter.most = 1;
	for (int i = 0; i < 10; i++) {
		assert_int_equal(enter("unix"), LIMITER_WELCOME);
	}
	limiter_leave(&limiter, "unix");
}

static void no_rate_is_no_limit(void **state)
{
	(void)state;
	limiter.interval_ms = 0;
	limiter.burst = 1;
	for (int i = 0; i < 10; i++) {
		assert_int_equal(enter(A), LIMITER_WELCOME);
	}
	limiter.most = 2;
	assert_int_equal(enter(A), LIMITER_WELCOME);
	assert_int_equal(enter(A), LIMITER_WELCOME);
	assert_int_equal(enter(A), LIMITER_TOO_MANY);
	assert_int_equal(wait_s(A), 1);
}

static void an_address_has_so_many_places(void **state)
{
	(void)state;
	limiter.most = 2;
	limiter.burst = 5;
	assert_int_equal(enter(A), LIMITER_WELCOME);
	assert_int_equal(enter(A), LIMITER_WELCOME);
	assert_int_equal(enter(A), LIMITER_TOO_MANY);
	assert_int_equal(enter(B), LIMITER_WELCOME);
	limiter_leave(&limiter, A);
	assert_int_equal(enter(A), LIMITER_WELCOME);
	assert_int_equal(enter(A), LIMITER_TOO_MANY); /* which took a token all the same */
	limiter_leave(&limiter, A);
	assert_int_equal(enter(A), LIMITER_TOO_OFTEN);
	pass_ms(6000);
	assert_int_equal(enter(A), LIMITER_WELCOME);
}

static void too_many_leaves_count_for_nothing(void **state)
{
	(void)state;
	limiter.most = 1;
	limiter_leave(&limiter, A);
	assert_int_equal(enter(A), LIMITER_WELCOME);
	limiter_leave(&limiter, A);
	limiter_leave(&limiter, A);
	assert_int_equal(enter(A), LIMITER_WELCOME);
	assert_int_equal(enter(A), LIMITER_TOO_MANY);
}

static const char *numbered(unsigned i)
{
	static char text[32];

	(void)snprintf(text, sizeof(text), "10.%u.%u.%u", i >> 16 & 255, i >> 8 & 255, i & 255);
	return text;
}

static void those_that_say_nothing_are_forgotten(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		assert_int_equal(enter(numbered(i)), LIMITER_WELCOME);
	}
	assert_int_equal(limiter.idle_count, 1000);
	pass_ms(6000);
	for (unsigned i = 2000; i < 2334; i++) {
		assert_int_equal(enter(numbered(i)), LIMITER_WELCOME);
	}
	assert_int_equal(limiter.idle_count, 334);
}

static void there_are_never_too_many(void **state)
{
	(void)state;
	take_burst(A);
	for (unsigned i = 0; i < LIMITER_MOST + 100; i++) {
		assert_int_equal(enter(numbered(i)), LIMITER_WELCOME);
		assert_true(limiter.idle_count <= LIMITER_MOST);
	}
	assert_int_equal(limiter.idle_count, LIMITER_MOST);
	assert_int_equal(enter(A), LIMITER_TOO_OFTEN); /* whose bucket is not the fullest */
}

static void those_with_connections_are_not_forgotten(void **state)
{
	(void)state;
	limiter.most = 1;
	assert_int_equal(enter(A), LIMITER_WELCOME);
	pass_ms(1000000);
	for (unsigned i = 0; i < LIMITER_MOST + 100; i++) {
		assert_int_equal(enter(numbered(i)), LIMITER_WELCOME);
		limiter_leave(&limiter, numbered(i));
	}
	assert_int_equal(enter(A), LIMITER_TOO_MANY);
	assert_int_equal(limiter.idle_count, LIMITER_MOST);
	limiter_leave(&limiter, A);
	assert_int_equal(limiter.idle_count, LIMITER_MOST + 1); /* until somebody comes */
	assert_int_equal(enter(B), LIMITER_WELCOME);
	assert_int_equal(limiter.idle_count, LIMITER_MOST - 1);
}

static void without_memory_nobody_is_limited(void **state)
{
	(void)state;
	limiter.most = 1;
	allocation_fail(1);
	assert_int_equal(enter(A), LIMITER_WELCOME);
	assert_true(allocation_failed());
	limiter_leave(&limiter, A);
	assert_int_equal(limiter.idle_count, 0);
}

static void without_memory_there_is_no_limiter(void **state)
{
	struct limiter other = {.interval_ms = 1, .burst = 1};

	(void)state;
	allocation_fail(1);
	assert_int_not_equal(limiter_init(&other), 0);
	assert_true(allocation_failed());
	limiter_fini(&other);
}

#define limiter_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		limiter_test(a_burst_and_then_one_every_so_often),
		limiter_test(a_bucket_is_never_more_than_full),
		limiter_test(addresses_have_buckets_of_their_own),
		limiter_test(an_ipv6_network_counts_as_one),
		limiter_test(retry_after_is_when_it_would_be_welcome),
		limiter_test(what_is_no_address_is_not_limited),
		limiter_test(no_rate_is_no_limit),
		limiter_test(an_address_has_so_many_places),
		limiter_test(too_many_leaves_count_for_nothing),
		limiter_test(those_that_say_nothing_are_forgotten),
		limiter_test(there_are_never_too_many),
		limiter_test(those_with_connections_are_not_forgotten),
		limiter_test(without_memory_nobody_is_limited),
		limiter_test(without_memory_there_is_no_limiter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
