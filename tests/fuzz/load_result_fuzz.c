/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Results of a run that are read for a merge. What is taken contradicts itself in nothing, is
 * written as what is read as the same, and can be merged with itself, or is refused in one
 * sentence.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "load/result.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_refusal(const struct buffer *refusal)
{
	assert(refusal->length > 0 && refusal->length < 2000);
	assert(!strchr(buffer_text(refusal), '\n'));
}

/* Read again, it is the same, to the byte. */
static void check_again(const struct result *result, struct result *again)
{
	struct buffer text = {0}, twice = {0}, refusal = {0};

	result_write(&text, result);
	assert(!text.failed);
	assert(!result_read(again, text.data, text.length, &refusal));
	result_write(&twice, again);
	assert(!strcmp(buffer_text(&text), buffer_text(&twice)));
	buffer_fini(&text);
	buffer_fini(&twice);
	buffer_fini(&refusal);
}

static void check_merge(struct result *into, const struct result *from)
{
	uint64_t admitted = into->tally.admitted;
	struct buffer refusal = {0};
	struct result again;

	if (result_merge(into, from, true, &refusal)) {
		check_refusal(&refusal);
		assert(into->tally.admitted == admitted);
	} else {
		assert(into->tally.admitted == 2 * admitted);
		assert(!tally_contradiction(&into->tally));
		check_again(into, &again);
		result_fini(&again);
	}
	buffer_fini(&refusal);
}

/* In memory of the exact size, so that a step too far is found. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer refusal = {0};
	struct result result, again;
	char *text = malloc(size ? size : 1);

	assert(text);
	memcpy(text, data, size);
	if (result_read(&result, text, size, &refusal)) {
		check_refusal(&refusal);
	} else {
		assert(!refusal.length && !tally_contradiction(&result.tally));
		check_again(&result, &again);
		check_merge(&again, &result);
		result_fini(&again);
	}
	result_fini(&result);
	buffer_fini(&refusal);
	free(text);
	return 0;
}
