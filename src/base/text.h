/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people write for durations, sizes, numbers and rates, and the word they probably meant.
 *
 * The parsers return NULL, or why they refuse the text: static words that fit behind "it" ("is
 * negative"). What does not look like such a value at all is refused with "is malformed".
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include <curfew/time.h>

/* A reason that says no more than the text itself does. */
extern const char text_malformed[];

/*
 * A duration: "500ms", "1.5s", "2m", "1h", "0", "inf" (CURFEW_NEVER). Only zero may stand without a
 * unit. A part of a millisecond counts as a whole one, so that what is not zero does not become
 * zero.
 */
const char *text_parse_duration(const char *text, int64_t *ms);

/* A size: "4096", "64k", "8M", "1G"; the letters, small or capital, stand for powers of 1024. */
const char *text_parse_size(const char *text, uint64_t *bytes);

/* A whole number between two bounds, "-" allowed where they are. */
const char *text_parse_number(const char *text, int64_t least, int64_t most, int64_t *number);

/* So many events in a second, minute or hour. */
struct text_rate {
	int64_t count;
	int64_t per_ms;
};

/* A rate: "10/s", "10/m", "10/h"; not zero. */
const char *text_parse_rate(const char *text, struct text_rate *rate);

/*
 * Returns how many edits lead from one word to the other: a letter added, dropped or changed, or
 * two neighbours swapped. SIZE_MAX where a word is longer than 64 bytes.
 */
size_t text_distance(const char *a, const char *b);

/*
 * Looks for the word that was meant. Set word, zero the rest; best stays NULL if all are too far.
 */
struct text_nearest {
	const char *word;
	const char *best;
	size_t distance;
};

/* Offers one of the words there are. The first of equally near ones stays. */
void text_nearest_offer(struct text_nearest *nearest, const char *candidate);

#endif
