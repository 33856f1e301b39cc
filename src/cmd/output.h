/* SPDX-License-Identifier: Apache-2.0 */
/* What the program itself says: texts on standard output, one-line errors on standard error. */
#ifndef CMD_OUTPUT_H
#define CMD_OUTPUT_H

#include "base/buffer.h"

/*
 * Writes all of a text to standard output and frees it. The signals that were held since the start
 * get their way again, for a reader may be slow. Returns 0, or 1 after an error on standard error.
 */
int output_write(struct buffer *text);

/*
 * Writes one line, "curfew COMMAND: MESSAGE" (command NULL: "curfew: MESSAGE"), to standard error.
 * Control characters become question marks, so that it is one line whatever was quoted in it.
 */
__attribute__((format(printf, 2, 3))) void output_error(
	const char *command, const char *format, ...);

#endif
