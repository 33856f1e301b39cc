/* SPDX-License-Identifier: Apache-2.0 */
#include "load/inclusion.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "ethereum/keccak.h"
#include "tests/allocation.h"

static struct inclusion inclusion;
static struct inclusion_entry entry;

static int begin(void **state)
{
	(void)state;
	return inclusion_init(&inclusion);
}

static int end(void **state)
{
	(void)state;
	inclusion_fini(&inclusion);
	return 0;
}

static const uint8_t *hash(uint64_t number)
{
	static uint8_t digest[ETHEREUM_HASH];

	keccak256(&number, sizeof(number), digest);
	return digest;
}

static struct inclusion_counts counts(void)
{
	struct inclusion_counts now;

	inclusion_counts_now(&inclusion, &now);
	return now;
}

static void finds_what_was_accepted(void **state)
{
	(void)state;
	inclusion_sent(&inclusion, hash(1), 1000000);
	assert_int_equal(counts().waiting, 0);
	inclusion_answered(&inclusion, hash(1), INCLUSION_ACCEPTED);
	assert_int_equal(counts().waiting, 1);
	assert_false(inclusion_found(&inclusion, hash(2), 5000000, &entry));
	assert_true(inclusion_found(&inclusion, hash(1), 5000000, &entry));
	assert_false(inclusion_found(&inclusion, hash(1), 6000000, &entry));
	assert_int_equal(counts().waiting, 0);
	assert_int_equal(counts().included, 1);
	assert_int_equal(counts().of_unknown, 0);
	assert_int_equal(inclusion.latency.most_us, 4000);
}

/* A block that is seen before the answer, as of a node that makes one at once. */
static void a_block_may_be_first(void **state)
{
	(void)state;
	inclusion_sent(&inclusion, hash(1), 0);
	assert_true(inclusion_found(&inclusion, hash(1), 1, &entry));
	inclusion_answered(&inclusion, hash(1), INCLUSION_ACCEPTED);
	assert_int_equal(counts().accepted, 1);
	assert_int_equal(counts().included, 1);
	assert_int_equal(counts().waiting, 0);
	inclusion_sent(&inclusion, hash(2), 0);
	inclusion_sent(&inclusion, hash(2), 1);
	assert_true(inclusion_found(&inclusion, hash(2), 2, &entry));
	assert_false(inclusion_found(&inclusion, hash(2), 2, &entry));
}

static void forgets_what_was_refused(void **state)
{
	(void)state;
	inclusion_sent(&inclusion, hash(1), 0);
	inclusion_answered(&inclusion, hash(1), INCLUSION_REFUSED);
	assert_false(inclusion_found(&inclusion, hash(1), 1, &entry));
	assert_int_equal(counts().accepted, 0);
	assert_int_equal(counts().waiting, 0);
}

/* Its answer was lost, and the same again is refused: it is followed all the same. */
static void an_answer_may_be_lost(void **state)
{
	(void)state;
	inclusion_sent(&inclusion, hash(1), 0);
	inclusion_answered(&inclusion, hash(1), INCLUSION_UNKNOWN);
	assert_int_equal(counts().waiting, 0);
	inclusion_sent(&inclusion, hash(1), 3000000);
	inclusion_answered(&inclusion, hash(1), INCLUSION_REFUSED);
	assert_true(inclusion_found(&inclusion, hash(1), 4000000, &entry));
	assert_int_equal(counts().unknown, 1);
	assert_int_equal(counts().of_unknown, 1);
	assert_int_equal(inclusion.latency.most_us, 4000);
	inclusion_lost(&inclusion, &entry);
	assert_int_equal(counts().of_unknown, 0);
	assert_true(inclusion_found(&inclusion, hash(1), 5000000, &entry));
	assert_false(inclusion_found(&inclusion, hash(1), 5000000, &entry));
	assert_int_equal(counts().of_unknown, 1);
}

/* The same transaction, after a chain that began anew: one, whatever was answered first. */
static void one_that_is_sent_twice_counts_once(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		inclusion_sent(&inclusion, hash(1), 0);
		inclusion_answered(&inclusion, hash(1), INCLUSION_ACCEPTED);
		inclusion_sent(&inclusion, hash(2), 0);
		inclusion_answered(&inclusion, hash(2), INCLUSION_UNKNOWN);
	}
	assert_int_equal(counts().accepted, 1);
	assert_int_equal(counts().waiting, 1);
	assert_int_equal(counts().unknown, 1);
	inclusion_answered(&inclusion, hash(1), INCLUSION_UNKNOWN);
	inclusion_answered(&inclusion, hash(2), INCLUSION_ACCEPTED);
	assert_int_equal(counts().accepted, 2);
	assert_int_equal(counts().waiting, 2);
	assert_int_equal(counts().unknown, 0);
}

static void an_answer_may_be_lost_behind_its_block(void **state)
{
	(void)state;
	inclusion_sent(&inclusion, hash(1), 0);
	assert_true(inclusion_found(&inclusion, hash(1), 1, &entry));
	inclusion_answered(&inclusion, hash(1), INCLUSION_UNKNOWN);
	assert_int_equal(counts().accepted, 0);
	assert_int_equal(counts().unknown, 1);
	assert_int_equal(counts().included, 1);
	assert_int_equal(counts().of_unknown, 1);
}

static void a_block_may_be_lost(void **state)
{
	(void)state;
	inclusion_sent(&inclusion, hash(1), 0);
	inclusion_answered(&inclusion, hash(1), INCLUSION_ACCEPTED);
	assert_true(inclusion_found(&inclusion, hash(1), 1000, &entry));
	inclusion_lost(&inclusion, &entry);
	assert_int_equal(counts().included, 0);
	assert_int_equal(counts().reorganized, 1);
	assert_int_equal(counts().waiting, 1);
	assert_true(inclusion_found(&inclusion, hash(1), 9000000, &entry));
	assert_int_equal(counts().included, 1);
	assert_int_equal(counts().waiting, 0);
	assert_int_equal(inclusion.latency.total, 1);
}

static void many_wait(void **state)
{
	const uint64_t many = 5000;

	(void)state;
	for (uint64_t i = 0; i < many; i++) {
		inclusion_sent(&inclusion, hash(i), 0);
		inclusion_answered(&inclusion, hash(i), INCLUSION_ACCEPTED);
	}
	for (uint64_t i = 0; i < many; i += 2) {
		assert_true(inclusion_found(&inclusion, hash(i), 1, &entry));
	}
	assert_int_equal(counts().waiting, many / 2);
	for (uint64_t i = 0; i < many; i++) {
		assert_int_equal(inclusion_found(&inclusion, hash(i), 1, &entry), i % 2);
	}
	assert_int_equal(inclusion.capacity, 8192);
}

static void without_memory(void **state)
{
	uint64_t sent = 0;

	(void)state;
	allocation_fail(1);
	while (!allocation_failed()) {
		allocation_fail(1);
		inclusion_sent(&inclusion, hash(sent++), 0);
	}
	assert_int_equal(counts().unfollowed, 1);
	inclusion_sent(&inclusion, hash(sent), 0);
	assert_true(inclusion_found(&inclusion, hash(sent), 1, &entry));
	assert_true(inclusion_found(&inclusion, hash(0), 1, &entry));
}

static void init_without_memory(void **state)
{
	bool failed = true;

	(void)state;
	for (int n = 1; failed; n++) {
		int error;

		allocation_fail(n);
		error = inclusion_init(&inclusion);
		failed = allocation_failed();
		assert_int_equal(error < 0, failed);
		inclusion_fini(&inclusion);
	}
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(finds_what_was_accepted),
		TEST(a_block_may_be_first),
		TEST(forgets_what_was_refused),
		TEST(an_answer_may_be_lost),
		TEST(one_that_is_sent_twice_counts_once),
		TEST(an_answer_may_be_lost_behind_its_block),
		TEST(a_block_may_be_lost),
		TEST(many_wait),
		TEST(without_memory),
		cmocka_unit_test(init_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
