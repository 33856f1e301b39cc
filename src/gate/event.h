/* SPDX-License-Identifier: Apache-2.0 */
/* What the gate logs besides what all serving commands do (admin/event.h). */
#ifndef GATE_EVENT_H
#define GATE_EVENT_H

#include "admin/event.h"

#define GATE_EVENTS(X)                                                                             \
	X(UPSTREAM, "upstream", INFO, false, "state address after_ms",                             \
		"the upstream is ready, or will not be")                                           \
	X(COMMAND, "command", INFO, false, "pid program", "the command runs")                      \
	X(COMMAND_ENDED, "command_ended", ERROR, false, "code signal",                             \
		"the command ended and was not asked to")                                          \
	X(ACCESS, "access", INFO, true, "client method target status bytes ms whole",              \
		"a request is over (--access-log)")

enum gate_event {
#define GATE_EVENT(name, word, level, bulk, fields, text) GATE_##name,
	GATE_EVENTS(GATE_EVENT)
#undef GATE_EVENT
};

/* By enum gate_event. */
extern const struct journal_event gate_events[];

#endif
