/* SPDX-License-Identifier: Apache-2.0 */
#include "base/words.h"

#include <assert.h>
#include <string.h>

bool words_add(struct words *words, const char *word)
{
	if (words->count == WORDS_MOST) {
		return false;
	}
	words->word[words->count++] = word;
	return true;
}

/* Moves on to what stands behind the next comma, and returns the item's length without blanks. */
static size_t take_item(const char **text, struct words_walk *walk)
{
	const char *start = *text + strspn(*text, " \t");
	size_t length = strcspn(start, ",");

	walk->at += (size_t)(start - *text) + length + (start[length] == ',');
	*text = start;
	while (length > 0 && strchr(" \t", start[length - 1])) {
		length--;
	}
	return length;
}

bool words_next(const struct words *words, struct words_walk *walk, char *item, size_t size)
{
	assert(size > 0);
	while (walk->word < words->count) {
		const char *text = words->word[walk->word] + walk->at;
		size_t length;

		if (!*text) {
			walk->word++;
			walk->at = 0;
			continue;
		}
		length = take_item(&text, walk);
		if (length > 0) {
			length = length < size ? length : 0;
			memcpy(item, text, length);
			item[length] = '\0';
			return true;
		}
	}
	return false;
}
