/* SPDX-License-Identifier: Apache-2.0 */
#include "base/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define NODES 2000

static struct heap_node nodes[NODES];

static void comes_out_in_order(void **state)
{
	struct heap heap = {0};
	int64_t last = -1;

	(void)state;
	srandom(1);
	for (int i = 0; i < NODES; i++) {
		heap_add(&heap, &nodes[i], random() % 500);
	}
	for (int i = 0; i < NODES; i++) {
		struct heap_node *first = heap_first(&heap);

		assert_non_null(first);
		assert_true(first->due >= last);
		last = first->due;
		heap_remove(&heap, first);
		assert_false(first->queued);
	}
	assert_null(heap_first(&heap));
}

static void any_node_can_be_removed(void **state)
{
	struct heap heap = {0};
	int64_t last = -1;
	int left = NODES;

	(void)state;
	srandom(2);
	for (int i = 0; i < NODES; i++) {
		heap_add(&heap, &nodes[i], random() % 5000);
	}
	heap_remove(&heap, heap_first(&heap)); /* gives the heap some depth */
	left--;
	for (int i = 0; i < NODES; i += 3) {
		left -= nodes[i].queued;
		heap_remove(&heap, &nodes[i]);
		heap_remove(&heap, &nodes[i]); /* a second time does nothing */
	}
	while (heap_first(&heap)) {
		assert_true(heap_first(&heap)->due >= last);
		last = heap_first(&heap)->due;
		heap_remove(&heap, heap_first(&heap));
		left--;
	}
	assert_int_equal(left, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_out_in_order),
		cmocka_unit_test(any_node_can_be_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
