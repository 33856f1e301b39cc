/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The view of a run on a terminal: a few lines that are drawn anew in place. Nothing of the
 * terminal is switched (no cursor hidden, no mode, no other screen), so that there is nothing to be
 * put back, however the process ends: the cursor rests at the begin of the line below the view.
 */
#ifndef LOAD_LIVE_H
#define LOAD_LIVE_H

#include <stdbool.h>

#include "load/pulse.h"

#define LIVE_SECONDS 60 /* of the sparkline */

struct live {
	bool colour, unicode;
	double rates[LIVE_SECONDS]; /* the last one is the newest */
	size_t rate_count;
	struct pulse_beat beat; /* the last one */
	size_t lines;           /* that are on the screen */
	size_t widest;          /* of these */
};

/* A second or so has passed. */
void live_beat(struct live *live, const struct pulse_beat *beat);

/* Appends what draws the view in place of the last one; columns and rows of the terminal. */
void live_draw(struct live *live, struct buffer *out, const struct result *result, size_t columns,
	size_t rows);

/* Appends what removes it. */
void live_erase(struct live *live, struct buffer *out);

#endif
