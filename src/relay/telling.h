/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many lines of the log a stranger may cause: a burst, and from then on one in so much time.
 * What is not told is counted all the same (metrics.h). Zeroed: the whole burst is left.
 */
#ifndef RELAY_TELLING_H
#define RELAY_TELLING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

struct telling {
	int64_t full_at; /* when the whole burst is left again */
};

/* Returns whether one more may be told, and counts it. */
static inline bool telling_allows(
	struct telling *telling, int64_t now, int burst, int64_t interval_ms)
{
	int64_t interval = interval_ms * NS_PER_MS;
	int64_t full_at = telling->full_at > now ? telling->full_at : now;

	if (full_at - now > (burst - 1) * interval) {
		return false;
	}
	telling->full_at = full_at + interval;
	return true;
}

#endif
