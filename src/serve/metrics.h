/* SPDX-License-Identifier: Apache-2.0 */
/* What curfew serve counts besides what all serving commands do (admin/metrics.h). */
#ifndef SERVE_METRICS_H
#define SERVE_METRICS_H

#include "admin/metrics.h"

/* arg is the struct serve. */
extern const struct metric serve_metrics[];
extern const size_t serve_metric_count;

#endif
