/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "relay/host.h"

#define MB ((size_t)1 << 20)

static struct relay_config config = {.max_memory = 100 * MB};
static struct worker workers[2];
static struct lane lanes[2];
static struct relay relay = {.config = &config, .lanes = lanes, .lane_count = 2};

/* What waits for both lanes, of messages and of halves. */
static void there_wait(uint64_t first, uint64_t second, uint64_t first_half, uint64_t second_half)
{
	lanes[0].worker = &workers[0];
	lanes[1].worker = &workers[1];
	atomic_store(&workers[0].backlog, first);
	atomic_store(&workers[1].backlog, second);
	atomic_store(&lanes[0].counts.gathered, first_half);
	atomic_store(&lanes[1].counts.gathered, second_half);
}

static void nobody_has_too_much_below_the_bound(void **state)
{
	(void)state;
	atomic_store(&relay.connections, 10);
	there_wait(25 * MB, 25 * MB, 25 * MB, 25 * MB);
	assert_false(memory_is_short(&relay, 90 * MB));
}

static void above_it_who_has_more_than_a_share_has(void **state)
{
	(void)state;
	atomic_store(&relay.connections, 10);
	for (int i = 0; i < 4; i++) {
		there_wait(25 * MB + (i == 0), 25 * MB + (i == 1), 25 * MB + (i == 2),
			25 * MB + (i == 3));
		assert_true(memory_is_short(&relay, 10 * MB + 1));
		assert_false(memory_is_short(&relay, 10 * MB));
	}
}

static void a_little_is_anybodys(void **state)
{
	(void)state;
	there_wait(1000 * MB, 0, 0, 0);
	atomic_store(&relay.connections, 1000000);
	assert_false(memory_is_short(&relay, MEMORY_ANYBODYS));
	assert_true(memory_is_short(&relay, MEMORY_ANYBODYS + 1));
	atomic_store(&relay.connections, 0); /* the last one has just given its place back */
	assert_true(memory_is_short(&relay, 101 * MB));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_has_too_much_below_the_bound),
		cmocka_unit_test(above_it_who_has_more_than_a_share_has),
		cmocka_unit_test(a_little_is_anybodys),
	};

	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
