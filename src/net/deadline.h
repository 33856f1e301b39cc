/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A deadline that moves often, as those of a connection do with each message: to move it later, or
 * to take it away, is one store. The timer below fires at the earliest time it was ever set to,
 * sees that the deadline has moved, and goes on.
 */
#ifndef NET_DEADLINE_H
#define NET_DEADLINE_H

#include <stdint.h>

#include "core/agenda.h"

struct deadline {
	struct timer timer;
	struct agenda *agenda;
	int64_t due;   /* CURFEW_NEVER: none */
	int64_t armed; /* what the timer was set to */
	void (*passed)(struct deadline *deadline);
};

void deadline_init(struct deadline *deadline, struct agenda *agenda,
	void (*passed)(struct deadline *deadline));

/* Has passed() called once when due has come; CURFEW_NEVER: not at all. The agenda's thread. */
void deadline_set(struct deadline *deadline, int64_t due);

/* Stops it for good, before its memory goes. */
void deadline_fini(struct deadline *deadline);

#endif
