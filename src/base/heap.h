/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pairing heap of embedded nodes, ordered by due. Adding is O(1), removing O(log n) amortised;
 * nothing is allocated, so that nothing can fail. A node that is in no heap is zero.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stdbool.h>
#include <stdint.h>

struct heap_node {
	struct heap_node *child; /* first child */
	struct heap_node *next;  /* next sibling */
	struct heap_node *prev;  /* previous sibling, or the parent of a first child */
	int64_t due;
	bool queued;
};

struct heap {
	struct heap_node *root;
};

/* Returns the node that is due first, NULL if there is none. */
static inline struct heap_node *heap_first(const struct heap *heap)
{
	return heap->root;
}

void heap_add(struct heap *heap, struct heap_node *node, int64_t due);

/* Takes a node out; nothing happens if it is in no heap. */
void heap_remove(struct heap *heap, struct heap_node *node);

#endif
