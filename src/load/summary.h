/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a run as text for people: what was asked, how it ended, what became of each request,
 * what it took. Both identities of tally.h are printed as sums that anybody can check.
 */
#ifndef LOAD_SUMMARY_H
#define LOAD_SUMMARY_H

#include <stdbool.h>

#include "load/result.h"

/* colour: with ANSI's sequences, for a terminal. */
void summary_write(struct buffer *out, const struct result *result, bool colour);

#endif
