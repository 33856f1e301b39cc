/* SPDX-License-Identifier: Apache-2.0 */
/* What curfew relay counts besides what all serving commands do (admin/metrics.h). */
#ifndef RELAY_METRICS_H
#define RELAY_METRICS_H

#include "relay/host.h"

#define METRICS_PREFIX "curfew_relay"
#define METRICS_PREFIX_MOST 64 /* bytes of another one */

/*
 * Adds the metrics, and with --metrics-prefix those of the reference a second time, under its
 * names. Returns 0 or -ENOMEM.
 */
int relay_metrics_add(struct relay *relay);

/* When they are read no more. */
void relay_metrics_free(struct relay *relay);

#endif
