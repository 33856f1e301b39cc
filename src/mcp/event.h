/* SPDX-License-Identifier: Apache-2.0 */
/* What curfew mcp logs besides what all serving commands do (admin/event.h). */
#ifndef MCP_EVENT_H
#define MCP_EVENT_H

#include "admin/event.h"

/* session: the random part of its name, by which nobody can take it over. */
#define MCP_EVENTS(X)                                                                              \
	X(SESSION, "session", INFO, true, "session client protocol", "a session is open")          \
	X(SESSION_ENDED, "session_ended", INFO, true, "session reason calls age_ms",               \
		"a session is over")                                                               \
	X(CHILD_ENDED, "child_ended", WARNING, false, "session code signal",                       \
		"a child ended and was not asked to")                                              \
	X(CHILD_SAID, "child_said", INFO, true, "session line",                                    \
		"a line of a child's standard error")                                              \
	X(NOISE, "noise", WARNING, true, "session line",                                           \
		"a line of a child's standard output that is no JSON-RPC message; it was dropped") \
	X(TOO_LONG, "too_long", WARNING, false, "session bytes",                                   \
		"a child wrote a message that is longer than --max-message")                       \
	X(RESTARTED, "restarted", WARNING, false, "after_ms",                                      \
		"the shared child is started again (--restart)")                                   \
	X(REFUSED, "refused", WARNING, true, "client status reason", "a request was refused")

enum mcp_event {
#define MCP_EVENT(name, word, level, bulk, fields, text) MCP_##name,
	MCP_EVENTS(MCP_EVENT)
#undef MCP_EVENT
};

/* By enum mcp_event. */
extern const struct journal_event mcp_events[];

#endif
