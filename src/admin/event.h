/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The events that all serving commands log: X(NAME, word, level, bulk, fields, text). A command's
 * own stand in a table of the same form. The manual is tested against it.
 */
#ifndef ADMIN_EVENT_H
#define ADMIN_EVENT_H

#include "admin/journal.h"

#define SERVICE_EVENTS(X)                                                                          \
	X(STARTED, "started", INFO, false,                                                         \
		"version pid listen admin tls threads max_connections grace grace_reason "         \
		"announce",                                                                        \
		"the listeners are open")                                                          \
	X(READY, "ready", INFO, false, "after_ms", "readiness is offered")                         \
	X(FULL, "full", WARNING, false, "connections",                                             \
		"there are as many connections as there may be; more wait")                        \
	X(RELOADED, "reloaded", INFO, false, "file", "the certificate was read again")             \
	X(NOT_RELOADED, "not_reloaded", ERROR, false, "reason",                                    \
		"the certificate could not be read again; the old one stays")                      \
	X(STATE, "state", INFO, false, "line", "a line of the state dump")                         \
	X(STOPPING, "stopping", INFO, false, "cause signal sender_pid text", "the end has begun")  \
	X(PHASE, "phase", INFO, false, "phase held left_ms", "a phase of the end has begun")       \
	X(FORCED, "forced", WARNING, true, "kind name age_ms", "something had to be cut")          \
	X(LIBRARY, "library", WARNING, false, "message", "what the library has to say")            \
	X(DROPPED, "dropped", WARNING, false, "lines",                                             \
		"so many lines were not written, since the reader of the log was too slow")        \
	X(ENDED, "ended", INFO, false, "exit_code cause took_ms requests drained forced text",     \
		"the end, and its outcome")

enum service_event {
#define SERVICE_EVENT(name, word, level, bulk, fields, text) SERVICE_##name,
	SERVICE_EVENTS(SERVICE_EVENT)
#undef SERVICE_EVENT
};

/* By enum service_event. */
extern const struct journal_event service_events[];

/* A row of such a table. */
#define JOURNAL_EVENT(name, word, level, bulk, fields, text)                                       \
	{word, CURFEW_LEVEL_##level, bulk, fields},

#endif
