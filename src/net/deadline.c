/* SPDX-License-Identifier: Apache-2.0 */
#include "net/deadline.h"

#include <curfew/time.h>

#include "base/list.h"

static void arm(struct deadline *deadline, int64_t due)
{
	deadline->armed = due;
	agenda_start(deadline->agenda, &deadline->timer, due);
}

static void fired(struct timer *timer)
{
	struct deadline *deadline = container_of(timer, struct deadline, timer);
	int64_t due = deadline->due;

	deadline->armed = CURFEW_NEVER;
	if (due == CURFEW_NEVER) {
		return;
	}
	if (curfew_now() < due) {
		arm(deadline, due);
		return;
	}
	deadline->due = CURFEW_NEVER;
	deadline->passed(deadline);
}

void deadline_init(
	struct deadline *deadline, struct agenda *agenda, void (*passed)(struct deadline *deadline))
{
	*deadline = (struct deadline){
		.timer.fired = fired,
		.agenda = agenda,
		.due = CURFEW_NEVER,
		.armed = CURFEW_NEVER,
		.passed = passed,
	};
}

void deadline_set(struct deadline *deadline, int64_t due)
{
	deadline->due = due;
	if (due < deadline->armed) {
		arm(deadline, due);
	}
}

void deadline_fini(struct deadline *deadline)
{
	deadline->due = CURFEW_NEVER;
	deadline->armed = CURFEW_NEVER;
	if (deadline->agenda) {
		agenda_stop(deadline->agenda, &deadline->timer);
	}
}
