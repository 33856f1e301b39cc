/* SPDX-License-Identifier: Apache-2.0 */
/* What curfew mcp counts besides what all serving commands do (admin/metrics.h). */
#ifndef MCP_METRICS_H
#define MCP_METRICS_H

#include "admin/metrics.h"

/* arg is the struct mcp. */
extern const struct metric mcp_metrics[];
extern const size_t mcp_metric_count;

#endif
