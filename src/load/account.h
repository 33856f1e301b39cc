/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows from a result for whoever tells it: how the run ended, whether it was well, what an
 * absence has cost.
 */
#ifndef LOAD_ACCOUNT_H
#define LOAD_ACCOUNT_H

#include "load/result.h"

enum account_mood {
	ACCOUNT_WELL,
	ACCOUNT_DOUBTFUL, /* something failed, was dropped or cut, or there is a note */
	ACCOUNT_BROKEN,   /* a threshold; nothing succeeded; it could not go on */
	ACCOUNT_MOODS
};

enum account_mood account_mood(const struct result *result);

/* Appends one sentence: "Ended after 30.0 s: its time was over." */
void account_append_ending(struct buffer *out, const struct result *result);

/* Returns how many requests of these outcomes had another one than OK. */
uint64_t account_lost(const uint64_t outcomes[LOAD_OUTCOME_COUNT]);

/*
 * Appends them by kind, with this in front: "refused 12, reset_sent 3"; nothing where there are
 * none. Returns whether there were any.
 */
bool account_append_lost(
	struct buffer *out, const char *front, const uint64_t outcomes[LOAD_OUTCOME_COUNT]);

/* Of those, how many may have taken effect: load_outcome_unsafe. */
uint64_t account_unsafe(const uint64_t outcomes[LOAD_OUTCOME_COUNT]);

struct account_absences {
	size_t count;
	int64_t away_ns; /* in all; one that did not end lasts until the run did */
	uint64_t lost, unsafe;
};

/*
 * Sums up the absences, and lists the longest of them in the order of time; *listed is how many
 * these are. What ends after the last request was begun proves nothing: an absence that begins then
 * is none.
 */
struct account_absences account_absences(
	const struct result *result, struct timeline_absence *longest, size_t most, size_t *listed);

/* When an absence ended, or the run. */
int64_t account_absence_end(const struct result *result, const struct timeline_absence *absence);

#endif
