/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that are named at the start, read whole. One that is a pipe may take its time, and signals
 * are blocked by then, with nobody yet who takes them: one that asks for the end (SIGTERM, SIGINT,
 * SIGQUIT) ends the reading, and stays pending.
 */
#ifndef LOAD_FILE_H
#define LOAD_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

/*
 * Appends what is in it. Returns 0 or a negative errno: -EFBIG where it is more than `most` bytes,
 * -EINTR where the end was asked for; then something may have been appended.
 */
int file_read(const char *path, size_t most, struct buffer *content);

/* Whether a signal that asks for the end is pending. */
bool file_end_is_asked(void);

#endif
