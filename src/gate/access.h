/* SPDX-License-Identifier: Apache-2.0 */
/* What the gate tells of its requests: the access log, and the metrics that are its own. */
#ifndef GATE_ACCESS_H
#define GATE_ACCESS_H

#include "gate/lane.h"

/* A request is over; whole: it was answered to the end. Does nothing without --access-log. */
void access_log(struct lane *lane, struct http_connection *client, bool whole);

/* The gate's rows; arg is the gate. */
extern const struct metric access_metrics[];
extern const size_t access_metric_count;

#endif
