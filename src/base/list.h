/* SPDX-License-Identifier: Apache-2.0 */
/* Circular doubly linked list of embedded links. A link that is in no list is zero. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include <curfew/link.h>

#define container_of(pointer, type, member)                                                        \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

static inline void list_init(struct curfew_link *head)
{
	head->prev = head;
	head->next = head;
}

static inline bool list_empty(const struct curfew_link *head)
{
	return head->next == head;
}

/* Returns whether link is in some list. */
static inline bool link_linked(const struct curfew_link *link)
{
	return link->next;
}

static inline void list_append(struct curfew_link *head, struct curfew_link *link)
{
	link->prev = head->prev;
	link->next = head;
	head->prev->next = link;
	head->prev = link;
}

/* Takes link out of its list, if it is in one. */
static inline void link_remove(struct curfew_link *link)
{
	if (!link_linked(link)) {
		return;
	}
	link->prev->next = link->next;
	link->next->prev = link->prev;
	link->prev = NULL;
	link->next = NULL;
}

/* Takes the first link out and returns it; NULL if the list is empty. */
static inline struct curfew_link *list_take(struct curfew_link *head)
{
	struct curfew_link *first = head->next;

	if (first == head) {
		return NULL;
	}
	link_remove(first);
	return first;
}

/* Moves all of from to the end of to. */
static inline void list_splice(struct curfew_link *to, struct curfew_link *from)
{
	if (list_empty(from)) {
		return;
	}
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

/* Visits each link; the body must not remove it. */
#define list_each(link, head)                                                                      \
	for (struct curfew_link *link = (head)->next; link != (head); link = link->next)

/* The same; the body may remove, or free, the link it visits. */
#define list_each_safe(link, head)                                                                 \
	for (struct curfew_link *link = (head)->next, *link##_next = link->next; link != (head);   \
		link = link##_next, link##_next = link->next)

#endif
