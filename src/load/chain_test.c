/* SPDX-License-Identifier: Apache-2.0 */
#include "load/chain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct inclusion inclusion;
static struct chain chain;

static int begin(void **state)
{
	(void)state;
	return inclusion_init(&inclusion) < 0 || chain_init(&chain, &inclusion) < 0 ? -1 : 0;
}

static int end(void **state)
{
	(void)state;
	chain_fini(&chain);
	inclusion_fini(&inclusion);
	return 0;
}

/* A block of one branch, on one of another. */
static struct chain_head block_on(uint64_t number, char branch, char parent)
{
	struct chain_head head = {.number = number, .gas_used = 100, .transactions = 3};

	memset(head.hash, branch, ETHEREUM_HASH);
	memcpy(head.hash, &number, sizeof(number));
	number--;
	memset(head.parent, parent, ETHEREUM_HASH);
	memcpy(head.parent, &number, sizeof(number));
	return head;
}

static bool append(uint64_t number, char branch, char parent)
{
	struct chain_head head = block_on(number, branch, parent);

	return chain_append(&chain, &head, (int64_t)number * 1000000);
}

static void begin_at(uint64_t number)
{
	struct chain_head head = block_on(number, 'a', 'a');

	chain_begin(&chain, &head);
}

static bool contradicts(uint64_t number, char branch)
{
	struct chain_head head = block_on(number, branch, branch);

	return chain_contradicts(&chain, &head);
}

/* A transaction of ours is in the newest block. */
static void include(uint8_t name)
{
	uint8_t hash[ETHEREUM_HASH];
	struct inclusion_entry entry;

	memset(hash, name, sizeof(hash));
	inclusion_sent(&inclusion, hash, 0);
	inclusion_answered(&inclusion, hash, INCLUSION_ACCEPTED);
	assert_true(inclusion_found(&inclusion, hash, 1, &entry));
	assert_int_equal(chain_add_ours(&chain, &entry), 0);
	chain_add_receipt(&chain, true);
}

/* Blocks are a millisecond apart here, each with 100 of gas. */
static void tells_gas_a_second(void **state)
{
	(void)state;
	begin_at(10);
	assert_true(append(11, 'a', 'a'));
	assert_float_equal(chain_gas_per_second(&chain), 0, 0);
	assert_true(append(12, 'a', 'a'));
	assert_float_equal(chain_gas_per_second(&chain), 100000, 1e-6);
	assert_true(append(13, 'a', 'a'));
	assert_float_equal(chain_gas_per_second(&chain), 100000, 1e-6);
	chain_back(&chain, 11); /* that of the first is none any more, either */
	assert_true(append(11, 'b', 'a'));
	assert_float_equal(chain_gas_per_second(&chain), 50000, 1e-6);
}

static void grows(void **state)
{
	(void)state;
	begin_at(7);
	assert_int_equal(chain.blocks, 0);
	for (uint64_t i = 8; i < 208; i++) {
		assert_int_equal(chain_next(&chain), i);
		assert_true(append(i, 'a', 'a'));
	}
	assert_int_equal(chain.blocks, 200);
	assert_int_equal(chain.gas_used, 20000);
	assert_int_equal(chain.transactions, 600);
	assert_int_equal(chain.reorganizations, 0);
	assert_int_equal(chain.times.total, 199);
	assert_int_equal(chain.times.most_us, 1000);
	assert_int_equal(chain.first_ns, 8000000);
	assert_int_equal(chain.last_ns, 207000000);
	assert_false(contradicts(207, 'a'));
	assert_true(contradicts(207, 'b'));
	assert_true(contradicts(100, 'a')); /* not remembered */
}

/* The blocks 9 and 10 are others than they were. */
static void is_reorganized(void **state)
{
	struct inclusion_counts counts;

	(void)state;
	begin_at(7);
	for (uint64_t i = 8; i <= 10; i++) {
		assert_true(append(i, 'a', 'a'));
		include((uint8_t)i);
	}
	assert_false(append(11, 'b', 'b'));
	assert_int_equal(chain_next(&chain), 10);
	assert_false(append(10, 'b', 'b'));
	assert_int_equal(chain_next(&chain), 9);
	assert_true(append(9, 'b', 'a'));
	assert_true(append(10, 'b', 'b'));
	assert_int_equal(chain.reorganizations, 1);
	assert_int_equal(chain.blocks, 3);
	assert_int_equal(chain.gas_used, 300);
	assert_int_equal(chain.succeeded, 1);
	inclusion_counts_now(&inclusion, &counts);
	assert_int_equal(counts.included, 1);
	assert_int_equal(counts.waiting, 2);
	assert_int_equal(counts.reorganized, 2);
}

/* Another chain, that is shorter: also where it goes back behind our beginning. */
static void begins_anew(void **state)
{
	(void)state;
	begin_at(7);
	for (uint64_t i = 8; i <= 10; i++) {
		assert_true(append(i, 'a', 'a'));
	}
	chain_back(&chain, 2);
	assert_int_equal(chain.reorganizations, 1);
	assert_int_equal(chain.blocks, 0);
	assert_null(chain_newest(&chain));
	assert_int_equal(chain_next(&chain), 0);
	assert_true(append(0, 'b', 'b'));
	assert_true(append(1, 'b', 'b'));
	assert_int_equal(chain.blocks, 2);
	chain_back(&chain, 1000);
	assert_int_equal(chain.blocks, 2);
	assert_int_equal(chain.reorganizations, 1);
}

static void goes_no_deeper_than_it_remembers(void **state)
{
	(void)state;
	begin_at(999);
	for (uint64_t i = 1000; i < 1200; i++) {
		assert_true(append(i, 'a', 'a'));
	}
	chain_back(&chain, 500);
	assert_int_equal(chain.blocks, 200 - CHAIN_DEPTH);
	assert_int_equal(chain_next(&chain), 500 - CHAIN_DEPTH + 1);
}

/* The only block that is known is none any more: the next one is that number again. */
static void gives_up_the_last_block(void **state)
{
	(void)state;
	begin_at(7);
	assert_false(append(8, 'b', 'b'));
	assert_null(chain_newest(&chain));
	assert_int_equal(chain_next(&chain), 7);
}

/* Two threads may have told of them: what was seen earlier took no time. */
static void times_never_go_back(void **state)
{
	static const int64_t seen_ns[] = {8000000, 5000000, 9000000};

	(void)state;
	begin_at(7);
	for (uint64_t i = 0; i < 3; i++) {
		struct chain_head head = block_on(8 + i, 'a', 'a');

		assert_true(chain_append(&chain, &head, seen_ns[i]));
	}
	assert_int_equal(chain.last_ns, 9000000);
	assert_int_equal(chain.times.total, 2);
	assert_int_equal(chain.times.most_us, 1000);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(grows),
		TEST(tells_gas_a_second),
		TEST(is_reorganized),
		TEST(begins_anew),
		TEST(goes_no_deeper_than_it_remembers),
		TEST(gives_up_the_last_block),
		TEST(times_never_go_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
