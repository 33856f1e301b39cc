/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process for each call: the request on its input, its answer on its output, and how it ends is
 * how the call ends.
 *
 *	exit 0			done: exactly one line, or, of a function that streams, any number
 *	exit N			500 `[exit N] the last line of its errors`
 *	a signal		502 `[signal NAME]`
 *	a line that is none	500 `[output] what is wrong with it`; the process is stopped
 *	on our SIGTERM		cancelled; but what it has answered whole is its answer
 *
 * A stream that ends with exit 0 behind our SIGTERM counts as cut short, unless its last line has
 * "end":true: half of one must not look whole. A line of a stream with a status of 400 or more is
 * its failure, and what follows it is dropped. CMD --precheck may write a line, or none.
 */
#ifndef SERVE_PROCESS_H
#define SERVE_PROCESS_H

#include "serve/function.h"

extern const struct runner_ops process_runner;

#endif
