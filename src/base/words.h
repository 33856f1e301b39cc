/* SPDX-License-Identifier: Apache-2.0 */
/* A few strings, in the order in which they were given; borrowed. */
#ifndef BASE_WORDS_H
#define BASE_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#define WORDS_MOST 32

struct words {
	const char *word[WORDS_MOST];
	size_t count;
};

/* Returns whether there was room for one more. */
bool words_add(struct words *words, const char *word);

/* Where a walk over the items is that stand between commas in each word; zeroed: before all. */
struct words_walk {
	size_t word;
	size_t at; /* in that word */
};

/*
 * Copies the next item, without blanks around it, and returns true; false at the end. Empty items
 * are passed over; one that does not fit comes as an empty one, so that nobody takes a part of it
 * for the whole.
 */
bool words_next(const struct words *words, struct words_walk *walk, char *item, size_t size);

#endif
