/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The defaults of --grace, which has to end before whoever is outside loses patience, and of
 * --announce.
 */
#ifndef CMD_GRACE_H
#define CMD_GRACE_H

#include <stdbool.h>
#include <stdint.h>

/* For the options' rows: the defaults for people. */
#define GRACE_PRESET_TEXT "25s; 8s as PID 1 outside Kubernetes"
#define ANNOUNCE_PRESET_TEXT "0s; 5s in Kubernetes"

struct grace {
	int64_t ms;
	const char *reason; /* for the start line */
};

/* Returns the default for a process that is PID 1 or not, in Kubernetes or not. */
struct grace grace_preset(bool first_process, bool kubernetes);

/* Return the defaults for this process. */
struct grace grace_preset_here(void);

/*
 * The same of curfew serve, whose default outside of Kubernetes, and not as PID 1, is the 30 s that
 * plugin servers have.
 */
#define GRACE_SERVE_PRESET_TEXT "30s; 25s in Kubernetes; 8s as PID 1 outside of it"
struct grace grace_serve_preset(bool first_process, bool kubernetes);
struct grace grace_serve_preset_here(void);

/* That of curfew load: what is in flight when it ends is given so long. */
#define GRACE_LOAD_PRESET_TEXT "5s"
#define GRACE_LOAD_PRESET_MS 5000

int64_t announce_preset_here_ms(void);

#endif
