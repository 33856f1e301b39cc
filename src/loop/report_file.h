/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --report FILE: opened at the start, so that what is wrong with it is said then; written at the
 * end.
 */
#ifndef LOOP_REPORT_FILE_H
#define LOOP_REPORT_FILE_H

#include <curfew/lifecycle.h>

/* Opens a file, or standard error for "-". Returns -1 after a notice. */
int report_file_open(const char *path);

/* Writes the report of a lifecycle that is DONE; a failure is told by a notice. */
void report_file_write(int fd, struct curfew_lifecycle *life);

#endif
