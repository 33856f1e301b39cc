/* SPDX-License-Identifier: Apache-2.0 */
/*
 * curfew ready: asks the admin face of a serving command whether it is ready, as a health check for
 * images that have nothing else to ask with. Needs libc only, and looks no names up.
 */
#ifndef READY_READY_H
#define READY_READY_H

#include <stdbool.h>
#include <stdint.h>

struct ready_config {
	const char *address; /* HOST:PORT, :PORT, unix:PATH or unix:@NAME */
	int64_t timeout_ms;  /* for the whole question */
	bool quiet;          /* the exit code is all there is to say */
};

/* Returns the exit code: 0 ready, 1 not, 2 the address is none. */
int ready_main(const struct ready_config *config);

#endif
