/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --workers N: processes that are kept. A request is a line of their input, and its answer the
 * lines of their output up to one with "end":true:
 *
 *	a function that streams		each line an item; the last may be {"end":true} alone
 *	any other			one line; a last {"end":true} may be a line of its own
 *	a line that is none		500 `[output] ...`; the process is ended, since nobody knows
 *					what its next lines belong to
 *	it dies				502 `[signal NAME]`, `[exit N] the last line of its errors`
 *	it cannot be started		503 `[worker] why`, and the log says so too
 *
 * One that is gone is replaced: at once if it had answered, else later each time, up to
 * KEPT_DELAY_MOST_MS. A call that is cancelled is so by the SIGTERM of its process; there is a new
 * one for the next call. GET /precheck has a process of its own (process.h).
 */
#ifndef SERVE_KEPT_PROCESS_H
#define SERVE_KEPT_PROCESS_H

#include "serve/function.h"

#define KEPT_DELAY_FIRST_MS 100
#define KEPT_DELAY_MOST_MS 5000

extern const struct runner_ops kept_process_runner;

#endif
