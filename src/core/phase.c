/* SPDX-License-Identifier: Apache-2.0 */
#include "core/phase.h"

#include <assert.h>

#define WORD(name, word, text) word,
static const char *const phase_words[] = {CURFEW_PHASES(WORD)};
static const char *const count_words[] = {CURFEW_COUNTS(WORD)};

#define BIT(phase) (1U << (phase))

static const unsigned followers[PHASES] = {
	[CURFEW_STARTING] = BIT(CURFEW_RUNNING) | BIT(CURFEW_DRAINING),
	[CURFEW_RUNNING] = BIT(CURFEW_ANNOUNCING) | BIT(CURFEW_DRAINING),
	[CURFEW_ANNOUNCING] = BIT(CURFEW_DRAINING) | BIT(CURFEW_FORCING),
	[CURFEW_DRAINING] = BIT(CURFEW_FORCING) | BIT(CURFEW_REAPING),
	[CURFEW_FORCING] = BIT(CURFEW_REAPING),
	[CURFEW_REAPING] = BIT(CURFEW_DONE),
};

bool phase_may_follow(enum curfew_phase from, enum curfew_phase to)
{
	assert((unsigned)from < PHASES && (unsigned)to < PHASES);
	return followers[from] & BIT(to);
}

const char *curfew_phase_name(enum curfew_phase phase)
{
	assert((unsigned)phase < PHASES);
	return phase_words[phase];
}

const char *stage_name(enum curfew_stage stage)
{
	static const char *const words[CURFEW_STAGES] = {"front", "work", "children", "log"};

	assert((unsigned)stage < CURFEW_STAGES);
	return words[stage];
}

const char *count_name(enum curfew_count count)
{
	assert((unsigned)count < CURFEW_COUNT_KINDS);
	return count_words[count];
}
