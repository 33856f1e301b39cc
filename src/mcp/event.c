/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/event.h"

const struct journal_event mcp_events[] = {MCP_EVENTS(JOURNAL_EVENT)};
