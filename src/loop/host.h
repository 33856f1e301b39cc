/* SPDX-License-Identifier: Apache-2.0 */
/* A lifecycle with its loop and its signals: what curfew_lifecycle_new makes. */
#ifndef LOOP_HOST_H
#define LOOP_HOST_H

#include "core/lifecycle.h"
#include "loop/loop.h"
#include "loop/signals.h"

struct host {
	struct curfew_lifecycle life;
	struct loop loop;
	struct signals signals;
	struct host *kept; /* another one whose holds were abandoned */
};

/* Returns the loop of a lifecycle that curfew_lifecycle_new made. */
struct loop *lifecycle_loop(struct curfew_lifecycle *life);

#endif
