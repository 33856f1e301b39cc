/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people see of a run while it goes on: the live view where standard error is a terminal, else
 * a plain line each --stats-interval. It never waits for its reader: what a terminal that stands
 * still does not take is not drawn, and a line that comes too late is dropped.
 *
 * As JSON such a line is an event of the log (load/event.h), so that who reads that finds the same
 * fields in each line; it is written whatever the log's level, since it was asked for.
 *
 * All of it belongs to worker 0's thread.
 */
#ifndef LOAD_PROGRESS_H
#define LOAD_PROGRESS_H

#include "admin/journal.h"
#include "load/live.h"
#include "load/load.h"

struct progress {
	struct journal *journal; /* with its writer, so that lines of both come whole; borrowed */
	int fd;
	bool is_live, is_silent;
	int64_t interval_ns; /* of plain lines */
	struct pulse pulse;
	struct live live;
};

/* Whether this is a terminal that understands what moves its cursor, and colours. */
bool progress_terminal_can_draw(int fd);

/*
 * fd: what the journal writes to; live as it was asked for. Returns 0 or -ENOMEM; fini is to be
 * called anyway.
 */
int progress_init(struct progress *progress, struct journal *journal, int fd,
	const struct load_config *config);
void progress_fini(struct progress *progress);

/* How often progress_show is wanted, in milliseconds; CURFEW_NEVER: not at all. */
int64_t progress_period_ms(const struct progress *progress);

/* The run as it is now. */
void progress_show(struct progress *progress, const struct result *result);

/* Takes the live view away: before something else is written there, and at the end. */
void progress_clear(struct progress *progress);

/* The plain line, without its end. */
void progress_line(struct buffer *out, const struct result *result, const struct pulse_beat *beat);

#endif
