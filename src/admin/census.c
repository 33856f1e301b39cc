/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/census.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void count_kind(struct census *census, const char *kind)
{
	size_t i = 0;

	while (i < census->kind_count && strcmp(census->kinds[i].kind, kind) != 0) {
		i++;
	}
	if (i == CENSUS_KINDS) {
		return;
	}
	if (i == census->kind_count) {
		census->kinds[census->kind_count++].kind = kind;
	}
	census->kinds[i].held++;
}

static void find_youngest(struct census *census)
{
	census->youngest = 0;
	for (size_t i = 1; i < CENSUS_OLDEST; i++) {
		if (census->oldest[i].age_ms < census->oldest[census->youngest].age_ms) {
			census->youngest = i;
		}
	}
}

/* Holds are not met by their age: one that is older takes the place of the youngest in the list. */
static struct census_hold *place_for(struct census *census, int64_t age_ms)
{
	if (census->oldest_count < CENSUS_OLDEST) {
		return &census->oldest[census->oldest_count++];
	}
	return age_ms > census->oldest[census->youngest].age_ms ? &census->oldest[census->youngest]
								: NULL;
}

static void list_hold(struct census *census, const struct curfew_holder *holder)
{
	struct census_hold *place = place_for(census, holder->age_ms);

	if (!place) {
		return;
	}
	place->stage = census->stage;
	place->kind = holder->kind;
	place->age_ms = holder->age_ms;
	(void)snprintf(place->name, sizeof(place->name), "%s", holder->name);
	if (census->oldest_count == CENSUS_OLDEST) {
		find_youngest(census);
	}
}

static void note(const struct curfew_holder *holder, void *arg)
{
	struct census *census = arg;

	if (holder->is_drain || (census->stage == CURFEW_LOG && holder->depth > 0)) {
		return;
	}
	census->held++;
	if (census->stage == CURFEW_WORK) {
		census->work++;
	}
	count_kind(census, holder->kind);
	list_hold(census, holder);
}

static int older_first(const void *left, const void *right)
{
	const struct census_hold *a = left;
	const struct census_hold *b = right;

	return (a->age_ms < b->age_ms) - (a->age_ms > b->age_ms);
}

void census_take(struct census *census, struct curfew_lifecycle *life)
{
	memset(census, 0, sizeof(*census));
	for (int stage = 0; stage < CURFEW_STAGES; stage++) {
		census->stage = (enum curfew_stage)stage;
		curfew_drain_list(curfew_lifecycle_stage(life, census->stage), note, census);
	}
	qsort(census->oldest, census->oldest_count, sizeof(census->oldest[0]), older_first);
}
