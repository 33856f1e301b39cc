/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the children's command can be executed at all: at the start, before a session asks. */
#ifndef MCP_PROGRAM_H
#define MCP_PROGRAM_H

#include "mcp/mcp.h"

/* Returns 0, or the errno that execvp(3) would have in a child's environment and folder. */
int program_check(const struct mcp_config *config);

#endif
