/* SPDX-License-Identifier: Apache-2.0 */
/* What curfew load counts besides what all serving commands do (admin/metrics.h). */
#ifndef LOAD_METRICS_H
#define LOAD_METRICS_H

#include "admin/metrics.h"

/* arg is the struct result of the last look, which changes on worker 0 only, as the face reads. */
extern const struct metric load_metrics[];
extern const size_t load_metric_count;

#endif
