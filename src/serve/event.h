/* SPDX-License-Identifier: Apache-2.0 */
/* What curfew serve logs besides what all serving commands do (admin/event.h). */
#ifndef SERVE_EVENT_H
#define SERVE_EVENT_H

#include "admin/event.h"

#define SERVE_EVENTS(X)                                                                            \
	X(FUNCTION, "function", INFO, false, "name id slots queue plugin",                         \
		"the function that is served, and where it comes from")                            \
	X(CALL_FAILED, "call_failed", WARNING, true, "client status text took_ms",                 \
		"a call has failed, or its time was over")                                         \
	X(CALL_STOPPED, "call_stopped", INFO, true, "client status text took_ms",                  \
		"a call was answered 503 since the process ends: no failure")                      \
	X(CALL_LEFT, "call_left", INFO, true, "client took_ms",                                    \
		"the client of a call went away before its answer; the call's token fires")        \
	X(REFUSED, "refused", WARNING, true, "client status reason", "a request was refused")      \
	X(CANCELLED, "cancelled", INFO, false, "running queued after_ms",                          \
		"the token of the end has fired: calls are asked to stop")                         \
	X(CHILD_SAID, "child_said", INFO, true, "pid line",                                        \
		"a line of a process's standard error")                                            \
	X(NOISE, "noise", WARNING, true, "pid line",                                               \
		"a line that a kept process wrote and nobody had asked for; it was dropped")       \
	X(WORKER_ENDED, "worker_ended", WARNING, false, "pid code signal after_ms",                \
		"a kept process ended, or closed its output, and was not asked to; another is "    \
		"started")                                                                         \
	X(WORKER_FAILED, "worker_failed", ERROR, false, "reason after_ms",                         \
		"a kept process cannot be started; it is tried again")

enum serve_event {
#define SERVE_EVENT(name, word, level, bulk, fields, text) SERVE_##name,
	SERVE_EVENTS(SERVE_EVENT)
#undef SERVE_EVENT
};

/* By enum serve_event. */
extern const struct journal_event serve_events[];

#endif
