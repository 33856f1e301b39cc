/* SPDX-License-Identifier: Apache-2.0 */
/* The default of --grace, which has to end before whoever is outside loses patience. */
#ifndef CMD_GRACE_H
#define CMD_GRACE_H

#include <stdbool.h>
#include <stdint.h>

/* For --grace's row: the default for people. */
#define GRACE_PRESET_TEXT "25s; 8s as PID 1 outside Kubernetes"

/*
 * Returns the default in milliseconds for a process that is PID 1 or not, under Kubernetes or not.
 */
int64_t grace_preset_ms(bool first_process, bool kubernetes);

/* Returns the default for this process. */
int64_t grace_preset_here_ms(void);

#endif
