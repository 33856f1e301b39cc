/* SPDX-License-Identifier: Apache-2.0 */
#include "base/heap.h"

#include <stddef.h>

/*
 * Joins two heaps, neither of which has siblings; the later root becomes the other's first child.
 */
static struct heap_node *meld(struct heap_node *a, struct heap_node *b)
{
	if (!a || !b) {
		return a ? a : b;
	}
	if (b->due < a->due) {
		struct heap_node *swap = a;

		a = b;
		b = swap;
	}
	b->prev = a;
	b->next = a->child;
	if (b->next) {
		b->next->prev = b;
	}
	a->child = b;
	return a;
}

static struct heap_node *detach_first(struct heap_node **siblings)
{
	struct heap_node *node = *siblings;

	if (node) {
		*siblings = node->next;
		node->next = NULL;
		node->prev = NULL;
	}
	return node;
}

/* Melds siblings in pairs from left to right, then the pairs from right to left. */
static struct heap_node *meld_siblings(struct heap_node *siblings)
{
	struct heap_node *pairs = NULL;
	struct heap_node *root = NULL;

	while (siblings) {
		struct heap_node *a = detach_first(&siblings);
		struct heap_node *pair = meld(a, detach_first(&siblings));

		pair->next = pairs;
		pairs = pair;
	}
	while (pairs) {
		root = meld(root, detach_first(&pairs));
	}
	return root;
}

void heap_add(struct heap *heap, struct heap_node *node, int64_t due)
{
	*node = (struct heap_node){.due = due, .queued = true};
	heap->root = meld(heap->root, node);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
	struct heap_node *children;

	if (!node->queued) {
		return;
	}
	children = meld_siblings(node->child);
	if (node == heap->root) {
		heap->root = children;
	} else {
		if (node->prev->child == node) {
			node->prev->child = node->next;
		} else {
			node->prev->next = node->next;
		}
		if (node->next) {
			node->next->prev = node->prev;
		}
		heap->root = meld(heap->root, children);
	}
	*node = (struct heap_node){0};
}
