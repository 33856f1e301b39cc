/* SPDX-License-Identifier: Apache-2.0 */
/* What a run logs besides what all serving commands do (admin/event.h). */
#ifndef LOAD_EVENT_H
#define LOAD_EVENT_H

#include "admin/event.h"

#define LOAD_EVENTS(X)                                                                             \
	X(PROGRESS, "progress", INFO, true,                                                        \
		"elapsed_ms step step_rate rate in_flight p50_us p99_us failed failures dropped",  \
		"what came since the last one")

enum load_event {
#define LOAD_EVENT(name, word, level, bulk, fields, text) LOAD_EVENT_##name,
	LOAD_EVENTS(LOAD_EVENT)
#undef LOAD_EVENT
};

#endif
