/* SPDX-License-Identifier: Apache-2.0 */
#include "load/account.h"

#include <string.h>

#include "load/figure.h"

enum account_mood account_mood(const struct result *result)
{
	const struct tally *tally = &result->tally;

	for (size_t i = 0; i < result->verdict_count; i++) {
		if (result->verdicts[i].broken) {
			return ACCOUNT_BROKEN;
		}
	}
	if (result->ending == RESULT_FAILED || (tally->admitted && !tally_succeeded(tally)) ||
		result->exit_code) {
		return ACCOUNT_BROKEN;
	}
	return tally_failed(tally) || tally->dropped || tally->in_flight || result->note_count
		? ACCOUNT_DOUBTFUL
		: ACCOUNT_WELL;
}

void account_append_ending(struct buffer *out, const struct result *result)
{
	static const char *const texts[] = {
#define ENDING(name, word, text) [RESULT_##name] = (text),
		RESULT_ENDINGS(ENDING)
#undef ENDING
	};

	buffer_appendf(out, "%s after %s: %s.",
		result->ending == RESULT_RUNNING ? "Running" : "Ended",
		figure_time(result->ran_ns).text, texts[result->ending]);
}

uint64_t account_lost(const uint64_t outcomes[LOAD_OUTCOME_COUNT])
{
	uint64_t lost = 0;

	for (int i = 0; i < LOAD_OUTCOME_COUNT; i++) {
		lost += i == LOAD_OK ? 0 : outcomes[i];
	}
	return lost;
}

bool account_append_lost(
	struct buffer *out, const char *front, const uint64_t outcomes[LOAD_OUTCOME_COUNT])
{
	const char *separator = front;

	for (int i = 0; i < LOAD_OUTCOME_COUNT; i++) {
		if (i != LOAD_OK && outcomes[i]) {
			buffer_appendf(out, "%s%s %s", separator,
				load_outcome_word((enum load_outcome)i),
				figure_count(outcomes[i]).text);
			separator = ", ";
		}
	}
	return separator != front;
}

uint64_t account_unsafe(const uint64_t outcomes[LOAD_OUTCOME_COUNT])
{
	uint64_t unsafe = 0;

	for (int i = 0; i < LOAD_OUTCOME_COUNT; i++) {
		unsafe += load_outcome_unsafe((enum load_outcome)i) ? outcomes[i] : 0;
	}
	return unsafe;
}

int64_t account_absence_end(const struct result *result, const struct timeline_absence *absence)
{
	int64_t end = absence->end_ns < INT64_MAX ? absence->end_ns : result->ended_ns;

	return end > absence->begin_ns ? end : absence->begin_ns;
}

static int64_t length_of(const struct result *result, const struct timeline_absence *absence)
{
	return account_absence_end(result, absence) - absence->begin_ns;
}

/* Appends it, in place of the shortest one that is there where there is no room for more. */
static void list(const struct result *result, const struct timeline_absence *absence,
	struct timeline_absence *longest, size_t most, size_t *listed)
{
	size_t shortest = 0;

	if (*listed == most) {
		for (size_t i = 1; i < most; i++) {
			shortest = length_of(result, &longest[i]) <
					length_of(result, &longest[shortest])
				? i
				: shortest;
		}
		if (!most || length_of(result, absence) <= length_of(result, &longest[shortest])) {
			return;
		}
		--*listed;
		memmove(&longest[shortest], &longest[shortest + 1],
			(*listed - shortest) * sizeof(*longest));
	}
	longest[(*listed)++] = *absence;
}

struct account_absences account_absences(
	const struct result *result, struct timeline_absence *longest, size_t most, size_t *listed)
{
	struct account_absences sum = {0};
	struct timeline_absence absence;
	size_t at = 0;

	*listed = 0;
	while (load_timeline_absence_next(&result->tally.timeline, &at, &absence)) {
		if (absence.begin_ns >= result->ran_ns) {
			break;
		}
		sum.count++;
		sum.away_ns += length_of(result, &absence);
		sum.lost += account_lost(absence.outcomes);
		sum.unsafe += account_unsafe(absence.outcomes);
		list(result, &absence, longest, most, listed);
	}
	return sum;
}
