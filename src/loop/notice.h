/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program says itself on standard error, to readers who may not read. All signals are
 * blocked: such a reader must not keep us from the end. It is waited for once. Any thread.
 */
#ifndef LOOP_NOTICE_H
#define LOOP_NOTICE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* Whose notices they are: "run". Static. */
void notice_command(const char *name);

/* No reader is waited for beyond this point in time; CURFEW_NEVER at the start. */
void notice_limit(int64_t deadline);

/* Writes one line to standard error, behind "curfew COMMAND: ". %m may be used. */
void notice(const char *format, ...) __attribute__((format(printf, 1, 2)));
void notice_list(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

/* Returns the exit code where a command could not be executed for this errno: 126 or 127. */
int notice_exit_code(int error);

/* The same, and writes why, and how to mend it. */
int notice_refused(const char *name, int error);

/* Writes all to a descriptor that may block, but not for long. Returns 0, or -1 with errno. */
int notice_write(int fd, const char *bytes, size_t length);

#endif
