/* SPDX-License-Identifier: Apache-2.0 */
/* What a signal becomes on its way through. A zeroed map passes every signal as it is. */
#ifndef BASE_SIGNAL_MAP_H
#define BASE_SIGNAL_MAP_H

#include <signal.h>

#define SIGNAL_DROPPED (-1)

struct signal_map {
	signed char to[NSIG]; /* by number: another number, SIGNAL_DROPPED, or 0 for itself */
};

/* Returns what the signal becomes, 0 if it is dropped. */
static inline int signal_map_apply(const struct signal_map *map, int number)
{
	int to = number > 0 && number < NSIG ? map->to[number] : 0;

	if (to == SIGNAL_DROPPED) {
		return 0;
	}
	return to ? to : number;
}

#endif
