/* SPDX-License-Identifier: Apache-2.0 */
/* Several results as one: what curfew load merge does, but for what it writes. */
#ifndef LOAD_MERGE_H
#define LOAD_MERGE_H

#include "load/result.h"

#define MERGE_FILE_MOST (64 << 20) /* bytes of a result */

/*
 * Makes one result of those in files, which end with NULL; there is at least one. Those that ran at
 * the same time (the last one began before the first one ended) are laid over each other by the
 * calendar's clock, all others from their own begins; whatever the order of the files. The same
 * text twice is refused: it would count a run twice.
 *
 * Returns 0, or -1 with one sentence that names the file. fini is to be called anyway.
 */
int merge_files(struct result *result, char *const *files, struct buffer *refusal);

#endif
